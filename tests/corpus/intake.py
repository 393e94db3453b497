"""Takes the corpus in, one case at a time and in memory, and says what is not as it must be."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from corpus.cases import MANAGER, NOON, OURS, OWN, Case
from fakes.audit import MemoryAudit
from fakes.inbox import MemoryInbox
from fakes.outbox import MemoryOutbox
from fakes.queue import MemoryQueue

from voipmon.access.limits import Limits
from voipmon.access.rights import rights_of
from voipmon.commands.decide import Intake
from voipmon.commands.monitor import Tally, monitor
from voipmon.mail.facts import Facts, Thread
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind
from voipmon.mail.outbox import Letter, letter_name
from voipmon.queue.port import State

ADMIN = "admin@example.com"
ANSWERED = (VerdictKind.ACCEPTED, VerdictKind.REJECTED, VerdictKind.GUIDED)
LIMITS = Limits(
    max_extensions=50, max_days=90, max_recordings=10_000, max_bytes=20 * 10**9, requests_per_sender_per_hour=10
)


@dataclass
class PlainWriter:
    """Writes letters of one line, so that a corpus takes a second."""

    def write(self, facts: Facts, thread: Thread | None, _now: datetime) -> Letter:
        assert thread is not None
        name = letter_name(facts.request_id, facts.kind)  # type: ignore[union-attr]
        return Letter(name, (thread.recipient, ADMIN), f"Message-ID: <{name}@example.com>\r\n\r\n".encode())


class SeenLedger(Ledger):
    """A ledger in which one can see what was recorded last."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.seen: list[Verdict] = []

    def record(self, verdict: Verdict, now: datetime) -> None:
        self.seen.append(verdict)
        super().record(verdict, now)


@dataclass
class Office:
    """An installation in memory, with default settings but for the corpus's server and people."""

    writer: object = field(default_factory=PlainWriter)

    def __post_init__(self) -> None:
        self.now = NOON
        self.inbox = MemoryInbox()
        self.queue = MemoryQueue()
        self.outbox = MemoryOutbox()
        self.audit = MemoryAudit()
        self.ledger = SeenLedger(Path(":memory:"))
        self.intake = Intake(
            ledger=self.ledger,
            queue=self.queue,
            outbox=self.outbox,
            audit=self.audit,
            writer=self.writer,  # type: ignore[arg-type]
            rights=rights_of([MANAGER, "@company.example.com", OWN, "mailbox@example.com"]),
            limits=LIMITS,
            zone=ZoneInfo("America/Sao_Paulo"),
            clock=lambda: self.now,
            own_addresses=frozenset({OWN, "mailbox@example.com"}),
            verify_sender="require",
            authserv_id="mx.example.com",
        )

    def take_in(self, raw: bytes, *, size: int = 0, waited: timedelta = timedelta(0)) -> tuple[int, Tally]:
        """Let a mail arrive and make a pass; return its uid and what the pass did."""
        letters = self.outbox.letters()
        answered = f"<{letters[-1].name}@example.com>".encode() if letters else b"<>"
        uid = self.inbox.deliver(raw.replace(OURS, answered), self.now)
        if size:
            self.inbox.mails[uid] = replace(self.inbox.mails[uid], size=size)
        self.now += waited
        with self.inbox:
            return uid, monitor(self.inbox, self.intake, lambda: False)

    def requests(self) -> int:
        return len(list(self.queue.entries(State.PENDING)))


def wrong_with(case: Case, office: Office | None = None) -> list[str]:
    """Take a case in; return what became of its last mail that should not have."""
    office = office or Office()
    office.ledger.remember_mailbox(office.inbox.name, office.now)
    for number, raw in enumerate(case.mails):
        office.now += case.gap if number else timedelta(0)
        letters, requests = len(office.outbox.letters()), office.requests()
        uid, tally = office.take_in(raw, size=case.size, waited=case.waited)
    verdicts, last = [*tally.verdicts], office.ledger.seen[-1]
    problems = [f"{case}: {tally.failed} mails failed"] if tally.failed else []
    if verdicts != [case.kind]:
        problems.append(f"{case}: {verdicts}, not {case.kind}")
    if case.reason is not None and last.reason != case.reason:
        problems.append(f"{case}: {last.reason}, not {case.reason}")
    if len(office.outbox.letters()) - letters != (case.kind in ANSWERED and not case.known):
        problems.append(f"{case}: {len(office.outbox.letters()) - letters} letters")
    if office.requests() - requests != (case.kind is VerdictKind.ACCEPTED and not case.known):
        problems.append(f"{case}: {office.requests() - requests} requests")
    if (uid in office.inbox.quarantined) != (case.kind is VerdictKind.QUARANTINED):
        problems.append(f"{case}: in the wrong folder")
    if any(not sign.isprintable() for sign in f"{last.message_id}{last.subject}"):
        problems.append(f"{case}: control characters in {last}")
    office.ledger.close()
    return problems
