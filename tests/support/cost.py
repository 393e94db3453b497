"""What a piece of work costs in CPU time, where a hostile input could make it cost without end."""

import time
from collections.abc import Callable

_TRIES = 5


def costs_at_most(seconds: float, work: Callable[[], object]) -> bool:
    """Tell whether *work* can be done in that much CPU time: a busy machine makes a try dearer, and none cheaper."""
    return any(_cost(work) <= seconds for _ in range(_TRIES))


def _cost(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
