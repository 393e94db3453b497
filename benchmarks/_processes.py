"""Work done by several processes at once, and timed as a whole."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

_FORK = multiprocessing.get_context("fork")

Work = Callable[[], list[str | bytes]]


class Done(NamedTuple):
    """What the processes brought, and the seconds from the first one's start to the last one's end."""

    brought: list[str | bytes]
    seconds: float


def together(prepared: list[Callable[[], Work]]) -> Done:
    """Run each in a process of its own: first every preparation, then, when all are ready, the work it returned."""
    ready = _FORK.Barrier(len(prepared))
    pipes = [_FORK.Pipe(duplex=False) for _ in prepared]
    processes = [
        _FORK.Process(target=_run, args=(prepare, ready, there))
        for prepare, (_, there) in zip(prepared, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    for _, there in pipes:
        there.close()
    try:
        parts = [here.recv() for here, _ in pipes]
    except EOFError:
        raise SystemExit("a process of the benchmark died: see above") from None
    finally:
        for process in processes:
            process.join()
    start, end = min(part[1] for part in parts), max(part[2] for part in parts)
    return Done([thing for part in parts for thing in part[0]], end - start)


def _run(prepare: Callable[[], Work], ready: "multiprocessing.synchronize.Barrier", there: Connection) -> None:
    try:
        work = prepare()
        ready.wait(timeout=60)
        start = time.monotonic()
        brought = work()
        there.send((brought, start, time.monotonic()))
    except BaseException:
        ready.abort()
        raise
