"""Which files the trail has: for each month its lines, its head, and the ids of its lines."""

import os
import re
from pathlib import Path

from voipmon.audit.chain import Head, read_head

LINES, HEAD, IDS = "jsonl", "head", "ids"

_NAME = re.compile(r"([0-9]{4}-(?:0[1-9]|1[0-2]))\.(jsonl|head|ids)")


def months_with(folder: Path, kind: str) -> list[str]:
    """Return the months that have a file of that kind, the oldest first."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return []
    matches = (_NAME.fullmatch(name) for name in names)
    return sorted(match[1] for match in matches if match is not None and match[2] == kind)


def file_of(folder: Path, month: str, kind: str) -> Path:
    """Return where a month has its file of that kind."""
    return folder / f"{month}.{kind}"


def head_of(folder: Path, month: str) -> Head | None:
    """Return the head that stands beside a month; None where it is missing or cannot be read."""
    try:
        return read_head(file_of(folder, month, HEAD).read_bytes())
    except FileNotFoundError:
        return None
