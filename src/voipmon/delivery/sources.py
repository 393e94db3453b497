"""The recordings' files, read once: what changes meanwhile, or is not what was found, is given up."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voipmon.domain.recording import CHANGED, UNREADABLE, VANISHED
from voipmon.errors import BundleError

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold us up
_FICLONE = 0x40049409  # <linux/fs.h>


class SourceLostError(BundleError):
    """A recording cannot be given after all; *reason* is one of those of `LeftOut`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the recording cannot be given: {reason}", retryable=True)
        self.reason = reason


class Source:
    """A file of *size* bytes, open at *descriptor*.

    Raises:
        SourceLostError: on any method: it is not as it was, or cannot be read.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.left = size
        self._original = descriptor
        self._before = os.fstat(descriptor)
        if not stat.S_ISREG(self._before.st_mode):
            raise SourceLostError(UNREADABLE)
        if self._before.st_size != size:
            raise SourceLostError(CHANGED)

    def share(self, target: int) -> bool:
        """Let the empty file *target* share the blocks, and be read instead; False where the file system cannot."""
        if not clone(self._original, target):
            return False
        self.descriptor = target
        return True

    def fill(self, block: memoryview) -> memoryview:
        """Fill *block* with the next of the bytes that are left; return what is filled of it."""
        block = block[: self.left]
        filled = 0
        while filled < len(block):
            try:
                got = os.readv(self.descriptor, [block[filled:]])
            except OSError as error:
                raise SourceLostError(UNREADABLE) from error
            if not got:
                raise SourceLostError(CHANGED)
            filled += got
        self.left -= filled
        return block

    def check(self) -> None:
        """Make sure that it has not changed since it was opened."""
        after = os.fstat(self._original)
        if (after.st_size, after.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise SourceLostError(CHANGED)


@contextmanager
def opened(path: Path, size: int) -> Iterator[Source]:
    """Open a file that was found to have *size* bytes.

    Raises:
        SourceLostError: it is gone, unreadable, a link or no file, or has another size.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceLostError(VANISHED) from error
    except OSError as error:
        raise SourceLostError(UNREADABLE) from error
    try:
        yield Source(descriptor, size)
    finally:
        os.close(descriptor)


def clone(source: int, target: int) -> bool:
    """Let the empty file *target* share the blocks of *source*; False where the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
