"""Kill, freeze or disappoint a process at one of its system calls, by strace.

A process counts its calls of each name; a `Point` is the k-th call of a name, found by watching a run to its end. Three
things that are easy to get wrong: strace counts each name on its own; a signal given at a call comes before it is
carried out, so a process killed at the n-th call has done the first n - 1; with --seccomp-bpf none comes at all.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

_CHANGES = (
    "/^(open|creat|p?write|f?truncate|fallocate|copy_file_range|sendfile|rename|link|symlink|unlink|mkdir|rmdir|mknod|"
    "f?chmod|[fl]?chown|utime|f(data)?sync|sync_file_range|flock)"
)
"""Every call that changes files, names or locks: strace's regular expression."""

_CALL = re.compile(r"(\w+)\((.*)")
_WRITES = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC)")
_FROZEN = re.compile(r"^--- SIGSTOP .*\n--- stopped by SIGSTOP", re.MULTILINE)  # not the stop it was started with
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Point:
    """The *number*th call named *name* of a process; *text* is how strace writes it."""

    name: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.name} no. {self.number}: {self.text}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, None if it was killed; what it said; and its calls, if it was watched."""

    code: int | None
    said: str
    calls: list[str]


class Stage:
    """Where processes are started that carry out one of `safety.actors.ACTS` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "safety.actors"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=_PATIENCE)

    def run(self, act: str, world: Path, *, watch: str | None = None, all_calls: bool = False, **details: Any) -> Ended:
        """Carry out one act to its end; see `start`."""
        return self.start(act, world, watch=watch, all_calls=all_calls, **details).end()

    def start(
        self, act: str, world: Path, *, watch: str | None = None, all_calls: bool = False, **details: Any
    ) -> "Running":
        """Begin one act, watched if *watch* is given: what strace injects, or nothing.

        What is seen are the calls that change something, or *all_calls*.
        """
        report = self._folder / f"report-{next(self._numbers)}"
        order = {"act": act, "world": str(world), "report": str(report), "watched": watch is not None}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order | {"details": details}) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), report, watch, "all" if all_calls else _CHANGES)


class Running:
    """A process that carries out an act."""

    def __init__(self, pid: int, report: Path, watch: str | None, trace: str) -> None:
        self._pid = pid
        self._report = report
        self._log = report.with_suffix(".calls")
        self._strace: subprocess.Popen[str] | None = None
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = -1
        if watch is not None:
            self._attach(watch, trace)

    def end(self) -> Ended:
        """Wait for its end."""
        if self._handle >= 0:
            ready, _, _ = select.select([self._handle], [], [], _PATIENCE)
            if not ready:
                os.kill(self._pid, signal.SIGKILL)
            os.close(self._handle)
            assert ready, "a process hangs"
        if self._strace is not None:
            self._strace.communicate(timeout=_PATIENCE)
        report = self._report.read_text() if self._report.exists() else ""  # empty: killed as it was written
        code = int(report) if report else None
        calls = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return Ended(code, self._report.with_suffix(".said").read_text(), calls)

    def has_ended(self, within: float) -> bool:
        """Tell whether it ends within that many seconds."""
        return self._handle < 0 or bool(select.select([self._handle], [], [], within)[0])

    def is_frozen(self) -> bool:
        """Wait until it is frozen; False if it ends instead."""
        until = time.monotonic() + _PATIENCE
        while not self.has_ended(0.002):
            assert time.monotonic() < until, "a process neither ends nor stops"
            if _FROZEN.search(self._log.read_text(errors="replace")):
                return True
        return False

    def go_on(self) -> None:
        """Let it go on."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGCONT)

    def _attach(self, inject: str, trace: str) -> None:
        self._wait_for_stop()
        options = [
            "-qq",
            "-y",
            "-s",
            "200",
            "-o",
            str(self._log),
            "-e",
            f"trace={trace}",
        ]
        if inject:
            options += ["-e", f"inject={inject}"]
        self._strace = subprocess.Popen(
            ["strace", *options, "-p", str(self._pid)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        status = Path(f"/proc/{self._pid}/status")
        while "TracerPid:\t0\n" in status.read_text():
            assert self._strace.poll() is None, self._strace.communicate()[1]
            time.sleep(0.001)
        self.go_on()

    def _wait_for_stop(self) -> None:
        while Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)


def points(calls: list[str], world: Path) -> list[Point]:
    """Return the calls that change something below *world*, in their order."""
    seen: dict[str, int] = {}
    found = []
    for line in calls:
        match = _CALL.match(line)
        if match is None:
            continue
        name = match[1]
        seen[name] = seen.get(name, 0) + 1
        if str(world) in line and not (name.startswith("open") and not _WRITES.search(line)):
            found.append(Point(name, seen[name], line.replace(str(world), "")))
    return found
