"""One request, one letter or one admin does not stop a pass."""

# ruff: noqa: ARG002 - the signatures are the ports'

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.audit import MemoryAudit
from fakes.catalogue import MemoryCatalogue
from fakes.outbox import MemoryOutbox, make_letter
from fakes.publisher import MemoryPublisher
from fakes.queue import MemoryQueue, make_request
from fakes.transport import MemoryTransport

from voipmon.access.limits import Limits
from voipmon.access.rights import Rights
from voipmon.audit.port import Event
from voipmon.clock import system_clock
from voipmon.commands.process_queue import Work, process_queue
from voipmon.commands.select_audios import Desk
from voipmon.commands.send_letters import Postman
from voipmon.delivery.publisher import no_progress
from voipmon.domain.period import Period
from voipmon.domain.recording import Findings
from voipmon.domain.wanted import Wanted
from voipmon.errors import AuditError, CatalogueError, LetterRefusedError, QueueError, ServerAwayError, UncertainError
from voipmon.mail.facts import Facts, Thread
from voipmon.mail.outbox import Letter, Receipt, letter_name
from voipmon.queue.port import Lease, Queue, State
from voipmon.queue.retry import RetryRule
from voipmon.queue.spool import SpoolQueue

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Catalogue(MemoryCatalogue):
    """A catalogue in which something happens when it is asked."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def find(self, wanted: Wanted, period: Period) -> Findings:
        self._happens()
        return super().find(wanted, period)


class Writer:
    """Writes short letters, and none of the kinds it cannot write."""

    def __init__(self, *unwritable: str) -> None:
        self._unwritable = unwritable

    def write(self, facts: Facts, thread: Thread | None, now: datetime) -> Letter:
        if facts.kind in self._unwritable:
            raise ValueError("a header may not hold a newline")
        assert thread is not None
        name = letter_name(getattr(facts, "request_id", "none"), facts.kind)
        return Letter(name, (thread.recipient,), f"Message-ID: <{name}@example.com>\r\n\r\n".encode())


class Transport(MemoryTransport):
    """A mail server that does what *answers* say of a letter, by its content."""

    def __init__(self, answers: dict[bytes, Exception | Receipt] | None = None) -> None:
        super().__init__()
        self.tried: list[bytes] = []
        self._answers = answers or {}

    def send(self, content: bytes, recipients: tuple[str, ...]) -> Receipt:
        self.tried.append(content)
        answer = self._answers.get(content)
        if isinstance(answer, Exception):
            raise answer
        return answer or super().send(content, recipients)


def make_work(
    queue: Queue,
    *,
    catalogue: MemoryCatalogue | None = None,
    outbox: MemoryOutbox | None = None,
    audit: MemoryAudit | None = None,
    writer: Writer | None = None,
    transport: MemoryTransport | None = None,
    stop: Callable[[], bool] = lambda: False,
    now: datetime = NOON,
) -> Work:
    outbox = outbox or MemoryOutbox()
    limits = Limits(50, 90, 10_000, 20_000_000_000, 30)
    return Work(
        queue=queue,
        desk=Desk(
            catalogue=catalogue or MemoryCatalogue(),
            publisher=MemoryPublisher(),
            outbox=outbox,
            audit=audit or MemoryAudit(),
            writer=writer or Writer(),
            limits=limits,
            zone=ZoneInfo("America/Sao_Paulo"),
            prefixes=("internal",),
            clock=lambda: now,
        ),
        postman=Postman(outbox.rival(), lambda: transport or MemoryTransport(), lambda: now),
        rights=Rights(frozenset({"manager@example.com"})),
        rule=RetryRule(5),
        luck=lambda: 0.5,
        stop=stop,
    )


def ids(queue: Queue, state: State) -> list[str]:
    return [entry.request_id for entry in queue.entries(state)]


def filled(queue: Queue, count: int = 2) -> None:
    for number in range(1, count + 1):
        queue.enqueue(make_request(number))


def test_a_request_that_an_admin_moves_while_it_is_worked_on_does_not_stop_the_others(tmp_path: Path) -> None:
    queue = SpoolQueue(tmp_path, instance="pbx")
    filled(queue)
    first = tmp_path / "processing" / f"{make_request(1).id}.json"
    catalogue = Catalogue(lambda: first.unlink(missing_ok=True))

    assert process_queue(make_work(queue, catalogue=catalogue), no_progress) == 2

    assert ids(queue, State.COMPLETED) == [make_request(2).id]


def test_a_request_that_fails_for_now_does_not_hold_up_the_others() -> None:
    queue = MemoryQueue()
    filled(queue)
    troubles = iter([CatalogueError("not mounted", retryable=True)])

    def happens() -> None:
        for trouble in troubles:
            raise trouble

    process_queue(make_work(queue, catalogue=Catalogue(happens)), no_progress)

    assert ids(queue, State.COMPLETED) == [make_request(2).id]
    (entry,) = queue.entries(State.PENDING)
    assert entry.not_before == NOON + timedelta(minutes=1)


def test_a_request_that_killed_five_workers_is_given_up() -> None:
    queue = MemoryQueue()
    queue.enqueue(make_request(1))
    for _ in range(5):
        dying = queue.rival()
        dying.lease(NOON)
        dying.die()
        queue.recover(NOON)
    queue.enqueue(make_request(2))
    outbox = MemoryOutbox()

    process_queue(make_work(queue, outbox=outbox), no_progress)

    assert ids(queue, State.FAILED) == [make_request(1).id]
    assert queue.outcome(make_request(1).id) == "the worker died 5 times"
    assert ids(queue, State.COMPLETED) == [make_request(2).id]
    assert outbox.has(f"{make_request(1).id}.failure")


def test_a_letter_that_cannot_be_written_does_not_keep_a_request_from_ending() -> None:
    queue = MemoryQueue()
    filled(queue)
    catalogue = MemoryCatalogue()
    catalogue.error = CatalogueError("the folder is no folder")

    process_queue(make_work(queue, catalogue=catalogue, writer=Writer("failure")), no_progress)

    assert ids(queue, State.FAILED) == [make_request(1).id, make_request(2).id]


def test_an_interrupted_request_is_put_back_and_its_attempt_not_counted() -> None:
    queue = MemoryQueue()
    filled(queue)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_queue(make_work(queue, catalogue=Catalogue(interrupt)), no_progress)

    assert queue.lease(NOON) == Lease(make_request(1), attempt=1)


def test_a_pass_told_to_stop_ends_after_the_request_in_work() -> None:
    queue = MemoryQueue()
    filled(queue, 3)
    asked: list[None] = []

    process_queue(
        make_work(queue, catalogue=Catalogue(lambda: asked.append(None)), stop=lambda: bool(asked)), no_progress
    )

    assert ids(queue, State.COMPLETED) == [make_request(1).id]
    assert ids(queue, State.PENDING) == [make_request(2).id, make_request(3).id]


class FullAudit(MemoryAudit):
    """A trail on a disk that is full so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def append(self, events: Sequence[Event]) -> int:
        self._times -= 1
        if self._times >= 0:
            raise AuditError("the disk is full", retryable=True)
        return super().append(events)


def test_what_cannot_be_told_to_the_audit_is_not_given_and_is_given_once_later() -> None:
    queue, outbox, audit = MemoryQueue(), MemoryOutbox(), FullAudit(1)
    filled(queue, 1)
    work = make_work(queue, outbox=outbox, audit=audit)

    process_queue(work, no_progress)
    assert outbox.letters() == []
    assert audit.events == []

    process_queue(make_work(queue, outbox=outbox, audit=audit, now=NOON + HOUR), no_progress)

    assert ids(queue, State.COMPLETED) == [make_request(1).id]
    assert audit.kinds() == ["request_taken", "nothing_found"]
    assert len(outbox.letters("sent")) == 1


def test_where_not_even_the_failure_can_be_told_the_request_goes_back() -> None:
    queue, audit = MemoryQueue(), FullAudit(100)
    filled(queue, 1)
    catalogue = MemoryCatalogue()
    catalogue.error = CatalogueError("the folder is no folder")

    with pytest.raises(AuditError):
        process_queue(make_work(queue, catalogue=catalogue, audit=audit), no_progress)

    assert ids(queue, State.PENDING) == [make_request(1).id]


class BrokenQueue(MemoryQueue):
    def lease(self, now: datetime) -> Lease | None:
        raise QueueError("the disk is gone")


def test_letters_are_sent_also_where_the_queue_is_broken() -> None:
    outbox = MemoryOutbox()
    outbox.post(make_letter(), NOON)
    transport = MemoryTransport()

    with pytest.raises(QueueError):
        process_queue(make_work(BrokenQueue(), outbox=outbox, transport=transport), no_progress)

    assert [sent.content for sent in transport.sent] == [make_letter().content]


@pytest.mark.parametrize(
    "answer",
    [
        UncertainError("the line broke"),
        LetterRefusedError("451 try again", retryable=True),
        LetterRefusedError("550 no such user"),
        ValueError("a fault of ours"),
        Receipt({}, ("admin@example.com",)),
    ],
)
def test_a_letter_is_tried_once_in_a_pass_and_does_not_hold_up_the_others(answer: Exception | Receipt) -> None:
    outbox = MemoryOutbox()
    for number in (1, 2):
        outbox.post(make_letter(number), NOON)
    transport = Transport({make_letter(1).content: answer})
    postman = Postman(outbox.rival(), lambda: transport, lambda: NOON)

    for _ in range(3):
        postman.send_letters()

    assert transport.tried == [make_letter(1).content, make_letter(2).content]
    assert outbox.letters("sent") == [make_letter(2)]


def test_an_hour_without_a_mail_server_loses_no_letter() -> None:
    outbox = MemoryOutbox()
    for number in (1, 2):
        outbox.post(make_letter(number), NOON)
    transport = MemoryTransport(trouble=ServerAwayError("cannot reach smtp.example.com"))
    for minutes in range(0, 60, 3):
        now = NOON + timedelta(minutes=minutes)
        Postman(outbox.rival(), lambda: transport, lambda now=now: now).send_letters()  # type: ignore[misc]

    transport.trouble = None
    Postman(outbox.rival(), lambda: transport, lambda: NOON + HOUR).send_letters()

    assert [sent.content for sent in transport.sent] == [make_letter(1).content, make_letter(2).content]


def test_a_request_with_a_fault_of_ours_is_tried_again_and_the_others_go_on() -> None:
    queue = MemoryQueue()
    filled(queue)
    faults = iter([ZeroDivisionError()])

    def happens() -> None:
        for fault in faults:
            raise fault

    process_queue(make_work(queue, catalogue=Catalogue(happens), now=system_clock()), no_progress)

    assert ids(queue, State.COMPLETED) == [make_request(2).id]
    assert ids(queue, State.PENDING) == [make_request(1).id]
