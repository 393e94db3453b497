"""What voipmon's queue costs when its folders are full, beside the same when they are not."""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks._engines import Voipmon, wishes
from benchmarks._processes import Work, together
from voipmon.domain.outcome import NothingFound
from voipmon.files import sync_directory

FEW = 1_000
_MOST_LINKS = 60_000  # ext4 has 65,000
_ENQUEUED = 100


class Growth(NamedTuple):
    """Microseconds for one operation, medians, and the median of the rounds' ratios."""

    small: float
    large: float
    ratio: float


def claims(scratch: Path, pending: int, rounds: int) -> Growth:
    """Compare the CPU time of claims, FEW in a new process with its listing, out of *pending* and out of FEW."""
    small, large = _queue(scratch / "few-pending"), _queue(scratch / "many-pending")
    _fill_pending(large, pending, "many")
    pairs = []
    for number in range(rounds):
        _fill_pending(small, FEW, f"fe{number:02d}")
        if number:
            _fill_pending(large, FEW, f"mo{number:02d}")
        pairs.append(_in_turns(number, partial(_claim_microseconds, small), partial(_claim_microseconds, large)))
    return _growth(pairs)


def enqueues(scratch: Path, completed: int, rounds: int) -> Growth:
    """Compare the time of an enqueue with that many files in completed/, and with none."""
    empty, full = _queue(scratch / "none-completed"), _queue(scratch / "many-completed")
    _fill_completed(full, completed)
    pairs = []
    for number in range(rounds):
        enqueue = partial(_enqueue_microseconds, mark=f"en{number:02d}")
        pairs.append(_in_turns(number, partial(enqueue, empty), partial(enqueue, full)))
    return _growth(pairs)


def _in_turns(number: int, small: Callable[[], float], large: Callable[[], float]) -> tuple[float, float]:
    if number % 2:
        second = large()
        return small(), second
    return small(), large()


def _growth(pairs: list[tuple[float, float]]) -> Growth:
    small, large = zip(*pairs, strict=True)
    return Growth(
        statistics.median(small), statistics.median(large), statistics.median(two / one for one, two in pairs)
    )


def _claim_microseconds(folder: Path) -> float:
    def prepare() -> Work:
        queue = Voipmon(folder).queue

        def work() -> list[str | bytes]:
            spent = 0.0
            for _ in range(FEW):
                now = datetime.now(UTC)
                start = time.process_time()
                lease = queue.lease(now)
                spent += time.process_time() - start
                assert lease is not None
                queue.complete(lease, NothingFound(), now)
            return [str(spent)]

        return work

    return float(together([prepare]).brought[0]) / FEW * 1e6


def _enqueue_microseconds(folder: Path, mark: str) -> float:
    def prepare() -> Work:
        engine = Voipmon(folder)
        first, *others = wishes(_ENQUEUED + 1, mark)
        engine.put(first)

        def work() -> list[str | bytes]:
            for wish in others:
                engine.put(wish)
            return []

        return work

    return together([prepare]).seconds / _ENQUEUED * 1e6


def _queue(folder: Path) -> Path:
    engine = Voipmon(folder)
    [wish] = wishes(1, "firs")
    engine.put(wish)
    engine.take()
    return folder


def _fill_pending(folder: Path, count: int, mark: str) -> None:
    for wish in wishes(count, mark):
        (folder / "pending" / f"{wish.request.id}.json").write_bytes(wish.document)
    sync_directory(folder / "pending")  # have it written now, not while something is timed


def _fill_completed(folder: Path, count: int) -> None:
    """Make that many names; most are further links to one file, which is quicker and no less of a folder."""
    for start in range(0, count, _MOST_LINKS):
        first = folder / "completed" / f"20251111T114700Z-link{start:07d}.json"
        first.touch()
        for number in range(start + 1, min(start + _MOST_LINKS, count)):
            os.link(first, first.with_name(f"20251111T114700Z-link{number:07d}.json"))
    sync_directory(folder / "completed")
