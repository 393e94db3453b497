"""The configuration as it was last checked: while nothing that it depends on has changed, it need not be checked again.

Half of what a short command costs is the check: its library, and the models that are built for it at every start. What
was found good is kept as plain values in `state_dir/configuration.json`, without the sections that hold a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import voipmon
from voipmon.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voipmon.config.model import Config
    from voipmon.config.sources import Loaded

_NAME = "configuration.json"
_DEFAULT_PLACE = "/var/lib/voipmon"  # that of `config.model`, which is not imported here
_STATE_DIR = re.compile(rb'^\s*state_dir\s*=\s*["\']([^"\'\\\n]+)["\']', re.MULTILINE)
_ROOMS = ("access", "audit", "delivery", "mail", "queue", "recordings")
_SERVERS = ("imap", "smtp")
_MANY = "tenants"
_SECRETS = ("password", "token_command")
_MICROSECOND = timedelta(microseconds=1)


class _Recalled:
    """What is remembered of a Config. A section that is not is read and checked when somebody asks for it.

    The tenants, who are many, are made of what is *kept* when somebody asks for them.
    """

    def __init__(self, kept: dict[str, Any], load: Callable[[], Config]) -> None:
        self.__dict__.update(_plain_values({name: kept[name] for name in kept if name != _MANY}))
        self.__dict__["_many"] = kept[_MANY]
        self.__dict__["_load"] = load

    def __getattr__(self, name: str) -> Any:
        if name == _MANY:
            self.__dict__[_MANY] = _value(self._many)
            return self.__dict__[_MANY]
        if name not in _SERVERS:
            raise AttributeError(name)
        config = self._load()
        for section in _SERVERS:  # both of one reading
            self.__dict__.setdefault(section, getattr(config, section))
        return self.__dict__[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: a configuration is not changed")


def recall(path: Path, environ: Mapping[str, str], load: Callable[[], Config]) -> tuple[Config, tuple[str, ...]] | None:
    """Return the configuration at *path* and its notices, if it was checked before as it is now; else None.

    *load* is asked for the rest, should that be needed.
    """
    if path.suffix != ".toml":  # what an old file leaves out is asked of the network
        return None
    try:
        text = path.read_bytes()
        kept = json.loads(_own(_place(text, environ) / _NAME))
        if kept["of"] != _fingerprint(path, text, environ, state_of(Path(kept["tenants"]))):
            return None
        config, notices = cast("Config", _Recalled(kept["values"], load)), tuple(kept["notices"])
    except (OSError, ValueError, LookupError, TypeError):
        return None  # it is checked anew, and whatever is wrong is said then
    return config, notices


def is_at_home(path: Path, environ: Mapping[str, str], config: Config) -> bool:
    """Tell whether `remember` can keep that: the state folder's owner is at work, and the file is no old one."""
    try:
        found = config.state_dir == _place(path.read_bytes(), environ)
        return path.suffix == ".toml" and found and config.state_dir.stat().st_uid == os.geteuid()
    except OSError:
        return False


def digest_of(config: Config) -> str:
    """Return the SHA-256 of all that the configuration says but its secrets."""
    values = {name: _kept(getattr(config, name)) for name in type(config).model_fields if name not in _SERVERS}
    for name in _SERVERS:
        section = getattr(config, name)
        keys = [key for key in type(section).model_fields if key not in _SECRETS]
        values[name] = {key: _kept(getattr(section, key)) for key in keys}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()


def remember(path: Path, environ: Mapping[str, str], loaded: Loaded) -> None:
    """Keep what was found good, where its owner is at work and no other. May fail; then it is checked again."""
    config = loaded.config
    if not is_at_home(path, environ, config):
        return
    try:
        text = path.read_bytes()
        names = [name for name in type(config).model_fields if not _holds_secret(config, name)]
        values = {name: _kept(getattr(config, name)) for name in names}
        kept = {
            "of": _fingerprint(path, text, environ, loaded.tenants),
            "tenants": str(config.access.tenants_dir),
            "values": values,
            "notices": loaded.notices,
        }
        write_atomic(config.state_dir / _NAME, json.dumps(kept).encode(), mode=0o600)
    except (OSError, TypeError):
        return


def _holds_secret(config: Config, name: str) -> bool:
    return name in _SERVERS and any(getattr(getattr(config, name), key) is not None for key in _SECRETS)


def state_of(folder: Path) -> str:
    """Return what tells whether anything in the tenants' folder was changed, added or removed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.stat()) for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        return str(error.errno)
    return " ".join(
        f"{name!r} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_size}" for name, status in found
    )


def _place(text: bytes, environ: Mapping[str, str]) -> Path:
    """Return where the state folder seems to be. If that is wrong, nothing is found there that fits."""
    told = environ.get("VOIPMON_STATE_DIR")
    if told is None:
        match = _STATE_DIR.search(text)
        told = os.fsdecode(match[1]) if match else _DEFAULT_PLACE
    return Path(told)


def _own(file: Path) -> bytes:
    """Read a file that nobody but us can have written."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise PermissionError(f"{file} is not ours")
        return stream.read()


def _fingerprint(path: Path, text: bytes, environ: Mapping[str, str], tenants: str) -> str:
    """Return a digest of all that the checked configuration depends on."""
    parts = [
        voipmon.__version__,
        sys.version,
        os.uname().nodename,
        str(path),
        str(path.stat().st_mode),
        tenants,
        *(f"{name}={value}" for name, value in sorted(environ.items()) if name.startswith("VOIPMON_")),
        *_checks(),
    ]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape") + b"\0" + text).hexdigest()


def _checks() -> list[str]:
    """Return the state of the files that say what is right: where somebody works on them the version stays the same."""
    package = Path(voipmon.__file__).parent
    files = [package / "settings.py", *(package / "config").iterdir()]
    files += [package / room / "settings.py" for room in _ROOMS]
    found = [(file.name, file.stat()) for file in files if file.suffix == ".py"]
    return sorted(f"{name} {status.st_mtime_ns} {status.st_size}" for name, status in found)


def _kept(value: Any) -> Any:
    """Return a value, or a section of them, as JSON has it: what JSON has not, under the name of its type."""
    match value:
        case None | bool() | int() | str():
            return value
        case Path():
            return {"path": str(value)}
        case timedelta():
            return {"microseconds": value // _MICROSECOND}
        case ZoneInfo(key=str(key)):
            return {"zone": key}
        case tuple():
            return [_kept(one) for one in value]
        case _ if hasattr(type(value), "model_fields"):
            return {"section": {name: _kept(getattr(value, name)) for name in type(value).model_fields}}
        case _:
            raise TypeError(f"{type(value)} cannot be kept")


def _plain_values(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(one) for name, one in kept.items()}


def _value(kept: Any) -> Any:
    match kept:
        case list():
            return tuple(_value(one) for one in kept)
        case {"path": path}:
            return Path(path)
        case {"microseconds": number}:
            return number * _MICROSECOND
        case {"zone": key}:
            return ZoneInfo(key)
        case {"section": section}:
            return SimpleNamespace(**_plain_values(section))
        case _:
            return kept
