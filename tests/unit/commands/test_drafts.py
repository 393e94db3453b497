"""What follows from a mail survives being written down, and is done once however often it is tried."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from fakes.audit import MemoryAudit
from fakes.queue import MemoryQueue
from hypothesis import given
from hypothesis import strategies as st

from voipmon.audit.port import Event
from voipmon.commands import drafts
from voipmon.commands.drafts import Drafts, carry_out, is_aside
from voipmon.domain.request import Request
from voipmon.mail.consequences import Consequence, Consequences
from voipmon.mail.ledger import Ledger
from voipmon.mail.outbox import Letter
from voipmon.mail.spool import SpoolOutbox
from voipmon.queue.port import State

NOON = datetime(2025, 10, 27, 12, tzinfo=timezone(timedelta(hours=-3)))
TOLD = Event("verdict", NOON, ("k7q2m9xd4t",), {"verdict": "accepted"})
REQUESTS = st.builds(
    Request,
    id=st.just("20251027T150000Z-k7q2m9xd4t"),
    requester=st.emails(),
    recipient=st.emails(),
    parameters=st.dictionaries(st.text(), st.text() | st.lists(st.text()), max_size=3),
    created_at=st.datetimes(timezones=st.just(UTC)),
    message_id=st.none() | st.text(),
    references=st.lists(st.text(), max_size=3).map(tuple),
    subject=st.none() | st.text(),
    tenant=st.none() | st.text(),
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    written = drafts._written(request_)

    assert drafts._read(written) == request_


def test_what_is_tried_again_is_done_once(tmp_path: Path) -> None:
    queue, outbox = MemoryQueue(), SpoolOutbox(tmp_path / "outbox")
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    consequences = Consequences(ledger)
    request = Request("one", "manager@example.com", "manager@example.com", {"ramais": "1121"}, NOON)
    pad = Drafts(queue)
    pad.enqueue(request)
    pad.post(Letter("one.confirmation", ("manager@example.com",), b"Subject: a\r\n\r\n"), NOON)
    one = Consequence("key", 1, 7, pad.close(TOLD, aside=False))
    consequences.keep("inbox", one)
    assert consequences.kept("inbox") == [one]
    assert not is_aside(one)

    audit = MemoryAudit()
    for _ in range(2):
        carry_out([one], consequences, queue, outbox, audit, lambda: NOON)

    assert [entry.request_id for entry in queue.entries(State.PENDING)] == ["one"]
    assert outbox.counts()["waiting"] == 1
    assert audit.kinds() == ["verdict", "request_taken"]
    assert audit.events[0] == TOLD
    assert consequences.kept("inbox") == []
    ledger.close()


def test_what_one_mail_leaves_behind_is_not_the_next_ones(tmp_path: Path) -> None:
    pad = Drafts(MemoryQueue())
    pad.enqueue(Request("one", "manager@example.com", "manager@example.com", {}, NOON))
    pad.discard()

    assert '"request": null' in pad.close(TOLD, aside=True)
