"""voipmon's ZIP and publication beside other ways to put the same recordings into one file or folder.

python3 dev.py bench bundle [--rounds N] [--sizes 81,1000,10000] [--scratch DIR] [--json FILE] [--write] [--quick]

Whole processes take turns; ratios are taken within a round, to `cat` of all recordings into one file, and are the
rounds' medians. Ends with 1 where voipmon misses a goal.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks._commands import Contender, Cost, ratio, take_turns
from benchmarks._plot import plot
from benchmarks._recordings import make, name_of
from benchmarks._report import ROOT, Goal, described, write

_CHILD = str(ROOT / "benchmarks" / "_zips.py")
_FEW, _MANY, _VERY_MANY = 81, 1000, 10_000
_MIB = 2**20
_HUGE = 100  # files of 100 MB for a bundle of 10 GB


class Way(NamedTuple):
    """One way to do it: a shell command with {list} and {out}, or a way of _zips.py with its options."""

    label: str
    command: str
    most: int = _VERY_MANY


WAYS = {
    "cat": Way("`cat` all into one file", "xargs cat <{list} >{out}"),
    "cp": Way("`cp` into a folder", "xargs cp -t {out} <{list}"),
    "zip0": Way("`zip -0`", "zip -q -j -0 {out} -@ <{list}"),
    "stored": Way("zipfile, stored", "stored"),
    "deflated": Way("zipfile, deflated", "deflated", _FEW),
    "old": Way("the old way: copy all, zipfile deflated", "old", _MANY),
    "writer": Way("**voipmon's ZIP writer**", "writer"),
    "writer-fast": Way("**voipmon's ZIP writer**, [fast]", "writer"),
    "bundle": Way("**voipmon's bundle** (SHA-256, play times)", "bundle", _MANY),
    "bundle-fast": Way("**voipmon's bundle**, [fast]", "bundle"),
    "cat-sync": Way("`cat`, and wait for the disk", "xargs cat <{list} >{out}; sync {out}"),
    "cp-sync": Way("`cp`, and wait for the disk", "xargs cp -t {out} <{list}; sync {out} {out}/*", _MANY),
    "linked": Way("**voipmon's publication** with links, on the disk", "linked"),
    "copied": Way("**voipmon's publication** with copies, on the disk", "copied", _MANY),
}
COLD = ("cat", "zip0", "stored", "writer", "writer-fast", "bundle", "bundle-fast")


@dataclass
class Figures:
    """What the rounds brought for one way: whole processes, and what voipmon's and zipfile's say of themselves."""

    costs: list[Cost] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)

    @property
    def wall(self) -> list[float]:
        return [cost.wall for cost in self.costs]


Table = dict[str, Figures]


def measure(listed: Path, names: Sequence[str], rounds: int, *, cold: bool = False) -> Table:
    """Let every way have its turn on the files in *listed*."""
    out = listed.with_suffix(".out")
    table = {name: Figures() for name in names}
    contenders = {name: _contender(name, listed, out, table[name], cold=cold) for name in names}
    for name, costs in take_turns(contenders, rounds).items():
        figures = table[name]
        figures.costs = costs
        figures.inside, figures.grown = figures.inside[1:], figures.grown[1:]  # the first one warms up
    _remove(out)
    return table


def _contender(name: str, listed: Path, out: Path, figures: Figures, *, cold: bool) -> Contender:
    def prepare() -> None:
        _remove(out)
        if name in ("cp", "cp-sync"):
            out.mkdir()
        os.sync()
        if cold:
            Path("/proc/sys/vm/drop_caches").write_text("3")
            subprocess.run(_command(name, Path("/dev/null"), out), check=False, capture_output=True)  # the programs
            _remove(out)

    def check(output: bytes) -> str | None:
        if name in _PYTHON:
            seconds, before, peak = output.split()
            figures.inside.append(float(seconds))
            figures.grown.append(int(peak) - int(before))
        return None if out.exists() else "made nothing"

    return Contender(_command(name, listed, out), prepare, check)


_PYTHON = {name for name, way in WAYS.items() if " " not in way.command}


def _command(name: str, listed: Path, out: Path) -> list[str]:
    command = WAYS[name].command
    if name not in _PYTHON:
        return ["sh", "-c", command.format(list=listed, out=out)]
    options = ["--zlib"] if name in ("writer", "bundle") else []
    return [sys.executable, _CHILD, command, str(listed), str(out), *options]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def huge(scratch: Path) -> Figures:
    """Bundle 10 GB once, in files that take no room themselves."""
    folder = scratch / "huge"
    folder.mkdir()
    listed = folder / "list.txt"
    paths = [folder / name_of(number, 1121, 2001, datetime(2025, 10, 27, tzinfo=UTC)) for number in range(_HUGE)]
    for path in paths:
        path.touch()
        os.truncate(path, 100_000_000)
    listed.write_text("".join(f"{path}\n" for path in paths))
    try:
        return measure(listed, ["bundle-fast"], 1)["bundle-fast"]
    finally:
        shutil.rmtree(folder)


def goals(tables: dict[int, Table], cold: Table | None, large: Figures | None) -> list[Goal]:
    """Return what is promised of what has been measured."""
    kept: list[Goal] = []
    for size, names, most in (
        (_MANY, ("writer", "bundle"), 1.8),
        (_MANY, ("writer-fast", "bundle-fast"), 1.2),
        (_VERY_MANY, ("writer", "writer-fast", "bundle-fast"), 1.3),
    ):
        for name in names if size in tables else ():
            of = tables[size]
            kept.append(
                Goal(f"{_plain(name)} of {size:,}, to `cat`", ratio(of[name].wall, of["cat"].wall), at_most=most)
            )
    if _MANY in tables:
        of = tables[_MANY]
        for name in ("writer", "bundle"):
            quicker = ratio(of["old"].wall, of[name].wall)
            kept.append(Goal(f"{_plain(name)} of {_MANY:,}, the old way to it", quicker, at_least=30))
    if _FEW in tables:
        of = tables[_FEW]
        for name in ("writer", "bundle"):
            quicker = ratio(of["old"].inside, of[name].inside)
            kept.append(Goal(f"{_plain(name)} of {_FEW}, in process, the old way to it", quicker, at_least=15))
    for name in ("writer", "bundle", "bundle-fast") if cold else ():
        assert cold is not None
        text = f"{_plain(name)} of {_MANY:,}, cold, to cold `cat`"
        kept.append(Goal(text, ratio(cold[name].wall, cold["cat"].wall), at_most=1.0))
    for size, of in tables.items():
        kept.append(_memory(f"bundle of {size:,}", max(of["bundle-fast"].grown), size))
    if large is not None:
        kept.append(_memory("bundle of 10 GB", max(large.grown), _HUGE))
    return kept


def _plain(name: str) -> str:
    what, _, fast = name.partition("-")
    return f"{'ZIP writer' if what == 'writer' else 'whole bundle'}{', [fast]' if fast else ''}"


def _memory(text: str, grown: int, members: int) -> Goal:
    return Goal(f"memory of a {text}", grown / _MIB, at_most=round(24 + members / 1024, 1), unit="MiB")


def markdown(size: int, bytes_in_all: int, table: Table, note: str = "") -> list[str]:
    """Return the table of one size."""
    heads = ["seconds", "to `cat`", "CPU seconds", "in process", "memory grows by"]
    return [
        f"{size:,} recordings, {bytes_in_all / 1e6:,.0f} MB{note}:",
        "",
        f"| way | {' | '.join(heads)} |",
        "|---|---|---|---|---|---|",
        *(_row(WAYS[name].label, figures, table["cat"]) for name, figures in table.items()),
        "",
    ]


def _row(label: str, figures: Figures, cat: Figures) -> str:
    cells = [
        f"{statistics.median(figures.wall):.3f}",
        f"{ratio(figures.wall, cat.wall):.2f}",
        f"{statistics.median(cost.cpu for cost in figures.costs):.3f}",
        f"{statistics.median(figures.inside):.3f}" if figures.inside else "–",
        f"{max(figures.grown) / _MIB:.1f} MiB" if figures.grown else "–",
    ]
    return f"| {label} | {' | '.join(cells)} |"


def draw(tables: dict[int, Table], path: Path) -> None:
    """Plot seconds against the number of recordings."""

    names = ("cat", "cp", "zip0", "stored", "old", "writer-fast", "bundle-fast", "linked", "copied")
    series = {
        WAYS[name].label.replace("*", "").replace("`", ""): [
            (float(size), statistics.median(of[name].wall)) for size, of in tables.items() if name in of
        ]
        for name in names
    }
    plot(path, "One answer", "recordings of 100 to 500 kB", "seconds, whole process", series)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench bundle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of every way (default 5)")
    parser.add_argument("--sizes", default="81,1000,10000", help="numbers of recordings (default 81,1000,10000)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="a folder on the disk to measure; needs 12 GB")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="neither 10,000 recordings nor 10 GB nor a cold cache")
    return parser.parse_args()


def main() -> int:
    options = _options()
    sizes = sorted(map(int, options.sizes.split(",")))
    if options.quick:
        sizes = [size for size in sizes if size <= _MANY]
    with tempfile.TemporaryDirectory(prefix="voipmon-benchmark-", dir=options.scratch) as name:
        scratch = Path(name)
        machine = described(scratch)
        cold = large = None
        if not options.quick:
            print("10 GB", file=sys.stderr)
            large = huge(scratch)
        paths = make(scratch / "recordings", max(sizes))
        tables: dict[int, Table] = {}
        amounts: dict[int, int] = {}
        for size in sizes:
            print(f"{size} recordings", file=sys.stderr)
            listed, amounts[size] = _chosen(scratch, paths, size)
            names = [name for name, way in WAYS.items() if size <= way.most]
            tables[size] = measure(listed, names, options.rounds if size <= _MANY else min(3, options.rounds))
        if not options.quick and _MANY in sizes and os.geteuid() == 0:
            print("cold", file=sys.stderr)
            cold = measure(scratch / f"{_MANY}.txt", COLD, options.rounds, cold=True)
    kept = goals(tables, cold, large)
    lines = [f"{machine}; medians of {options.rounds} rounds.", ""]
    for size, of in tables.items():
        lines += markdown(size, amounts[size], of)
    if cold is not None:
        lines += markdown(_MANY, amounts[_MANY], cold, ", none of it in memory")
    lines += [f"- {goal}" for goal in kept]
    print("\n".join(lines))
    if options.json:
        figures = {str(size): _plain_figures(of) for size, of in tables.items()} | {"cold": _plain_figures(cold or {})}
        met = [goal._asdict() | {"met": goal.met} for goal in kept]
        options.json.write_text(json.dumps({"machine": machine, "ways": figures, "goals": met}, indent=2) + "\n")
    if options.write:
        draw(tables, ROOT / "docs" / "images" / "bundle.png")
        write("performance.md", "bundle", lines)
    return int(not all(goal.met for goal in kept))


def _chosen(scratch: Path, paths: list[Path], size: int) -> tuple[Path, int]:
    """Return a list of that many recordings, spread over all, and their bytes."""
    chosen = paths[:: max(1, len(paths) // size)][:size]
    listed = scratch / f"{size}.txt"
    listed.write_text("".join(f"{path}\n" for path in chosen))
    return listed, sum(path.stat().st_size for path in chosen)


def _plain_figures(table: Table) -> dict[str, object]:
    return {
        name: {
            "wall": of.wall,
            "cpu": [cost.cpu for cost in of.costs],
            "inside": of.inside,
            "grown": of.grown,
        }
        for name, of in table.items()
    }


if __name__ == "__main__":
    sys.exit(main())
