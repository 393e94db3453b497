"""A stretch of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from voipmon.domain.problem import Problem, ProblemKind, RefusedError


@dataclass(frozen=True, slots=True)
class Period:
    """Every moment from *first* to *last*, both included, to the second.

    Both are aware and keep the zone they were written in, so that they print as the asker knows them.

    Raises:
        RefusedError: when it ends before it starts.
    """

    first: datetime
    last: datetime

    def __post_init__(self) -> None:
        if self.first.tzinfo is None or self.last.tzinfo is None:
            raise ValueError("a period needs aware datetimes")
        if self.last < self.first:
            written = f"{self.first:%d/%m/%Y %H:%M:%S} - {self.last:%d/%m/%Y %H:%M:%S}"
            raise RefusedError([Problem(ProblemKind.PERIOD_BACKWARDS, written)])

    def __contains__(self, moment: datetime) -> bool:
        return self.first <= moment <= self.last

    @property
    def length(self) -> timedelta:
        """How long it lasts by the asker's wall clock, from its first moment to its last."""
        return self.last - self.first
