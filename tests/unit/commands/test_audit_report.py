"""What was given is joined with what was opened, for the one who asks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from voipmon.commands.audit_report import Question, Row, report

Line = dict[str, Any]


def file(item: str, origin: str, destination: str) -> Line:
    return {
        "item": item, "path": f"2025/{item}", "start": "2025-10-27T11:00:00Z", "origin": origin,
        "destination": destination, "bytes": 1000, "sha256": "0" * 64,
    }  # fmt: skip


def taken(request: str = "r1", ramais: str = "1121,1130-1139", tenant: str = "acme") -> Line:
    return {
        "at": "2025-11-01T09:00:00Z", "event": "request_taken", "request": request, "tenant": tenant,
        "requester": "m@example.com", "asked": {"ramais": ramais, "motivo": "reclamação"},
    }  # fmt: skip


def delivered(at: str = "2025-11-01T10:00:00Z", request: str = "r1", tenant: str = "acme") -> Line:
    return {
        "at": at, "event": "delivered", "request": request, "tenant": tenant, "requester": "m@example.com",
        "recipient": "m@example.com", "publication": f"key-{request}", "until": "2025-11-04T10:00:00Z", "zip": "g.zip",
        "files": [file("0001.mp3", "1121", "2001"), file("0002.mp3", "2001", "1135")],
    }  # fmt: skip


def opened(item: str, at: str = "2025-11-02T10:00:00Z", request: str = "r1", address: str = "192.0.2.7") -> Line:
    return {
        "at": at, "event": "opened", "request": request, "publication": f"key-{request}", "item": item,
        "address": address, "agent": "Fox",
    }  # fmt: skip


def rows(*lines: Line, event: str = "delivered", **question: Any) -> list[Row]:
    return [row for row in report(lines, Question(**question)) if row.event == event]


def test_a_file_has_its_own_openings_and_those_of_the_zip() -> None:
    first, second = rows(delivered(), opened("0001.mp3"), opened("g.zip", address="192.0.2.8"))

    assert [(one.item, one.address) for one in first.opened] == [("0001.mp3", "192.0.2.7"), ("g.zip", "192.0.2.8")]
    assert [one.item for one in second.opened] == ["g.zip"]


def test_the_page_opened_is_a_row_of_its_own() -> None:
    [row] = rows(delivered(), opened("index.html"), event="opened")

    assert row.detail == "the page, from 192.0.2.7 Fox"
    assert row.tenant == "acme"


@pytest.mark.parametrize(("extension", "items"), [("1121", ["1"]), ("1135", ["2"]), ("2001", ["1", "2"]), ("112", [])])
def test_only_calls_of_the_extension_are_told(extension: str, items: list[str]) -> None:
    assert [row.file[-5] for row in rows(delivered(), extension=extension)] == items


@pytest.mark.parametrize(
    ("extension", "told"), [("1121", 1), ("1130", 1), ("1135", 1), ("1139", 1), ("1140", 0), ("11", 0), ("01135", 0)]
)
def test_a_request_is_told_of_each_extension_in_it(extension: str, told: int) -> None:
    refused = {**taken(), "event": "refused", "reason": "no"}

    assert len(rows(taken(), event="request_taken", extension=extension)) == told
    assert len(rows(taken(), refused, event="refused", extension=extension)) == told


def test_a_tenants_name_is_found_in_capitals_or_not() -> None:
    assert rows(delivered(tenant="Acme"), tenant="acme")
    assert rows(delivered(tenant="acme"), tenant="ACME")


def test_only_what_is_of_the_tenant_is_told_and_what_others_were_given_is_not() -> None:
    expired = {"at": "2025-11-04T10:00:00Z", "event": "expired", "request": "r2", "until": "x"}
    lines = [taken(), delivered(), taken("r2", tenant="other"), delivered(request="r2", tenant="other")]
    lines += [opened("0001.mp3", request="r2"), opened("index.html", request="r2"), expired]

    told = report(lines, Question(tenant="acme"))

    assert {row.request for row in told} == {"r1"}
    assert all(not row.opened for row in told)
    assert {row.event for row in report(lines, Question(tenant="other"))} == {
        "request_taken", "delivered", "opened", "expired",
    }  # fmt: skip


def test_what_was_given_by_the_rights_of_two_tenants_is_told_to_both() -> None:
    lines = [
        taken(tenant="acme, umbrella"),
        delivered(tenant="acme, umbrella"),
        delivered(request="r2", tenant="acme-2"),
    ]

    assert {row.request for row in report(lines, Question(tenant="umbrella"))} == {"r1"}
    assert {row.request for row in report(lines, Question(tenant="acme"))} == {"r1"}


def test_a_file_counts_by_when_it_was_given_and_by_when_it_was_opened() -> None:
    first, last = datetime(2025, 11, 2, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC)

    assert rows(delivered(), first=first) == []
    assert len(rows(delivered(), opened("0001.mp3"), first=first, last=last)) == 2
    assert rows(delivered(), opened("0001.mp3", at="2025-11-03T00:00:01Z"), first=first, last=last) == []
    assert len(rows(delivered(at="2025-11-02T00:00:00Z"), first=first, last=first)) == 2


def test_the_reason_that_was_given_is_told() -> None:
    [row] = rows(taken(), event="request_taken")

    assert row.detail == "RAMAIS=1121,1130-1139 MOTIVO=reclamação"
