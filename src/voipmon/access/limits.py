"""How much one request may ask for. Pure: every answer follows from the arguments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from voipmon.domain.ask import Ask
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.recording import Recording

_TOO_MUCH = (ProblemKind.TOO_MANY_RECORDINGS, ProblemKind.TOO_MANY_BYTES)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may ask for; sizes in bytes."""

    max_extensions: int
    max_days: int
    max_recordings: int
    max_bytes: int
    requests_per_sender_per_hour: int


def check_limits(ask: Ask, limits: Limits) -> None:
    """Check what can be checked before the search.

    Raises:
        RefusedError: with one problem for each limit that is passed.
    """
    problems = beyond(ask, limits)
    if problems:
        raise RefusedError(problems)


def beyond(ask: Ask, limits: Limits) -> list[Problem]:
    """Return one problem for each limit that *ask* passes, of those that can be checked before the search."""
    problems = []
    if len(ask.extensions) > limits.max_extensions:
        problems.append(
            Problem(ProblemKind.TOO_MANY_EXTENSIONS, count=len(ask.extensions), limit=limits.max_extensions)
        )
    minutes = ask.period.length // timedelta(minutes=1)  # FIM=18:00 includes 18:00:59, and counts as written
    if minutes > limits.max_days * 24 * 60:
        problems.append(Problem(ProblemKind.PERIOD_TOO_LONG, count=-(-minutes // 1440), limit=limits.max_days))
    return problems


def check_amount(recordings: Sequence[Recording], limits: Limits) -> None:
    """Check what is known only after the search.

    Raises:
        RefusedError: when there are too many recordings, or too many bytes.
    """
    problems = []
    if len(recordings) > limits.max_recordings:
        problems.append(Problem(ProblemKind.TOO_MANY_RECORDINGS, count=len(recordings), limit=limits.max_recordings))
    size = sum(recording.size for recording in recordings)
    if size > limits.max_bytes:
        problems.append(Problem(ProblemKind.TOO_MANY_BYTES, count=size, limit=limits.max_bytes))
    if problems:
        raise RefusedError(problems)


def with_less(ask: Ask, problems: Iterable[Problem]) -> Ask:
    """Return *ask* with as much of its period as may hold what is allowed, where too many recordings or bytes match."""
    shares = [problem.limit / problem.count for problem in problems if problem.kind in _TOO_MUCH]
    if not shares:
        return ask
    minutes = max(1, int(min(shares) * 0.9 * (ask.period.length // timedelta(minutes=1))))
    last = ask.period.first + timedelta(minutes=minutes) - timedelta(seconds=1)
    return replace(ask, period=Period(ask.period.first, min(ask.period.last, last)))


def within_limits(ask: Ask, limits: Limits) -> Ask:
    """Return as much of *ask* as one request may ask for: its first extensions and its first days."""
    most = ask.period.first + timedelta(days=limits.max_days) - timedelta(seconds=1)  # 23:59:59, written as 23:59
    last = min(ask.period.last, most)
    return replace(ask, extensions=ask.extensions[: limits.max_extensions], period=Period(ask.period.first, last))
