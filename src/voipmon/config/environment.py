"""The environment's say: VOIPMON_SECTION__KEY lies over a key of the file."""

import json
from collections.abc import Mapping
from typing import Any, get_origin

from voipmon.config.model import SECTIONS, Config
from voipmon.config.names import environment_name
from voipmon.config.problems import known_keys, printable
from voipmon.settings import nearest


def override(data: dict[str, Any], environ: Mapping[str, str], spelled: dict[str, str]) -> list[str]:
    """Lay the environment over *data* and note in *spelled* which keys came from there.

    Passwords stay where they are: `config.secrets` looks for them. Returns a sentence for each name that is no key.
    """
    ours = {name: environ[name] for name in environ if name.startswith("VOIPMON_") and name != "VOIPMON_CONFIG"}
    names = {environment_name(key): key for key in known_keys()} if ours else {}
    problems = []
    for name, value in ours.items():
        if name not in names:
            problems.append(f"{printable(name)}: is no key; the nearest is {_nearest_name(name)}")
            continue
        section, _, key = names[name].rpartition(".")
        target = data.setdefault(section, {}) if section else data
        if key != "password" and isinstance(target, dict):  # secret_of reads the password
            target[key] = _typed(section, key, value)
            spelled[names[name]] = name
    return problems


def _nearest_name(name: str) -> str:
    written = name.removeprefix("VOIPMON_").replace("__", ".")
    return environment_name(nearest(written, known_keys()))


def _typed(section: str, key: str, value: str) -> object:
    fields = SECTIONS[section].model_fields if section else Config.model_fields
    if get_origin(fields[key].annotation) is not tuple:
        return value
    if not value.lstrip().startswith("["):
        return [entry.strip() for entry in value.split(",") if entry.strip()]
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value  # which is no list, and is refused as such
