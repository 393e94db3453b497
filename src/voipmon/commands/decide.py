"""What becomes of one mail: its verdict, and the request and the reply that follow from it."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from voipmon.access.limits import Limits, within_limits
from voipmon.access.rights import Rights, check_ask, copies_of, names_of
from voipmon.audit.port import Audit
from voipmon.clock import Clock
from voipmon.commands.admit import REFUSALS, REFUSALS_PER_HOUR, Admission, CodeOf, admit, no_code, secrets_of
from voipmon.commands.drafts import Letters, Requests
from voipmon.commands.select_audios import Writer
from voipmon.domain.ask import Ask
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.request import Request, mail_key, request_id
from voipmon.domain.wording import write_parameters
from voipmon.mail.facts import Confirmation, Facts, Guide, Rejection, Thread
from voipmon.mail.headers import Header, read_header
from voipmon.mail.inbox import Message
from voipmon.mail.ledger import LONGEST_SUBJECT, Ledger, Verdict, VerdictKind
from voipmon.mail.reason import Reason
from voipmon.mail.sender import Ignored, Quarantined, Sender, Verify, judge
from voipmon.mail.subject import (
    CODE_HERE,
    Help,
    SubjectError,
    canonical_subject,
    example_ask,
    read_subject,
    strip_prefixes,
    without_code,
    without_number,
)

_log = logging.getLogger(__name__)

_TOO_OLD = timedelta(days=14)
_HOUR = timedelta(hours=1)
_LONGEST_REPLIED = 400  # letters of a subject that a reply has, mail.letters
_SAME_DELIVERY = timedelta(days=1)
_ANSWERED = (VerdictKind.ACCEPTED, *REFUSALS)


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking mails in needs. *own_addresses* are voipmon's: what comes from them is never answered.

    *code_of* tells the code of a tenant by its name, when it is needed.
    """

    ledger: Ledger
    queue: Requests
    outbox: Letters
    audit: Audit
    writer: Writer
    rights: Rights
    limits: Limits
    zone: ZoneInfo
    clock: Clock
    own_addresses: frozenset[str]
    verify_sender: Verify
    authserv_id: str | None
    code_of: CodeOf = no_code


def decide(message: Message, intake: Intake) -> Verdict:
    """Decide on one mail; on return what follows from it is with the queue and the outbox, the verdict in the ledger.

    The same mail again gets the verdict it has.

    Raises:
        ProcessingError: the queue, the outbox or the ledger cannot be used.
    """
    header = read_header(message.header)
    key = mail_key(*_words_of(header, message))
    known = intake.ledger.verdict(key)
    if known is not None:
        return _decide_again(message, header, known, intake)
    mail = _Mail(message, header, key, request_id(message.arrived_at, key))
    judged = judge(
        header,
        message.arrived_at,
        own_addresses=intake.own_addresses,
        verify=intake.verify_sender,
        authserv_id=intake.authserv_id,
    )
    claimed = None if isinstance(judged, Ignored) else judged.address
    mail = replace(mail, secrets=secrets_of(claimed, intake.rights, intake.code_of))
    match judged:
        case Ignored(reason):
            verdict = mail.verdict(VerdictKind.IGNORED, reason)
        case Quarantined(reason, address) if address is not None and not intake.rights.allows(address):
            verdict = mail.verdict(VerdictKind.IGNORED, Reason.STRANGER, address, reason)
        case Quarantined(reason, address):
            verdict = mail.verdict(VerdictKind.QUARANTINED, reason, address)
        case Sender(address, _, doubt):
            verdict = replace(_answer(mail, address, intake), doubt=doubt)
        case _:
            assert_never(judged)
    return _record(verdict, intake)


def put_aside(message: Message, key: str, intake: Intake) -> Verdict:
    """Record under *key* that nothing could be decided."""
    header = Header()
    with suppress(Exception):  # or the fault is in the reading
        header = read_header(message.header)
    mail = _Mail(message, header, key, request_id(message.arrived_at, key))
    return _record(mail.verdict(VerdictKind.QUARANTINED, Reason.UNDECIDABLE), intake)


def _words_of(header: Header, message: Message) -> tuple[str, ...]:
    """Return what tells the mail from all others: its own words, and if they are too few also when it came."""
    words = header.key_words()
    return words if header.message_id or header.date else (*words, str(message.arrived_at), str(message.size))


def _decide_again(message: Message, header: Header, known: Verdict, intake: Intake) -> Verdict:
    """Return the verdict of a mail that has one: it came twice, or a crash came before the mark.

    A mail that was answered and comes again after more than a day is sent by somebody who has a copy of it.
    """
    if known.kind not in _ANSWERED or message.arrived_at - known.arrived_at <= _SAME_DELIVERY:
        return known
    key = mail_key(known.key, str(message.arrived_at))
    secrets = secrets_of(known.sender, intake.rights, intake.code_of)
    copy = _Mail(message, header, key, request_id(message.arrived_at, key), secrets)
    verdict = copy.verdict(VerdictKind.QUARANTINED, Reason.REPLAYED, known.sender)
    return intake.ledger.verdict(key) or _record(verdict, intake)


@dataclass(frozen=True, slots=True)
class _Mail:
    message: Message
    header: Header
    key: str
    id: str
    secrets: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject as it may be told and kept: without a code."""
        return without_code(self.header.subject, self.secrets)

    def thread(self, sender: str) -> Thread:
        return Thread(sender, self.subject, self.header.message_id, self.header.references)

    def verdict(
        self, kind: VerdictKind, reason: str, sender: str | None = None, doubt: Reason | None = None
    ) -> Verdict:
        return Verdict(
            key=self.key,
            request_id=self.id,
            kind=kind,
            reason=reason,
            arrived_at=self.message.arrived_at,
            message_id=self.header.message_id or self.header.name,
            sender=sender,
            subject=self.subject,
            doubt=doubt,
        )


def _answer(mail: _Mail, sender: str, intake: Intake) -> Verdict:
    """Decide on the mail of a person who is who the mail says."""
    silence = next(_reasons_for_silence(mail, sender, intake), None)
    if silence is not None:
        return mail.verdict(VerdictKind.IGNORED, silence, sender)
    admission = admit(sender, mail.header.subject, intake.rights, intake.ledger, intake.code_of, intake.clock())
    try:
        reading = read_subject(mail.subject, mail.message.arrived_at, intake.zone)
    except SubjectError as error:
        meant = example_ask(error.understood, intake.clock(), intake.zone)
        return _reject(mail, sender, error.problems, _example(meant, admission, intake), intake)
    if isinstance(reading, Help):
        return _reply(mail, mail.thread(sender), VerdictKind.GUIDED, Reason.NO_REQUEST, Guide(mail.id), intake)
    if admission.silence is not None and admission.problem(reading):
        return mail.verdict(VerdictKind.IGNORED, admission.silence, sender)
    try:
        _check(reading, sender, admission, intake)
    except RefusedError as error:
        return _reject(mail, sender, error.problems, _example(reading, admission, intake), intake)
    return _take(mail, sender, reading, admission, intake)


def _reasons_for_silence(mail: _Mail, sender: str, intake: Intake) -> Iterator[Reason]:
    if not intake.rights.allows(sender):
        yield Reason.STRANGER
    if mail.message.arrived_at < intake.clock() - _TOO_OLD:
        yield Reason.TOO_OLD
    if _is_thanks(mail, intake.ledger):
        yield Reason.THANKS


def _is_thanks(mail: _Mail, ledger: Ledger) -> bool:
    """Tell whether the mail answers one of ours with the subject unchanged."""
    for reference in (mail.header.in_reply_to, *reversed(mail.header.references)):
        name, _, domain = (reference or "").strip("<>").partition("@")
        answered = ledger.verdict_of_request(name.partition(".")[0]) if domain else None
        if answered is not None and answered.subject is not None:
            return _says_the_same(strip_prefixes(mail.subject), answered.subject)
    return False


def _says_the_same(words: str, subject: str) -> bool:
    """Tell whether the words are those of *subject*, whose end may be forgotten, and that of our reply cut off."""
    words, known = without_number(words), strip_prefixes(without_number(subject))
    forgotten = len(subject.encode()) > LONGEST_SUBJECT - 4
    whole = len(words) <= _LONGEST_REPLIED or words.endswith("…")
    return words == known or (forgotten and whole and words.startswith(known))


def _check(ask: Ask, sender: str, admission: Admission, intake: Intake) -> None:
    """Check what can be checked of a wish before the search; raise RefusedError with every problem."""
    closed = admission.problem(ask)
    if closed is not None:
        raise RefusedError([closed])
    check_ask(ask, admission.grant, admission.grant.limits(intake.limits))
    most = admission.grant.limits(intake.limits).requests_per_sender_per_hour
    if intake.ledger.count_since(sender, intake.clock() - _HOUR, VerdictKind.ACCEPTED) >= most:
        raise RefusedError([Problem(ProblemKind.TOO_MANY_REQUESTS, limit=most)])


def _example(ask: Ask, admission: Admission, intake: Intake) -> str:
    """Return a subject near to *ask* that would be taken; what is not open to its sender is not told from it."""
    meant = ask if admission.closed else admission.grant.nearest(ask)
    subject = canonical_subject(within_limits(meant, admission.grant.limits(intake.limits)))
    return f"{subject} {CODE_HERE}" if admission.needs_code else subject


def _take(mail: _Mail, sender: str, ask: Ask, admission: Admission, intake: Intake) -> Verdict:
    """Put the request into the queue and confirm it."""
    tenants = admission.grant.tenants_of(ask)
    intake.queue.enqueue(
        Request(
            id=mail.id,
            requester=sender,
            recipient=sender,
            parameters=write_parameters(ask),
            created_at=mail.message.arrived_at,
            message_id=mail.header.message_id,
            references=mail.header.references,
            subject=mail.subject,
            tenant=names_of(tenants),
        )
    )
    facts = Confirmation(mail.id, ask, intake.queue.ahead_of(mail.id))
    thread = replace(mail.thread(sender), copies=copies_of(tenants), needs_code=admission.needs_code)
    return _reply(mail, thread, VerdictKind.ACCEPTED, Reason.REQUEST, facts, intake)


def _reject(mail: _Mail, sender: str, problems: Iterable[Problem], example: str, intake: Intake) -> Verdict:
    error = RefusedError(problems)
    guessed = any(problem.kind is ProblemKind.CODE_WRONG for problem in error.problems)
    facts = Rejection(mail.id, error.problems, example)
    reason = Reason.WRONG_CODE if guessed else str(error)
    return _reply(mail, mail.thread(sender), VerdictKind.REJECTED, reason, facts, intake)


def _reply(mail: _Mail, thread: Thread, kind: VerdictKind, reason: str, facts: Facts, intake: Intake) -> Verdict:
    """Post the reply, unless this sender has had all the refusals of this hour: two machines could go on for ever."""
    now, sender = intake.clock(), thread.recipient
    if kind in REFUSALS and intake.ledger.count_since(sender, now - _HOUR, *REFUSALS) >= REFUSALS_PER_HOUR:
        return mail.verdict(VerdictKind.IGNORED, Reason.TOO_MANY_REFUSALS, sender)
    thread = replace(thread, language=intake.rights.language(sender))
    intake.outbox.post(intake.writer.write(facts, thread, now), now)
    return mail.verdict(kind, reason, sender)


def _record(verdict: Verdict, intake: Intake) -> Verdict:
    intake.ledger.record(verdict, intake.clock())
    extra: dict[str, object] = {"request": verdict.request_id, "verdict": verdict.kind.value, "reason": verdict.reason}
    _log.info("message_decided", extra=extra)
    if verdict.doubt is not None and verdict.kind in _ANSWERED:
        doubt = Reason(verdict.doubt)
        extra = {"request": verdict.request_id, "sender": verdict.sender, "doubt": doubt.value}
        _log.warning("sender_doubtful", extra={**extra, "reason": doubt.sentence})
    return verdict
