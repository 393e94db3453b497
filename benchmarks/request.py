"""A whole request: from the start of `voipmon process-queue` until a mail server has taken the answer.

python3 dev.py bench request [--names 1000000] [--recordings 81] [--rounds N] [--scratch DIR] [--json FILE] [--write]

81 recordings of 100 to 500 kB lie among a million others in one folder. The way of the scripts before voipmon takes its
turns on the same files, re-created: os.walk, a regular expression for each extension, copy, deflate, send. Ends with 1
where voipmon misses its goal.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # the mail server that keeps what it is given

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from support.smtp_sink import SmtpSink

from benchmarks._commands import ratio
from benchmarks._plot import plot
from benchmarks._recordings import Sound, name_of
from benchmarks._report import ROOT, Goal, described, write

_EXTENSIONS = ("7121", "7122", "7123")
_FIRST, _LAST = datetime(2025, 9, 29, tzinfo=UTC), datetime(2025, 10, 27, 23, 59, 59, tzinfo=UTC)
_CONFIG = """\
state_dir = "{folder}/state"
timezone = "UTC"
[smtp]
host = "127.0.0.1"
port = {port}
security = "plain"
sender = "voip.audios@example.com"
[access]
whitelist = ["manager@example.com"]
[queue]
dir = "{folder}/spool"
[recordings]
dir = "{folder}/recordings"
[publish]
dir = "{folder}/publish"
base_url = "https://voip.example.com/audios"
audio = "{audio}"
"""


class Letters(list[Any]):
    """The letters a mail server has taken, and when it took the last one."""

    last = 0.0

    def append(self, letter: Any) -> None:
        self.last = time.perf_counter()
        super().append(letter)


def fill(folder: Path, names: int, recordings: int) -> None:
    """Make that many empty files of other calls, and the recordings that are asked for."""
    folder.mkdir()
    chance = random.Random(1)
    start = datetime(2024, 11, 1, tzinfo=UTC)
    place = os.open(folder, os.O_RDONLY)
    for number in range(names - recordings):
        moment = start + timedelta(seconds=chance.randrange(365 * 86400))
        name = name_of(number, chance.randrange(1000, 2378), chance.randrange(1000, 2378), moment)
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=place))
    os.close(place)
    sound = Sound(7)
    for number in range(recordings):
        moment = _FIRST + (_LAST - _FIRST) * number / recordings
        sound.write(folder / name_of(names + number, int(_EXTENSIONS[number % 3]), 1121, moment))


class Taken(NamedTuple):
    """Seconds until the letter was taken, and seconds of CPU until the process ended."""

    wall: float
    cpu: float


class Ways:
    """The two ways, on the same recordings, each ready for its turn."""

    def __init__(self, folder: Path, sink: SmtpSink, recordings: int) -> None:
        self._folder = folder
        self._sink = sink
        self._recordings = recordings
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("VOIPMON_")}
        for name in ("publish", "old"):
            (folder / name).mkdir()
        for audio in ("copy", "symlink"):
            config = _CONFIG.format(folder=folder, port=sink.port, audio=audio)
            (folder / f"{audio}.toml").write_text(config)
        self._voipmon("copy", "init")
        self._voipmon("copy", "select-audios", "--refresh")

    def voipmon(self, audio: str) -> Taken:
        """Answer a request that waits in the queue."""
        span = f"--inicio={_FIRST:%d/%m/%Y %H:%M}", f"--fim={_LAST:%d/%m/%Y %H:%M}"
        who = "--email=manager@example.com"
        self._voipmon(audio, "queue", "add", f"--ramais={','.join(_EXTENSIONS)}", *span, who)
        taken = self._until_sent(self._command(audio, "process-queue"))
        (public,) = (self._folder / "publish").iterdir()
        if len(list(public.glob("0*.mp3"))) != self._recordings:
            raise SystemExit("voipmon has not given every recording")
        shutil.rmtree(public)
        return taken

    def old(self) -> Taken:
        """Answer it as the old scripts did."""
        out = self._folder / "old" / "out.zip"
        out.unlink(missing_ok=True)
        ends = [f"{moment:%Y%m%d-%H%M%S}" for moment in (_FIRST, _LAST)]
        where = [str(self._folder / "recordings"), ",".join(_EXTENSIONS), *ends, str(out)]
        script = str(ROOT / "benchmarks" / "_old_request.py")
        return self._until_sent([sys.executable, script, *where, self._sink.host, str(self._sink.port)])

    def _until_sent(self, command: list[str]) -> Taken:
        os.sync()
        before = len(self._sink.messages)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=self._environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or len(self._sink.messages) != before + 1:
            raise SystemExit(f"{command} ended with {process.returncode}, and no letter came")
        assert isinstance(self._sink.messages, Letters)
        return Taken(self._sink.messages.last - start, usage.ru_utime + usage.ru_stime)

    def _voipmon(self, audio: str, *arguments: str) -> None:
        subprocess.run(self._command(audio, *arguments), check=True, capture_output=True, env=self._environment)

    def _command(self, audio: str, *arguments: str) -> list[str]:
        config = str(self._folder / f"{audio}.toml")
        return [sys.executable, "-m", "voipmon", "--config", config, "--log-level", "warning", *arguments]


Times = dict[str, list[Taken]]
LABELS = {"old": "the old way", "copy": "**voipmon**, copies", "symlink": "**voipmon**, links"}


def measure(scratch: Path, names: int, recordings: int, rounds: int) -> Times:
    """Let each way have its turn in every round; the first round warms up."""
    folder = scratch / str(names)
    folder.mkdir()
    print(f"making {names:,} files", file=sys.stderr)
    fill(folder / "recordings", names, recordings)
    times: Times = {name: [] for name in LABELS}
    with SmtpSink() as sink:
        sink.messages = Letters()
        ways = Ways(folder, sink, recordings)
        turns = {
            "old": ways.old,
            "copy": lambda: ways.voipmon("copy"),
            "symlink": lambda: ways.voipmon("symlink"),
        }
        for number in range(rounds + 1):
            for name, turn in turns.items():
                times[name].append(turn())
            print(f"round {number} of {rounds}", file=sys.stderr)
    shutil.rmtree(folder)
    return {name: taken[1:] for name, taken in times.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench request", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--names", type=int, default=1_000_000, help="files in the folder (default 1,000,000)")
    parser.add_argument("--recordings", type=int, default=81, help="of these are asked for (default 81)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every way (default 7)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="a folder on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/performance.md")
    return parser.parse_args()


def main() -> int:
    options = _options()
    sizes = [size for size in (1000, 100_000) if size < options.names] + [options.names]
    with tempfile.TemporaryDirectory(prefix="voipmon-benchmark-", dir=options.scratch) as name:
        machine = described(Path(name))
        results = {size: measure(Path(name), size, options.recordings, options.rounds) for size in sizes}
    what = f"{options.recordings} recordings of {len(_EXTENSIONS)} extensions in 29 days"
    lines = [
        f"{machine}; {what}, medians of {options.rounds} rounds.",
        "In each cell stands the time until the mail was taken, then the CPU time.",
        "",
        f"| files in the folder | {' | '.join(LABELS.values())} | the old way to voipmon with copies |",
        "|---|---|---|---|---|",
        *(_row(size, times) for size, times in results.items()),
        "",
    ]
    quicker = _quicker(results[options.names], "wall")
    goal = Goal(f"a request among {options.names:,} names, the old way to it", quicker, at_least=10)
    lines.append(f"- {goal}")
    print("\n".join(lines))
    if options.json:
        facts = {"machine": machine, "seconds": results, "goals": [goal._asdict() | {"met": goal.met}]}
        options.json.write_text(json.dumps(facts, indent=2) + "\n")
    if options.write:
        series = {
            label.replace("*", ""): [(float(size), _median(times[name], "wall")) for size, times in results.items()]
            for name, label in LABELS.items()
        }
        plot(ROOT / "docs" / "images" / "request.png", "A whole request", "files in the folder", "seconds", series)
        write("performance.md", "request", lines)
    return int(not goal.met)


def _row(size: int, times: Times) -> str:
    cells = [f"{_median(taken, 'wall'):.2f} s, {_median(taken, 'cpu'):.2f}" for taken in times.values()]
    return f"| {size:,} | {' | '.join(cells)} | {_quicker(times, 'wall'):.1f}, {_quicker(times, 'cpu'):.1f} |"


def _median(taken: list[Taken], what: str) -> float:
    return statistics.median(getattr(one, what) for one in taken)


def _quicker(times: Times, what: str) -> float:
    return ratio([getattr(one, what) for one in times["old"]], [getattr(one, what) for one in times["copy"]])


if __name__ == "__main__":
    sys.exit(main())
