"""voipmon's queue beside others, in one run: what a put and a take cost, and what full folders change.

python3 dev.py bench queue [--count N] [--rounds N] [--small] [--scratch DIR] [--json FILE] [--write]

Every round visits every engine; ratios are taken within a round to the raw put of as many processes, and are the
rounds' medians. Ends with 1 where voipmon misses a goal.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from benchmarks._engines import BARE, KINDS, RAW, VOIPMON, Kind, Wish, wishes
from benchmarks._flushes import flushes
from benchmarks._growth import FEW, Growth, claims, enqueues
from benchmarks._machine import machine, spread
from benchmarks._processes import Work, together
from benchmarks._report import Goal, write
from benchmarks._slower import FLUSHES, slower

_PROCESSES = (1, 4)
_GROWTH_ROUNDS = 3


@dataclass
class Figures:
    """What the rounds brought for one engine and one number of processes; ratios are to the raw puts of the round."""

    put: list[float] = field(default_factory=list)
    take: list[float] = field(default_factory=list)
    put_ratio: list[float] = field(default_factory=list)
    take_ratio: list[float] = field(default_factory=list)
    twice: int = 0


Table = dict[str, dict[int, Figures]]


def measure(scratch: Path, count: int, rounds: int) -> Table:
    """Let every engine put and take *count* documents in every round."""
    table: Table = {name: {processes: Figures() for processes in _PROCESSES} for name in KINDS}
    for number in range(rounds + 1):  # the first one warms up
        for processes in _PROCESSES:
            _round(scratch, f"{number}-{processes}", count, processes, table)
        if number == 0:
            table = {name: {processes: Figures() for processes in _PROCESSES} for name in KINDS}
        print(f"round {number} of {rounds}", file=sys.stderr)
    return table


def _round(scratch: Path, mark: str, count: int, processes: int, table: Table) -> None:
    for name, kind in KINDS.items():
        figures = table[name][processes]
        folder = scratch / f"{name}-{mark}"
        folder.mkdir()
        together([_warm(kind, folder)])
        figures.put.append(_put(kind, folder, count, processes))
        raw = table[RAW][processes].put[-1]
        figures.put_ratio.append(figures.put[-1] / raw)
        if kind.takes:
            speed, twice = _take(kind, folder, count, processes)
            figures.take.append(speed)
            figures.take_ratio.append(speed / raw)
            figures.twice += twice


def _warm(kind: Kind, folder: Path) -> Callable[[], Work]:
    def prepare() -> Work:
        engine = kind.make(folder)
        [wish] = wishes(1, "warm")
        engine.put(wish)
        engine.take()
        return list

    return prepare


def _put(kind: Kind, folder: Path, count: int, processes: int) -> float:
    """Return the puts per second of that many processes together."""
    shares = [wishes(count // processes, f"pro{number}") for number in range(processes)]
    return count // processes * processes / together([_putter(kind, folder, share) for share in shares]).seconds


def _putter(kind: Kind, folder: Path, share: list[Wish]) -> Callable[[], Work]:
    def prepare() -> Work:
        engine = kind.make(folder)

        def work() -> list[str | bytes]:
            for wish in share:
                engine.put(wish)
            return []

        return work

    return prepare


def _take(kind: Kind, folder: Path, count: int, processes: int, more: float = 0) -> tuple[float, int]:
    """Take until nothing is left; return how many per second, and how many came to more than one."""
    done = together([slower(_taker(kind, folder), more)] * processes)
    different = len(set(done.brought))
    if different != count // processes * processes:
        raise SystemExit(f"{kind.label} gave {different} of {count} documents")
    return different / done.seconds, len(done.brought) - different


def _taker(kind: Kind, folder: Path) -> Callable[[], Work]:
    def prepare() -> Work:
        engine = kind.make(folder)

        def work() -> list[str | bytes]:
            return list(iter(engine.take, None))

        return work

    return prepare


Slower = dict[float, tuple[float, float, float]]
"""Milliseconds more for each flush: raw puts per second, and the ratios of voipmon's puts and takes to them."""


def on_slower_disks(scratch: Path, count: int, rounds: int) -> Slower:
    """Let raw and voipmon put, and voipmon take, where each flush takes longer."""
    found: Slower = {}
    for more in FLUSHES:
        turns = [_turn(scratch / f"slower-{more}-{number}", more, count) for number in range(rounds)]
        raw, put, take = zip(*turns, strict=True)
        put_ratios = [one / other for one, other in zip(put, raw, strict=True)]
        take_ratios = [one / other for one, other in zip(take, raw, strict=True)]
        found[more] = statistics.median(raw), statistics.median(put_ratios), statistics.median(take_ratios)
    return found


def _turn(folder: Path, more: float, count: int) -> tuple[float, float, float]:
    speeds = []
    for name in (RAW, VOIPMON):
        kind, place = KINDS[name], folder / name
        place.mkdir(parents=True)
        together([_warm(kind, place)])
        speeds.append(count / together([slower(_putter(kind, place, wishes(count, "slow")), more)]).seconds)
    take, _ = _take(KINDS[VOIPMON], folder / VOIPMON, count, 1, more)
    return speeds[0], speeds[1], take


def goals(table: Table, claim: Growth, enqueue: Growth, pending: int, completed: int) -> list[Goal]:
    put, bare_put = (statistics.median(table[name][1].put_ratio) for name in (VOIPMON, BARE))
    take, bare_take = (statistics.median(table[name][1].take_ratio) for name in (VOIPMON, BARE))
    bare = "its writes, fsyncs and renames alone"
    return [
        Goal("durable put, to a raw put", put, at_least=0.6, note=f"{bare}: {bare_put:.2f}"),
        Goal("durable take (claim and end), to a raw put", take, at_least=0.9, note=f"{bare}: {bare_take:.2f}"),
        Goal(f"CPU per claim with {pending:,} waiting, to that with {FEW:,}", claim.ratio, at_most=2),
        Goal(f"enqueue with {completed:,} files in completed/, to that with none", enqueue.ratio, at_most=1.5),
    ]


def markdown(facts: dict[str, object], counted: dict[str, tuple[float, float] | None], table: Table) -> list[str]:
    """Return the lines of the comparison."""
    shape = "{rounds} rounds of {count} documents of {bytes} bytes each"
    system = "{kernel}, Python {python}, {cores} cores (load {load}), {file_system}"
    most = _PROCESSES[-1]
    heads = ["put/s", "× raw", "take/s", "× raw", f"put/s by {most}", "× raw", f"take/s by {most}", "× raw"]
    return [
        f"{system}; {shape}: medians.".format(**facts),
        "",
        f"| engine | {' | '.join(heads)} | fsyncs of a put, a take | delivered twice by the {most} |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(kind, counted[name], table[name]) for name, kind in KINDS.items()),
    ]


def _row(kind: Kind, counted: tuple[float, float] | None, figures: dict[int, Figures]) -> str:
    cells = [kind.label]
    for of in figures.values():
        cells += [_median(of.put, ",.0f"), _median(of.put_ratio, ".2f")]
        cells += [_median(of.take, ",.0f"), _median(of.take_ratio, ".2f")]
    numbers = counted[: 1 + kind.takes] if counted else ()
    cells.append(", ".join(f"{number:.2g}" for number in numbers) or "–")
    cells.append(str(figures[_PROCESSES[-1]].twice) if kind.takes else "–")
    return f"| {' | '.join(cells)} |"


def _median(values: list[float], how: str) -> str:
    return format(statistics.median(values), how) if values else "–"


def growth_lines(claim: Growth, enqueue: Growth, pending: int, completed: int) -> list[str]:
    return [
        "",
        "| voipmon, one process | small | large | ratio |",
        "|---|---|---|---|",
        f"| CPU per claim, {FEW:,} and {pending:,} waiting | {_times(claim)} |",
        f"| enqueue, 0 and {completed:,} files in completed/ | {_times(enqueue)} |",
        "",
    ]


def slower_lines(slow: Slower) -> list[str]:
    return [
        "",
        "| each flush takes longer by | raw put/s | put × raw | take × raw |",
        "|---|---|---|---|",
        *(f"| {more:g} ms | {raw:,.0f} | {put:.2f} | {take:.2f} |" for more, (raw, put, take) in slow.items()),
    ]


def _times(growth: Growth) -> str:
    return f"{growth.small:,.0f} µs | {growth.large:,.0f} µs | {growth.ratio:.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench queue", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="documents put and taken in each turn (default 100)")
    parser.add_argument("--rounds", type=int, default=9, help="turns of every engine (default 9)")
    parser.add_argument("--small", action="store_true", help="100,000 files in completed/ instead of 1,000,000")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="a folder on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/queue.md")
    options = parser.parse_args()
    if options.count < _PROCESSES[-1] or options.rounds < 1:
        parser.error(f"at least {_PROCESSES[-1]} documents and one round")
    return options


def main() -> int:
    options = _options()
    pending, completed = 100_000, 100_000 if options.small else 1_000_000
    with tempfile.TemporaryDirectory(prefix="voipmon-benchmark-", dir=options.scratch) as name:
        scratch = Path(name)
        spread(scratch)
        [wish] = wishes(1, "size")
        facts = machine(scratch) | {"rounds": options.rounds, "count": options.count, "bytes": len(wish.document)}
        counted = {name: flushes(name, scratch / f"flushes-{name}") for name in KINDS}
        table = measure(scratch, options.count, options.rounds)
        print("slower disks", file=sys.stderr)
        slow = on_slower_disks(scratch, options.count, max(options.rounds // 2, 1))
        print(f"a queue of {pending:,}", file=sys.stderr)
        claim = claims(scratch, pending, _GROWTH_ROUNDS)
        print(f"{completed:,} files in completed/", file=sys.stderr)
        enqueue = enqueues(scratch, completed, 3 * _GROWTH_ROUNDS)
        print("removing them", file=sys.stderr)
    kept = goals(table, claim, enqueue, pending, completed)
    lines = markdown(facts, counted, table) + slower_lines(slow) + growth_lines(claim, enqueue, pending, completed)
    lines += [f"- {goal}" for goal in kept]
    print("\n".join(lines))
    if options.json:
        figures = {name: {number: asdict(of) for number, of in row.items()} for name, row in table.items()}
        growth = {"claim": claim._asdict(), "enqueue": enqueue._asdict()}
        met = [goal._asdict() | {"met": goal.met} for goal in kept]
        result = {"machine": facts, "fsyncs": counted, "engines": figures, "growth": growth, "goals": met}
        result["slower"] = slow
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if options.write:
        write("queue.md", "queue", lines)
    return int(not all(goal.met for goal in kept))


if __name__ == "__main__":
    sys.exit(main())
