"""For how much one may ask."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.access.limits import Limits, check_amount, check_limits, with_less, within_limits
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.recording import Recording
from voipmon.domain.wording import read_period

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=ZONE)
LIMITS = Limits(max_extensions=50, max_days=90, max_recordings=3, max_bytes=1000, requests_per_sender_per_hour=30)


def ask(extensions: int = 1, start: str = "01/08/2025", end: str | None = "01/08/2025") -> Ask:
    return Ask(tuple(Extension(str(1000 + number)) for number in range(extensions)), read_period(start, end, NOW, ZONE))


def recordings(*sizes: int) -> list[Recording]:
    return [Recording(f"{number}.mp3", NOW, "1121", "1122", size) for number, size in enumerate(sizes)]


def refusal(asked: Ask) -> tuple[Problem, ...]:
    with pytest.raises(RefusedError) as caught:
        check_limits(asked, LIMITS)
    return caught.value.problems


class TestHowMuchOneMayAskFor:
    def test_as_many_extensions_as_the_limit_says_and_no_more(self) -> None:
        check_limits(ask(extensions=50), LIMITS)

        assert refusal(ask(extensions=51)) == (Problem(ProblemKind.TOO_MANY_EXTENSIONS, count=51, limit=50),)

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ("01/08/2025", "29/10/2025"),
            ("01/08/2025 08:00", "30/10/2025 08:00"),
            ("01/08/2025 08:00:00", "30/10/2025 08:00:00"),
        ],
    )
    def test_a_period_of_the_longest_length_as_written_is_taken(self, start: str, end: str) -> None:
        check_limits(ask(start=start, end=end), LIMITS)

    @pytest.mark.parametrize(("start", "end"), [("01/08/2025", "30/10/2025"), ("01/08/2025 08:00", "30/10/2025 08:01")])
    def test_a_longer_period_is_refused_with_its_days_rounded_up(self, start: str, end: str) -> None:
        assert refusal(ask(start=start, end=end)) == (Problem(ProblemKind.PERIOD_TOO_LONG, count=91, limit=90),)

    def test_the_length_is_of_the_wall_clock_also_where_summer_time_begins(self) -> None:
        asked = ask(start="01/09/2018 08:00", end="30/11/2018 08:00")  # 90 days, one hour of which never was

        check_limits(asked, LIMITS)

    def test_both_limits_are_told_at_once(self) -> None:
        kinds = [problem.kind for problem in refusal(ask(51, "01/01/2025", "31/12/2025"))]

        assert kinds == [ProblemKind.TOO_MANY_EXTENSIONS, ProblemKind.PERIOD_TOO_LONG]

    @given(st.integers(1, 120), st.integers(0, 400 * 24 * 60))
    def test_what_is_cut_to_the_limits_keeps_them(self, extensions: int, minutes: int) -> None:
        start = datetime(2024, 1, 1, tzinfo=ZONE)
        asked = Ask(ask(extensions).extensions, Period(start, start + timedelta(minutes=minutes, seconds=59)))

        cut = within_limits(asked, LIMITS)

        check_limits(cut, LIMITS)
        assert cut.extensions == asked.extensions[:50]
        assert cut.period.first == start

    def test_whole_days_are_cut_to_whole_days(self) -> None:
        cut = within_limits(ask(start="01/08/2025", end="31/12/2025"), LIMITS)

        assert cut.period == read_period("01/08/2025", "29/10/2025", NOW, ZONE)


class TestHowMuchOneMayGet:
    def test_as_much_as_the_limits_say(self) -> None:
        check_amount(recordings(400, 400, 200), LIMITS)

    def test_one_recording_too_many_and_one_byte_too_many_are_both_told(self) -> None:
        with pytest.raises(RefusedError) as caught:
            check_amount(recordings(400, 400, 200, 1), LIMITS)

        assert caught.value.problems == (
            Problem(ProblemKind.TOO_MANY_RECORDINGS, count=4, limit=3),
            Problem(ProblemKind.TOO_MANY_BYTES, count=1001, limit=1000),
        )


def test_where_too_many_match_a_shorter_period_is_offered() -> None:
    asked = ask(1, "01/08/2025", "10/08/2025")
    problem = Problem(ProblemKind.TOO_MANY_RECORDINGS, count=200, limit=100)

    less = with_less(asked, [problem])

    assert less.period.first == asked.period.first
    assert less.period.length < asked.period.length / 2


def test_what_is_wrong_otherwise_leaves_the_period_as_it_is() -> None:
    asked = ask(1, "01/08/2025", "10/08/2025")

    assert with_less(asked, [Problem(ProblemKind.TOO_MANY_REQUESTS, limit=30)]) == asked
