"""What a benchmark promises, and its place in the documents."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._machine import machine

ROOT = Path(__file__).resolve().parents[1]


class Goal(NamedTuple):
    """What is promised: *value* is what was measured, *unit* what it counts, *note* what else is to be known."""

    text: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"
    note: str = ""

    @property
    def met(self) -> bool:
        return (self.at_most is None or self.value <= self.at_most) and self.value >= (self.at_least or 0)

    def __str__(self) -> str:
        bound = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        verdict = "met" if self.met else "**missed**"
        note = f" ({self.note})" if self.note else ""
        return f"{self.text}: {self.value:.3g} {self.unit}, goal {bound}: {verdict}{note}"


def described(folder: Path) -> str:
    """Return the machine that this runs on in one sentence, the disk being that of *folder*."""
    facts = machine(folder)
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    chip = names[0].partition(": ")[2] if names else "unknown processor"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    file_system = str(facts["file_system"]).partition(" ")[0]
    return (
        f"{facts['kernel']}, Python {facts['python']}, {facts['cores']} cores ({chip}, load {facts['load']} at the "
        f"start), {memory:.0f} GiB of memory, {file_system}"
    )


def write(document: str, mark: str, lines: Sequence[str]) -> None:
    """Put the lines into docs/*document* between the marks `<!-- benchmark:mark -->` and `<!-- /benchmark -->`."""
    path = ROOT / "docs" / document
    text = path.read_text()
    begin, end = f"<!-- benchmark:{mark} -->", "<!-- /benchmark -->"
    if begin not in text:
        print(f"docs/{document} has no {begin}: nothing is written", file=sys.stderr)
        return
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text("\n".join([f"{before}{begin}", "", *lines, "", f"{end}{after}"]))
