from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.errors import ParameterError, ProcessingError
from voipmon.queue.retry import RetryRule, next_attempt

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
RULE = RetryRule(max_attempts=5)
MIDDLE = 0.5

passing = ProcessingError("the disk is full", retryable=True)


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_pauses_double(attempt: int, minutes: int) -> None:
    assert next_attempt(attempt, passing, NOON, RULE, MIDDLE) == NOON + timedelta(minutes=minutes)


def test_no_pause_is_longer_than_an_hour() -> None:
    rule = RetryRule(max_attempts=100)

    assert next_attempt(99, passing, NOON, rule, MIDDLE) == NOON + timedelta(hours=1)


def test_after_the_last_attempt_there_is_none() -> None:
    assert next_attempt(5, passing, NOON, RULE, MIDDLE) is None


@pytest.mark.parametrize("error", [ProcessingError("no"), ParameterError("extension '40x1'")])
def test_what_cannot_pass_is_not_tried_again(error: ProcessingError | ParameterError) -> None:
    assert next_attempt(1, error, NOON, RULE, MIDDLE) is None


@given(attempt=st.integers(1, 99), luck=st.floats(0, 1))
def test_luck_spreads_a_pause_by_a_tenth(attempt: int, luck: float) -> None:
    rule = RetryRule(max_attempts=100)
    middle = next_attempt(attempt, passing, NOON, rule, MIDDLE)
    again = next_attempt(attempt, passing, NOON, rule, luck)

    assert middle is not None
    assert again is not None
    assert 0.899 < (again - NOON) / (middle - NOON) < 1.101
