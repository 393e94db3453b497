"""Reading ahead: recordings that lie on the disk are fetched while those before them are copied."""

import os
from collections.abc import Iterable
from contextlib import suppress
from threading import Semaphore, Thread
from types import TracebackType
from typing import Self

_FILES = 64  # how many it is ahead
_BYTES = 2**20  # of each file; what is longer the kernel fetches by itself
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class ReadAhead:
    """Has the kernel fetch the files at *paths* in their order, some ahead of those `advance` has been called for.

    A hint: what cannot be fetched is passed over. A context manager: its thread ends with it.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = paths
        self._room = Semaphore(_FILES)
        self._ended = False
        self._thread = Thread(target=self._work, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._room.release()
        self._thread.join()

    def advance(self) -> None:
        """Tell that the next file is done."""
        self._room.release()

    def _work(self) -> None:
        for path in self._paths:
            self._room.acquire()
            if self._ended:
                return
            with suppress(OSError):
                _fetch(path)


def _fetch(path: str) -> None:
    descriptor = os.open(path, _OPEN)
    try:
        os.posix_fadvise(descriptor, 0, _BYTES, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(descriptor)
