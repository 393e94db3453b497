"""Whether the stamps in the recordings' names fit the files' own times: a wrong time zone shows."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from voipmon.errors import CatalogueError
from voipmon.recordings.filename import NamePattern

_MOST_NAMES = 2000
_MOST_FILES = 200
_EARLY = -300.0  # seconds: a file that was written before its call began
_LATE = 2700.0  # most calls are shorter than this
_COPIED = 14 * 3600.0  # further away than any zone is from another: copied since


def check_stamps(root: Path, pattern: NamePattern, zone: ZoneInfo) -> str:
    """Look at some recordings below *root*, and return what was seen.

    Raises:
        CatalogueError: the folder cannot be read, no name fits the pattern, or the times do not fit the stamps.
    """
    try:
        names = list(islice(_files(root), _MOST_NAMES))
    except OSError as error:
        remedy = "mount it, correct recordings.dir, or give this user the right to read it"
        raise CatalogueError(f"{root} cannot be read ({error.strerror}): {remedy}") from error
    if not names:
        return f"{root} can be read; no recordings are there yet"
    late = list(islice(_lateness(names, pattern, zone), _MOST_FILES))
    if not late:
        raise CatalogueError(f"of {len(names)} files in {root} none has a name as recordings.pattern says: correct it")
    usual = median(late)
    if usual < _EARLY or _LATE < usual < _COPIED:
        raise CatalogueError(
            f"the files in {root} are {usual / 3600:+.1f} h away from the stamps in their names: "
            f"recordings.timezone is {zone.key}, and the exchange may write another"
        )
    return f"{root} can be read, and its stamps fit {zone.key}" + (" or are copies" if usual >= _COPIED else "")


def _files(root: Path) -> Iterator[os.DirEntry[str]]:
    """Yield files, of the folders that are last by name first: the newest, where they are called by date."""
    with os.scandir(root) as entries:
        folders = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                yield entry
    for folder in sorted(folders, reverse=True):
        yield from _files(Path(folder))


def _lateness(files: list[os.DirEntry[str]], pattern: NamePattern, zone: ZoneInfo) -> Iterator[float]:
    """Yield by how many seconds the last change of each recording is later than its stamp."""
    for file in files:
        call = pattern.read(file.name, zone)
        if call is not None:
            yield file.stat(follow_symlinks=False).st_mtime - call.start.timestamp()
