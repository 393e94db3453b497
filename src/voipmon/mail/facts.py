"""What the letters say: one frozen value for each kind of letter."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication
from voipmon.domain.problem import Problem, ProblemKind
from voipmon.domain.recording import DayCount, LeftOut


@dataclass(frozen=True, slots=True)
class Thread:
    """The mail that a letter answers, and to whom: *subject*, *message_id* and *references* as they came.

    *copies* are the addresses that get a copy too, beside the admin. *needs_code*: the recipient will need the code of
    his company to ask again. *language* is the recipient's, None: that of the installation.
    """

    recipient: str
    subject: str | None = None
    message_id: str | None = None
    references: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    needs_code: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The request is taken; *ahead* counts those that are answered before it."""

    kind: ClassVar[str] = "confirmation"
    request_id: str
    ask: Ask
    ahead: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """The request cannot be done as asked; *example* is a correct subject made from what was understood."""

    kind: ClassVar[str] = "rejection"
    request_id: str
    problems: tuple[Problem, ...]
    example: str
    round: int = 1

    @property
    def can_be_mended(self) -> bool:
        """Whether another subject would be taken: from somebody who may ask for nothing none is."""
        return all(problem.kind is not ProblemKind.RECORDINGS_NOT_YOURS for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Guide:
    """How to ask, on one page."""

    kind: ClassVar[str] = "guide"
    request_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """The recordings, where they can be fetched, and until when."""

    kind: ClassVar[str] = "result"
    request_id: str
    ask: Ask
    publication: Publication
    round: int = 1


@dataclass(frozen=True, slots=True)
class NothingFoundFacts:
    """No recording matches. Hints: *days* near the period that have some, and the *prefixes* that were searched."""

    kind: ClassVar[str] = "nothing-found"
    request_id: str
    ask: Ask
    days: tuple[DayCount, ...]
    prefixes: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    round: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """The request was given up after the last attempt."""

    kind: ClassVar[str] = "failure"
    request_id: str
    round: int = 1


@dataclass(frozen=True, slots=True)
class Withheld:
    """For the admin: a request was not answered, as these *addresses* have no right to it any more, or never had."""

    kind: ClassVar[str] = "withheld"
    request_id: str
    addresses: tuple[str, ...]
    round: int = 1


@dataclass(frozen=True, slots=True)
class Digest:
    """For the admin: how many mails up to a *day* got no reply, by reason.

    *counts* are of those that need none, *quarantined* of those that were put aside, *doubtful* of those that were
    taken although nobody vouches for their sender.
    """

    kind: ClassVar[str] = "digest"
    day: date
    counts: tuple[tuple[str, int], ...] = ()
    quarantined: tuple[tuple[str, int], ...] = ()
    doubtful: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """For the admin: on that *day* *waiting* letters found nothing left of the *limit* of recipients."""

    kind: ClassVar[str] = "budget-spent"
    day: date
    limit: int
    waiting: int


Report = Digest | BudgetSpent
"""What is for the admin alone, once a day."""

Facts = Confirmation | Rejection | Guide | Result | NothingFoundFacts | Failure | Withheld | Report
