"""Which rights are open to a mail, by the code in it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.canary import code

from voipmon.access.limits import Limits
from voipmon.access.rights import EVERYTHING, Tenant, rights_of
from voipmon.commands.admit import admit, no_code, secrets_of
from voipmon.domain.problem import ProblemKind
from voipmon.domain.wanted import Share
from voipmon.errors import ConfigError
from voipmon.mail.ledger import Ledger

NOON = datetime(2025, 11, 11, 15, tzinfo=UTC)
CODE = code("coded")
LIMITS = Limits(50, 90, 10_000, 20 * 10**9, 30)
CODED = Tenant("Coded", frozenset({"@coded.example.com"}), Share(frozenset({"1131"})), LIMITS, needs_code=True)
PLAIN = Tenant("Plain", frozenset({"both@coded.example.com"}), Share(frozenset({"1121"})), LIMITS)
RIGHTS = rights_of(["boss@coded.example.com"], tenants=[CODED, PLAIN])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


def tell(name: str) -> str:
    return {"Coded": CODE}[name]


def test_who_may_have_everything_is_asked_for_no_code_and_none_is_read(ledger: Ledger) -> None:
    assert admit("boss@coded.example.com", f"[{CODE}]", RIGHTS, ledger, no_code, NOON).grant is EVERYTHING


def test_without_a_code_what_needs_none_is_open_and_none_is_read(ledger: Ledger) -> None:
    admission = admit("both@coded.example.com", "RAMAIS=1121", RIGHTS, ledger, no_code, NOON)

    assert admission.grant.tenants == (PLAIN,)
    assert admission.closed is not None
    assert admission.closed.kind is ProblemKind.CODE_MISSING


def test_with_the_code_all_is_open_and_nothing_is_wrong(ledger: Ledger) -> None:
    admission = admit("both@coded.example.com", f"RAMAIS=1131 [{CODE}]", RIGHTS, ledger, tell, NOON)

    assert admission.grant.tenants == (CODED, PLAIN)
    assert (admission.closed, admission.silence, admission.needs_code) == (None, None, True)


def test_a_code_that_cannot_be_read_opens_nothing(ledger: Ledger) -> None:
    with pytest.raises(ConfigError, match="the tenant Coded has no code"):
        admit("ana@coded.example.com", "[12345678]", RIGHTS, ledger, no_code, NOON)


@pytest.mark.parametrize(
    ("address", "secrets"),
    [("ana@coded.example.com", (CODE,)), ("boss@coded.example.com", ()), ("eva@example.com", ()), (None, ())],
)
def test_the_codes_that_may_stand_in_a_mail_are_those_of_its_senders_tenants(
    address: str | None, secrets: tuple[str, ...]
) -> None:
    assert secrets_of(address, RIGHTS, tell) == secrets
    assert secrets_of(address, RIGHTS, no_code) == ()
