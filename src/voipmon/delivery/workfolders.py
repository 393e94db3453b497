"""Folders of work in progress inside a publish folder: nobody else enters them, none outlives its maker for long."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from voipmon.delivery.records import usable
from voipmon.errors import PublishError

_PREFIX = ".work-"


class WorkFolders:
    """The work folders below *folder*: each is held by a lock that dies with its process, and swept if nobody holds it.

    *locked* gives the lock under which they are made and looked for, so that none is swept before it is held.
    """

    def __init__(self, folder: Path, locked: Callable[[], AbstractContextManager[None]]) -> None:
        self._folder = folder
        self._locked = locked

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Give a folder that only we may enter. It is gone afterwards, unless it was renamed."""
        work = self._path()
        with self._locked():
            work.mkdir(mode=0o700)
            descriptor = _hold(work)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)  # what resists is swept later
            os.close(descriptor)

    def set_aside(self, path: Path) -> bool:
        """Make a folder that is not wanted any more a work folder that nobody holds; False if it is not there."""
        try:
            path.rename(self._path())
        except FileNotFoundError:
            return False
        return True

    def sweep(self, problems: list[PublishError]) -> int:
        """Remove the work folders that nobody holds, and return how many; add what goes wrong to *problems*."""
        removed = 0
        for work in self._all():
            try:
                with usable(self._folder):
                    removed += self._remove(work)
            except PublishError as error:
                problems.append(error)
        return removed

    def _path(self) -> Path:
        return self._folder / f"{_PREFIX}{secrets.token_hex(20)}"  # as secret as a token: it may have been one

    def _all(self) -> list[Path]:
        if not self._folder.exists():
            return []
        with usable(self._folder):
            return [path for path in self._folder.iterdir() if path.name.startswith(_PREFIX)]

    def _remove(self, work: Path) -> bool:
        try:
            with self._locked():
                descriptor = _hold(work)
        except (BlockingIOError, FileNotFoundError):  # somebody works there, or was faster
            return False
        try:
            shutil.rmtree(work, ignore_errors=True)  # as much as goes
            if work.exists():
                shutil.rmtree(work)  # says what does not
        finally:
            os.close(descriptor)
        return True


def _hold(folder: Path) -> int:
    """Return a descriptor that holds the folder until it is closed, or this process dies.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
