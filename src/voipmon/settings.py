"""What every section of the configuration has in common: frozen, whole, and free of unknown keys."""

import re
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator

ADDRESS_PART = r"[^\s@<>(),;:\"\\\[\]]+"
"""Either side of an address, loosely: the mail servers know better."""

_DURATION = re.compile(r"([0-9]{1,9})\s*(s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})\s*(B|kB|KB|MB|GB|TB)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {None: 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(f"{ADDRESS_PART}@{ADDRESS_PART}")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")
_LONGEST = timedelta(days=36500)  # a century: beyond it, adding to the present moment may leave the calendar


class Section(BaseModel):
    """One section of the configuration.

    Nothing is built before the first value is read, so that sections inside another cost their building once.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True, hide_input_in_errors=True
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the one of *known* that looks most like *name*, whatever the case."""
    import difflib  # noqa: PLC0415 - only for what is wrong

    folded = {one.lower(): one for one in known}
    return folded[difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0)[0]]


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine by its name or address alone: `localhost`, 127.0.0.0/8, `::1`."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_duration(value: object) -> timedelta:
    """Return the length of time that a text such as `30d` means. Raises ValueError: it means none."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a whole number and s, m, h or d, such as 60s, 12m, 72h or 30d")
    length = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if length > _LONGEST:
        raise ValueError(f"must be at most {_LONGEST.days}d")
    return length


def _timeout(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= timedelta(hours=1):
        raise ValueError("should be 1s to 1h")
    return value


def _size(value: object) -> object:
    if not isinstance(value, str):
        return _whole(value)
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a whole number of bytes, or one with kB, MB, GB or TB, such as 20GB")
    return int(match[1]) * _BYTES[match[2]]


def _whole(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("should be a whole number")  # noqa: TRY004 - pydantic gathers ValueErrors only
    return value


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    if _CONTROL.search(value):
        raise ValueError("must not hold line breaks or other control characters")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or not value.isprintable():
        raise ValueError(f"{value!r} is no address: write it alone, such as voip@example.com")
    return value.lower()


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{value!r} is no host: write its name or address alone, such as mail.example.com")
    return value


def _instance(value: str) -> str:
    if not _INSTANCE.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a host: use letters, digits, dot, - and _, at most 63")
    return value


def _absolute_path(value: object) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError("should be a path")  # noqa: TRY004 - pydantic gathers ValueErrors only
    path = Path(_text(str(value).strip()))
    if not path.is_absolute():
        raise ValueError(f"{str(value)!r} is no whole path: it must begin with /")
    return path


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise ValueError("write the name of a time zone, such as America/Sao_Paulo")  # noqa: TRY004 - as above
    try:
        return ZoneInfo(value.strip())
    except (LookupError, ValueError, OSError):  # OSError: the name of a folder, or one too long for a file
        raise ValueError(f"{value!r} is no time zone; the nearest is {nearest(value, available_timezones())}") from None


Duration = Annotated[timedelta, BeforeValidator(read_duration)]
"""A length of time: `60s`, `12m`, `72h`, `30d`. A bare number is refused: nobody knows its unit."""

Timeout = Annotated[Duration, AfterValidator(_timeout)]
"""How long one step of a conversation with a server may take."""

Size = Annotated[int, BeforeValidator(_size)]
"""A number of bytes: `20GB` is 20 * 10**9."""

Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number; `true` is none."""

Text = Annotated[str, AfterValidator(_text)]
"""One line that is not empty."""

Address = Annotated[str, AfterValidator(_address)]
"""A mail address alone, in lower case."""

Host = Annotated[str, AfterValidator(_host)]
"""A host's name, or its IPv4 or IPv6 address."""

Instance = Annotated[str, AfterValidator(_instance)]
"""What a host calls itself among those of this voipmon."""

AbsolutePath = Annotated[Path, PlainValidator(_absolute_path)]
"""A path that means the same from wherever a command is started."""

Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
"""A time zone by its name in the IANA database."""
