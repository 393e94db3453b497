"""The folders, and what is done in them to files that nobody holds yet."""

# ruff: noqa: PTH104, PTH108, PTH208 - made many times for every request, and a Path takes longer than the call

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from voipmon.files import sync_directory
from voipmon.statefolders.held import TEMPORARY, Held, Known, read_whole

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO or a link must not hold us up
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
ARCHIVE = "archive"
"""Below it stand the months (`2025-11`) that old files of the last states are moved to; each is a state, too."""

_REASON = ".error.txt"
_MOST_TOGETHER = 200  # files that are open at once: a process may have a thousand
_MANY, _AT_ONCE = 16, 4


class OddFileError(OSError):
    """What bears the name is no regular file: a folder, a link, a pipe."""


class StateFolders:
    """A folder for each of *states*, in the order a file goes through them, below *root*; all on one file system.

    What is no file of ours is set aside in the last of them. There, *is_ours* tells by the content whether a file
    bears its name: that of one that was set aside is free.
    """

    def __init__(self, root: Path, states: tuple[str, ...], is_ours: Callable[[bytes], bool]) -> None:
        self.root = root
        self.states = states
        self._prefix = f"{root}/"
        self._is_ours = is_ours
        self._prepared = False
        self._depth = 0
        self._lock = -1
        self._together: list[Held] | None = None

    def path(self, state: str, name: str) -> Path:
        """Return where the file of that name is while it is in that state."""
        return self.root / state / name

    def place(self, state: str, name: str) -> str:
        """Return the same as text."""
        return f"{self._prefix}{state}/{name}"

    def names(self, state: str) -> list[str]:
        """Return the names in that state, in no order; none where the folder is missing."""
        try:
            return os.listdir(self._prefix + state)
        except FileNotFoundError:
            return []

    def read(self, state: str, name: str) -> bytes:
        """Return the content of a file, whoever holds it; at most 8 MB of it.

        Raises:
            OddFileError: it is no regular file.
            OSError: it is gone, or cannot be read.
        """
        descriptor = self._open(state, name)
        try:
            return read_whole(descriptor)
        finally:
            os.close(descriptor)

    def find(self, name: str, *, besides: Held | None = None) -> Known | None:
        """Return what bears that name in whatever state, *besides* left out; exact under the lock."""
        for state in (*self.states, *self.months()):
            if besides is not None and (state, name) == (besides.state, besides.name):
                continue
            known = self._known(state, name)
            if known is not None and (state in self.states[:-1] or self._is_ours(known.data)):
                return known
        return None

    def months(self) -> list[str]:
        """Return the archive's months as states, in no order."""
        return [f"{ARCHIVE}/{month}" for month in self.names(ARCHIVE)]

    def add(self, state: str, name: str, data: bytes, modified: int | None = None) -> Known | None:
        """Add a new file, or change nothing and return what bears its name; either is durable on return.

        It can be seen before it is durable; if the power goes in between it may be there and be empty.

        *modified* is the modification time it gets, in nanoseconds; it keeps that when it comes back to a state.
        """
        with self.locked():
            known = self.find(name)
            new = None if known is not None else self._write_new(state, name, data, modified)
        if known is not None:
            self._flush(known.state, name)  # who added it may have died before doing so
        elif new is not None and self._together is not None:
            self._together.append(new)
            if len(self._together) == _MOST_TOGETHER:
                self._flush_together(self._together)
        elif new is not None:
            with new:
                self._flush_or_withdraw(new)
        return known

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the disk once for all that is added within the block: it is durable at the block's end.

        Raises:
            OSError: at the end: the disk refuses some of it, which is taken back.
        """
        added: list[Held] = []
        self._together = added
        try:
            yield
        finally:
            self._together = None
            self._flush_together(added)

    def hold(self, state: str, name: str) -> Held | None:
        """Take the lock of a file. None: somebody else has it, or has moved the file on.

        Raises:
            OddFileError: it is no regular file.
            OSError: it cannot be opened.
        """
        try:
            held = Held(self, name, state, self._open(state, name))
        except FileNotFoundError:
            return None
        try:
            if held.lock() and held.still_there():
                return held
        except BaseException:
            held.release()
            raise
        held.release()
        return None

    def set_aside(self, state: str, name: str, reason: str) -> None:
        """Move what is no file of ours to the last state, untouched, with `<name>.error.txt` beside it first.

        It may be anything that has a name. A name that is taken there gets a number. Nothing to do if it is gone.
        """
        aside = self.states[-1]
        with self.draft(f"{reason}\n".encode("utf-8", "backslashreplace")) as draft:
            draft.flush()
            with self.locked():
                if not _exists(self.place(state, name)):
                    return
                free = self._free(aside, name)
                draft.put(aside, free + _REASON)
                os.rename(self.place(state, name), self.place(aside, free))
        self.sync(state)

    def make_room(self, state: str, name: str, coming: Held | None = None) -> None:
        """Give another name to what somebody put by hand where *coming* is about to be put; under the lock.

        Where that is *coming* itself, a power cut on btrfs has brought back a name that it had before: that one goes.
        """
        place, reason = self.place(state, name), self.place(state, name + _REASON)
        if coming is not None and coming.is_at(place):
            os.unlink(place)
        elif _exists(place):
            free = self._free(state, name)
            if _exists(reason):
                os.rename(reason, self.place(state, free + _REASON))
            os.rename(place, self.place(state, free))
        elif state == self.states[-1] and _exists(reason):
            os.unlink(reason)  # left of one that was mended while it was being set aside

    def sweep(self) -> None:
        """Remove the temporary files of dead processes."""
        if not self.names(TEMPORARY):
            return
        with self.locked():
            for name in self.names(TEMPORARY):
                with suppress(OSError):  # what cannot be removed now does no harm until the next sweep
                    held = self.hold(TEMPORARY, name)
                    if held is not None:
                        with held:
                            os.unlink(held.place)

    def sync(self, state: str) -> None:
        """Wait until it is on the disk which files are in that state, and where those are that have left it.

        After a move, call it for the state that was left. To ext4 and xfs both folders are one; btrfs, asked for the
        other one, writes down that the file has come there and not that it has gone.
        """
        sync_directory(self.root / state)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from changing names. A block within a block is fine."""
        if not self._depth:
            self._prepare()
            self._lock = self._take_lock()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                os.close(self._lock)

    @contextmanager
    def draft(self, data: bytes, modified: int | None = None) -> Iterator[Held]:
        """Write a temporary file, not yet durable; it is gone at the end of the block unless it was put somewhere.

        Its lock is held, so that no sweeper takes it while this process lives.
        """
        with self.locked():
            draft = self._create()
            draft.lock()
        with draft:
            try:
                draft.write(data, modified)
                yield draft
            finally:
                draft.discard()

    def _create(self) -> Held:
        """Make an empty temporary file; under the lock, which keeps the sweeper away."""
        name = f"{os.getpid()}-{os.urandom(6).hex()}"
        return Held(self, name, TEMPORARY, os.open(self.place(TEMPORARY, name), _CREATE, 0o640))

    def _write_new(self, state: str, name: str, data: bytes, modified: int | None) -> Held:
        """Write a file and give it a name that is free, not yet durable and not locked; under the lock."""
        new = self._create()
        try:
            new.write(data, modified)
            new.put(state, name)
        except BaseException:
            new.discard()
            new.release()
            raise
        return new

    def _flush_together(self, added: list[Held]) -> None:
        """Wait for each; where there are many, for some at once: the disk has one flush for all that wait."""
        try:
            if len(added) < _MANY:
                errors = [_flush_error(new) for new in added]
            else:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - seldom needed

                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    errors = list(pool.map(_flush_error, added))
            for new, error in zip(added, errors, strict=True):
                if error is not None:
                    self._withdraw(new)
            for error in filter(None, errors):
                raise error
        finally:
            while added:
                added.pop().release()

    def _flush_or_withdraw(self, new: Held) -> None:
        """Wait until a new file is on the disk; take it back if the disk refuses, unless somebody has taken it on.

        One flush does for the bytes and the name: to write down a file that is new, ext4, xfs and btrfs write down
        where it is. What is asked of a file a second time, after the disk refused once, may be a lie.
        """
        error = _flush_error(new)
        if error is not None:
            self._withdraw(new)
            raise error

    def _withdraw(self, new: Held) -> None:
        with self.locked():
            if new.lock() and new.still_there():
                os.unlink(new.place)

    def _flush(self, state: str, name: str) -> None:
        """Wait until a file is on the disk; one that moves on meanwhile is in work, and will be."""
        with suppress(FileNotFoundError, OddFileError, PermissionError):
            descriptor = self._open(state, name)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.sync(state)

    def _prepare(self) -> None:
        """Make the folders that are missing; once is enough for a process."""
        if self._prepared:
            return
        missing = [folder for folder in (*self.states, TEMPORARY) if not (self.root / folder).is_dir()]
        for folder in missing:
            (self.root / folder).mkdir(mode=0o750, parents=True, exist_ok=True)
        if missing:  # btrfs keeps what is flushed in a new folder, and not the folder's own name
            sync_directory(self.root)
            sync_directory(self.root.parent)
        self._prepared = True

    def _take_lock(self) -> int:
        descriptor = os.open(self._prefix + TEMPORARY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _open(self, state: str, name: str) -> int:
        place = self.place(state, name)
        try:
            descriptor = os.open(place, _READ)
        except FileNotFoundError:
            raise
        except OSError as error:
            if not stat.S_ISREG(os.lstat(place).st_mode):  # a link, a socket
                raise OddFileError(f"{name} is not a regular file") from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OddFileError(f"{name} is not a regular file")
        return descriptor

    def _known(self, state: str, name: str) -> Known | None:
        """Return the file of that name; none where it is empty: so a power cut can leave one that was being added."""
        try:
            data = self.read(state, name)
            return Known(state, data) if data else None
        except FileNotFoundError:
            return None
        except (OddFileError, PermissionError):
            return Known(state, b"")

    def _free(self, state: str, name: str) -> str:
        return next(other for other in _variants(name) if not _exists(self.place(state, other)))


def _flush_error(new: Held) -> OSError | None:
    """Wait until a file is on the disk; return why it is not."""
    try:
        new.flush()
    except OSError as error:
        return error
    return None


def _exists(place: str) -> bool:
    try:
        os.lstat(place)
    except FileNotFoundError:
        return False
    return True


def _variants(name: str) -> Iterator[str]:
    """Yield the name, then others with a number; all are short enough to have `.error.txt` behind them."""
    stem = os.fsdecode(os.fsencode(name.removesuffix(".json"))[:200])
    yield f"{stem}.json"
    number = 2
    while True:
        yield f"{stem}.{number}.json"
        number += 1
