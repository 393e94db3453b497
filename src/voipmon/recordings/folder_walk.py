"""Bringing an index up to date: every folder is asked whether it has changed, and only those that have are listed."""

import errno
import os
import stat
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.folders import unreadable_root
from voipmon.recordings.index_file import Folder, Index, Listed, Row

if TYPE_CHECKING:
    from voipmon.recordings.keys import KeyReader

_BATCH = 5000
_GRAIN = 2_000_000_000  # ns: a change so shortly before a listing may have a twin that looks the same after it
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass
class Seen:
    """What a walk met: the folders that are there, by their numbers in the index, and those that cannot be read.

    *gone* counts the folders that the index knows and that are not there, *listed* those that were read, *new* the
    names that were new there.
    """

    folders: dict[int, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    gone: int = 0
    listed: int = 0
    new: int = 0


class TooMuchNewError(Exception):
    """There is so much new that building the index anew is quicker."""

    def __str__(self) -> str:
        return "there was much new at once"


class Walk:
    """One walk through the folders of the recordings that adds to *index* what has come since the last one.

    A folder is unchanged if its inode, and its times of change and of modification, are those from before its last
    listing began, and lay two seconds back by then. Nobody can set a time of change: a folder whose names
    changed by any means, `mv`, `rsync -t` or a mount, has another one.

    Raises:
        CatalogueError: the root cannot be read.
        TooMuchNewError: more than *most* names are new.
    """

    def __init__(self, plain: DirectoryCatalogue, index: Index, most: float) -> None:
        self._plain = plain
        self._index = index
        self._most = most
        self._known = index.folders()
        self._rows: list[Row] = []
        self._listings: list[Listed] = []
        self.seen = Seen()

    def go(self) -> Seen:
        """Walk; all that is new is in the index on return."""
        paths = sorted({b"", *self._known})
        lost, is_gone = b"/", False  # the folder last met that is not to be entered, and whether it is there at all
        for path in paths:  # new ones are added at its end
            if path.startswith(lost):
                self.seen.gone += is_gone
                continue
            reason = self._visit(path, paths)
            if reason is None:
                continue
            if not path:
                raise unreadable_root(self._plain.root, reason)
            lost, is_gone = path, isinstance(reason, FileNotFoundError | NotADirectoryError)
            if is_gone:
                self.seen.gone += 1
            else:
                self.seen.unreadable.append(os.fsdecode(path))
        self._flush()
        return self.seen

    def _visit(self, path: bytes, paths: list[bytes]) -> OSError | None:
        """Look at one folder, and list it if it has changed; return why it cannot be."""
        known = self._known.get(path) or self._learn(path)
        place = (os.fsencode(self._plain.root) + b"/" + path).rstrip(b"/") or b"/"
        try:
            status = os.lstat(place) if path else os.stat(place)  # noqa: PTH116 - bytes, and many of them
            if not stat.S_ISDIR(status.st_mode):
                return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if known.state != _state(status):
                self._list(place, path, known, paths)
        except OSError as error:
            return error
        self.seen.folders[known.number] = os.fsdecode(path)
        return None

    @cached_property
    def _keys(self) -> "KeyReader":
        from voipmon.recordings.keys import KeyReader  # noqa: PLC0415 - most walks list no folder

        return KeyReader(self._plain.pattern, self._plain.prefixes, self._plain.zone)

    def _list(self, place: bytes, path: bytes, known: Folder, paths: list[bytes]) -> None:
        from voipmon.recordings.listing import Listing  # noqa: PLC0415 - as above

        earlier = self._index.marks(known.number)
        descriptor = os.open(place, _OPEN | os.O_NOFOLLOW if path else _OPEN)
        try:
            now, status = time.time_ns(), os.fstat(descriptor)
            listing = Listing(descriptor, earlier)
            for files, folders in listing.new_names():
                self._take(files, known.number)
                for below in (path + name + b"/" for name in folders):
                    if below not in self._known:
                        self._learn(below)
                        paths.append(below)
        finally:
            os.close(descriptor)
        state = _state(status) if _is_settled(status, now) else None
        if (state, listing.marks) != (known.state, earlier):
            self._listings.append((known.number, state, listing.marks))
        self.seen.listed += 1

    def _learn(self, path: bytes) -> Folder:
        """Put a folder into the index, before the listing that it was met in is noted."""
        folder = self._known[path] = Folder(self._index.number_of(path), None)
        return folder

    def _take(self, names: list[bytes], folder: int) -> None:
        self._rows += self._keys.rows(names, folder)
        if len(self._rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self.seen.new += self._index.add(self._rows)
            self._rows = []
        if self.seen.new > self._most:
            raise TooMuchNewError
        if self._listings:  # after their rows
            self._index.note(self._listings)
            self._listings = []


def _state(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}:{status.st_ctime_ns}:{status.st_mtime_ns}"


def _is_settled(status: os.stat_result, now: int) -> bool:
    """Tell whether the times of a folder will differ from these after any further change."""
    return status.st_ctime_ns < now - _GRAIN and abs(status.st_mtime_ns - now) > _GRAIN
