"""One file, held: its lock is ours, and goes with it from folder to folder."""

# ruff: noqa: PTH104, PTH108 - made many times for every request, and a Path takes longer than the call

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from voipmon.statefolders.folders import StateFolders

TEMPORARY = ".tmp"
"""The folder of files that have no state yet."""

_MOST_BYTES = 8_000_000


class MovedError(OSError):
    """The file is no longer where it was: somebody moved, replaced or removed it by hand."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file that bears a name already: its state and its bytes, none where they cannot be read."""

    state: str
    data: bytes


class Held:
    """A file whose lock is ours until `release`, or until this process dies."""

    def __init__(self, folders: "StateFolders", name: str, state: str, descriptor: int) -> None:
        self.name = name
        self.state = state
        self._folders = folders
        self._descriptor = descriptor

    @property
    def place(self) -> str:
        """Where the file is now."""
        return self._folders.place(self.state, self.name)

    def status(self) -> os.stat_result:
        """Return what the file system knows of the file."""
        return os.fstat(self._descriptor)

    def lock(self) -> bool:
        """Take the lock without waiting; False where somebody else has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let the lock and the file go."""
        os.close(self._descriptor)

    def still_there(self) -> bool:
        """Tell whether the path still leads to this file: somebody may have moved it by hand."""
        return self.is_at(self.place)

    def is_at(self, place: str) -> bool:
        """Tell whether a path leads to this file."""
        try:
            found = os.lstat(place)
        except FileNotFoundError:
            return False
        own = self.status()
        return (found.st_ino, found.st_dev) == (own.st_ino, own.st_dev)

    def is_older_than(self, state: str, name: str) -> bool:
        """Tell whether another file came to where it is after this one did; False if it is gone."""
        try:
            other = os.lstat(self._folders.place(state, name))
        except FileNotFoundError:
            return False
        return self.status().st_ctime_ns < other.st_ctime_ns

    def remove(self) -> None:
        """Delete the file.

        Raises:
            MovedError: it is no longer where it was.
        """
        with self._folders.locked():
            self._check_place()
            os.unlink(self.place)

    def read(self) -> bytes:
        """Return the content; at most 8 MB of it."""
        return read_whole(self._descriptor)

    def write(self, data: bytes, modified: int | None = None) -> None:
        """Write the content of a new file."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        if modified is not None:
            os.utime(self._descriptor, ns=(modified, modified))

    def flush(self) -> None:
        """Wait until the content is on the disk, and the name of a file that is new."""
        os.fsync(self._descriptor)

    def discard(self) -> None:
        """Delete a temporary file that was put nowhere."""
        if self.state == TEMPORARY:
            with suppress(FileNotFoundError):
                os.unlink(self.place)

    def put(self, state: str, name: str) -> None:
        """Rename the file, and replace what is there; under the lock."""
        os.rename(self.place, self._folders.place(state, name))
        self.state = state
        self.name = name

    def claim(self, state: str, name: str, data: bytes | None = None) -> Known | None:
        """Move the file on under *name*, its content replaced by *data*; not yet durable.

        If another file bears that name, change nothing and return that one.

        Raises:
            MovedError: the file is no longer where it was.
        """
        with self._folders.locked():
            known = self._folders.find(name, besides=self)
            if known is None:
                with self._draft(state, data) as draft:
                    self._change(state, name, draft)
        return known

    def move(self, state: str, data: bytes | None = None) -> None:
        """Change the state, the content where *data* is given, or both; durable on return. The lock is kept.

        Raises:
            MovedError: the file is no longer where it was.
        """
        left = self.state
        self.shift(state, data)
        self._folders.sync(left)

    def shift(self, state: str, data: bytes | None = None) -> None:
        """Do the same without waiting for the move: a power cut may undo it, and leaves the old content or the new.

        Forward the content changes before the folder, backward after it: an end that was written down is an end, and
        a file that goes back is at worst what it was. What somebody put in the way by hand gets another name.

        Raises:
            MovedError: the file is no longer where it was.
        """
        with self._draft(state, data) as draft, self._folders.locked():
            if state != self.state:
                self._change(state, self.name, draft)
            elif draft is not None:
                self._check_place()
                self._become(draft)

    @contextmanager
    def _draft(self, state: str, data: bytes | None) -> Iterator["Held | None"]:
        """Write down the new content, if there is any: it is on the disk before it takes the place of the old."""
        if data is None:
            yield None
            return
        modified = None if self._is_forward(state) else self.status().st_mtime_ns
        with self._folders.draft(data, modified) as draft:
            draft.flush()
            yield draft

    def _change(self, state: str, name: str, draft: "Held | None") -> None:
        forward = self._is_forward(state)
        self._check_place()
        if draft is not None and forward:
            self._become(draft)
        self._folders.make_room(state, name, self)
        self.put(state, name)
        if draft is not None and not forward:
            self._become(draft)

    def _check_place(self) -> None:
        if not self.still_there():
            raise MovedError(f"{self.place} was moved, replaced or removed by hand")

    def _become(self, draft: "Held") -> None:
        """Take the place of the old content, and its descriptor; the old one is the draft's to close."""
        draft.put(self.state, self.name)
        self._descriptor, draft._descriptor = draft._descriptor, self._descriptor  # noqa: SLF001 - of the same class

    def _is_forward(self, state: str) -> bool:
        """Tell whether that state comes after this one; a file that does not go on is told by its old mtime."""
        states = self._folders.states
        return states.index(state) > states.index(self.state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def read_whole(descriptor: int) -> bytes:
    """Return what is in an open file; at most 8 MB of it."""
    parts = []
    offset = 0
    while offset < _MOST_BYTES and (part := os.pread(descriptor, _MOST_BYTES - offset, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
