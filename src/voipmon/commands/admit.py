"""Which of a person's rights are open to one mail: where a tenant has a code, only who knows it is let in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from voipmon.access.rights import Grant, Rights
from voipmon.domain.ask import Ask
from voipmon.domain.problem import Problem, ProblemKind
from voipmon.errors import ConfigError
from voipmon.mail.ledger import Ledger, VerdictKind
from voipmon.mail.reason import Reason
from voipmon.mail.subject import codes_in

REFUSALS = (VerdictKind.REJECTED, VerdictKind.GUIDED)
REFUSALS_PER_HOUR = 5

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WRONG_CODES_PER_DAY = 10

CodeOf = Callable[[str], str]
"""Tells the code of the tenant of a name. Raises ConfigError: it cannot be read."""


def no_code(tenant: str) -> str:
    """Tell the code of a tenant where none has one."""
    raise ConfigError((f"the tenant {tenant} has no code",))


@dataclass(frozen=True, slots=True)
class Admission:
    """What is open to one mail of a person.

    *closed*: what is wrong with the code for the rest, if there is a rest; *silence*: why not even that is told.
    *needs_code*: the person will need the code again.
    """

    grant: Grant
    closed: Problem | None = None
    silence: Reason | None = None
    needs_code: bool = False

    def problem(self, ask: Ask) -> Problem | None:
        """Return what is wrong with the code, where *ask* needs it: nothing else is told then."""
        return self.closed if self.grant.problems(ask) else None


def admit(sender: str, subject: str, rights: Rights, ledger: Ledger, code_of: CodeOf, now: datetime) -> Admission:
    """Return what is open to *sender* with the codes in *subject*.

    Who may not be told that a code is wrong may not be told that it is right: after five refusals in an hour, or ten
    wrong codes in a day, no code is looked at.

    Raises:
        ConfigError: a tenant's code cannot be read.
    """
    whole = rights.grant(sender)
    if not whole.needs_code:
        return Admission(whole)
    given = codes_in(subject)
    if not given:
        return Admission(whole.opened((), code_of), Problem(ProblemKind.CODE_MISSING), needs_code=True)
    wrong = ledger.count_rejected_since(sender, now - _DAY, Reason.WRONG_CODE)
    problem = Problem(ProblemKind.CODE_WRONG, count=wrong + 1, limit=_WRONG_CODES_PER_DAY)
    silence = Reason.TOO_MANY_CODES if wrong >= _WRONG_CODES_PER_DAY else None
    if ledger.count_since(sender, now - _HOUR, *REFUSALS) >= REFUSALS_PER_HOUR:
        silence = silence or Reason.TOO_MANY_REFUSALS
    if silence is not None:
        return Admission(whole.opened((), code_of), problem, silence, needs_code=True)
    opened = whole.opened(given, code_of)
    return Admission(opened, problem if opened != whole else None, needs_code=True)


def secrets_of(address: str | None, rights: Rights, code_of: CodeOf) -> tuple[str, ...]:
    """Return the codes that may stand in a mail of *address* and nowhere else, as far as they can be read."""
    tenants = rights.grant(address).tenants if address else ()
    try:
        return tuple(code_of(tenant.name) for tenant in tenants if tenant.needs_code)
    except ConfigError:
        return ()
