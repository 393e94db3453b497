"""The folder that a demo happens in: a temporary one, or one that is kept."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from voipmon.errors import ParameterError, ProcessingError

_MARK = ".voipmon-demo"
_FOLDERS = ("recordings", "spool", "state", "public", "mails")
_FILES = ("voipmon.toml", "voipmon.log")


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """What lies where in *root*.

    The folders *recordings*, *spool*, *state*, *public* (what the web server serves) and *mails* (what was sent) are
    there and empty; the files *config* and *log* (what the commands logged) are still to be written.
    """

    root: Path
    recordings: Path
    spool: Path
    state: Path
    public: Path
    mails: Path
    config: Path
    log: Path


@contextmanager
def demo_folder(keep: Path | None) -> Iterator[DemoFolder]:
    """Yield the folder *keep*, made or emptied of an earlier demo, or else a new one among the temporary files.

    Either stays, so that a person can look at what is in it.

    Raises:
        ParameterError: *keep* holds something else than a demo, is in use by another one, or cannot be written.
        ProcessingError: there is no place for temporary files.
    """
    if keep is None:
        yield _furnished(_temporary())
        return
    try:
        descriptor = _claim(keep)
    except OSError as error:
        raise ParameterError(f"--keep {keep} cannot be used: {error.strerror}: name another folder") from error
    try:
        yield _emptied(keep.resolve())
    finally:
        os.close(descriptor)


def _temporary() -> Path:
    try:
        return Path(mkdtemp(prefix="voipmon-demo-"))
    except OSError as error:
        raise ProcessingError(f"there is no place for a temporary folder: {error.strerror}: set TMPDIR") from error


def _claim(folder: Path) -> int:
    """Lock the mark of the demo's own folder, made where it is missing; return the lock's descriptor."""
    if not str(folder.resolve()).isprintable():
        raise ParameterError(f"--keep {str(folder)!a} has signs that nobody sees: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / _MARK
    if not mark.exists() and any(folder.iterdir()):
        raise ParameterError(f"--keep {folder} holds files that are not a demo's: name a new or an empty folder")
    descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ParameterError(f"--keep {folder} is in use by another demo: name another folder") from error
    return descriptor


def _emptied(root: Path) -> DemoFolder:
    """Remove what an earlier demo left, and nothing else."""
    try:
        for name in _FOLDERS:
            if (root / name).exists():
                shutil.rmtree(root / name)
        for name in _FILES:
            (root / name).unlink(missing_ok=True)
        return _furnished(root)
    except OSError as error:
        raise ParameterError(f"--keep {root} cannot be emptied: {error}: name another folder") from error


def _furnished(root: Path) -> DemoFolder:
    for name in _FOLDERS:
        (root / name).mkdir()
    return DemoFolder(root, *(root / name for name in (*_FOLDERS, *_FILES)))
