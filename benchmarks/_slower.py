"""A disk that takes longer for each flush than the one at hand."""

import os
import time
from collections.abc import Callable

from benchmarks._processes import Work

FLUSHES = (0.0, 1.0, 4.0, 10.0)
"""Milliseconds more; the first is the disk at hand."""


def slower(prepare: Callable[[], Work], milliseconds: float) -> Callable[[], Work]:
    """Return the same preparation for a process in which each fsync takes that much longer."""
    flush = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(milliseconds / 1000)
        flush(descriptor)

    def prepared() -> Work:
        if milliseconds:
            os.fsync = slow  # type: ignore[assignment]  # in this process alone
        return prepare()

    return prepared
