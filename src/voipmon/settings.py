"""What every section of the configuration has in common: frozen, whole, and free of unknown keys."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_DURATION = re.compile(r"([0-9]{1,9})\s*(s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})\s*(B|kB|KB|MB|GB|TB)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {None: 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Section(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a whole number and s, m, h or d, such as 60s, 12m, 72h or 30d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a whole number of bytes, or one with kB, MB, GB or TB, such as 20GB")
    return int(match[1]) * _BYTES[match[2]]


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A length of time: `60s`, `12m`, `72h`, `30d`."""

Size = Annotated[int, BeforeValidator(_size)]
"""A number of bytes: `20GB` is 20 * 10**9."""
