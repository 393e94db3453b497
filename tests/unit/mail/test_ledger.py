"""What is remembered of mails, for how long, and how little room it takes."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from voipmon.errors import MailboxError
from voipmon.mail.ledger import Ledger, Unreported, Verdict, VerdictKind

NOON = datetime(2025, 11, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MANAGER = "manager@company.example.com"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


def verdict(number: int = 1, kind: VerdictKind = VerdictKind.ACCEPTED, reason: str = "request", **more: str) -> Verdict:
    key = f"{number:010}"
    return Verdict(
        key=key,
        request_id=f"20251111T120000Z-{key}",
        kind=kind,
        reason=reason,
        arrived_at=NOON,
        message_id=f"<{number:032x}@mail.company.example.com>",
        sender=MANAGER,
        subject="RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00",
        **more,
    )


def test_a_verdict_is_found_by_key_by_request_and_by_message_id(ledger: Ledger) -> None:
    ledger.record(verdict(1), NOON)
    ledger.record(verdict(2, doubt="no_result"), NOON)

    expected = replace(verdict(2, doubt="no_result"), decided_at=NOON)
    assert ledger.verdict(expected.key) == expected
    assert ledger.verdict_of_request(expected.request_id) == expected
    for name in (str(expected.message_id), str(expected.message_id).strip("<>"), f" {expected.message_id} "):
        assert ledger.verdicts_of_message(name) == [expected]


@pytest.mark.parametrize("name", ["", "<>", "none@example.com", "20251111T120001Z-0000000001", "0000000001", "-", "%"])
def test_nothing_is_found_by_another_name(ledger: Ledger, name: str) -> None:
    ledger.record(replace(verdict(1), message_id=""), NOON)

    assert ledger.verdict_of_request(name) is None
    assert ledger.verdicts_of_message(name) == []


def test_all_mails_of_one_message_id_are_told_the_first_one_first(ledger: Ledger) -> None:
    forged = replace(verdict(1), message_id=verdict(2).message_id)
    ledger.record(verdict(2), NOON)
    ledger.record(forged, NOON + DAY)

    assert [each.key for each in ledger.verdicts_of_message(str(forged.message_id))] == ["0000000002", "0000000001"]


def test_the_first_verdict_of_a_key_stays(ledger: Ledger) -> None:
    ledger.record(verdict(1), NOON)
    ledger.record(verdict(1, VerdictKind.IGNORED, "thanks"), NOON + DAY)

    assert ledger.verdict(verdict(1).key) == replace(verdict(1), decided_at=NOON)


def test_what_counts_against_a_sender_is_what_was_answered_since(ledger: Ledger) -> None:
    kinds = [VerdictKind.ACCEPTED, VerdictKind.REJECTED, VerdictKind.GUIDED, VerdictKind.IGNORED]
    for number, kind in enumerate(kinds * 2):
        ledger.record(verdict(number, kind), NOON + number * timedelta(minutes=1))
    ledger.record(replace(verdict(9), sender="other@example.com"), NOON)

    assert ledger.count_since(MANAGER, NOON, VerdictKind.ACCEPTED) == 2
    assert ledger.count_since(MANAGER, NOON + timedelta(minutes=2), VerdictKind.REJECTED, VerdictKind.GUIDED) == 3


def test_a_day_is_reported_once_and_by_what_became_of_the_mails(ledger: Ledger) -> None:
    ledger.record(verdict(1), NOON)
    ledger.record(verdict(2, doubt="no_result"), NOON)
    ledger.record(verdict(3, VerdictKind.IGNORED, "stranger", doubt="no_result"), NOON)
    ledger.record(verdict(4, VerdictKind.IGNORED, "bounce"), NOON)
    ledger.record(verdict(5, VerdictKind.IGNORED, "bounce"), NOON)
    ledger.record(verdict(6, VerdictKind.QUARANTINED, "odd_from"), NOON)
    ledger.record(verdict(7, VerdictKind.IGNORED, "bounce"), NOON + DAY)
    tomorrow = date(2025, 11, 12)

    assert ledger.unreported(date(2025, 11, 11)) == Unreported()
    assert ledger.is_reported(tomorrow) is False
    assert ledger.unreported(tomorrow) == Unreported(
        (("bounce", 2), ("stranger", 1)), (("odd_from", 1),), (("no_result", 1),)
    )

    ledger.mark_reported(tomorrow, NOON + DAY)

    assert ledger.is_reported(tomorrow) is True
    assert ledger.is_reported(tomorrow + DAY) is False
    assert ledger.unreported(tomorrow + DAY) == Unreported((("bounce", 1),))


def test_verdicts_end_after_ninety_days_and_not_before(ledger: Ledger) -> None:
    ledger.record(verdict(1), NOON)
    ledger.record(verdict(2), NOON + DAY)

    ledger.mark_reported(date(2026, 2, 9), NOON + timedelta(days=90))
    assert ledger.verdict(verdict(1).key) is not None
    ledger.mark_reported(date(2026, 2, 10), NOON + timedelta(days=90, seconds=1))

    assert ledger.verdict(verdict(1).key) is None
    assert ledger.verdict(verdict(2).key) is not None


def test_failures_are_counted_until_there_is_a_verdict(ledger: Ledger) -> None:
    assert [ledger.count_failure("0000000001") for _ in range(3)] == [1, 2, 3]
    ledger.record(verdict(1, VerdictKind.QUARANTINED, "undecidable"), NOON)

    assert ledger.count_failure("0000000001") == 1


def size(path: Path) -> int:
    """Return the bytes of the database without its journal."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def growth(ledger: Ledger, path: Path, make: Callable[[int], Verdict]) -> float:
    """Return how many bytes each of some hundred verdicts takes."""
    for number in range(100):
        ledger.record(make(number), NOON)
    before = size(path)
    for number in range(100, 500):
        ledger.record(make(number), NOON)
    return (size(path) - before) / 400


def test_an_ordinary_verdict_takes_half_a_kilobyte(ledger: Ledger, tmp_path: Path) -> None:
    assert growth(ledger, tmp_path / "ledger.sqlite3", verdict) < 550


def test_no_stranger_makes_a_verdict_big(ledger: Ledger, tmp_path: Path) -> None:
    long = "\U0001f4de" * 100_000

    def biggest(number: int) -> Verdict:
        sender = f"{number:0242}@example.com"
        texts = {"reason": long, "message_id": f"{number}{long}", "sender": sender, "subject": long}
        return replace(verdict(number), doubt="dmarc_not_passed", **texts)

    assert growth(ledger, tmp_path / "ledger.sqlite3", biggest) < 8_000


def test_room_is_used_again(ledger: Ledger, tmp_path: Path) -> None:
    sizes = []
    for quarter in range(4):
        now = NOON + quarter * timedelta(days=91)
        for number in range(500):
            ledger.record(verdict(1000 * quarter + number), now)
        ledger.mark_reported(now.date(), now)
        sizes.append(size(tmp_path / "ledger.sqlite3"))

    assert sizes[-1] < 1.1 * sizes[1]


def test_a_file_of_an_older_voipmon_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE verdict (key TEXT PRIMARY KEY, request_id TEXT NOT NULL, verdict TEXT NOT NULL,"
            " reason TEXT NOT NULL, message_id TEXT, sender TEXT, subject TEXT, arrived_at TEXT NOT NULL,"
            " decided_at TEXT NOT NULL, reported INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
            "CREATE INDEX verdict_by_request ON verdict (request_id);"
            "INSERT INTO verdict VALUES ('k7q2m9xd4t', '20251111T120000Z-k7q2m9xd4t', 'accepted', 'request', '<a@b>',"
            " 'manager@company.example.com', 'x', '2025-11-11T12:00:00Z', '2025-11-11T12:00:00Z', 0)"
        )
    old.close()
    ledger = Ledger(path)

    ledger.record(verdict(2, doubt="no_result"), NOON)

    assert [each.request_id for each in ledger.verdicts_of_message("a@b")] == ["20251111T120000Z-k7q2m9xd4t"]
    assert ledger.verdict(verdict(2).key) == replace(verdict(2, doubt="no_result"), decided_at=NOON)
    ledger.close()


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database" * 1_000)

    with pytest.raises(MailboxError, match=r"ledger\.sqlite3 cannot be used"):
        Ledger(path).verdict("k")
