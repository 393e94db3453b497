"""How people write extensions, moments, periods and whole wishes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voipmon.domain.ask import Ask, Extension
from voipmon.domain.number import Number
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.wording import (
    MOST_EXTENSIONS,
    read_ask,
    read_extensions,
    read_period,
    read_reason,
    tidy,
    write_moment,
    write_parameters,
)

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 14, 47, 12, 345678, tzinfo=UTC)  # a Tuesday, 11:47:12 by the wall clock


def digits(text: str) -> str:
    return " ".join(extension.digits for extension in read_extensions(text))


def wall(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def start_of(text: str, now: datetime = NOW) -> str:
    return wall(read_period(text, "31/12/2999", now, ZONE).first)


def end_of(text: str, now: datetime = NOW) -> str:
    return wall(read_period("01/01/1990", text, now, ZONE).last)


def refusal(read: Callable[[], object]) -> list[tuple[ProblemKind, str]]:
    with pytest.raises(RefusedError) as caught:
        read()
    return [(problem.kind, problem.text) for problem in caught.value.problems]


class TestExtensions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1121", "1121"),
            ("1121,1122", "1121 1122"),
            (" 1121 ;1122 , 1123", "1121 1122 1123"),
            ("1122,1121,1122", "1122 1121"),
            ("0011,011,11", "0011 011 11"),
            ("1,22,333,4444,55555,666666", "1 22 333 4444 55555 666666"),
            ("1121,,1122,", "1121 1122"),
            ("1121-1124", "1121 1122 1123 1124"),
            ("1121 - 1123", "1121 1122 1123"),
            ("1121–1123", "1121 1122 1123"),
            ("1121-1121", "1121"),
            ("1123,1121-1124", "1123 1121 1122 1124"),
            ("0098-0101", "0098 0099 0100 0101"),
            ("0998-1001", "0998 0999 1000 1001"),
            ("98-101", "98 99 100 101"),
            ("0-2", "0 1 2"),
            ("0-10", "0 1 2 3 4 5 6 7 8 9 10"),
            ("9-11", "9 10 11"),
            ("１１２１，１１２２", "1121 1122"),
            ("1121\u00a0,\u200b1122", "1121 1122"),
        ],
    )
    def test_a_list_is_read_in_its_order_each_extension_once(self, text: str, expected: str) -> None:
        assert digits(text) == expected

    @pytest.mark.parametrize(
        ("text", "kind", "told"),
        [
            ("1234567", ProblemKind.EXTENSION_MALFORMED, "1234567"),
            ("1121,40x1", ProblemKind.EXTENSION_MALFORMED, "40x1"),
            ("+1121", ProblemKind.EXTENSION_MALFORMED, "+1121"),
            ("1121.1122", ProblemKind.EXTENSION_MALFORMED, "1121.1122"),
            ("١١٢١", ProblemKind.EXTENSION_MALFORMED, "١١٢١"),
            ("112¹", ProblemKind.EXTENSION_MALFORMED, "112¹"),
            ("1121 e 1122", ProblemKind.EXTENSION_MALFORMED, "1121 e 1122"),
            ("1121 1122-1124", ProblemKind.COMMA_MISSING, "1121 1122-1124"),
            ("1121-", ProblemKind.RANGE_MALFORMED, "1121-"),
            ("-1121", ProblemKind.RANGE_MALFORMED, "-1121"),
            ("1121-1122-1123", ProblemKind.RANGE_MALFORMED, "1121-1122-1123"),
            ("1234567-1234569", ProblemKind.RANGE_MALFORMED, "1234567-1234569"),
            ("0098-102", ProblemKind.RANGE_MALFORMED, "0098-102"),
            ("98-0102", ProblemKind.RANGE_MALFORMED, "98-0102"),
            ("1124-1121", ProblemKind.RANGE_BACKWARDS, "1124-1121"),
            ("x" * 40, ProblemKind.EXTENSION_MALFORMED, "x" * 40),
            ("x" * 41, ProblemKind.EXTENSION_MALFORMED, "x" * 39 + "…"),
        ],
    )
    def test_what_is_no_extension_is_told_as_it_is_written(self, text: str, kind: ProblemKind, told: str) -> None:
        assert refusal(lambda: read_extensions(text)) == [(kind, told)]

    @pytest.mark.parametrize("text", ["", " ", ",", " ; , "])
    def test_an_empty_list_names_nobody(self, text: str) -> None:
        assert refusal(lambda: read_extensions(text)) == [(ProblemKind.EXTENSIONS_MISSING, "")]

    def test_every_problem_of_a_list_is_told_once(self) -> None:
        assert refusal(lambda: read_extensions("a,1121,2-1,a,b-")) == [
            (ProblemKind.EXTENSION_MALFORMED, "a"),
            (ProblemKind.RANGE_BACKWARDS, "2-1"),
            (ProblemKind.EXTENSION_MALFORMED, "b-"),
        ]

    def test_twenty_thousand_extensions_are_read(self) -> None:
        listed = ",".join(f"{number:06}" for number in range(20_000))

        assert len(read_extensions(listed)) == 20_000
        assert read_extensions("000000-019999") == read_extensions(listed)

    def test_a_range_is_counted_before_it_is_spread(self) -> None:
        assert len(read_extensions("100000-199999")) == MOST_EXTENSIONS

        with pytest.raises(RefusedError) as caught:
            read_extensions("000000-999999," * 14_000)  # spread, these would not fit in any memory

        expected = Problem(ProblemKind.TOO_MANY_EXTENSIONS, count=14_000_000_000, limit=MOST_EXTENSIONS)
        assert caught.value.problems == (expected,)

    @given(st.integers(0, 9_990), st.integers(0, 30), st.integers(4, 6))
    def test_a_range_of_equal_width_keeps_the_width(self, first: int, more: int, width: int) -> None:
        found = read_extensions(f"{first:0{width}}-{first + more:0{width}}")

        assert [extension.digits for extension in found] == [f"{first + n:0{width}}" for n in range(more + 1)]


class TestDays:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("27/10/2025", "2025-10-27"),
            ("7/1/2025", "2025-01-07"),
            ("27/10/25", "2025-10-27"),
            ("27/10/99", "2099-10-27"),
            ("2025-10-27", "2025-10-27"),
            ("hoje", "2025-11-11"),
            ("ONTEM", "2025-11-10"),
            ("11/11", "2025-11-11"),
            ("12/11", "2024-11-12"),
            ("01/01", "2025-01-01"),
            ("29/02", "2024-02-29"),
            ("29/02/2024", "2024-02-29"),
            ("01/01/1990", "1990-01-01"),
            ("31/12/2999", "2999-12-31"),
        ],
    )
    def test_a_day_without_a_time_runs_from_midnight_to_its_last_second(self, text: str, expected: str) -> None:
        assert start_of(text) == f"{expected} 00:00:00"
        assert end_of(text) == f"{expected} 23:59:59"

    @pytest.mark.parametrize(("hour", "expected"), [(2, "2025-11-10"), (3, "2025-11-11")])
    def test_today_is_the_day_of_the_zone_when_the_message_arrives(self, hour: int, expected: str) -> None:
        arrived = datetime(2025, 11, 11, hour, 0, tzinfo=UTC)  # midnight in Brazil is three hours later

        assert start_of("hoje", arrived) == f"{expected} 00:00:00"

    def test_the_29th_of_february_may_be_eight_years_ago(self) -> None:
        assert start_of("29/02", datetime(2104, 2, 28, tzinfo=ZONE)) == "2096-02-29 00:00:00"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("31/02/2025", ProblemKind.DATE_IMPOSSIBLE),
            ("29/02/2025", ProblemKind.DATE_IMPOSSIBLE),
            ("31/04", ProblemKind.DATE_IMPOSSIBLE),
            ("00/10/2025", ProblemKind.DATE_IMPOSSIBLE),
            ("10/27/2025", ProblemKind.DATE_IMPOSSIBLE),
            ("2025-13-01", ProblemKind.DATE_IMPOSSIBLE),
            ("01/01/0000", ProblemKind.DATE_IMPOSSIBLE),
            ("31/12/1989", ProblemKind.YEAR_OUT_OF_RANGE),
            ("01/01/3000", ProblemKind.YEAR_OUT_OF_RANGE),
            ("31/12/9999", ProblemKind.YEAR_OUT_OF_RANGE),
            ("01/01/0001", ProblemKind.YEAR_OUT_OF_RANGE),
            ("27.10.2025", ProblemKind.DATE_MALFORMED),
            ("27-10-2025", ProblemKind.DATE_MALFORMED),
            ("27/10/025", ProblemKind.DATE_MALFORMED),
            ("27/10/20255", ProblemKind.DATE_MALFORMED),
            ("27/10/", ProblemKind.DATE_MALFORMED),
            ("27", ProblemKind.DATE_MALFORMED),
            ("27 / 10 / 2025", ProblemKind.DATE_MALFORMED),
            ("amanhã", ProblemKind.DATE_MALFORMED),
            ("٢٧/١٠/٢٠٢٥", ProblemKind.DATE_MALFORMED),
            ("2025-10-27T", ProblemKind.DATE_MALFORMED),
            ("27/10/2025T08:00", ProblemKind.DATE_MALFORMED),
        ],
    )
    def test_what_is_no_day_is_told_as_it_is_written(self, text: str, kind: ProblemKind) -> None:
        assert refusal(lambda: start_of(text)) == [(kind, text)]
        assert refusal(lambda: end_of(text)) == [(kind, text)]


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "first", "last"),
        [
            ("18:00", "18:00:00", "18:00:59"),
            ("8:05", "08:05:00", "08:05:59"),
            ("18:00:00", "18:00:00", "18:00:00"),
            ("18:00:30", "18:00:30", "18:00:30"),
            ("8h", "08:00:00", "08:00:59"),
            ("08H", "08:00:00", "08:00:59"),
            ("8h30", "08:30:00", "08:30:59"),
            ("00:00", "00:00:00", "00:00:59"),
            ("23:59", "23:59:00", "23:59:59"),
        ],
    )
    def test_an_end_without_seconds_includes_its_whole_minute(self, text: str, first: str, last: str) -> None:
        assert start_of(f"27/10/2025 {text}") == f"2025-10-27 {first}"
        assert end_of(f"27/10/2025 {text}") == f"2025-10-27 {last}"

    @pytest.mark.parametrize("text", ["2025-10-27T08:00", "2025-10-27t08:00", "2025-10-27 08:00"])
    def test_an_iso_moment_may_have_its_t(self, text: str) -> None:
        assert start_of(text) == "2025-10-27 08:00:00"

    def test_a_relative_day_may_have_a_time(self) -> None:
        assert start_of("ontem 8h30") == "2025-11-10 08:30:00"

    def test_an_end_with_a_time_only_is_on_the_day_of_the_start(self) -> None:
        assert wall(read_period("27/10/2025 08:00", "18h", NOW, ZONE).last) == "2025-10-27 18:00:59"

    def test_a_start_with_a_time_only_has_no_day(self) -> None:
        assert refusal(lambda: start_of("08:00")) == [(ProblemKind.DAY_MISSING, "08:00")]

    @pytest.mark.parametrize("clock", ["24:00", "08:60", "08:00:60", "24h", "8h60"])
    def test_a_time_that_no_clock_shows_is_told(self, clock: str) -> None:
        assert refusal(lambda: start_of(f"27/10/2025 {clock}")) == [(ProblemKind.TIME_IMPOSSIBLE, clock)]
        assert refusal(lambda: end_of(clock)) == [(ProblemKind.TIME_IMPOSSIBLE, clock)]

    @pytest.mark.parametrize(
        "clock", ["8", "8:5", "08:00h", "8hs", "08:00Z", "8h3", "às 08:00", "08:00 27/10/2025", "٠٨:٠٠"]
    )
    def test_a_time_that_is_written_in_another_way_is_told_with_its_day(self, clock: str) -> None:
        text = f"27/10/2025 {clock}"

        assert refusal(lambda: start_of(text)) == [(ProblemKind.DATE_MALFORMED, text)]

    def test_a_day_and_a_time_can_both_be_impossible(self) -> None:
        assert refusal(lambda: start_of("31/02/2025 25:00")) == [
            (ProblemKind.DATE_IMPOSSIBLE, "31/02/2025"),
            (ProblemKind.TIME_IMPOSSIBLE, "25:00"),
        ]


class TestPeriods:
    def test_without_an_end_it_ends_now_to_the_second(self) -> None:
        period = read_period("hoje", None, NOW, ZONE)

        assert period.last == NOW.replace(microsecond=0)
        assert wall(period.last) == "2025-11-11 11:47:12"

    def test_it_may_start_now(self) -> None:
        assert read_period("hoje 11:47:12", None, NOW, ZONE).length == timedelta(0)

    def test_both_ends_are_of_the_zone(self) -> None:
        period = read_period("27/10/2025 08:00", "28/10/2025 18:00", NOW, ZONE)

        assert period.first == datetime(2025, 10, 27, 11, 0, tzinfo=UTC)
        assert period.last == datetime(2025, 10, 28, 21, 0, 59, tzinfo=UTC)
        assert period.first.tzinfo is period.last.tzinfo is ZONE

    def test_a_moment_is_a_period_of_a_minute(self) -> None:
        assert read_period("27/10/2025 08:00", "27/10/2025 08:00", NOW, ZONE).length == timedelta(seconds=59)

    def test_an_end_before_the_start_is_told_with_both(self) -> None:
        told = [(ProblemKind.PERIOD_BACKWARDS, "28/10/2025 00:00:00 - 27/10/2025 23:59:59")]

        assert refusal(lambda: read_period("28/10/2025", "27/10/2025", NOW, ZONE)) == told

    def test_a_start_to_come_without_an_end_is_told(self) -> None:
        told = [(ProblemKind.START_IN_FUTURE, "11/11/2025 11:48")]

        assert refusal(lambda: read_period("hoje 11:48", None, NOW, ZONE)) == told

    def test_a_period_to_come_is_a_period(self) -> None:
        assert read_period("27/10/2052", "28/10/2052", NOW, ZONE).length > timedelta(days=1)

    def test_the_problems_of_both_ends_are_told(self) -> None:
        assert refusal(lambda: read_period("31/02/2025", "x", NOW, ZONE)) == [
            (ProblemKind.DATE_IMPOSSIBLE, "31/02/2025"),
            (ProblemKind.DATE_MALFORMED, "x"),
        ]

    def test_an_hour_that_is_there_twice_counts_from_its_first_time_to_its_second(self) -> None:
        period = read_period("17/02/2018 23:10", "23:20", NOW, ZONE)  # at midnight it was 23:00 again

        assert period.first.astimezone(UTC) == datetime(2018, 2, 18, 1, 10, tzinfo=UTC)
        assert period.last.astimezone(UTC) == datetime(2018, 2, 18, 2, 20, 59, tzinfo=UTC)

    def test_a_day_whose_midnight_never_was_begins_with_its_first_second(self) -> None:
        day = read_period("04/11/2018", "04/11/2018", NOW, ZONE)  # after 23:59:59 it was 01:00
        first_second = datetime(2018, 11, 4, 3, 0, tzinfo=UTC)

        assert first_second in day
        assert first_second - timedelta(seconds=1) not in day
        assert day.first.astimezone(UTC) <= first_second

    @given(st.datetimes(datetime(1990, 1, 1), datetime(2999, 12, 31, 23, 59, 59)))  # noqa: DTZ001 - wall times
    @example(datetime(2018, 11, 4, 0, 30))  # noqa: DTZ001
    @example(datetime(2018, 2, 17, 23, 30))  # noqa: DTZ001
    def test_every_wall_time_can_be_asked_for(self, moment: datetime) -> None:
        period = read_period(write_moment(moment), write_moment(moment), NOW, ZONE)

        assert period.first.replace(tzinfo=None) == moment.replace(microsecond=0)
        assert period.length == timedelta(0)

    @given(st.dates(date(1990, 1, 1), date(2999, 12, 31)), st.dates(date(2000, 1, 1), date(2999, 12, 31)))
    def test_a_day_without_a_year_is_the_latest_that_is_not_to_come(self, day: date, today: date) -> None:
        now = datetime(today.year, today.month, today.day, 12, tzinfo=ZONE)

        found = read_period(f"{day:%d/%m}", None, now, ZONE).first.date()

        assert (found.day, found.month) == (day.day, day.month)
        assert found <= today
        leap_day = (day.day, day.month) == (29, 2)
        assert (today - found).days < (8 * 366 if leap_day else 366)


class TestParameters:
    written: ClassVar = {"ramais": "1121,1122,1123", "inicio": "29/09/2025 00:00", "fim": "27/10/2025 23:59"}

    def read(self, **changed: object) -> Ask:
        return read_ask(self.written | changed, NOW, ZONE)

    def test_the_example_of_a_hand_written_file_is_read(self) -> None:
        ask = self.read(email="manager@example.com")

        assert [extension.digits for extension in ask.extensions] == ["1121", "1122", "1123"]
        assert (wall(ask.period.first), wall(ask.period.last)) == ("2025-09-29 00:00:00", "2025-10-27 23:59:59")
        assert (ask.server, ask.reason) == (None, None)

    @pytest.mark.parametrize(
        "ramais", [["1121", "1122", "1123"], [1121, 1122, 1123], [1121, "1122-1123"], "1121-1123", "1121; 1122;1123"]
    )
    def test_extensions_may_be_a_list(self, ramais: object) -> None:
        assert self.read(ramais=ramais) == self.read()

    def test_one_extension_may_be_a_number(self) -> None:
        assert self.read(ramais=1121) == self.read(ramais="1121")

    def test_server_and_reason_are_read_on_one_line(self) -> None:
        ask = self.read(servidor=" gv1p ", motivo="reclamação\nde um  cliente")

        assert (ask.server, ask.reason) == ("gv1p", "reclamação de um cliente")

    def test_none_is_as_good_as_nothing(self) -> None:
        assert self.read(servidor=None, motivo=None) == self.read()
        assert self.read(fim=None).period.last == NOW.replace(microsecond=0)

    def test_nothing_names_what_is_missing(self) -> None:
        assert refusal(lambda: read_ask({}, NOW, ZONE)) == [
            (ProblemKind.EXTENSIONS_MISSING, ""),
            (ProblemKind.START_MISSING, ""),
        ]

    def test_empty_values_are_missing(self) -> None:
        empty = {"ramais": "", "inicio": " ", "fim": "", "servidor": "\t", "motivo": "\u200b"}

        assert refusal(lambda: read_ask(empty, NOW, ZONE)) == [
            (ProblemKind.EXTENSIONS_MISSING, ""),
            (ProblemKind.START_MISSING, ""),
            (ProblemKind.VALUE_MISSING, "FIM"),
            (ProblemKind.VALUE_MISSING, "SERVIDOR"),
            (ProblemKind.VALUE_MISSING, "MOTIVO"),
        ]

    @pytest.mark.parametrize("value", [1.5, True, {}, {"a": 1}, [], [["1121"]]], ids=repr)
    def test_a_value_of_another_type_is_told_with_its_key(self, value: object) -> None:
        wrong = dict.fromkeys(["inicio", "fim", "servidor", "motivo"], value)

        assert refusal(lambda: self.read(**wrong)) == [
            (ProblemKind.TEXT_EXPECTED, key.upper()) for key in ("inicio", "fim", "servidor", "motivo")
        ]

    @pytest.mark.parametrize("value", [1.5, True, {}, ["1121", None], [["1121"]]], ids=repr)
    def test_extensions_of_another_type_are_told(self, value: object) -> None:
        assert refusal(lambda: self.read(ramais=value)) == [(ProblemKind.TEXT_EXPECTED, "RAMAIS")]

    def test_a_server_with_a_path_in_its_name_is_told(self) -> None:
        assert refusal(lambda: self.read(servidor="../etc")) == [(ProblemKind.SERVER_MALFORMED, "../etc")]

    def test_every_problem_is_told_at_once(self) -> None:
        assert refusal(lambda: self.read(ramais="4o01", inicio="31/02/2025", fim="25:00", servidor="a b")) == [
            (ProblemKind.EXTENSION_MALFORMED, "4o01"),
            (ProblemKind.DATE_IMPOSSIBLE, "31/02/2025"),
            (ProblemKind.TIME_IMPOSSIBLE, "25:00"),
            (ProblemKind.SERVER_MALFORMED, "a b"),
        ]

    def test_they_are_written_as_people_write_them(self) -> None:
        ask = self.read(ramais="1121-1123", fim="hoje 18:00", servidor="gv1p", motivo="reclamação")

        assert write_parameters(ask) == {
            "ramais": "1121,1122,1123",
            "inicio": "29/09/2025 00:00:00",
            "fim": "11/11/2025 18:00:59",
            "servidor": "gv1p",
            "motivo": "reclamação",
        }

    def test_a_number_may_stand_instead_of_the_extensions_or_beside_them(self) -> None:
        alone = read_ask({"numero": "+55 (11) 99999-0000", "inicio": "hoje"}, NOW, ZONE)
        beside = read_ask({"ramais": 1121, "numero": 5511999990000, "inicio": "hoje"}, NOW, ZONE)

        assert (alone.extensions, str(alone.number)) == ((), "5511999990000")
        assert (beside.extensions, beside.number) == ((Extension("1121"),), alone.number)

    @pytest.mark.parametrize("number", ["1121", True, ["5511999990000"], ""])
    def test_what_is_no_number_is_refused(self, number: object) -> None:
        with pytest.raises(RefusedError):
            read_ask({"ramais": "1121", "numero": number, "inicio": "hoje"}, NOW, ZONE)

    def test_a_long_reason_is_cut(self) -> None:
        asked = read_ask({"ramais": "1121", "inicio": "hoje", "motivo": "a" * 1000}, NOW, ZONE)

        assert asked.reason == "a" * 499 + "…"

    def test_what_is_absent_is_not_written(self) -> None:
        assert set(write_parameters(self.read())) == {"ramais", "inicio", "fim"}


class TestRoundTrip:
    moments = st.datetimes(
        datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is given beside it
        datetime(2999, 12, 31),  # noqa: DTZ001
        timezones=st.just(ZONE),
    ).map(lambda moment: moment.replace(microsecond=0))
    asks = st.builds(
        lambda number, extensions, ends, server, reason: Ask(
            tuple(map(Extension, extensions if extensions or number else ["1121"])),
            Period(*sorted(ends)),
            server,
            read_reason(tidy(reason or "")) or None,
            None if number is None else Number(number),
        ),
        st.none() | st.from_regex(r"[1-9][0-9]{7,19}", fullmatch=True),
        st.lists(st.from_regex(r"[0-9]{1,6}", fullmatch=True), unique=True),
        st.tuples(moments, moments),
        st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
        st.none() | st.text(),
    )

    @given(asks)
    def test_what_was_written_is_read_back(self, ask: Ask) -> None:
        assert read_ask(write_parameters(ask), NOW, ZONE) == ask


class TestTidyText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("  a \t b\r\n c ", "a b c"),
            ("a\u00a0b\u202fc\u3000d", "a b c d"),
            ("ra\u200bma\u00adis\ufeff", "ramais"),
            ("ＲＡＭＡＩＳ＝１１２１", "RAMAIS=1121"),
            ("INI\u0301CIO", "INÍCIO"),
            ("\u202eabc\u202c", "abc"),
            ("a\x00b", "a b"),
            ("a\udcffb", "a\ufffdb"),
            ("½ ² ① ١", "½ ² ① ١"),
        ],
    )
    def test_a_text_is_as_it_looks(self, text: str, expected: str) -> None:
        assert tidy(text) == expected

    @given(st.text())
    @example("a\u0301\u0301")
    @example("\uff76\uff9e")
    def test_a_tidy_text_stays_as_it_is(self, text: str) -> None:
        assert tidy(tidy(text)) == tidy(text)

    def test_no_sign_of_any_script_is_untidy_after_all(self) -> None:
        tidied = tidy("|".join(map(chr, range(0x20000))))

        assert tidy(tidied) == tidied
