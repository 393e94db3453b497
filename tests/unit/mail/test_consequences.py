"""What follows from mails is written down whole or not at all, beside their verdicts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voipmon.errors import MailboxError
from voipmon.mail.consequences import Consequence, Consequences
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind

NOON = datetime(2025, 10, 27, 12, tzinfo=UTC)
INBOX = "voip@imap.example.com/INBOX"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


def verdict(key: str) -> Verdict:
    return Verdict(key, f"id-{key}", VerdictKind.ACCEPTED, "request", NOON)


def as_of_now(path: Path) -> tuple[list[str], list[str]]:
    """Return what another process, or the next pass after a crash, finds."""
    other = Ledger(path / "ledger.sqlite3")
    kept = [one.key for one in Consequences(other).kept(INBOX)]
    verdicts = [key for key in ("a", "b", "c") if other.verdict(key)]
    other.close()
    return kept, verdicts


def test_a_batch_is_there_at_its_end_and_not_before(ledger: Ledger, tmp_path: Path) -> None:
    consequences = Consequences(ledger)
    with ledger.batch():
        for uid, key in enumerate("ab", 1):
            ledger.record(verdict(key), NOON)
            consequences.keep(INBOX, Consequence(key, 1, uid, "{}"))
            assert ledger.verdict(key) is not None
        assert as_of_now(tmp_path) == ([], [])

    assert as_of_now(tmp_path) == (["a", "b"], ["a", "b"])


def test_of_a_batch_that_breaks_off_nothing_is_there_and_the_next_one_is_whole(ledger: Ledger, tmp_path: Path) -> None:
    consequences = Consequences(ledger)

    def break_off() -> None:
        with ledger.batch():
            ledger.record(verdict("a"), NOON)
            consequences.keep(INBOX, Consequence("a", 1, 1, "{}"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()

    ledger.record(verdict("b"), NOON)

    assert ledger.verdict("a") is None
    assert as_of_now(tmp_path) == ([], ["b"])


def test_what_is_done_is_forgotten_and_its_verdict_stays(ledger: Ledger, tmp_path: Path) -> None:
    consequences = Consequences(ledger)
    for uid, key in enumerate("ab", 1):
        ledger.record(verdict(key), NOON)
        consequences.keep(INBOX, Consequence(key, 1, uid, "{}"))

    consequences.done(["a"])
    consequences.undecide(["b"])

    assert as_of_now(tmp_path) == ([], ["a"])


def test_since_when_another_host_holds_a_mail_is_kept_for_as_long_as_it_does(ledger: Ledger) -> None:
    consequences = Consequences(ledger)
    consequences.note_theirs(INBOX, 1, [1, 2], NOON)
    consequences.note_theirs(INBOX, 1, [2, 3], NOON + timedelta(minutes=3))

    assert consequences.theirs(INBOX, 1) == {2: NOON, 3: NOON + timedelta(minutes=3)}
    assert consequences.theirs(INBOX, 2) == {}


def test_a_ledger_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").mkdir()

    with pytest.raises(MailboxError, match="the ledger"):
        Consequences(Ledger(tmp_path / "ledger.sqlite3"))
