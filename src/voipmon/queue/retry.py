"""Again, and when? Decided from plain values."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from voipmon.errors import VoipmonError


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often a request is tried, and how the pauses grow: doubled each time, up to *longest*."""

    max_attempts: int
    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)


def next_attempt(attempt: int, error: VoipmonError, now: datetime, rule: RetryRule, luck: float) -> datetime | None:
    """Return when to try again after *attempt* (from 1) ended in *error*, or None to give up.

    *luck*, from 0 to 1, spreads the moment by a tenth to either side, which keeps a herd apart.
    """
    if not error.retryable or attempt >= rule.max_attempts:
        return None
    doublings = min(attempt - 1, 32)
    pause: timedelta = min(rule.longest, rule.first * 2**doublings)
    return now + pause * (0.9 + 0.2 * luck)
