"""What the audit trail costs: to verify, to search, and to write a line to when a million stand there.

python3 dev.py bench audit [--events N] [--write]

Ends with 1 where a goal is missed.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks._report import Goal, described, write
from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify
from voipmon.commands.audit_report import Question, report

MARK = "audit"
NOON = datetime(2025, 11, 11, 12, tzinfo=UTC)
_BATCH = 50_000
_APPENDS = 300


def event(number: int) -> Event:
    """Return the delivery of one file, or each tenth time of ten, and between them openings."""
    at = NOON + timedelta(seconds=number)
    request = f"{at:%Y%m%dT%H%M%SZ}-k7q2m9xd4t"
    if number % 4:
        key = f"{number - number % 4:016x}"
        facts = {"request": request, "tenant": f"company-{number % 130}", "publication": key, "item": "0001.mp3"}
        return Event("opened", at, (str(number),), {**facts, "address": "192.0.2.7", "agent": "Mozilla/5.0 " * 8})
    files = [
        {
            "item": f"{file:04}.mp3",
            "path": f"2025/11/11/internal-{1000 + number % 1378}-2001-20251111-120000-1762862400.{file}.mp3",
            "start": "2025-11-11T12:00:00Z",
            "origin": str(1000 + number % 1378),
            "destination": "2001",
            "bytes": 480_000,
            "sha256": "0" * 64,
        }
        for file in range(1, 2 if number % 40 else 11)
    ]
    facts = {"request": request, "tenant": f"company-{number % 130}", "requester": "manager@example.com"}
    return Event(
        "delivered",
        at,
        (str(number),),
        {**facts, "publication": f"{number:016x}", "until": "2025-11-14T12:00:00Z", "zip": "a.zip", "files": files},
    )


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long that takes by the clock, and in CPU time."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def raw_append(path: Path) -> float:
    """Return how long a line of the same size takes to be added and flushed."""

    def work() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, b"x" * 399 + b"\n")
        os.fsync(descriptor)
        os.close(descriptor)

    return seconds(work)[0]


def main() -> int:
    """Measure, print and write down; return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/audit.md")
    options = parser.parse_args()
    count = options.events
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        machine = described(Path(name))
        trail = Trail(folder, lambda: NOON)
        made = 0.0
        for start in range(0, count, _BATCH):
            events = [event(number) for number in range(start, min(count, start + _BATCH))]
            made += seconds(lambda events=events: trail.append(events))[0]  # type: ignore[misc]
        size = sum(path.stat().st_size for path in folder.iterdir())
        clock, cpu = seconds(lambda: _whole(folder, count))
        asked, _ = seconds(lambda: report(trail.lines(), Question(extension="1121")))
        raw, full, small = [], [], []
        little = Trail(Path(name) / "little", lambda: NOON)
        for number in range(_APPENDS):
            one = [event(4 * (count + number) + 1)]
            raw.append(raw_append(Path(name) / "raw"))
            small.append(seconds(lambda one=one: little.append(one))[0])  # type: ignore[misc]
            full.append(seconds(lambda one=one: trail.append(one))[0])  # type: ignore[misc]
    per_raw, per_small, per_full = map(statistics.median, (raw, small, full))
    goals = [Goal(f"{count:,} events are verified", clock, at_most=20 * count / 1_000_000, unit="s")]
    lines = [
        f"{machine}; {count:,} events, {size / 1e6:.0f} MB.",
        "",
        "| what | time |",
        "|---|---|",
        f"| verify all | {clock:.1f} s ({cpu:.1f} s of CPU) |",
        f"| `audit show --extension`: read all | {asked:.1f} s |",
        f"| write all, {_BATCH:,} at a time | {made:.0f} s |",
        f"| append one line to an empty trail (two flushes) | {per_small * 1e6:.0f} µs |",
        f"| append one line where {count:,} stand in this month | {per_full * 1e6:.0f} µs |",
        f"| raw: open, write, fsync, close of as much (one flush) | {per_raw * 1e6:.0f} µs |",
        "",
        *(f"- {goal}" for goal in goals),
    ]
    print("\n".join(lines))
    if options.write:
        write("audit.md", MARK, lines)
    return int(not all(goal.met for goal in goals))


def _whole(folder: Path, count: int) -> None:
    found = verify(folder)
    if found.damages or found.lines != count:
        raise SystemExit(f"the trail is not whole: {found.damages[:3]}, {found.lines} lines")


if __name__ == "__main__":
    sys.exit(main())
