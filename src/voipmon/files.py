"""Files that are whole or absent, also after a power cut."""

import os
import re
from contextlib import suppress
from pathlib import Path

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


def safe_name(text: str) -> bool:
    """Tell whether *text* may stand in a path: `[A-Za-z0-9._-]`, at most 80 characters, no dot in front."""
    return _SAFE_NAME.fullmatch(text) is not None


def write_atomic(path: Path, data: bytes, *, mode: int = 0o640) -> None:
    """Put *data* at *path*, whole and durable on return; an old file there is replaced.

    One writer at a time for one path: callers hold a lock that makes it so.

    Raises:
        OSError: as the file system says it; nothing is left of the attempt.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # one name: the next attempt overwrites what a crash left
    try:
        _write_durable(temporary, data, mode=mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _write_durable(path: Path, data: bytes, *, mode: int = 0o640) -> None:
    """Write a new file and wait until its bytes are on the disk; its name is not yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def try_writing(folder: Path) -> None:
    """Make a file in *folder*, write to it and remove it. Raises OSError as the file system says it."""
    path = folder / f".try-{os.getpid()}"
    try:
        path.write_bytes(b"voipmon was here\n")
    finally:
        path.unlink(missing_ok=True)


def write_all(descriptor: int, data: memoryview) -> None:
    """Write *data* where the file stands; the kernel may take less at a time than it is given."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def begin_to_flush(descriptor: int, start: int, length: int) -> None:
    """Have the kernel begin to write what that part of the file holds, and not wait for it.

    It is a hint, and needs no room in memory afterwards. What is left for `os.fsync` is little.
    """
    with suppress(OSError):
        os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)


def sync_directory(folder: Path) -> None:
    """Wait until the names in *folder* are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
