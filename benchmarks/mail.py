"""Taking mail in: a mailbox full of requests, near and behind a line of 120 ms, beside other ways to read it.

python3 dev.py bench mail [--counts 1000,10000] [--rounds N] [--scratch DIR] [--json FILE] [--write]

`voipmon monitor` is the whole command as a process: start, log-in, search, taking, reading, deciding, marking, and
every request in the queue and every confirmation in the outbox, on the disk. Only sending is left out: its mail
server refuses connections. *Read and decided* is the same without requests and confirmations: the verdicts are on the
disk. The other ways find, read, parse and mark the same mails, and decide and keep nothing. The server is a real
Dovecot; a proxy in between counts bytes and round trips, and holds back each byte for 60 ms on its way in either
direction. Ends with 1 where voipmon misses a goal.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # Dovecot, the proxy, and ordinary mails

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from support.dovecot import Dovecot, Mailbox
from support.line import Line
from support.mails import ordinary

from benchmarks._machine import spread
from benchmarks._report import ROOT, Goal, described, write

_DELAY = 0.06  # seconds, in each direction
_FAR = f"{2000 * _DELAY:.0f} ms"
_MOST_ONE_BY_ONE = 100  # behind the long line, where they take a quarter of a second each
_CONFIG = """\
mode = "master"
instance = "benchmark"
state_dir = "{folder}/state"
[imap]
host = "127.0.0.1"
port = {port}
security = "plain"
user = "{user}"
password = "secret"
[smtp]
host = "127.0.0.1"
port = {closed}
security = "plain"
sender = "voip.audios@example.com"
[access]
whitelist = ["@company.example.com"]
verify_sender = "require"
authserv_id = "mx.google.com"
[queue]
dir = "{folder}/spool"
[publish]
dir = "{folder}/publish"
base_url = "https://voip.example.com/audios"
"""


class Taken(NamedTuple):
    """What one turn took: seconds by the clock and of CPU, round trips, bytes from the server, and how many mails."""

    wall: float
    cpu: float
    round_trips: int
    bytes: int
    mails: int

    @property
    def each(self) -> float:
        return self.wall / self.mails


class Ways:
    """A mailbox with so many requests of as many people, and the ways to read it."""

    def __init__(self, folder: Path, mailbox: Mailbox, count: int) -> None:
        self._folder = folder
        self._mailbox = mailbox
        self._count = count
        self._turn = 0
        now = datetime.now(UTC)
        for start in range(0, count, 1000):
            numbers = range(start, min(start + 1000, count))
            mailbox.append_all(ordinary(number, now, f"p{number}@company.example.com") for number in numbers)

    def voipmon(self, delay: float) -> tuple[Taken, Taken]:
        """Make a pass that takes all in, and one that finds nothing; return what both took."""
        self._begin_anew()
        with self._line(delay) as line:
            command = self._voipmon(line.port)
            full = self._run(command, line, self._count)
            queued = len(list((self._folder / "spool" / "pending").iterdir()))
            posted = len(list((self._folder / "state" / "outbox" / "waiting").iterdir()))
            if not queued == posted == self._count:
                raise SystemExit(f"of {self._count} mails {queued} are in the queue and {posted} confirmed")
            empty = self._run(command, line, self._count)
        return full, empty

    def decided(self, delay: float) -> Taken:
        """Read and decide on all, and let nothing follow from it."""
        self._begin_anew()
        script = str(ROOT / "benchmarks" / "_mail_decided.py")
        with self._line(delay) as line:
            config = self._voipmon(line.port)[4]
            return self._run([sys.executable, script, config], line, self._count)

    def rival(self, way: str, delay: float) -> Taken:
        """Have another way read all, or as many as it can in decent time."""
        self._begin_anew()
        slow = way == "one-by-one" and delay
        most = min(self._count, _MOST_ONE_BY_ONE) if slow else self._count
        script = str(ROOT / "benchmarks" / "_mail_rivals.py")
        with self._line(delay) as line:
            command = [sys.executable, script, way, str(line.port), self._mailbox.user, str(most)]
            return self._run(command, line, most, said=f"{most}\n")

    @contextmanager
    def _line(self, delay: float) -> Iterator[Line]:
        with Line(self._mailbox.server.host, self._mailbox.server.port, delay) as line:
            yield line

    def _voipmon(self, port: int) -> list[str]:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = nobody.getsockname()[1]
        config = self._folder / "voipmon.toml"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(folder=self._folder, port=port, user=self._mailbox.user, closed=closed))
        return [sys.executable, "-m", "voipmon", "--config", str(config), "--log-level", "error", "monitor"]

    def _begin_anew(self) -> None:
        self._turn += 1
        aside = self._folder / "aside" / str(self._turn)  # to remove files makes it slow to make others
        aside.mkdir(parents=True)
        for path in (self._folder / "spool", *(self._folder / "state").glob("[lo]*")):  # ledger and outbox
            if path.exists():
                path.rename(aside / path.name)
        with self._mailbox.client() as client:
            uids = client.search("ALL")
            for start in range(0, len(uids), 1000):
                client.set_flags(uids[start : start + 1000], [], silent=True)

    def _run(self, command: list[str], line: Line, mails: int, said: str = "") -> Taken:
        line.reset()
        os.sync()
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            printed = output.read().decode()
        if process.returncode or printed != said:
            raise SystemExit(f"{command} ended with {process.returncode}: {printed}")
        return Taken(wall, usage.ru_utime + usage.ru_stime, line.round_trips, line.to_client, mails)


Times = dict[str, list[Taken]]
LABELS = {
    "voipmon": "**`voipmon monitor`**",
    "decided": "**voipmon**, read and decided",
    "imap-tools": "imap-tools, in bulk",
    "one-by-one": "imaplib, one by one",
    "empty": "**`voipmon monitor`**, nothing new",
}


def measure(scratch: Path, server: Dovecot, count: int, rounds: int) -> dict[bool, Times]:
    """Let each way have its turn in every round, near (False) and far (True); the first round near warms up."""
    folder = scratch / str(count)
    folder.mkdir()
    spread(folder)
    print(f"a mailbox of {count:,}", file=sys.stderr)
    ways = Ways(folder, server.mailbox("secret"), count)
    ways.voipmon(0)
    results: dict[bool, Times] = {}
    for far in (False, True):
        delay = _DELAY if far else 0.0
        times: Times = {name: [] for name in LABELS}
        for number in range(1, rounds + 1):
            full, empty = ways.voipmon(delay)
            times["voipmon"].append(full)
            times["empty"].append(empty)
            times["decided"].append(ways.decided(delay))
            for name in ("imap-tools", "one-by-one"):
                times[name].append(ways.rival(name, delay))
            print(f"round {number} of {rounds}, {_FAR if far else 'loopback'}", file=sys.stderr)
        results[far] = times
    shutil.rmtree(folder)
    return results


def _median(taken: list[Taken], what: str) -> float:
    return statistics.median(getattr(one, what) for one in taken)


def _row(count: int, name: str, results: dict[bool, Times]) -> str:
    near, far = results[False][name], results[True][name]
    part = far[0].mails < count
    seconds = _median(far, "each") * count
    cells = [
        f"{count:,}" if name != "empty" else "0",
        LABELS[name],
        f"{_median(near, 'wall'):.2f}",
        f"{_median(near, 'cpu'):.2f}",
        f"{seconds:,.0f} (from {far[0].mails})" if part else f"{seconds:.2f}",
        f"{_median(near, 'round_trips'):,.0f}",
        f"{_median(near, 'bytes') / 1000:,.1f} kB"
        if name == "empty"
        else f"{_median(near, 'bytes') / count / 1000:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def goals(count: int, results: dict[bool, Times]) -> Iterator[Goal]:
    """Yield what is promised."""
    seconds = {1_000: (3, 8), 10_000: (25, 60)}
    near, far = results[False], results[True]
    if count in seconds:
        most_near, most_far = seconds[count]
        text = f"{count:,} requests read and decided"
        yield Goal(f"{text} on loopback", _median(near["decided"], "wall"), at_most=most_near, unit="s")
        yield Goal(f"{text} behind {_FAR}", _median(far["decided"], "wall"), at_most=most_far, unit="s")
    for_one = (_median(near["voipmon"], "bytes") - _median(near["empty"], "bytes")) / count / 1000
    yield Goal(f"for each of {count:,} mails, from the server", for_one, at_most=4.096, unit="kB")
    empty = f"a pass with nothing new among {count:,}"
    yield Goal(empty, _median(near["empty"], "round_trips"), at_most=8, unit="round trips")
    yield Goal(f"{empty}, from the server", _median(near["empty"], "bytes") / 1000, at_most=10, unit="kB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench mail", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--counts", default="1000,10000", help="mails in the mailbox (default 1000,10000)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every way (default 3)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="a folder on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def main() -> int:
    options = _options()
    counts = [int(count) for count in options.counts.split(",")]
    with tempfile.TemporaryDirectory(prefix="voipmon-benchmark-", dir=options.scratch) as name, Dovecot() as server:
        machine = described(Path(name))
        results = {count: measure(Path(name), server, count, options.rounds) for count in counts}
    kept = [goal for count in counts for goal in goals(count, results[count])]
    lines = [
        f"{machine}; medians of {options.rounds} rounds.",
        "",
        f"| mails | way | loopback, s | CPU, s | {_FAR} of round trip, s | round trips | kB for each mail |",
        "|---|---|---|---|---|---|---|",
        *(_row(count, name, results[count]) for count in counts for name in LABELS),
        "",
        *(f"- {goal}" for goal in kept),
    ]
    print("\n".join(lines))
    if options.json:
        met = [goal._asdict() | {"met": goal.met} for goal in kept]
        options.json.write_text(json.dumps({"machine": machine, "turns": results, "goals": met}, indent=2) + "\n")
    if options.write:
        write("performance.md", "mail", lines)
    return int(not all(goal.met for goal in kept))


if __name__ == "__main__":
    sys.exit(main())
