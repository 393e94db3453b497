"""New mails become requests and replies."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from voipmon.clock import Clock
from voipmon.commands.decide import Intake, decide, put_aside
from voipmon.domain.request import mail_key
from voipmon.errors import ConflictError, ParameterError, ProcessingError
from voipmon.mail.inbox import Inbox, Message
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind

_log = logging.getLogger(__name__)

_BATCH = 100
_FIRST_PASS = timedelta(hours=24)
_MOST_FAILURES = 3


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
        return decide(message, intake)
    except ConflictError as error:
        _log.error("message_failed", extra={"uid": message.uid, "reason": str(error)})
    except ProcessingError:
        raise  # the queue, the outbox or the ledger: no mail can be taken in now
    except Exception:  # noqa: BLE001 - one mail that trips over a fault of ours must not stop the others
        _log.exception("message_failed", extra={"uid": message.uid})
    return _put_aside_in_the_end(message, intake, tally)


def _put_aside_in_the_end(message: Message, intake: Intake, tally: Tally) -> Verdict | None:
    key = mail_key(str(message.arrived_at), str(message.size), message.header.decode("latin-1"))
    if intake.ledger.count_failure(key) < _MOST_FAILURES:
        tally.failed += 1
        return None
    return put_aside(message, key, intake)
