"""What `explain` puts together, and how it is told."""

# ruff: noqa: ARG002 - the signatures are those of the protocols

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from voipmon.cli.explain import _lines, _shape
from voipmon.commands.explain import explain
from voipmon.errors import ParameterError
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind
from voipmon.mail.reason import Reason

NOON = datetime(2025, 11, 11, 15, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
FORGED = Verdict(
    key="k7q2m9xd4t",
    request_id="20251111T150000Z-k7q2m9xd4t",
    kind=VerdictKind.QUARANTINED,
    reason=Reason.DMARC_NOT_PASSED,
    arrived_at=NOON,
    message_id="<1@mail.example.com>",
    sender="manager@example.com",
    subject="RAMAIS=1121 \x1b[31m",
)


class Nothing:
    """A queue and an outbox that know nothing."""

    def find(self, request_id: str) -> tuple[str, Mapping[str, Any]] | None:
        return None

    def letters_of(self, request_id: str) -> list[dict[str, Any]]:
        return []


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.record(FORGED, NOON)
    yield ledger
    ledger.close()


@pytest.mark.parametrize("name", ["1@mail.example.com", "<1@mail.example.com>", "20251111T150000Z-k7q2m9xd4t"])
def test_why_a_mail_was_put_aside_is_told_by_either_name(ledger: Ledger, name: str) -> None:
    story = explain(name, ledger, Nothing(), Nothing())

    assert _lines(story, ZONE) == [
        "request 20251111T150000Z-k7q2m9xd4t",
        "11/11/2025 12:00:00  mail from manager@example.com: RAMAIS=1121 \N{REPLACEMENT CHARACTER}[31m",
        "11/11/2025 12:00:00  quarantined: dmarc_not_passed (it did not pass DMARC: its sender may be forged)",
    ]


def test_all_mails_of_a_message_id_are_told(ledger: Ledger) -> None:
    honest = replace(FORGED, key="a2b3c4d5e6", request_id="20251111T150000Z-a2b3c4d5e6", kind=VerdictKind.ACCEPTED)
    ledger.record(replace(honest, reason=Reason.REQUEST, doubt=Reason.NO_RESULT), NOON.replace(hour=16))

    story = explain("1@mail.example.com", ledger, Nothing(), Nothing())

    told = _lines(story, ZONE)
    assert "another mail of that Message-ID, request 20251111T150000Z-a2b3c4d5e6" in told
    assert "11/11/2025 13:00:00  accepted: request (it asks for recordings)" in told
    assert told[-1].startswith("sender in doubt      no_result (the server named in")
    shape = _shape(story)
    assert shape["mail"]["why"] == Reason.DMARC_NOT_PASSED.sentence
    assert [(other["request_id"], other["doubt"]) for other in shape["others"]] == [(honest.request_id, "no_result")]


def test_what_is_wrong_with_a_rejected_mail_is_told_as_it_is(ledger: Ledger) -> None:
    rejected = replace(FORGED, key="b2b3c4d5e6", request_id="20251111T150000Z-b2b3c4d5e6", kind=VerdictKind.REJECTED)
    ledger.record(replace(rejected, reason="RAMAIS: '11x' is no extension"), NOON)

    told = _lines(explain(rejected.request_id, ledger, Nothing(), Nothing()), ZONE)

    assert told[-1] == "11/11/2025 12:00:00  rejected: RAMAIS: '11x' is no extension"


def test_what_nobody_knows_is_said(ledger: Ledger) -> None:
    with pytest.raises(ParameterError, match="nothing is known of 'x'"):
        explain("x", ledger, Nothing(), Nothing())
