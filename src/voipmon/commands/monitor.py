"""New mails become requests and replies."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from voipmon.access.rights import Limits, Rights, check_limits, within_limits
from voipmon.clock import Clock
from voipmon.commands.select_audios import Writer
from voipmon.domain.ask import Ask
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.request import Request, mail_key, request_id
from voipmon.domain.wording import write_parameters
from voipmon.errors import ConflictError, ParameterError, ProcessingError
from voipmon.mail.facts import Confirmation, Digest, Facts, Guide, Rejection, Thread
from voipmon.mail.headers import Header, read_header
from voipmon.mail.inbox import Inbox, Message
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind
from voipmon.mail.outbox import Outbox
from voipmon.mail.sender import Ignored, Quarantined, Sender, judge
from voipmon.mail.subject import (
    Help,
    SubjectError,
    canonical_subject,
    example_ask,
    read_subject,
    strip_prefixes,
    without_code,
)
from voipmon.queue.port import Queue

_log = logging.getLogger(__name__)

_BATCH = 100
_FIRST_PASS = timedelta(hours=24)
_TOO_OLD = timedelta(days=14)
_HOUR = timedelta(hours=1)
_REFUSALS_PER_HOUR = 5
_MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking mails in needs. *own_addresses* are voipmon's: what comes from them is never answered."""

    ledger: Ledger
    queue: Queue
    outbox: Outbox
    writer: Writer
    rights: Rights
    limits: Limits
    zone: ZoneInfo
    clock: Clock
    own_addresses: frozenset[str]
    verify_sender: Literal["require", "warn", "off"]
    authserv_id: str | None


@dataclass(slots=True)
class Tally:
    """How many mails of a pass got which verdict, and how many could not be decided on."""

    verdicts: dict[VerdictKind, int] = field(default_factory=dict)
    failed: int = 0


def monitor(inbox: Inbox, intake: Intake, stop: Callable[[], bool]) -> Tally:
    """Make one pass: each new mail gets its verdict, its request and its reply. *inbox* is open.

    A mail is marked only when everything that follows from it is durable; a crash before that repeats the same steps,
    harmlessly. One mail that cannot be decided on does not stop the others; after three passes it is put aside.

    Raises:
        ParameterError: the first pass meets mail older than a day: `voipmon init` says from when on to answer.
        ProcessingError: the mailbox, the queue or the outbox cannot be used; what was not marked comes again.
    """
    _check_first_pass(inbox, intake)
    tally = Tally()
    waiting = inbox.waiting()
    for start in range(0, len(waiting), _BATCH):
        if stop():
            break
        _take_in(inbox, waiting[start : start + _BATCH], intake, tally)
    intake.ledger.remember_mailbox(inbox.name, intake.clock())
    return tally


def mark_history(inbox: Inbox, ledger: Ledger, clock: Clock) -> int:
    """Mark all mail that is in the mailbox now as done, so that none of it is answered; return how many there were."""
    inbox.prepare()
    waiting = inbox.waiting()
    for start in range(0, len(waiting), 10 * _BATCH):
        inbox.acknowledge(waiting[start : start + 10 * _BATCH])
    ledger.remember_mailbox(inbox.name, clock())
    return len(waiting)


def report_silence(intake: Intake, admin: str | None) -> None:
    """Post the admin's one line for the days before today: how many mails got no reply, and why."""
    now = intake.clock()
    today = now.date()
    counts = intake.ledger.unreported(today)
    if counts and admin is not None:
        letter = intake.writer.write(Digest(today - timedelta(days=1), tuple(counts.items())), None, now)
        intake.outbox.post(letter, now)
    if counts:
        intake.ledger.mark_reported(today, now)


def _check_first_pass(inbox: Inbox, intake: Intake) -> None:
    if intake.ledger.knows_mailbox(inbox.name):
        return
    old = inbox.count_waiting_before(intake.clock() - _FIRST_PASS)
    if old:
        raise ParameterError(
            f"{inbox.name} holds mail older than a day ({old}), and this is the first pass: run 'voipmon init' once, "
            "which marks what is there as done; only what comes afterwards is answered"
        )


def _take_in(inbox: Inbox, uids: list[int], intake: Intake, tally: Tally) -> None:
    done: list[int] = []
    aside: list[int] = []
    for message in inbox.read(uids):
        verdict = _decide_safely(message, intake, tally)
        if verdict is None:
            continue
        (aside if verdict.kind is VerdictKind.QUARANTINED else done).append(message.uid)
        tally.verdicts[verdict.kind] = tally.verdicts.get(verdict.kind, 0) + 1
    if done:
        inbox.acknowledge(done)
    if aside:
        inbox.quarantine(aside)


def _decide_safely(message: Message, intake: Intake, tally: Tally) -> Verdict | None:
    """Return the verdict, or None where the mail cannot be decided on in this pass."""
    try:
        return _decide(message, intake)
    except ConflictError as error:
        _log.error("message_failed", extra={"uid": message.uid, "reason": str(error)})
    except ProcessingError:
        raise  # the queue, the outbox or the ledger: no mail can be taken in now
    except Exception:  # noqa: BLE001 - one mail that trips over a fault of ours must not stop the others
        _log.exception("message_failed", extra={"uid": message.uid})
    key = mail_key(str(message.arrived_at), str(message.size), message.header.decode("latin-1"))
    if intake.ledger.count_failure(key) < _MOST_FAILURES:
        tally.failed += 1
        return None
    verdict = Verdict(
        key, request_id(message.arrived_at, key), VerdictKind.QUARANTINED, "undecidable", message.arrived_at
    )
    return _record(verdict, intake)


def _decide(message: Message, intake: Intake) -> Verdict:
    header = read_header(message.header)
    key = mail_key(*header.key_words())
    known = intake.ledger.verdict(key)
    if known is not None:
        return known  # the same mail again, or a crash before the mark
    mail = _Mail(message, header, key, request_id(message.arrived_at, key))
    judged = judge(
        header,
        message.arrived_at,
        own_addresses=intake.own_addresses,
        verify=intake.verify_sender,
        authserv_id=intake.authserv_id,
    )
    match judged:
        case Ignored(reason):
            return _record(mail.verdict(VerdictKind.IGNORED, reason), intake)
        case Quarantined(reason, address):
            silent = address is None or not intake.rights.allows(address)
            kind = VerdictKind.IGNORED if silent else VerdictKind.QUARANTINED
            return _record(mail.verdict(kind, reason, address), intake)
        case Sender(address):
            return _record(_answer(mail, address, intake), intake)


@dataclass(frozen=True, slots=True)
class _Mail:
    message: Message
    header: Header
    key: str
    id: str

    def verdict(self, kind: VerdictKind, reason: str, sender: str | None = None) -> Verdict:
        return Verdict(
            key=self.key,
            request_id=self.id,
            kind=kind,
            reason=reason,
            arrived_at=self.message.arrived_at,
            message_id=self.header.message_id,
            sender=sender,
            subject=without_code(self.header.subject)[:200],
        )


def _answer(mail: _Mail, sender: str, intake: Intake) -> Verdict:
    """Decide on the mail of a person who is who the mail says."""
    silence = next(_reasons_for_silence(mail, sender, intake), None)
    if silence is not None:
        return mail.verdict(VerdictKind.IGNORED, silence, sender)
    try:
        reading = read_subject(mail.header.subject, mail.message.arrived_at, intake.zone)
        if isinstance(reading, Help):
            return _reply(mail, sender, VerdictKind.GUIDED, "no_request", Guide(mail.id), intake)
        _check(reading, sender, intake)
    except SubjectError as error:
        example = within_limits(example_ask(error.understood, intake.clock(), intake.zone), intake.limits)
        return _reject(mail, sender, error, canonical_subject(example), intake)
    except _OverLimitError as error:
        return _reject(mail, sender, error, error.example, intake)
    _enqueue(mail, sender, reading, intake)
    ahead = intake.queue.ahead_of(mail.id)
    return _reply(mail, sender, VerdictKind.ACCEPTED, "request", Confirmation(mail.id, reading, ahead), intake)


def _reasons_for_silence(mail: _Mail, sender: str, intake: Intake) -> Iterator[str]:
    if not intake.rights.allows(sender):
        yield "stranger"
    if mail.message.arrived_at < intake.clock() - _TOO_OLD:
        yield "too_old"
    if _is_thanks(mail, intake.ledger):
        yield "thanks"


def _is_thanks(mail: _Mail, ledger: Ledger) -> bool:
    """Tell whether the mail answers one of ours with the subject unchanged."""
    for reference in (mail.header.in_reply_to, *reversed(mail.header.references)):
        name, _, domain = (reference or "").strip("<>").partition("@")
        answered = ledger.verdict_of_request(name.partition(".")[0]) if domain else None
        if answered is not None and answered.subject is not None:
            return strip_prefixes(without_code(mail.header.subject)[:200]) == strip_prefixes(answered.subject)
    return False


class _OverLimitError(RefusedError):
    def __init__(self, problems: Iterable[Problem], example: str) -> None:
        super().__init__(problems)
        self.example = example


def _check(ask: Ask, sender: str, intake: Intake) -> None:
    example = canonical_subject(within_limits(ask, intake.limits))
    try:
        check_limits(ask, intake.limits)
    except RefusedError as error:
        raise _OverLimitError(error.problems, example) from error
    most = intake.limits.requests_per_sender_per_hour
    if intake.ledger.count_since(sender, intake.clock() - _HOUR, VerdictKind.ACCEPTED) >= most:
        raise _OverLimitError([Problem(ProblemKind.TOO_MANY_REQUESTS, limit=most)], example)


def _enqueue(mail: _Mail, sender: str, ask: Ask, intake: Intake) -> None:
    intake.queue.enqueue(
        Request(
            id=mail.id,
            requester=sender,
            recipient=sender,
            parameters=write_parameters(ask),
            created_at=mail.message.arrived_at,
            message_id=mail.header.message_id,
            references=mail.header.references,
            subject=without_code(mail.header.subject),
        )
    )


def _reject(mail: _Mail, sender: str, error: RefusedError, example: str, intake: Intake) -> Verdict:
    facts = Rejection(mail.id, error.problems, example)
    return _reply(mail, sender, VerdictKind.REJECTED, str(error), facts, intake)


def _reply(mail: _Mail, sender: str, kind: VerdictKind, reason: str, facts: Facts, intake: Intake) -> Verdict:
    """Post the reply, unless this sender has had all the refusals of this hour: two machines could go on for ever."""
    refusals = (VerdictKind.REJECTED, VerdictKind.GUIDED)
    now = intake.clock()
    if kind in refusals and intake.ledger.count_since(sender, now - _HOUR, *refusals) >= _REFUSALS_PER_HOUR:
        return mail.verdict(VerdictKind.IGNORED, "too_many_refusals", sender)
    thread = Thread(sender, without_code(mail.header.subject), mail.header.message_id, mail.header.references)
    intake.outbox.post(intake.writer.write(facts, thread, now), now)
    return mail.verdict(kind, reason, sender)


def _record(verdict: Verdict, intake: Intake) -> Verdict:
    intake.ledger.record(verdict, intake.clock())
    extra = {"request": verdict.request_id, "verdict": verdict.kind.value, "reason": verdict.reason}
    _log.info("message_decided", extra=extra)
    return verdict
