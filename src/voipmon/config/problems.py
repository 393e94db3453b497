"""What is wrong with a configuration, one sentence for each wrong key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from voipmon.config.model import SECTIONS, Config
from voipmon.errors import ConfigError, ParameterError
from voipmon.recordings.settings import Recordings
from voipmon.settings import nearest

_SECRET = frozenset({"password", "token_command"})
_PLAIN_WORDS = {
    "missing": "is missing",
    "model_type": "should be a section",
    "string_type": "should be text in quotes",
    "tuple_type": 'should be a list, such as ["a", "b"]',
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
}
_LONGEST_ECHO = 80


def known_keys() -> tuple[str, ...]:
    """Return every key there is, as `mode` or `imap.port`, in the order of the model; those of a tenant apart."""
    top = (name for name in Config.model_fields if name not in SECTIONS and name != "tenants")
    return (*top, *(f"{name}.{key}" for name, section in SECTIONS.items() for key in section.model_fields))


def printable(text: str) -> str:
    """Return *text* fit for one line of any terminal or log."""
    short = text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"
    return short if short.isprintable() else ascii(short)[1:-1]


def checked(data: dict[str, Any], spelled: Mapping[str, str], problems: Sequence[str]) -> Config:
    """Return *data* as the Config it makes.

    *spelled* tells how a key is called where its value was written, if that is not in TOML.

    Raises:
        ConfigError: with the *problems* known already and all others, each beginning with its dotted key. Nothing of
            it, nor of its cause, shows a secret.
    """
    problems = (*problems, *_pattern_problems(data))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            (*problems, *(_sentence(line, spelled) for line in error.errors(include_url=False)))
        ) from error
    if problems:
        raise ConfigError(tuple(problems))
    return config


def _pattern_problems(data: Mapping[str, Any]) -> list[str]:
    section = data.get("recordings")
    pattern = section.get("pattern") if isinstance(section, dict) else None
    if not isinstance(pattern, str) or pattern.strip() in {"", Recordings.model_fields["pattern"].default}:
        return []
    from voipmon.recordings.filename import compile_pattern  # noqa: PLC0415 - an idle pass needs it for nothing else

    try:
        compile_pattern(pattern.strip())
    except ParameterError as error:
        return [f"recordings.pattern: {error}"]
    return []


def _sentence(line: ErrorDetails, spelled: Mapping[str, str]) -> str:
    key = ".".join(part for part in line["loc"] if isinstance(part, str))  # a number is a place in a list
    behind = f" ({spelled[key]})" if key in spelled else ""
    return f"{printable(key)}: {complaint(key, line, (*SECTIONS, 'tenants', *known_keys()))}{behind}"


def complaint(key: str, line: ErrorDetails, known: Iterable[str]) -> str:
    """Return what is wrong with *key*, one of those *known*, as pydantic says in *line*."""
    match line["type"]:
        case "extra_forbidden" | "invalid_key":
            return f"is no key; the nearest is {nearest(key, known)}"
        case "value_error":
            return str(line["ctx"]["error"])
        case "too_short":
            return "must not be empty"
        case kind:
            said = _PLAIN_WORDS.get(kind) or line["msg"].removeprefix("Input ")
            return f"{said[0].lower()}{said[1:]}{_echo(key, line['input'])}"


def _echo(key: str, value: object) -> str:
    if key in SECTIONS or key.rpartition(".")[2] in _SECRET or not isinstance(value, str | int | float):
        return ""
    return f", not {printable(repr(value))}"
