from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voipmon.domain.number import key_of
from voipmon.recordings.filename import PRESETS, compile_pattern
from voipmon.recordings.keys import KeyReader

ZONE = ZoneInfo("America/Sao_Paulo")
ODD_ZONES = ["America/Sao_Paulo", "Pacific/Kiritimati", "America/Asuncion", "Australia/Lord_Howe", "Europe/Dublin"]
PATTERNS = [
    *PRESETS,
    r"(?P<date>.{4,10})_(?P<time>.{4,6})_(?P<orig>[^_]*)\.(?P<ext>mp3)",
    r"(?P<epoch>\d+)-(?P<dest>.*)",
]


def expected(pattern: str, prefixes: list[str], zone: ZoneInfo, name: str) -> list[tuple[int, set[str]]]:
    """Read a name slowly, as the plain scan does, and say what the index needs of it."""
    names = compile_pattern(pattern)
    call = names.read(name, zone)
    if call is None or not names.takes(prefixes)(call.kind):
        return []
    parties = {number for number in call.numbers if number.isascii() and number.isdigit() and len(number) <= 6}
    parties |= {key for number in call.numbers if (key := key_of(number))}
    return [(int(call.start.timestamp() // 1), parties)] if parties else []


def test_a_recording_stands_under_its_moment_and_both_its_parties() -> None:
    read = KeyReader(compile_pattern("origin_dest"), ["internal"], ZONE)

    name = b"internal-1121-+0022-20251027-175340-1761598420.123.mp3"

    moment = int(datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE).timestamp())
    assert read.rows([name], 7) == [(moment, 7, name, "1121", "0022")]


def test_a_number_of_the_outside_world_stands_under_its_last_eight_digits() -> None:
    read = KeyReader(compile_pattern("origin_dest"), ["external"], ZONE)

    [row] = read.rows([b"external-+5511999990000-1121-20251027-175340-1761598420.123.mp3"], 7)

    assert row[3:] == ("99990000", "1121")


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "external-1121-1122-20251027-175340-1761598420.123.mp3",
        "internal-1121-1122-20250231-175340-1761598420.123.mp3",
        "internal-1121-1122-20251027-246000-1761598420.123.mp3",
        "internal-1121000-s-20251027-175340-1761598420.123.mp3",
    ],
)
def test_what_nobody_can_ask_for_has_no_keys(name: str) -> None:
    assert KeyReader(compile_pattern("origin_dest"), ["internal"], ZONE).rows([name.encode()], 7) == []


NUMBERS = st.one_of(
    st.sampled_from(
        ["", "1121", "+1121", "01", "s", "1121000", "*98", "²", "anonymous", "+5511999990000", "011999990000"]
    ),
    st.text("0123456789+²", max_size=8),
)
DAYS = st.one_of(
    st.dates(datetime(1890, 1, 1).date(), datetime(2040, 1, 1).date()).map(lambda day: f"{day:%Y%m%d}"),  # noqa: DTZ001
    st.sampled_from(["20180217", "20180218", "20171015", "19941231", "20231001", "20250406", "20250231", "2025-01-01"]),
)
TIMES = st.one_of(
    st.times().map(lambda time: f"{time:%H%M%S}"),
    st.sampled_from(
        ["230000", "235959", "003000", "015959", "020000", "240000", "236000", "235960", "1259", "12:30", "1²3000"]
    ),
)


@given(
    pattern=st.sampled_from(PATTERNS),
    prefixes=st.sampled_from([["internal"], ["*"], ["out", "Q"]]),
    zone=st.sampled_from(ODD_ZONES),
    parties=st.tuples(st.sampled_from(["internal", "Internal", "out", "q", "1121"]), NUMBERS, NUMBERS),
    day=DAYS,
    time=TIMES,
    epoch=st.integers(0, 2**33),
)
@example("origin_dest", ["*"], "America/Sao_Paulo", ("internal", "1", "2"), "20180217", "231000", 1518919800)
@example("origin_dest", ["*"], "America/Asuncion", ("internal", "1", "2"), "20231001", "003000", 1696131000)
def test_names_are_read_as_the_plain_scan_reads_them(
    pattern: str,
    prefixes: list[str],
    zone: str,
    parties: tuple[str, str, str],
    day: str,
    time: str,
    epoch: int,
) -> None:
    kind, one, other = parties
    dashed = f"{day[:4]}-{day[4:6]}-{day[6:]}-{time[:2]}_{time[2:4]}"
    names = [
        f"{kind}-{one}-{other}-{day}-{time}-{epoch}.7.mp3",
        f"{day}-{time}-{one}-{other}-{epoch}.7.wav",
        f"{epoch}.7-{dashed}-{one}-{other}.wav",
        f"{epoch}-{day}-{time}-{one}-{other}.mp3",
        f"[x]_{one}-{other}_{day}{time}(2).wav",
        f"OUT{one}-{day}-{time}-{epoch}.7.wav",
        f"IN-{one}-{epoch}.7.wav",
        f"{day}_{time}_{one}.mp3",
        f"{epoch}-{one}",
    ]
    read = KeyReader(compile_pattern(pattern), prefixes, ZoneInfo(zone))

    for name in names * 2:  # the second time from what is remembered
        rows = read.rows([name.encode()], 7)
        assert [(row[0], set(row[3:]) - {None}) for row in rows] == expected(pattern, prefixes, ZoneInfo(zone), name)
