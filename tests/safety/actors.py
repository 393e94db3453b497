"""The processes that are killed, frozen and refused by the disk: started warm, so that a trial takes no start-up time.

`python -m safety.actors` reads one order a line, forks a child that carries it out, and answers with the child's
process id; how that ended stands in the order's `report` file. A child that is to be watched stops itself first.
"""

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from voipmon import wiring
from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.commands.digest import report_silence
from voipmon.commands.monitor import monitor
from voipmon.commands.process_queue import process_queue
from voipmon.commands.send_letters import Postman
from voipmon.config.sources import load_config
from voipmon.delivery import bundle, local, page
from voipmon.delivery.publisher import no_progress
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import NothingFound
from voipmon.domain.period import Period
from voipmon.domain.recording import Findings
from voipmon.domain.request import Request
from voipmon.domain.wanted import Wanted
from voipmon.errors import VoipmonError
from voipmon.mail import ledger, letters
from voipmon.mail.inbox import Message, Standing
from voipmon.mail.outbox import Receipt
from voipmon.queue.admin import QueueAdmin
from voipmon.queue.retry import RetryRule
from voipmon.queue.spool import SpoolQueue
from voipmon.recordings import getdents, index_building, keys

WARM: tuple[ModuleType, ...] = (bundle, getdents, index_building, keys, ledger, letters, page)
"""Imported late by the program, here at once."""

POISON = "6666"
_TRACED_BY_ANY = -1
_PR_SET_PTRACER = 0x59616D61


def request_of(number: int, extension: str = "1121") -> Request:
    """Return the *number*th request of a minute, for the calls of *extension*."""
    arrived = datetime(2025, 11, 11, 11, 47, number, tzinfo=UTC)
    return Request(
        id=f"{arrived:%Y%m%dT%H%M%SZ}-k7q2m9xd4t",
        requester="manager@example.com",
        recipient="manager@example.com",
        parameters={"ramais": extension, "inicio": "27/10/2025 08:00", "fim": "28/10/2025 18:00"},
        created_at=arrived,
        message_id=f"<{number}@example.com>",
        subject=f"RAMAIS={extension} INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00",
    )


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    local.usable  # noqa: B018 - publishing is loaded
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _carry_out(json.loads(line))
        print(child, flush=True)


def _carry_out(order: dict[str, Any]) -> None:
    code = 70
    os.dup2(os.open(Path(order["report"]).with_suffix(".said"), os.O_WRONLY | os.O_CREAT, 0o600), 2)
    try:
        if order["watched"]:
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _TRACED_BY_ANY, 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
        ACTS[order["act"]](Path(order["world"]), **order["details"])
        code = 0
    except VoipmonError:
        traceback.print_exc()
        code = 3
    except BaseException:  # noqa: BLE001 - the report says it
        traceback.print_exc()
    sys.stderr.flush()
    Path(order["report"]).write_text(str(code))
    os._exit(code)


def enqueue(world: Path, requests: list[tuple[int, str]], *, careless: bool = False) -> None:
    """Enqueue requests, and note each that was accepted, as the monitor marks its mail; *careless* flushes nothing."""
    if careless:
        os.fsync = lambda _: None  # type: ignore[assignment]
    queue = SpoolQueue(world / "queue", instance="pbx")
    for number, extension in requests:
        queue.enqueue(request_of(number, extension))
        _note(world / "accepted", str(number))


def process(world: Path, hours: int) -> None:
    """Make one pass with everything that is real but the clock, the mail server and a fault on one extension.

    The recordings are found without the index, whose calls are never the same twice: tests/safety/test_index.py has it.
    """
    config = load_config(world / "voipmon.toml", {}).config
    now = datetime.now(UTC) + timedelta(hours=hours)
    clock = lambda: now  # noqa: E731
    desk = wiring.desk(config)
    desk = replace(
        desk,
        clock=clock,
        publisher=_Counting(desk.publisher, world / "handled"),
        catalogue=_Faulty(desk.catalogue.plain),
    )
    postman = Postman(wiring.outbox(config), lambda: _Server(world / "server"), clock)
    work = wiring.work(config, postman, lambda: False)
    work = replace(work, desk=desk, rule=RetryRule(3), luck=lambda: 0.5)
    process_queue(work, no_progress)


def take_in(world: Path, hours: int) -> None:
    """Make the monitor's pass over the mails in `inbox/`, and tell the admin of the days before."""
    config = load_config(world / "voipmon.toml", {}).config.model_copy(update={"admin": "admin@example.com"})
    now = datetime.now(UTC) + timedelta(hours=hours)
    with closing(wiring.ledger(config)) as verdicts:
        intake = wiring.intake(config, verdicts, {})
        intake = replace(intake, clock=lambda: now, authserv_id="mx.example.com")
        tally = monitor(FolderInbox(world), intake, lambda: False)  # type: ignore[arg-type]
        assert not tally.failed
        report_silence(verdicts, intake.outbox, intake.writer, config.admin, now)


def mend(world: Path, how: str, number: int) -> None:
    """Have a request answered again, or cancel one, or delete all that have ended."""
    admin = QueueAdmin(world / "queue", instance="pbx")
    now = datetime.now(UTC)
    if how == "purge":
        admin.purge(timedelta(0), now + timedelta(seconds=1))
    else:
        {"retry": admin.retry, "cancel": admin.cancel}[how](request_of(number).id, now)


def produce(world: Path, start: int, count: int, pause: float) -> None:
    """Enqueue requests that arrive now."""
    queue = SpoolQueue(world / "queue", instance="pbx")
    for number in range(start, start + count):
        arrived = datetime.now(UTC)
        queue.enqueue(replace(request_of(0), id=f"{arrived:%Y%m%dT%H%M%SZ}-{number:06}", created_at=arrived))
        time.sleep(pause)


def work(world: Path, count: int) -> None:
    """Answer requests until there are *count* answers of all workers together."""
    queue = SpoolQueue(world / "queue", instance="pbx")
    while True:
        lease = queue.lease(datetime.now(UTC))
        if lease is None:
            if len(os.listdir(world / "queue" / "completed")) >= count:  # noqa: PTH208
                return
            time.sleep(0.002)
            continue
        _note(world / "handled", lease.request.id)
        queue.complete(lease, NothingFound(), datetime.now(UTC))


def recover(world: Path) -> None:
    """Take up what dead workers left, and note how many requests that were."""
    _note(world / "recovered", str(SpoolQueue(world / "queue", instance="pbx").recover(datetime.now(UTC))))


def look(world: Path) -> None:
    """Make the pass of the queue alone, as often as it is when there is nothing to do."""
    queue = SpoolQueue(world / "queue", instance="pbx")
    queue.recover(datetime.now(UTC))
    assert queue.lease(datetime.now(UTC)) is None


def take(world: Path, count: int, *, finish: bool) -> None:
    """Take requests, and answer them if told to."""
    queue = SpoolQueue(world / "queue", instance="pbx")
    for _ in range(count):
        lease = queue.lease(datetime.now(UTC))
        assert lease is not None
        if finish:
            queue.complete(lease, NothingFound(), datetime.now(UTC))


def refresh(world: Path) -> None:
    """Bring the catalogue's index up to date."""
    wiring.catalogue(load_config(world / "voipmon.toml", {}).config).refresh()


def find(world: Path) -> None:
    """Note which recordings of 1121 and 1122 the catalogue finds."""
    period = Period(datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 10, 31, tzinfo=UTC))
    catalogue = wiring.catalogue(load_config(world / "voipmon.toml", {}).config)
    for recording in catalogue.find(Wanted(frozenset({"1121", "1122"})), period).recordings:
        _note(world / "found", recording.path)


def tell(world: Path, numbers: list[int]) -> None:
    """Tell the audit trail of events of those numbers, all at once, and note that it was done."""
    now = datetime.now(UTC)
    events = [Event("opened", now, (str(number),), {"request": f"r{number}"}) for number in numbers]
    Trail(world / "audit", lambda: now).append(events)
    _note(world / "told", ",".join(map(str, numbers)))


ACTS: dict[str, Callable[..., None]] = {
    act.__name__: act
    for act in (enqueue, process, take_in, mend, produce, work, recover, look, take, refresh, find, tell)
}


class FolderInbox:
    """A mailbox in a folder, which no other host reads: its mails are `inbox/<uid>`, its marks `marked` and `aside`."""

    name = "voip.audios@example.com@imap.example.com/INBOX"
    generation = 1

    def __init__(self, world: Path) -> None:
        self._world = world

    def waiting(self) -> list[int]:
        return sorted({int(path.name) for path in (self._world / "inbox").iterdir()} - self._done())

    def count_waiting_before(self, moment: datetime) -> int:
        return sum(message.arrived_at < moment for message in self.read(self.waiting()))

    def read(self, uids: list[int]) -> list[Message]:
        paths = {uid: self._world / "inbox" / str(uid) for uid in sorted(uids)}
        moments = {uid: datetime.fromtimestamp(int(path.stat().st_mtime), UTC) for uid, path in paths.items()}
        return [Message(uid, moments[uid], path.read_bytes(), path.stat().st_size) for uid, path in paths.items()]

    def take(self, uids: list[int], *, from_others: bool) -> list[int]:  # noqa: ARG002 - there are no others
        return uids

    def standing(self, uids: list[int]) -> dict[int, Standing]:
        done = self._done()
        return {uid: Standing.OURS if uid in done else Standing.WAITING for uid in uids}

    def acknowledge(self, uids: set[int]) -> frozenset[int]:
        for uid in sorted(uids):
            _note(self._world / "marked", str(uid))
        return frozenset()

    def quarantine(self, uids: list[int]) -> frozenset[int]:
        for uid in uids:
            _note(self._world / "aside", str(uid))
        return frozenset()

    def _done(self) -> set[int]:
        notes = (self._world / name for name in ("marked", "aside"))
        return {int(line) for note in notes if note.exists() for line in note.read_text().splitlines()}


class _Counting:
    """A publisher that notes each time it is asked to publish."""

    def __init__(self, publisher: Any, notes: Path) -> None:
        self._publisher = publisher
        self._notes = notes

    def publish(self, request_id: str, ask: Ask, findings: Findings, *rest: Any) -> Any:
        _note(self._notes, request_id)
        return self._publisher.publish(request_id, ask, findings, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)


class _Faulty:
    """A catalogue with a fault that one extension brings to light."""

    def __init__(self, catalogue: Any) -> None:
        self._catalogue = catalogue

    def find(self, wanted: Wanted, period: Period) -> Any:
        if POISON in wanted.extensions:
            raise RuntimeError("a fault of ours")
        return self._catalogue.find(wanted, period)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)


class _Server:
    """A mail server: what stands in its notes has got its 250."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def send(self, content: bytes, recipients: tuple[str, ...]) -> Receipt:
        message_id = next(line for line in content.decode().splitlines() if line.startswith("Message-ID:"))
        _note(self._notes, f"{message_id} {sha256(content).hexdigest()} {recipients}")
        return Receipt({}, ())

    def close(self) -> None:
        pass


def _note(notes: Path, text: str) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


if __name__ == "__main__":
    main()
