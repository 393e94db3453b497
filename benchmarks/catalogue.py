"""voipmon's catalogue beside find, fdfind and the old scripts' way, in one run: what one question costs, and a refresh.

python3 dev.py bench catalogue [--count N...] [--rounds N] [--scratch DIR] [--json FILE] [--write]

Whole processes take turns; ratios are medians of the rounds'. Goals are looked at from 1,000,000 recordings on; ends
with 1 where one is missed. With root's rights also with cold caches.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from benchmarks._commands import Contender, Cost, ratio, run, take_turns
from benchmarks._corpus import DAYS, START, calls, record
from benchmarks._machine import machine
from benchmarks._plot import plot
from benchmarks._report import ROOT, Goal, write
from voipmon.recordings.index_file import IndexFile, newest

_HERE = Path(__file__).resolve().parent
_PICTURE = ROOT / "docs" / "images" / "catalogue.png"
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_LAYOUTS = {"flat": "one folder", "tree": "a folder for each day"}
_LARGE, _LARGEST = 1_000_000, 5_000_000

ASKED = ("1121", "1122", "1123")
FIRST, LAST = datetime(2025, 9, 29), datetime(2025, 10, 27, 23, 59, 59)  # noqa: DTZ001 - wall time, as in the names
NEW = 100
P, FIND, OLD, FD, LIMIT = "P", "find", "old way", "fdfind", "getdents64 in C"
SAME, CHANGED, BUILD = "voipmon, nothing new", "voipmon, 100 new", "voipmon, first build"
LABELS = {
    P: "P: `python -c 'import click, pydantic'`",
    FIND: "`find`, six `-name`",
    OLD: "the old way: `os.walk`, `re`",
    FD: "`fdfind`, one expression, all cores",
    LIMIT: "names read in C, nothing done with them",
    SAME: "**voipmon**, nothing new",
    CHANGED: "**voipmon**, 100 new files",
    BUILD: "**voipmon**, first build",
}

_CONFIG = """\
state_dir = "{folder}/state"
[smtp]
host = "127.0.0.1"
security = "plain"
sender = "voip.audios@example.com"
[queue]
dir = "{folder}/spool"
[recordings]
dir = "{root}"
min_bytes = 0
settle = "1s"
[publish]
dir = "{folder}/publish"
base_url = "https://voip.example.com/audios"
"""

Costs = dict[str, list[Cost]]


class Place:
    """A corpus of one size and layout, and the commands that search it."""

    def __init__(self, scratch: Path, size: int, layout: str) -> None:
        self.size, self.layout = size, layout
        self.folder = scratch / f"{layout}-{size}"
        self.root = self.folder / "recordings"
        # in a process of its own: the kernel counts this one's memory as that of all that it starts
        subprocess.run([sys.executable, _HERE / "_corpus.py", self.root, str(size), layout], check=True)
        self.hits = self._count()
        config = self.folder / "voipmon.toml"
        config.write_text(_CONFIG.format(folder=self.folder, root=self.root))
        program = [sys.executable, "-m", "voipmon", "--config", str(config), "--log-level", "warning", "select-audios"]
        period = [
            option for name, end in (("--inicio", FIRST), ("--fim", LAST)) for option in (name, f"{end:%d/%m/%Y %H:%M}")
        ]
        self._ask = [*program, "--dry-run", "--ramais", ",".join(ASKED), *period]
        self._refresh = [*program, "--refresh"]
        self._numbers = count(size, NEW)

    def contenders(self, limit: Path | None) -> dict[str, Contender]:
        """Return all that take their turns when nothing is cold."""
        found = {
            P: Contender([sys.executable, "-c", "import click, pydantic"]),
            FIND: self.find(),
            OLD: self._old_way(),
        }
        if fd := shutil.which("fdfind") or shutil.which("fd"):
            one = "|".join(ASKED)
            expression = f"^internal-(({one})-[0-9]+|[0-9]+-({one}))-"
            found[FD] = Contender([fd, "-u", "-t", "f", expression, str(self.root)], check=self._check_names)
        if limit and self.layout == "flat":
            found[LIMIT] = Contender([str(limit), str(self.root)])
        return found | {CHANGED: self.ask(self.add_new), SAME: self.ask(self.settle)}

    def find(self, prepare: Callable[[], object] = lambda: None) -> Contender:
        """Return the search by `find`; the period is left to whoever reads its output, and costs it nothing."""
        names = [
            part for one in ASKED for part in ("-o", "-name", f"internal-{one}-*", "-o", "-name", f"internal-*-{one}-*")
        ]
        command = ["find", str(self.root), "-type", "f", "(", *names[1:], ")"]
        return Contender(command, prepare, self._check_names)

    def ask(self, prepare: Callable[[], object]) -> Contender:
        return Contender(self._ask, prepare, self._check_answer)

    def build(self) -> Contender:
        return Contender(self._refresh, lambda: shutil.rmtree(self.folder / "state", ignore_errors=True))

    def add_new(self) -> None:
        """Record 100 calls more on the last day."""
        last_day = START + timedelta(days=DAYS - 1)
        record(self.root, calls(NEW, next(self._numbers), last_day), by_day=self.layout == "tree")

    def settle(self) -> None:
        """Bring the index up to date when the last change is too old to be mistaken."""
        time.sleep(2.1)
        run(Contender(self._refresh))

    def look_up(self) -> tuple[float, int]:
        """Return the seconds that the question takes in a process with the index open, and how many rows it gives."""
        path = newest(self.folder / "state" / "catalogue")
        assert path is not None
        zone = ZoneInfo("America/Sao_Paulo")
        first, last = (int(end.replace(tzinfo=zone).timestamp()) for end in (FIRST, LAST))
        taken = []
        with closing(sqlite3.connect(path)) as database:
            [settings] = database.execute("SELECT settings FROM about").fetchone()
        with IndexFile(path, settings) as index:
            for _ in range(200):
                start = time.perf_counter()
                rows = [row for party in ASKED for row in index.names(party, first, last)]
                taken.append(time.perf_counter() - start)
        return statistics.median(taken), len(rows)

    def _count(self) -> int:
        """Return how many recordings a right answer has, by the plainest possible look at the names."""
        ends = tuple(f"{end:%Y%m%d%H%M%S}" for end in (FIRST, LAST))
        found = 0
        for name in _names(self.root):
            _, one, other, day, second, _ = name.split("-")
            found += (one in ASKED or other in ASKED) and ends[0] <= day + second <= ends[1]
        return found

    def _old_way(self) -> Contender:
        ends = [f"{end:%Y%m%d-%H%M%S}" for end in (FIRST, LAST)]
        command = [sys.executable, str(_HERE / "_old_way.py"), str(self.root), *ends, *ASKED]
        return Contender(command, check=lambda output: self._check_count(len(output.split())))

    def _check_names(self, output: bytes) -> str | None:
        stamps = (name.split(b"-")[-3] + name.split(b"-")[-2] for name in output.split())
        first, last = (f"{end:%Y%m%d%H%M%S}".encode() for end in (FIRST, LAST))
        return self._check_count(sum(first <= stamp <= last for stamp in stamps))

    def _check_answer(self, output: bytes) -> str | None:
        return self._check_count(int(output.split()[0]))

    def _check_count(self, found: int) -> str | None:
        return None if found == self.hits else f"found {found} recordings and not {self.hits}"


def _names(folder: Path | str) -> Iterator[str]:
    """Yield all names below *folder*, never holding many."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _names(entry.path)
            else:
                yield entry.name


class Figures(NamedTuple):
    """What was measured of one place."""

    place: Place
    turns: Costs
    builds: Costs
    cold: Costs
    look_up: tuple[float, int]

    def wall(self, name: str) -> list[float]:
        return [cost.wall for cost in self.turns[name]]

    def alone(self, name: str) -> list[float]:
        """Return the seconds that voipmon took beyond its two libraries' import, round by round."""
        return [max(one - base, 1e-4) for one, base in zip(self.wall(name), self.wall(P), strict=True)]


def measure(place: Place, rounds: int, limit: Path | None) -> Figures:
    run(place.build())
    place.settle()
    turns = take_turns(place.contenders(limit), rounds)
    place.settle()
    look_up = place.look_up()
    few = max(rounds // 2, 1)
    builds = take_turns({FIND: place.find(), BUILD: place.build()}, few) if place.layout == "flat" else {}
    cold: Costs = {}
    if place.layout == "flat" and os.access(_DROP_CACHES, os.W_OK):
        run(place.build())
        place.settle()
        cold = take_turns({FIND: place.find(_cool), SAME: place.ask(_cool)}, few)
    return Figures(place, turns, builds, cold, look_up)


def _cool() -> None:
    os.sync()
    _DROP_CACHES.write_text("3")


def goals(figures: Figures) -> list[Goal]:
    """Return what is promised of a place of a million recordings or more."""
    of, size = figures, figures.place.size
    at = f"{size:,}, {_LAYOUTS[of.place.layout]}"
    seconds, rows = of.look_up
    found, new = of.wall(FIND), of.alone(CHANGED)
    look_up = Goal(f"{at}: look-up of {rows:,} hits in process", seconds * 1000, at_most=0.1 + 0.002 * rows, unit="ms")
    at_new = f"{at}, {NEW} new"
    if of.place.layout == "tree":
        bound = 100 if size >= _LARGEST else 40
        return [look_up, Goal(f"{at_new}: `find` to voipmon less P", ratio(found, new), at_least=bound)]
    kept = [
        look_up,
        Goal(f"{at}, nothing new: `find` to voipmon", ratio(found, of.wall(SAME)), at_least=10),
        Goal(f"{at}, nothing new: `find` to voipmon less P", ratio(found, of.alone(SAME)), at_least=60),
        Goal(f"{at_new}: `find` to voipmon less P", ratio(found, new), at_least=4),
        Goal(f"{at_new}: memory at the peak", _peak(of.turns[CHANGED]), at_most=48, unit="MiB"),
    ]
    for rival, most in ((FD, 1), (LIMIT, 1.6)):
        if rival in of.turns:
            kept.append(Goal(f"{at_new}: voipmon less P to {rival}", ratio(new, of.wall(rival)), at_most=most))
    return kept + _goals_of_build_and_cold(figures, at)


def _goals_of_build_and_cold(of: Figures, at: str) -> list[Goal]:
    def walls(costs: list[Cost]) -> list[float]:
        return [cost.wall for cost in costs]

    built = ratio(walls(of.builds[BUILD]), walls(of.builds[FIND]))
    kept = [
        Goal(f"{at}, first build: voipmon to `find`", built, at_most=3),
        Goal(f"{at}, first build: memory at the peak", _peak(of.builds[BUILD]), at_most=256, unit="MiB"),
    ]
    if of.cold:
        cold = ratio(walls(of.cold[FIND]), walls(of.cold[SAME]))
        kept.append(Goal(f"{at}, cold, nothing new: `find` to voipmon", cold, at_least=15))
    return kept


def _peak(costs: list[Cost]) -> float:
    return max(cost.peak for cost in costs) / 2**20


def markdown(facts: dict[str, object], every: list[Figures]) -> list[str]:
    system = "{kernel}, Python {python}, {cores} cores (load {load}), {file_system}; {rounds} rounds: medians."
    lines = [system.format(**facts), ""]
    for of in every:
        lines += [
            f"{of.place.size:,} recordings in {_LAYOUTS[of.place.layout]}, {of.place.hits:,} hits:",
            "",
            "| way | seconds | CPU | MiB at the peak | × faster than `find` | less P |",
            "|---|---|---|---|---|---|",
            *(_row(name, costs, of.turns[FIND], of.turns[P]) for name, costs in of.turns.items()),
        ]
        if of.builds:
            lines.append(_row(BUILD, of.builds[BUILD], of.builds[FIND], None))
        if of.cold:
            lines += [_row(name, of.cold[name], of.cold[FIND], None, ", cold caches") for name in (FIND, SAME)]
        seconds, rows = of.look_up
        lines += [
            "",
            f"In a process with the index open, the look-up alone: {seconds * 1000:.2f} ms for {rows:,} hits.",
            "",
        ]
    return lines


def _row(name: str, costs: list[Cost], finds: list[Cost], bases: list[Cost] | None, more: str = "") -> str:
    walls = [cost.wall for cost in costs]
    cells = [
        LABELS[name] + more,
        f"{statistics.median(walls):.3f}",
        f"{statistics.median(cost.cpu for cost in costs):.3f}",
        f"{_peak(costs):.0f}",
        "" if name == P else f"{ratio([cost.wall for cost in finds], walls):.3g}",
        "",
    ]
    if bases and name in (SAME, CHANGED):
        alone = [max(wall - base.wall, 1e-4) for wall, base in zip(walls, bases, strict=True)]
        cells[-1] = f"{ratio([cost.wall for cost in finds], alone):.3g}"
    return f"| {' | '.join(cells)} |"


def draw(every: list[Figures]) -> None:
    """Write the plot: seconds against recordings."""
    series: dict[str, list[tuple[float, float]]] = {}
    for of in every:
        for name, costs in of.turns.items():
            if of.place.layout == "flat" or name in (FIND, CHANGED):
                label = f"{name} ({_LAYOUTS[of.place.layout]})"
                series.setdefault(label, []).append((of.place.size, statistics.median(cost.wall for cost in costs)))
    title = "Three extensions' calls of 29 days, whole processes, warm caches"
    plot(_PICTURE, title, "recordings", "seconds", series)


def _compiled(scratch: Path) -> Path | None:
    """Compile the loop that does nothing with the names, where there is a compiler."""
    if not shutil.which("cc"):
        print("no cc: not compared with names read in C (apt-get install gcc)", file=sys.stderr)
        return None
    program = scratch / "getdents"
    subprocess.run(["cc", "-O2", "-o", program, _HERE / "_getdents.c"], check=True)
    return program


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench catalogue", description=(__doc__ or "").split("\n")[0])
    sizes = [10_000, 100_000, 1_000_000]
    parser.add_argument("--count", type=int, nargs="+", default=sizes, help="recordings (default 10000 100000 1000000)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every way (default 7)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="a folder on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/")
    return parser.parse_args()


def main() -> int:
    options = _options()
    if not (shutil.which("fdfind") or shutil.which("fd")):
        print("no fdfind: not compared with it (apt-get install fd-find)", file=sys.stderr)
    every = []
    with tempfile.TemporaryDirectory(prefix="voipmon-benchmark-", dir=options.scratch) as name:
        scratch = Path(name)
        facts = machine(scratch) | {"rounds": options.rounds}
        limit = _compiled(scratch)
        for size in options.count:
            for layout, words in _LAYOUTS.items():
                print(f"{size:,} recordings in {words}", file=sys.stderr)
                place = Place(scratch, size, layout)
                every.append(measure(place, options.rounds, limit))
                subprocess.run(["rm", "-r", place.folder], check=True)  # rmtree would hold all names at once
    kept = [goal for figures in every if figures.place.size >= _LARGE for goal in goals(figures)]
    lines = [*markdown(facts, every), *(f"- {goal}" for goal in kept)]
    print("\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps(_shape(facts, every, kept), indent=2) + "\n")
    if options.write:
        write("performance.md", "catalogue", lines)
        draw(every)
    return int(not all(goal.met for goal in kept))


def _shape(facts: dict[str, object], every: list[Figures], kept: list[Goal]) -> dict[str, object]:
    def costs(of: Costs) -> dict[str, object]:
        return {name: [cost._asdict() for cost in taken] for name, taken in of.items()}

    places = [
        {"recordings": of.place.size, "layout": of.place.layout, "hits": of.place.hits, "look_up": of.look_up}
        | {"turns": costs(of.turns), "builds": costs(of.builds), "cold": costs(of.cold)}
        for of in every
    ]
    return {"machine": facts, "places": places, "goals": [goal._asdict() | {"met": goal.met} for goal in kept]}


if __name__ == "__main__":
    sys.exit(main())
