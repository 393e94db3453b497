"""A stretch of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from voipmon.domain.problem import Problem, ProblemKind, RefusedError


@dataclass(frozen=True, slots=True)
class Period:
    """Every moment from *first* to *last*, both included, by the wall clock that they were written in.

    Both are aware and keep that zone, so that they print as the asker knows them. Where the clock was set back, an hour
    is in the period both times; *first* is then the earlier moment that it can mean, *last* the later one.

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
        here = moment.astimezone(self.first.tzinfo)  # two moments of one zone compare by their wall clocks
        return self.first <= here and here.astimezone(self.last.tzinfo) <= self.last

    @property
    def length(self) -> timedelta:
        """How long it lasts by the asker's wall clock, from its first moment to its last."""
        return self.last - self.first
