"""What the postman does when there are more letters than the day allows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.outbox import make_letter
from fakes.transport import MemoryTransport
from support.world import parsed, text_of

from voipmon.commands.digest import report_budget
from voipmon.commands.send_letters import Postman, Sending
from voipmon.mail.letters import Letters, Stationery
from voipmon.mail.spool import SpoolOutbox

NOON = datetime(2025, 11, 11, 12, tzinfo=UTC)
LIMIT = 10
WRITER = Letters(
    Stationery("voip.audios@example.com", "admin@example.com", "en", ZoneInfo("America/Sao_Paulo"), "audio")
)


@dataclass
class Office:
    """An outbox on disk; every pass is a process that remembers nothing."""

    folder: Path
    server: MemoryTransport = field(default_factory=MemoryTransport)

    def post(self, numbers: Iterable[int], kind: str, now: datetime = NOON) -> None:
        for number in numbers:
            SpoolOutbox(self.folder).post(make_letter(number, kind), now + timedelta(seconds=number))

    def make_pass(self, now: datetime) -> Sending:
        outbox = SpoolOutbox(self.folder)
        tell = partial(report_budget, outbox, WRITER, "audio", LIMIT, now=now)
        return Postman(outbox, lambda: self.server, lambda: now, per_day=LIMIT, tell=tell).send_letters()

    def recipients(self) -> int:
        return sum(len(sent.recipients) for sent in self.server.sent)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "outbox")


def kinds(sending: Sending) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in sending.sent)


def test_what_is_over_the_budget_waits_until_a_day_has_passed_and_nothing_is_lost(office: Office) -> None:
    office.post(range(12), "result")

    sent = [kinds(office.make_pass(NOON + timedelta(hours=hour))).count("result") for hour in range(1, 74)]

    assert sent[0] == 5
    assert sum(sent[1:24]) == 0
    assert sum(sent) == 12
    assert SpoolOutbox(office.folder).counts()["waiting"] == 0


def test_the_budget_holds_for_any_twenty_four_hours_and_over_restarts(office: Office) -> None:
    per_hour = []
    for hour in range(80):
        now = NOON + timedelta(hours=hour)
        office.post([hour % 60], f"{'result' if hour % 3 else 'confirmation'}.r{2 + hour}", now)
        before = office.recipients()
        sending = office.make_pass(now + timedelta(minutes=2))
        per_hour.append(office.recipients() - before - kinds(sending).count("budget-spent"))

    assert max(sum(per_hour[hour : hour + 24]) for hour in range(80)) <= LIMIT
    assert sum(per_hour) > 2 * LIMIT


def test_results_go_before_confirmations(office: Office) -> None:
    office.post(range(3), "confirmation")
    office.post(range(3, 7), "result")

    sending = office.make_pass(NOON + timedelta(minutes=1))

    assert kinds(sending) == ["budget-spent", "confirmation", "result", "result", "result", "result"]


def test_confirmations_alone_leave_room_for_results(office: Office) -> None:
    office.post(range(9), "confirmation")
    assert kinds(office.make_pass(NOON + timedelta(minutes=1))) == ["budget-spent", "confirmation", "confirmation"]

    office.post(range(9), "result")

    assert kinds(office.make_pass(NOON + timedelta(minutes=2))) == ["result"] * 2  # the notice had a recipient, too


def test_the_admin_is_told_once_a_day_that_letters_wait(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.post(range(40), "result")

    for hour in range(36):
        office.make_pass(NOON + timedelta(hours=hour))

    notices = [sent.content for sent in office.server.sent if sent.recipients == ("admin@example.com",)]
    days = [parsed(content)["Message-ID"][1:11] for content in notices]
    assert days == [str(date(2025, 11, 11)), str(date(2025, 11, 12))]
    assert "35 mails wait" in text_of(parsed(notices[0]))
    warnings = [record for record in caplog.records if record.message == "budget_spent"]
    assert len(warnings) == 36
    assert "limits.recipients_per_day" in warnings[0].reason


def test_who_waits_for_a_letter_is_told_why_it_does_not_go(office: Office) -> None:
    office.post(range(6), "result")

    sending = office.make_pass(NOON + timedelta(minutes=1))

    assert sending.away == "limits.recipients_per_day, 10, is used up"


def test_without_a_limit_nothing_waits_and_nothing_is_counted(office: Office) -> None:
    office.post(range(30), "confirmation")

    sending = Postman(
        SpoolOutbox(office.folder), lambda: office.server, lambda: NOON + timedelta(hours=1)
    ).send_letters()

    assert len(sending.sent) == 30
    assert sending.away is None


def test_once_it_is_to_stop_no_further_letter_is_begun(office: Office) -> None:
    office.post(range(3), "result")
    outbox = SpoolOutbox(office.folder)
    postman = Postman(outbox, lambda: office.server, lambda: NOON, stop=lambda: len(office.server.sent) == 1)

    postman.send_letters()
    postman.send_letters()

    assert len(office.server.sent) == 1
    assert outbox.counts()["waiting"] == 2
    assert len(office.make_pass(NOON).sent) == 2
