"""Whole processes, started in turns and measured by the kernel."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Cost(NamedTuple):
    """What one process took: seconds by the clock, seconds of CPU (user and system), bytes of memory at its peak.

    The kernel counts the peak from before the program is loaded: it is never less than that of the process that
    measures, which is therefore to be kept small.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Contender:
    """A command that takes its turn; *prepare* is done before each start, outside of what is measured.

    *check* is given what the command wrote to stdout, and says what is wrong with it, if anything is. *codes* are the
    exit codes that count as success.
    """

    command: Sequence[str]
    prepare: Callable[[], object] = lambda: None
    check: Callable[[bytes], str | None] = lambda _output: None
    codes: frozenset[int] = frozenset({0})


def run(contender: Contender) -> Cost:
    """Run it once to its end.

    Raises:
        SystemExit: it failed, wrote something to stderr, or its output is not what it must be.
    """
    contender.prepare()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        start = time.perf_counter()
        process = subprocess.Popen(contender.command, stdout=output, stderr=complaints, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()
        wrong = said or contender.check(output.read())
    if process.returncode not in contender.codes or wrong:
        raise SystemExit(f"{contender.command} ended with {process.returncode}: {wrong}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def take_turns(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[Cost]]:
    """Let each have its turn in every round; what is returned leaves out a first round, which warms up."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, contender in contenders.items():
            costs[name].append(run(contender))
    return {name: taken[1:] for name, taken in costs.items()}


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' ratios of *ones* to *others*."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
