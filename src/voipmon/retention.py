"""What becomes of the files that a state keeps for long: they move to the archive, and they end."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from voipmon.statefolders.folders import ARCHIVE, StateFolders


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is: *files*, or rows of a database, and their *size* in bytes."""

    files: int = 0
    size: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.size + other.size)


def amount_of(paths: Iterable[Path]) -> Amount:
    """Return how much those files are together; one that has gone meanwhile is nothing."""
    amount = Amount()
    for path in paths:
        with suppress(FileNotFoundError):
            amount += Amount(1, path.lstat().st_size)
    return amount


def amount_before(folders: StateFolders, states: Sequence[str], moment: datetime) -> Amount:
    """Return how much has not changed since *moment* in those states: what the two functions below would take."""
    return amount_of(folders.path(state, name) for state in states for name, _ in _older(folders, state, moment))


def unchanged(folder: Path, patterns: Iterable[str], moment: datetime) -> list[Path]:
    """Return the files in *folder* of those names whose content has not changed since *moment*."""
    found = []
    for pattern in patterns:
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):
                if path.is_file() and path.lstat().st_mtime < moment.timestamp():
                    found.append(path)
    return sorted(found)


def archive_before(folders: StateFolders, states: Sequence[str], moment: datetime) -> int:
    """Move what has not changed since *moment* from those states to archive/YYYY-MM/; return how many files.

    The month is that of the last change, in UTC. A name stays known there. Durable on return.
    """
    moved = 0
    months = set()
    for state in states:
        for name, changed in list(_older(folders, state, moment)):
            month = f"{ARCHIVE}/{datetime.fromtimestamp(changed, UTC):%Y-%m}"
            months.add(month)
            with folders.locked():
                folders.path(month, "").mkdir(mode=0o750, parents=True, exist_ok=True)
                folders.make_room(month, name)
                moved += _rename(folders, state, name, month)
    for month in months:
        folders.sync(month)
    return moved


def remove_before(folders: StateFolders, states: Sequence[str], moment: datetime) -> int:
    """Delete what has not changed since *moment* from those states; return how many files that were."""
    removed = 0
    for state in states:
        for name, _ in list(_older(folders, state, moment)):
            with folders.locked():
                folders.path(state, name).unlink(missing_ok=True)
            removed += 1
        if state in folders.months() and not folders.names(state):
            folders.path(state, "").rmdir()
    return removed


def _older(folders: StateFolders, state: str, moment: datetime) -> Iterator[tuple[str, float]]:
    """Yield the names and times of what came into that state before *moment*: ctime, for a rename changes it."""
    before = moment.timestamp()
    try:
        with os.scandir(folders.root / state) as entries:
            for entry in entries:
                changed = entry.stat(follow_symlinks=False).st_ctime
                if changed < before and not entry.is_dir(follow_symlinks=False):
                    yield entry.name, changed
    except FileNotFoundError:
        return


def _rename(folders: StateFolders, state: str, name: str, month: str) -> bool:
    try:
        folders.path(state, name).rename(folders.path(month, name))
    except FileNotFoundError:
        return False  # taken out by hand, or to be answered again
    return True
