"""Files that are in exactly one of several folders at every moment, each its own lock.

The folder a file is in is its state; one rename changes it, and whoever holds the `flock` on the inode may do so. The
lock travels with the inode from folder to folder and dies with the process: no time-outs, no markers, no registry.
Beside the folders stand only `.lock` and `.tmp/`. The steps and what a crash at each leaves: docs/queue.md.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from voipmon.files import sync_directory

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO or a link must not hold us up
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class OddFileError(OSError):
    """What bears the name is no regular file: a folder, a link, a pipe."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file that bears a name already: its state and its bytes."""

    state: str
    data: bytes


class StateFolders:
    """A folder for each of *states*, in the order a file goes through them, below *root*; all on one file system."""

    def __init__(self, root: Path, states: tuple[str, ...]) -> None:
        self.root = root
        self.states = states
        self._temporary = root / ".tmp"

    def prepare(self) -> None:
        """Make the folders that are missing."""
        for folder in (*self.states, ".tmp"):
            (self.root / folder).mkdir(mode=0o750, parents=True, exist_ok=True)

    def path(self, state: str, name: str) -> Path:
        """Return where the file of that name is while it is in that state."""
        return self.root / state / name

    def names(self, state: str) -> list[str]:
        """Return the names in that state, in no order; none where the folder is missing."""
        try:
            return os.listdir(self.root / state)  # noqa: PTH208 - a million names: no Path for each
        except FileNotFoundError:
            return []

    def find(self, name: str) -> Known | None:
        """Return the file of that name in whatever state; exact while no file moves backwards, as `add` sees to."""
        for state in self.states:
            try:
                return Known(state, self.path(state, name).read_bytes())
            except FileNotFoundError:
                continue
        return None

    def add(self, state: str, name: str, data: bytes) -> Known | None:
        """Add a new file; durable on return. If the name is known, change nothing and return what bears it."""
        self.prepare()
        descriptor, temporary = self._create_temporary()
        try:
            _write(descriptor, data)
            with self._locked():
                known = self.find(name)
                if known is not None:
                    temporary.unlink()
                    return known
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # .lock keeps the sweeper away; a worker may take it at once
                temporary.rename(self.path(state, name))
            sync_directory(self.root / state)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return None

    def hold(self, state: str, name: str) -> "Held | None":
        """Take the lock of a file. None: somebody else has it, or has moved the file on.

        Raises:
            OddFileError: it is no regular file.
            PermissionError: it cannot be opened.
        """
        try:
            held = Held(self, name, state, os.open(self.path(state, name), _READ))
        except FileNotFoundError:
            return None
        except OSError as error:
            if self.path(state, name).is_symlink():
                raise OddFileError(f"{name} is a link") from error
            raise
        try:
            if not stat.S_ISREG(held.status().st_mode):
                raise OddFileError(f"{name} is not a regular file")
            if held.lock() and held.still_there():
                return held
        except BaseException:
            held.release()
            raise
        held.release()
        return None

    def sweep(self) -> None:
        """Remove the temporary files of dead processes."""
        if not self.names(".tmp"):
            return
        with self._locked():
            for name in self.names(".tmp"):
                held = self.hold(".tmp", name)
                if held is not None:
                    with held:
                        held.path.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _create_temporary(self) -> tuple[int, Path]:
        """Create and lock a temporary file, so that no sweeper finds it unlocked while this process lives."""
        path = self._temporary / f"{os.getpid()}-{os.urandom(6).hex()}"
        with self._locked():
            descriptor = os.open(path, _CREATE, 0o640)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor, path


class Held:
    """A file whose lock is ours until `release`, or until this process dies."""

    def __init__(self, folders: StateFolders, name: str, state: str, descriptor: int) -> None:
        self.name = name
        self.state = state
        self._folders = folders
        self._descriptor = descriptor

    @property
    def path(self) -> Path:
        """Where the file is now."""
        return self._folders.path(self.state, self.name)

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

    def still_there(self) -> bool:
        """Tell whether the path still leads to this file: somebody may have moved it by hand."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        own = self.status()
        return (found.st_ino, found.st_dev) == (own.st_ino, own.st_dev)

    def read(self, most: int) -> bytes:
        """Return the content, at most *most* bytes of it."""
        parts = []
        offset = 0
        while offset < most and (part := os.pread(self._descriptor, most - offset, offset)):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def rewrite(self, data: bytes) -> None:
        """Replace the content in one step, the lock kept; durable with the move that follows.

        Raises:
            FileNotFoundError: the file is no longer where it was; nothing is changed.
        """
        descriptor, temporary = self._folders._create_temporary()  # noqa: SLF001 - one idea in two classes
        try:
            _write(descriptor, data)
            if not self.still_there():
                raise FileNotFoundError(f"{self.path} was moved or replaced by hand")
            temporary.rename(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor

    def move(self, state: str, name: str | None = None) -> None:
        """Change the state, and the name where one is given; durable on return. The lock is kept.

        Raises:
            FileNotFoundError: the file is no longer where it was.
        """
        states = self._folders.states
        if states.index(state) < states.index(self.state) or name is not None:
            with self._folders._locked():  # noqa: SLF001 - so that `find` cannot miss a file that moves backwards
                self._rename(state, name or self.name)
        else:
            self._rename(state, self.name)
        sync_directory(self._folders.root / state)

    def _rename(self, state: str, name: str) -> None:
        target = self._folders.path(state, name)
        if not self.still_there():
            raise FileNotFoundError(f"{self.path} was moved or replaced by hand")
        self.path.rename(target)
        self.state = state
        self.name = name

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
