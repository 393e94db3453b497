"""A period, an extension, a wish: valid once they exist."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from voipmon.domain.ask import Ask, Extension
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError

ZONE = ZoneInfo("America/Sao_Paulo")
FIRST = datetime(2025, 10, 27, 8, 0, tzinfo=ZONE)
LAST = datetime(2025, 10, 28, 18, 0, 59, tzinfo=ZONE)
SECOND = timedelta(seconds=1)
DAY = Period(FIRST, LAST)


class TestPeriod:
    def test_both_ends_belong_to_it_and_the_seconds_beside_them_do_not(self) -> None:
        assert [moment in DAY for moment in (FIRST - SECOND, FIRST, LAST, LAST + SECOND)] == [False, True, True, False]

    def test_a_moment_of_another_zone_belongs_to_it_by_the_askers_clock(self) -> None:
        assert datetime(2025, 10, 27, 11, 0, tzinfo=UTC) in DAY
        assert datetime(2025, 10, 27, 10, 59, 59, tzinfo=UTC) not in DAY

    def test_one_moment_is_a_period(self) -> None:
        assert FIRST in Period(FIRST, FIRST)

    def test_it_does_not_end_before_it_starts(self) -> None:
        with pytest.raises(RefusedError) as caught:
            Period(LAST, FIRST)

        assert [problem.kind for problem in caught.value.problems] == [ProblemKind.PERIOD_BACKWARDS]

    def test_a_moment_without_a_zone_is_a_mistake_of_the_programmer(self) -> None:
        naive = FIRST.replace(tzinfo=None)

        with pytest.raises(ValueError, match="aware"):
            Period(naive, LAST)

    def test_an_hour_that_is_there_twice_belongs_to_it_both_times_and_not_a_minute_more(self) -> None:
        half_past = datetime(2018, 2, 17, 23, 30, tzinfo=ZONE)  # at midnight it was 23:00 again
        period = Period(half_past, half_past.replace(minute=40, fold=1))
        first_time, second_time = (datetime(2018, 2, 18, hour, 35, tzinfo=UTC) for hour in (1, 2))
        between = datetime(2018, 2, 18, 1, 45, tzinfo=UTC)

        assert first_time in period
        assert second_time in period
        assert between not in period

    def test_an_end_in_an_hour_that_never_was_takes_in_all_that_was_before_and_nothing_after(self) -> None:
        last = datetime(2018, 11, 4, 0, 30, tzinfo=ZONE)  # after 23:59:59 it was 01:00
        period = Period(datetime(2018, 11, 3, 22, 0, tzinfo=ZONE), last)

        assert datetime(2018, 11, 4, 2, 59, 59, tzinfo=UTC) in period
        assert datetime(2018, 11, 4, 3, 0, tzinfo=UTC) not in period

    def test_its_length_is_that_of_the_wall_clock(self) -> None:
        period = Period(datetime(2018, 11, 3, 12, 0, tzinfo=ZONE), datetime(2018, 11, 4, 12, 0, tzinfo=ZONE))

        assert period.length == timedelta(hours=24)


class TestExtension:
    @pytest.mark.parametrize("digits", ["1", "0011", "112233"])
    def test_it_has_1_to_6_digits_and_keeps_its_zeros(self, digits: str) -> None:
        assert str(Extension(digits)) == digits

    @pytest.mark.parametrize("digits", ["", "1234567", "12a", " 12", "12\n", "-12", "+12", "١١٢١", "１１２１", "1²"])
    def test_it_is_nothing_else(self, digits: str) -> None:
        with pytest.raises(RefusedError) as caught:
            Extension(digits)

        assert caught.value.problems == (Problem(ProblemKind.EXTENSION_MALFORMED, digits),)


class TestAsk:
    def test_it_names_an_extension(self) -> None:
        with pytest.raises(RefusedError) as caught:
            Ask((), DAY)

        assert caught.value.problems == (Problem(ProblemKind.EXTENSIONS_MISSING),)

    @pytest.mark.parametrize("server", ["gv1p", "pbx-2.example_com", "7"])
    def test_a_server_may_be_named(self, server: str) -> None:
        assert Ask((Extension("1121"),), DAY, server).server == server

    @pytest.mark.parametrize("server", ["", "-gv1p", "../etc", "gv1p/x", "gv 1p", "gv1p\n", "é", "x" * 64])
    def test_a_servers_name_has_no_sign_that_means_something_in_a_path(self, server: str) -> None:
        with pytest.raises(RefusedError) as caught:
            Ask((Extension("1121"),), DAY, server)

        assert caught.value.problems == (Problem(ProblemKind.SERVER_MALFORMED, server),)
