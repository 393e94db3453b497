"""Reading ahead: recordings that lie on the disk are fetched while those before them are copied."""

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

_GROUP = 8  # files that are looked at together
_AHEAD = 8  # groups
_BYTES = 2**20  # of each file; what is longer the kernel fetches by itself
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class ReadAhead:
    """Has the kernel fetch the files at *paths* in their order, some ahead of those `advance` has been called for.

    A hint: what cannot be fetched is passed over. Neighbours are mostly in memory together, or not at all: where the
    first of a group is, nothing is done for the others. A context manager: its thread ends with it.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = iter(paths)
        self._go: SimpleQueue[None] = SimpleQueue()
        self._done = 0
        self._ended = False
        self._thread = Thread(target=self._work, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._go.put(None)
        self._thread.join()

    def advance(self) -> None:
        """Tell that the next file is done."""
        self._done += 1
        if self._done % _GROUP == 0:
            self._go.put(None)

    def _work(self) -> None:
        number = 0
        while group := list(islice(self._paths, _GROUP)):
            number += 1
            if number > _AHEAD:
                self._go.get()
            if self._ended:
                return
            if not _is_in_memory(group[0]):
                for path in group:
                    _fetch(path)


def _is_in_memory(path: str) -> bool:
    with suppress(OSError):
        descriptor = os.open(path, _OPEN)
        try:
            return os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        finally:
            os.close(descriptor)
    return False


def _fetch(path: str) -> None:
    with suppress(OSError):
        descriptor = os.open(path, _OPEN)
        try:
            os.posix_fadvise(descriptor, 0, _BYTES, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)
