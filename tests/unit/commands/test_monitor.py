"""What a pass decides of each mail, and in which order things become durable."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.inbox import MemoryInbox
from fakes.lead import Board, MemoryLead
from support.world import parsed, text_of

from voipmon.access.limits import Limits
from voipmon.access.rights import rights_of
from voipmon.audit.trail import Trail
from voipmon.commands.decide import Intake
from voipmon.commands.digest import report_silence
from voipmon.commands.failover import watch
from voipmon.commands.monitor import Tally, mark_history, monitor
from voipmon.commands.select_audios import Writer
from voipmon.errors import LeadLostError, MailboxError, OutboxError, ParameterError, QueueError
from voipmon.mail.facts import Facts, Thread
from voipmon.mail.lead import Leadership
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind
from voipmon.mail.letters import Letters, Stationery
from voipmon.mail.outbox import Letter
from voipmon.mail.reason import Reason
from voipmon.mail.spool import SpoolOutbox
from voipmon.queue.port import State
from voipmon.queue.spool import SpoolQueue

NOON = datetime(2025, 11, 11, 15, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
MANAGER = "manager@example.com"
SUBJECT = "RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"


@dataclass
class Office:
    """A mailbox, and all that a pass needs, in a temporary folder."""

    folder: Path
    inbox: MemoryInbox
    intake: Intake
    clock: list[datetime]

    @property
    def now(self) -> datetime:
        return self.clock[0]

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock[0] = moment

    def receive(self, subject: str = SUBJECT, sender: str = MANAGER, **more: str) -> int:
        number = len(self.inbox.mails) + 1
        fields = {"From": sender, "Subject": subject, "Message-ID": f"<{number}@mail.example.com>"}
        fields |= {name.replace("_", "-"): value for name, value in more.items()}
        header = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return self.inbox.deliver(f"{header}\r\n".encode(), self.now)

    def make_pass(self) -> Tally:
        with self.inbox:
            return monitor(self.inbox, self.intake, lambda: False)

    def report(self) -> None:
        intake = self.intake
        report_silence(intake.ledger, intake.outbox, intake.writer, "admin@example.com", self.now)

    def verdict(self, message_id: str) -> Verdict:
        """Return the latest verdict of a mail."""
        return self.intake.ledger.verdicts_of_message(message_id)[-1]

    def queued(self) -> list[str]:
        queue = SpoolQueue(self.folder / "spool", instance="audio")
        return [entry.request_id for entry in queue.entries(State.PENDING)]

    def letters(self) -> list[Letter]:
        outbox = SpoolOutbox(self.folder / "state" / "outbox")
        found = [posted.letter for posted in outbox.due(self.now)]
        return sorted(found, key=lambda letter: letter.name)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite3")
    now = [NOON]
    intake = Intake(
        ledger=ledger,
        queue=SpoolQueue(tmp_path / "spool", instance="audio"),
        outbox=SpoolOutbox(tmp_path / "state" / "outbox"),
        audit=Trail(tmp_path / "state" / "audit", lambda: now[0]),
        writer=Letters(Stationery("voip.audios@example.com", "admin@example.com", "pt_BR", ZONE, "audio")),
        rights=rights_of([MANAGER, "@company.example.com"]),
        limits=Limits(50, 90, 10_000, 20 * 10**9, 30),
        zone=ZONE,
        clock=lambda: now[0],
        own_addresses=frozenset({"voip.audios@example.com"}),
        verify_sender="off",
        authserv_id=None,
    )
    yield Office(tmp_path, MemoryInbox(), intake, now)
    ledger.close()


def test_a_request_is_queued_confirmed_recorded_and_only_then_marked(office: Office) -> None:
    uid = office.receive()

    tally = office.make_pass()

    [request] = office.queued()
    [letter] = office.letters()
    assert letter.name == f"{request}.confirmation"
    assert letter.recipients == (MANAGER, "admin@example.com")
    assert office.inbox.done == {uid}
    assert tally.verdicts == {VerdictKind.ACCEPTED: 1}


def test_a_pass_that_dies_before_the_mark_is_repeated_without_a_second_request(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryInbox, "acknowledge", _failing(MailboxError("the line broke", retryable=True)))
        with pytest.raises(MailboxError):
            office.make_pass()

    office.make_pass()

    assert len(office.queued()) == 1
    assert len(office.letters()) == 1
    assert office.inbox.done == {uid}


def test_a_pass_that_dies_before_the_verdict_is_recorded_is_repeated_harmlessly(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", _failing(MailboxError("disk full", retryable=True)))
        with pytest.raises(MailboxError):
            office.make_pass()
    assert office.inbox.done == set()

    office.make_pass()

    assert len(office.queued()) == 1
    assert len(office.letters()) == 1


def test_one_mail_that_trips_over_a_fault_stops_no_other_and_is_put_aside_after_three_passes(office: Office) -> None:
    office.intake = replace(office.intake, writer=_Clumsy(office.intake.writer.write))
    bad = office.receive("AJUDA")
    good = office.receive()

    tallies = [office.make_pass() for _ in range(3)]

    assert [tally.failed for tally in tallies] == [1, 1, 0]
    assert office.inbox.done >= {good}
    assert bad in office.inbox.quarantined
    assert len(office.queued()) == 1


def test_from_a_mail_that_is_put_aside_after_a_fault_nothing_follows(office: Office) -> None:
    office.intake = replace(office.intake, writer=_Before(office.intake.writer, _fault, times=3))
    uid = office.receive()  # the fault comes when its request is drafted

    for _ in range(4):
        office.make_pass()

    assert set(office.inbox.quarantined) == {uid}
    assert office.queued() == []
    assert office.letters() == []


@pytest.mark.parametrize(
    ("subject", "kind", "words"),
    [
        ("RAMAIS=11x INICIO=27/10/2025", "rejection", "11x"),
        ("RAMAIS=1121", "rejection", "INICIO"),
        ("AJUDA", "guide", "RAMAIS="),
        ("", "guide", "RAMAIS="),
        ("bom dia", "guide", "RAMAIS="),
    ],
)
def test_what_is_no_request_gets_one_reply_that_helps(office: Office, subject: str, kind: str, words: str) -> None:
    office.receive(subject)

    office.make_pass()

    [letter] = office.letters()
    assert letter.name.endswith(f".{kind}")
    assert words in text_of(parsed(letter.content))
    assert office.queued() == []


def test_a_stranger_gets_nothing_and_is_counted_for_the_admin_the_day_after(office: Office) -> None:
    uid = office.receive(sender="stranger@elsewhere.example.com")

    office.make_pass()
    office.report()
    assert office.letters() == []
    assert office.inbox.done == {uid}

    office.now = NOON + timedelta(days=1)
    office.report()
    office.report()

    [digest] = office.letters()
    assert digest.recipients == ("admin@example.com",)
    assert "1" in text_of(parsed(digest.content))


def test_an_allowed_address_that_nobody_vouches_for_is_put_aside_without_a_reply(office: Office) -> None:
    office.intake = replace(office.intake, verify_sender="require", authserv_id="mx.example.com")
    forged = office.receive()
    vouched = office.receive(
        Authentication_Results="mx.example.com; dmarc=pass (p=REJECT) header.from=example.com",
        Date="Tue, 11 Nov 2025 12:00:00 -0300",
    )

    office.make_pass()

    assert set(office.inbox.quarantined) == {forged}
    assert office.inbox.done == {vouched}
    assert len(office.queued()) == 1
    assert len(office.letters()) == 1


VOUCHED = {"Authentication_Results": "mx.example.com; dmarc=pass header.from=example.com"}


@pytest.fixture
def strict(office: Office) -> Office:
    """The office as it is by default: who sent a mail must be verified."""
    office.intake = replace(office.intake, verify_sender="require", authserv_id="mx.example.com")
    return office


def test_the_forged_mail_of_a_stranger_is_no_more_than_a_strangers(strict: Office) -> None:
    uid = strict.receive(sender="stranger@elsewhere.example.com")

    strict.make_pass()

    assert strict.inbox.done == {uid}
    verdict = strict.verdict("<1@mail.example.com>")
    assert (verdict.kind, verdict.reason, verdict.doubt) == (VerdictKind.IGNORED, Reason.STRANGER, Reason.NO_RESULT)


@pytest.mark.parametrize("sender", [f"{MANAGER}<other@example.com>", f"{MANAGER}, other@example.com", "Ana"])
def test_a_mail_whose_sender_cannot_be_told_is_put_aside(office: Office, sender: str) -> None:
    uid = office.receive(sender=sender)

    office.make_pass()

    assert set(office.inbox.quarantined) == {uid}
    assert office.letters() == []
    office.now += timedelta(days=1)
    office.report()
    assert "Voipmon-Quarantine" in text_of(parsed(office.letters()[0].content))


def test_a_doubtful_sender_may_be_answered_and_the_admin_is_told(
    strict: Office, caplog: pytest.LogCaptureFixture
) -> None:
    strict.intake = replace(strict.intake, verify_sender="warn")
    strict.receive()

    strict.make_pass()

    assert len(strict.queued()) == 1
    assert strict.verdict("<1@mail.example.com>").doubt == Reason.NO_RESULT
    [warning] = [record for record in caplog.records if record.message == "sender_doubtful"]
    assert (warning.sender, warning.doubt) == (MANAGER, "no_result")
    strict.now += timedelta(days=1)
    strict.report()
    [digest] = [letter for letter in strict.letters() if letter.name.endswith(".digest")]
    assert "sem resultado de DMARC" in text_of(parsed(digest.content))


def test_a_signed_mail_sent_again_later_is_put_aside_and_not_done_again(strict: Office) -> None:
    mail = {"Date": "Tue, 11 Nov 2025 12:00:00 -0300", "Message_ID": "<signed@mail.example.com>", **VOUCHED}
    first = strict.receive(**mail)
    strict.make_pass()
    strict.now += timedelta(hours=23)
    twin = strict.receive(**mail)
    strict.make_pass()
    assert strict.inbox.done == {first, twin}

    replays = set()
    for days in (2, 9, 80, 91, 400):
        strict.now = NOON + timedelta(days=days)
        replays.add(strict.receive(**mail))
        strict.make_pass()
        strict.report()

    assert set(strict.inbox.quarantined) == replays
    assert len(strict.queued()) == 1
    reasons = [verdict.reason for verdict in strict.intake.ledger.verdicts_of_message("signed@mail.example.com")]
    assert reasons == [Reason.OTHER_TIME]  # the one of 400 days: the others are forgotten by then


def test_two_mails_without_an_id_and_a_date_are_two_requests(office: Office) -> None:
    for _ in range(2):
        office.receive(Message_ID="")
        office.now += timedelta(hours=1)

    tally = office.make_pass()

    assert tally.verdicts == {VerdictKind.ACCEPTED: 2}
    assert len(office.queued()) == 2


def test_every_verdict_can_be_found_by_what_the_mail_calls_itself(office: Office) -> None:
    odd = ["not an id", "<spaces in it@x>", "<fällt@auf.example.com>", "<" + "x" * 400 + ">"]
    for name in odd:
        office.receive(sender="stranger@elsewhere.example.com", Message_ID=name)

    office.make_pass()

    assert [office.verdict(name[:250]).reason for name in odd] == [Reason.STRANGER] * 4


def test_a_mail_that_could_not_be_decided_on_is_known_by_its_name(office: Office) -> None:
    office.intake = replace(office.intake, writer=_Clumsy(office.intake.writer.write))
    office.receive("AJUDA")

    for _ in range(3):
        office.make_pass()

    assert office.verdict("<1@mail.example.com>").reason == Reason.UNDECIDABLE


def test_old_verdicts_end_even_if_there_is_nothing_to_report(office: Office) -> None:
    office.receive()
    office.make_pass()

    office.now += timedelta(days=91)
    office.report()

    assert office.intake.ledger.verdicts_of_message("<1@mail.example.com>") == []


def test_the_admin_is_told_once_a_day_and_of_each_mail_once(office: Office) -> None:
    for day in range(3):
        office.now = NOON + timedelta(days=day)
        office.receive(sender="stranger@elsewhere.example.com")
        office.make_pass()
        office.report()
        office.now += timedelta(hours=1)
        office.report()

    digests = [text_of(parsed(letter.content)) for letter in office.letters()]
    assert len(digests) == 2
    assert all("1 de endereço não autorizado" in digest for digest in digests)


def test_the_sixth_refusal_of_an_hour_is_not_sent(office: Office) -> None:
    for number in range(7):
        office.receive(f"RAMAIS={number}x INICIO=27/10/2025")

    tally = office.make_pass()

    assert len(office.letters()) == 5
    assert tally.verdicts == {VerdictKind.REJECTED: 5, VerdictKind.IGNORED: 2}


def test_more_requests_than_an_hour_may_have_are_refused_with_the_limit(office: Office) -> None:
    office.intake = replace(office.intake, limits=replace(office.intake.limits, requests_per_sender_per_hour=2))
    for number in range(3):
        office.receive(f"RAMAIS={1121 + number} INICIO=27/10/2025 FIM=28/10/2025")

    office.make_pass()

    assert len(office.queued()) == 2
    [refusal] = [letter for letter in office.letters() if letter.name.endswith(".rejection")]
    assert "2" in text_of(parsed(refusal.content))


def test_a_thank_you_is_ignored_and_a_new_wish_in_the_same_thread_is_not(office: Office) -> None:
    office.receive()
    office.make_pass()
    [request] = office.queued()
    ours = f"<{request}.confirmation@example.com>"

    office.receive(f"RES: Re: {SUBJECT}", In_Reply_To=ours)
    office.receive("Re: RAMAIS=1199 INICIO=27/10/2025 FIM=28/10/2025", In_Reply_To=ours)
    tally = office.make_pass()

    assert tally.verdicts == {VerdictKind.IGNORED: 1, VerdictKind.ACCEPTED: 1}
    assert len(office.queued()) == 2


@pytest.mark.parametrize("count", [60, 75, 78, 80, 120])
def test_a_thank_you_for_a_long_request_is_ignored_and_another_long_one_is_not(office: Office, count: int) -> None:
    office.intake = replace(office.intake, limits=replace(office.intake.limits, max_extensions=200))
    extensions = [str(number) for number in range(1001, 1001 + 2 * count, 2)]
    office.receive(subject := f"INICIO=27/10/2025 FIM=28/10/2025 RAMAIS={','.join(extensions)}")
    office.make_pass()
    [letter] = office.letters()
    ours = parsed(letter.content)

    office.receive(f"RES: {ours['Subject']}", In_Reply_To=ours["Message-ID"])
    office.receive(f"Re: {subject},5001", In_Reply_To=ours["Message-ID"])
    tally = office.make_pass()

    assert tally.verdicts.get(VerdictKind.IGNORED) == 1
    assert len(office.queued()) == 2


def test_a_mail_that_answers_itself_is_never_answered(office: Office) -> None:
    office.receive(Auto_Submitted="auto-replied")
    office.receive(sender="voip.audios@example.com")

    tally = office.make_pass()

    assert tally.verdicts == {VerdictKind.IGNORED: 2}
    assert office.letters() == []


def test_a_missing_end_is_the_moment_the_mail_arrived_however_late_it_is_read(office: Office) -> None:
    office.make_pass()
    office.receive("RAMAIS=1121 INICIO=hoje")
    office.now = NOON + timedelta(days=2)

    office.make_pass()

    lease = SpoolQueue(office.folder / "spool", instance="audio").lease(office.now)
    assert lease is not None
    assert lease.request.parameters["inicio"] == "11/11/2025 00:00:00"
    assert lease.request.parameters["fim"] == "11/11/2025 12:00:00"


def test_the_code_of_a_subject_stands_in_no_file_and_no_reply(office: Office) -> None:
    office.receive(f"[A1B2C3D4] {SUBJECT}")

    office.make_pass()

    written = b"".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    assert b"A1B2C3D4" not in written
    assert len(office.queued()) == 1


def test_a_mailbox_with_history_is_left_alone_until_init_has_marked_it(office: Office) -> None:
    office.receive()
    office.now = NOON + timedelta(hours=25)
    with pytest.raises(ParameterError, match="voipmon init"):
        office.make_pass()

    with office.inbox:
        assert mark_history(office.inbox, office.intake.ledger, office.intake.clock) == 1
    office.receive("RAMAIS=1199 INICIO=27/10/2025 FIM=28/10/2025")
    office.make_pass()

    assert len(office.queued()) == 1


def test_a_mail_older_than_two_weeks_is_not_answered_any_more(office: Office) -> None:
    with office.inbox:
        mark_history(office.inbox, office.intake.ledger, office.intake.clock)
    office.receive()
    office.now = NOON + timedelta(days=15)

    tally = office.make_pass()

    assert tally.verdicts == {VerdictKind.IGNORED: 1}


def test_a_pass_that_is_told_to_stop_leaves_the_rest_for_the_next_one(office: Office) -> None:
    office.receive()

    with office.inbox:
        monitor(office.inbox, office.intake, lambda: True)

    assert office.inbox.done == set()
    assert office.queued() == []


def test_a_mail_that_was_marked_when_the_pass_died_is_answered_by_the_next_one_and_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(SpoolQueue, "enqueue", _failing(QueueError("disk full", retryable=True)))
        with pytest.raises(QueueError):
            office.make_pass()
    assert office.inbox.done == {uid}
    assert office.queued() == []

    for _ in range(2):
        office.make_pass()

    assert len(office.queued()) == 1
    assert len(office.letters()) == 1


def test_what_follows_from_a_marked_mail_is_done_by_a_host_that_does_not_lead_any_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(SpoolOutbox, "post", _failing(OutboxError("disk full", retryable=True)))
        with pytest.raises(OutboxError):
            office.make_pass()

    watch(office.inbox, office.intake, Leadership("audio2", 2, NOON))

    assert len(office.queued()) == 1
    assert len(office.letters()) == 1


def test_of_a_mail_that_another_host_takes_away_before_the_mark_nothing_follows(office: Office) -> None:
    taken, left = office.receive(), office.receive("RAMAIS=1199 INICIO=27/10/2025 FIM=28/10/2025")
    other = office.inbox.beside("audio2")
    office.intake = replace(office.intake, writer=_Before(office.intake.writer, lambda: _take(other, taken)))

    tally = office.make_pass()

    [request] = office.queued()
    [letter] = office.letters()
    assert letter.name.startswith(request)
    assert office.inbox.done == {left}
    assert tally.verdicts == {VerdictKind.ACCEPTED: 1}
    assert other.acknowledge([taken]) == frozenset()
    assert office.make_pass().verdicts == {}


def test_of_a_mail_that_is_taken_over_after_a_crash_nothing_follows(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryInbox, "acknowledge", _failing(MailboxError("the line broke", retryable=True)))
        with pytest.raises(MailboxError):
            office.make_pass()
    other = office.inbox.beside("audio2")
    _take(other, uid)
    other.acknowledge([uid])

    watch(office.inbox, office.intake, Leadership("audio2", 2, NOON))
    office.make_pass()

    assert office.queued() == []
    assert office.letters() == []


def test_a_mail_that_another_host_took_is_left_to_it_for_an_hour(office: Office) -> None:
    uid = office.receive()
    other = office.inbox.beside("audio2")
    other.take([uid], from_others=False)

    assert office.make_pass().verdicts == {}
    office.now += timedelta(minutes=59)
    assert office.make_pass().verdicts == {}
    office.now += timedelta(minutes=1)
    assert office.make_pass().verdicts == {VerdictKind.ACCEPTED: 1}

    assert other.acknowledge([uid]) == {uid}


def test_a_leader_takes_over_at_once_what_another_host_took(office: Office) -> None:
    uid = office.receive()
    office.inbox.beside("audio2").take([uid], from_others=False)

    with office.inbox:
        tally = monitor(office.inbox, office.intake, lambda: False, _leading())

    assert tally.verdicts == {VerdictKind.ACCEPTED: 1}


def test_a_leader_that_is_replaced_before_the_mark_answers_nothing(office: Office) -> None:
    office.receive()
    lead = _leading()
    new = MemoryLead(lead.board, "audio2")
    office.intake = replace(office.intake, writer=_Before(office.intake.writer, lambda: new.take(new.look())))

    with office.inbox, pytest.raises(LeadLostError, match="audio2 leads"):
        monitor(office.inbox, office.intake, lambda: False, lead)
    watch(office.inbox, office.intake, new.look())

    assert office.inbox.done == set()
    assert office.queued() == []
    assert office.letters() == []


def test_a_mailbox_that_was_numbered_anew_in_the_middle_loses_no_request(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.receive()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryInbox, "acknowledge", _failing(MailboxError("the line broke", retryable=True)))
        with pytest.raises(MailboxError):
            office.make_pass()
    office.inbox.generation += 1

    office.make_pass()

    assert len(office.queued()) == 1
    assert len(office.letters()) == 1
    assert office.inbox.waiting() == []


def test_a_mail_that_was_to_be_put_aside_is_so_after_a_crash_behind_the_mark(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intake = replace(office.intake, verify_sender="require", authserv_id="mx.example.com")
    forged = office.receive()

    def marked_only(inbox: MemoryInbox, uids: Iterable[int]) -> frozenset[int]:
        inbox.acknowledge(uids)
        if uids:
            raise MailboxError("the line broke", retryable=True)
        return frozenset()

    with monkeypatch.context() as patch:
        patch.setattr(MemoryInbox, "quarantine", marked_only)
        with pytest.raises(MailboxError):
            office.make_pass()

    office.make_pass()

    assert set(office.inbox.quarantined) == {forged}


def test_the_confirmations_of_one_pass_count_the_requests_before_them(office: Office) -> None:
    for number in range(3):
        office.receive(f"RAMAIS={1121 + number} INICIO=27/10/2025 FIM=28/10/2025")
        office.now += timedelta(seconds=1)

    office.make_pass()

    queue = SpoolQueue(office.folder / "spool", instance="audio")
    assert [queue.ahead_of(request) for request in office.queued()] == [0, 1, 2]
    texts = [text_of(parsed(letter.content)) for letter in office.letters()]
    assert ["2 pedidos" in text for text in texts] == [False, False, True]


def test_a_stop_in_the_middle_finishes_what_was_decided(office: Office) -> None:
    first, second = office.receive(), office.receive("RAMAIS=1199 INICIO=27/10/2025 FIM=28/10/2025")
    asked = iter([False, False, True])

    with office.inbox:
        monitor(office.inbox, office.intake, lambda: next(asked))

    assert office.inbox.done == {first}
    assert office.inbox.waiting() == [second]
    assert len(office.queued()) == 1


def _take(inbox: MemoryInbox, uid: int) -> None:
    assert inbox.take([uid], from_others=True) == [uid]


def _leading() -> MemoryLead:
    lead = MemoryLead(Board(), "audio")
    assert lead.take(lead.look())
    return lead


class _Before:
    """A writer before whose first letters something happens."""

    def __init__(self, writer: Writer, happen: Callable[[], object], times: int = 1) -> None:
        self._writer = writer
        self._happen = happen
        self._times = times

    def write(self, facts: Facts, thread: Thread | None, now: datetime) -> Letter:
        if self._times:
            self._times -= 1
            self._happen()
        return self._writer.write(facts, thread, now)


def _fault() -> None:
    raise RuntimeError("a fault of ours")


def _failing(error: Exception) -> Callable[..., Verdict]:
    def fail(*_: object, **__: object) -> Verdict:
        raise error

    return fail


class _Clumsy:
    """A writer that trips over the guide."""

    def __init__(self, write: Callable[[Facts, Thread | None, datetime], Letter]) -> None:
        self._write = write

    def write(self, facts: Facts, thread: Thread | None, now: datetime) -> Letter:
        if facts.kind == "guide":
            raise ZeroDivisionError("a fault of ours")
        return self._write(facts, thread, now)
