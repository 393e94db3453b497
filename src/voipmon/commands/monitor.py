"""New mails become requests and replies."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from voipmon.clock import Clock
from voipmon.commands.audit_events import verdict_given
from voipmon.commands.decide import Intake, decide, put_aside
from voipmon.commands.drafts import Drafts, carry_out, is_aside
from voipmon.domain.request import mail_key
from voipmon.errors import ConfigError, ConflictError, ParameterError, ProcessingError
from voipmon.mail.consequences import Consequence, Consequences
from voipmon.mail.inbox import Inbox, Message, Standing
from voipmon.mail.lead import Lead
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind

_log = logging.getLogger(__name__)

_BATCH = 500  # taken and marked together: as few commands as for one
_READ = 250  # of these, at 64 KiB of header each, what is held in memory stays small
_FIRST_PASS = timedelta(hours=24)
_MOST_FAILURES = 3
_ABANDONED = timedelta(hours=1)  # where nobody holds a lead: then the pass of the host that took a mail is over


@dataclass(slots=True)
class Tally:
    """How many mails of a pass got which verdict, and how many could not be decided on."""

    verdicts: dict[VerdictKind, int] = field(default_factory=dict)
    failed: int = 0


def monitor(inbox: Inbox, intake: Intake, stop: Callable[[], bool], lead: Lead | None = None) -> Tally:
    """Make one pass: each new mail gets its verdict, its request and its reply. *inbox* is open.

    What follows from a mail is written down, then the mail is marked, then it is done; a crash between goes on there in
    the next pass, and a mail that another host has taken away before the mark has no consequence here. One mail that
    cannot be decided on does not stop the others; after three passes it is put aside. *lead* is asked before each mark,
    where hosts are told apart by it.

    Raises:
        ParameterError: the first pass meets mail older than a day: `voipmon init` says from when on to answer.
        LeadLostError: another host leads now.
        ProcessingError: the mailbox, the queue or the outbox cannot be used; what was not marked comes again.
    """
    take_up(inbox, intake)
    _check_first_pass(inbox, intake)
    work = _Pass(inbox, intake, stop, lead, Consequences(intake.ledger))
    waiting = inbox.waiting()
    for start in range(0, len(waiting), _BATCH):
        if stop():
            break
        work.take_in(waiting[start : start + _BATCH])
    work.note_theirs()
    intake.ledger.remember_mailbox(inbox.name, intake.clock())
    return work.tally


def take_up(inbox: Inbox, intake: Intake) -> None:
    """Do what followed from mails that an earlier pass marked and could not go on with; leave what it did not mark.

    A mail that is gone counts as marked by us, and so does one that was renumbered: nothing is lost.
    """
    consequences = Consequences(intake.ledger)
    kept = consequences.kept(inbox.name)
    if not kept:
        return
    here = [one.uid for one in kept if one.generation == inbox.generation]
    standing = inbox.standing(here)
    ours = [
        one
        for one in kept
        if one.generation != inbox.generation or standing.get(one.uid, Standing.OURS) is Standing.OURS
    ]
    left = [one.key for one in kept if one not in ours]
    inbox.quarantine([one.uid for one in ours if one.uid in standing and is_aside(one)])
    carry_out(ours, consequences, intake.queue, intake.outbox, intake.audit, intake.clock)
    consequences.undecide(left)
    _log.info("mail_taken_up", extra={"done": len(ours), "left": len(left)})


def mark_history(inbox: Inbox, ledger: Ledger, clock: Clock) -> int:
    """Mark all mail that is in the mailbox now as done, so that none of it is answered; return how many there were."""
    inbox.prepare()
    waiting = inbox.waiting()
    inbox.acknowledge(waiting)
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


@dataclass(slots=True)
class _Pass:
    inbox: Inbox
    intake: Intake
    stop: Callable[[], bool]
    lead: Lead | None
    consequences: Consequences
    tally: Tally = field(default_factory=Tally)
    theirs: list[int] = field(default_factory=list)

    def take_in(self, uids: list[int]) -> None:
        verdicts: dict[int, Verdict] = {}
        kept: list[Consequence] = []
        ours = self._take(uids)
        for start in range(0, len(ours), _READ):
            if start and self.stop():
                break
            self._decide(ours[start : start + _READ], verdicts, kept)
        self._finish(verdicts, kept)

    def _decide(self, uids: list[int], verdicts: dict[int, Verdict], kept: list[Consequence]) -> None:
        """Read mails, decide on them, and write down what follows; add it to *verdicts* and *kept*."""
        messages = self.inbox.read(uids)
        drafts = Drafts(self.intake.queue)
        drafting = replace(self.intake, queue=drafts, outbox=drafts)
        with self.intake.ledger.batch():
            for message in messages:
                if self.stop():
                    break
                verdict = _decide_safely(message, drafting, self.tally)
                if verdict is not None:
                    verdicts[message.uid] = verdict
                    if verdict.decided_at is None:  # a new one
                        aside = _is_aside(verdict)
                        if aside:
                            drafts.discard()  # what was drafted before the fault
                        content = drafts.close(verdict_given(verdict, self.intake.clock()), aside=aside)
                        kept.append(Consequence(verdict.key, self.inbox.generation, message.uid, content))
                        self.consequences.keep(self.inbox.name, kept[-1])
                drafts.discard()

    def note_theirs(self) -> None:
        if self.lead is None:
            now = self.intake.clock()
            self.consequences.note_theirs(self.inbox.name, self.inbox.generation, self.theirs, now)

    def _take(self, uids: list[int]) -> list[int]:
        ours = self.inbox.take(uids, from_others=self.lead is not None)
        theirs = set(uids) - set(ours)
        if theirs and self.lead is None:
            since = self.consequences.theirs(self.inbox.name, self.inbox.generation)
            now = self.intake.clock()
            abandoned = [uid for uid in theirs if now - since.get(uid, now) >= _ABANDONED]
            if abandoned:
                _log.warning("mail_taken_from_others", extra={"mails": len(abandoned)})
                ours = sorted(ours + self.inbox.take(abandoned, from_others=True))
            self.theirs += theirs - set(ours)
        return ours

    def _finish(self, verdicts: dict[int, Verdict], kept: list[Consequence]) -> None:
        """Mark the mails, and do what follows from those that were still ours."""
        if self.lead is not None and verdicts:
            self.lead.check()
        aside = [uid for uid, verdict in verdicts.items() if _is_aside(verdict)]
        lost = self.inbox.acknowledge(verdicts.keys() - set(aside)) | self.inbox.quarantine(aside)
        if lost:
            _log.warning("mail_taken_away", extra={"mails": len(lost)})
            self.consequences.undecide([one.key for one in kept if one.uid in lost])
        ours = [one for one in kept if one.uid not in lost]
        intake = self.intake
        carry_out(ours, self.consequences, intake.queue, intake.outbox, intake.audit, intake.clock)
        for uid, verdict in verdicts.items():
            if uid not in lost:
                self.tally.verdicts[verdict.kind] = self.tally.verdicts.get(verdict.kind, 0) + 1


def _is_aside(verdict: Verdict) -> bool:
    return verdict.kind is VerdictKind.QUARANTINED


def _decide_safely(message: Message, intake: Intake, tally: Tally) -> Verdict | None:
    """Return the verdict, or None where the mail cannot be decided on in this pass."""
    try:
        return decide(message, intake)
    except ConflictError as error:
        _log.error("message_failed", extra={"uid": message.uid, "reason": str(error)})
    except ConfigError as error:  # a code that cannot be read: the mail waits until it can
        _log.error("message_failed", extra={"uid": message.uid, "reason": str(error)})
        tally.failed += 1
        return None
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
