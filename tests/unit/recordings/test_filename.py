from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.cost import costs_at_most

from voipmon.domain.recording import Recording
from voipmon.errors import ParameterError
from voipmon.recordings.filename import PRESETS, ParsedName, compile_pattern, oldest_first

ZONE = ZoneInfo("America/Sao_Paulo")


def read(pattern: str, name: str, zone: ZoneInfo = ZONE) -> ParsedName | None:
    return compile_pattern(pattern).read(name, zone)


def facts(pattern: str, name: str) -> tuple[str, str, str, str]:
    """Kind, origin, destination and wall time of a name that must be readable."""
    call = read(pattern, name)
    assert call is not None
    return call.kind, call.origin, call.destination, f"{call.start:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (
            "origin_dest",
            "internal-1001-1000-20230223-211217-1677186737.4.mp3",
            ("internal", "1001", "1000", "2023-02-23 21:12:17"),
        ),
        (
            "origin_dest",
            "q-11112-+233546330000-20250530-163843-1748623114.2350.wav",
            ("q", "11112", "+233546330000", "2025-05-30 16:38:43"),
        ),
        (
            "origin_dest",
            "out-09981490000-unknown-20231024-084908-1698151742.656.wav",
            ("out", "09981490000", "unknown", "2023-10-24 08:49:08"),
        ),
        (
            "origin_dest",
            "internal-1001-1000-20230223-211217.mp3",
            ("internal", "1001", "1000", "2023-02-23 21:12:17"),
        ),
        (
            "origin_dest",
            "internal-1001-1000-20230223-211217-20230223-212000.mp3",
            ("internal", "1001", "1000", "2023-02-23 21:12:17"),
        ),
        (
            "freepbx",
            "internal-1001-1000-20230223-211217-1677186737.4.wav",
            ("internal", "1000", "1001", "2023-02-23 21:12:17"),
        ),
        (
            "freepbx",
            "q-11112-+233546330000-20250530-163843-1748623114.2350.wav",
            ("q", "+233546330000", "11112", "2025-05-30 16:38:43"),
        ),
        (
            "freepbx",
            "out-09981490000-unknown-20231024-084908-1698151742.656.wav",
            ("out", "unknown", "09981490000", "2023-10-24 08:49:08"),
        ),
        (
            "freepbx",
            "8000-8000-always-20231024-084908-1698151742.656.wav",
            ("8000", "always", "8000", "2023-10-24 08:49:08"),
        ),
        (
            "dest_origin",
            "internal-1001-1000-20230223-211217-1677186737.4.wav",
            ("internal", "1000", "1001", "2023-02-23 21:12:17"),
        ),
        (
            "freepbx28",
            "OUT405-20080620-095526-1213973725.84.wav",
            ("OUT", "405", "", "2008-06-20 09:55:26"),
        ),
        ("freepbx28", "OUT-104-1213973725.84.wav", ("OUT", "104", "", "2008-06-20 11:55:25")),
        ("freepbx28", "IN-104-1213973725.84.wav", ("IN", "", "104", "2008-06-20 11:55:25")),
        ("freepbx28", "g1-1207292249.1473.wav", ("g", "", "1", "2008-04-04 03:57:29")),
        ("freepbx28", "g121-20080411-162833-1207949313.9.wav", ("g", "", "121", "2008-04-11 16:28:33")),
        (
            "freepbx28",
            "q7000-20080411-162833-1207949313.9-in.wav",
            ("q", "", "7000", "2008-04-11 16:28:33"),
        ),
        (
            "dt_orig_dest",
            "20190716-194847-2807-1603-1563317326.240938-1563317327.wav",
            ("", "2807", "1603", "2019-07-16 19:48:47"),
        ),
        (
            "dt_orig_dest",
            "20190716-173232-1414-1616-1563309151.240140-1563309152.wav",
            ("", "1414", "1616", "2019-07-16 17:32:32"),
        ),
        (
            "dt_orig_dest",
            "20190716-211130-2815-5581999740000-1563322290.242468-1563322290.wav",
            ("", "2815", "5581999740000", "2019-07-16 21:11:30"),
        ),
        (
            "uid_date_orig_dest",
            "1544013213.0-2018-12-05-15_33-+79637670000-+79999990000.wav",
            ("", "+79637670000", "+79999990000", "2018-12-05 15:33:00"),
        ),
        (
            "uid_date_orig_dest",
            "1469259617.2501-2016-07-23-12_40-102-83522yyyyyy.mp3",
            ("", "102", "83522yyyyyy", "2016-07-23 12:40:00"),
        ),
        (
            "epoch_dt_orig_dest",
            "1540543700-20181026-114820-7004-7001.mp3",
            ("", "7004", "7001", "2018-10-26 11:48:20"),
        ),
        (
            "epoch_dt_orig_dest",
            "1540551407-20181026-135647-7004-7001.mp3",
            ("", "7004", "7001", "2018-10-26 13:56:47"),
        ),
        (
            "3cx",
            "[]_100-0836820000_20190211124709(2).wav",
            ("", "100", "0836820000", "2019-02-11 12:47:09"),
        ),
        (
            "3cx",
            "[27836820000]_27836820000-100_20190211124743(3).wav",
            ("", "27836820000", "100", "2019-02-11 12:47:43"),
        ),
        (
            "3cx",
            "[Somebody Else]_100-101_20190211124743(4).wav",
            ("", "100", "101", "2019-02-11 12:47:43"),
        ),
    ],
)
def test_a_preset_reads_the_names_of_its_exchange(pattern: str, name: str, expected: tuple[str, str, str, str]) -> None:
    assert facts(pattern, name) == expected


@pytest.mark.parametrize("pattern", ["origin_dest", "freepbx"])
@pytest.mark.parametrize(
    ("name", "parties"),
    [
        (
            "in-+50622900000-50640330000-20231011-101010-1697029810.1.wav",
            {"+50622900000", "50640330000"},
        ),
        ("internal-1121--20261122-094926-1795340966.3.wav", {"1121", ""}),
        ("internal--1121-20261122-094926-1795340966.3.wav", {"1121", ""}),
        ("force-s-unknown-20231011-101010-1697029810.1.wav", {"s", "unknown"}),
        ("out-*98-1121-20231011-101010-1697029810.1.wav", {"*98", "1121"}),
        ("exten-102023-102025-20231011-101010-1697029810.1.wav", {"102023", "102025"}),
        ("in-20231011-102025-20251027-175340-1761598420.1.wav", {"20231011", "102025"}),
        ("out-0243150000-1010-20231011-101010-1697029810.1.wav", {"0243150000", "1010"}),
        ("exten-147-2003-20231011-101010-1697029810.1.gsm", {"147", "2003"}),
        ("out-201-102-20241101-100534.17.wav", {"201", "102"}),
        (f"in-1121-{'x' * 200}-20231011-101010-1697029810.1.wav", {"1121", "x" * 200}),
        ("in-1121-João\udce9\n-20231011-101010-1697029810.1.wav", {"1121", "João\udce9\n"}),
    ],
)
def test_odd_parties_are_read_whole(pattern: str, name: str, parties: set[str]) -> None:
    call = read(pattern, name)

    assert call is not None
    assert {call.origin, call.destination} == parties


def test_a_caller_name_with_hyphens_does_not_hide_the_other_party() -> None:
    assert facts("origin_dest", "external-Ana-Maria-1121-20231011-101010-1697029810.1.wav") == (
        "external",
        "Ana-Maria",
        "1121",
        "2023-10-11 10:10:10",
    )
    assert facts("freepbx", "external-1121-Ana-Maria-20231011-101010-1697029810.1.wav") == (
        "external",
        "Ana-Maria",
        "1121",
        "2023-10-11 10:10:10",
    )


def test_a_number_is_compared_without_its_plus() -> None:
    call = read("origin_dest", "in-+50622900000-+1121-20231011-101010-1697029810.1.wav")

    assert call is not None
    assert call.numbers == ("50622900000", "1121")


@pytest.mark.parametrize("pattern", ["origin_dest", "freepbx"])
@pytest.mark.parametrize("server", ["gv1p", "gv1_p", "gv1.p"])
def test_the_exchange_s_name_is_told_apart_from_its_id(pattern: str, server: str) -> None:
    call = read(pattern, f"internal-1121--20261122-094926-{server}-1795340966.3.wav")

    assert call is not None
    assert (call.server, call.uid) == (server, "1795340966.3")


def test_a_name_without_the_exchange_tells_none() -> None:
    for name in ("internal-1-2-20261122-094926-1795340966.3.mp3", "internal-1-2-20261122-094926-anything.mp3"):
        call = read("origin_dest", name)

        assert call is not None
        assert call.server is None


@pytest.mark.parametrize(
    "name",
    [
        "out-1694-6666-20171003-103712-1507016232.189",
        "internal-1121-1122-20251027-175340-1761598420.1.mp3.part",
        "internal-1121-1122-20251027-175340-1761598420.1.txt",
        "internal-1121-1122-20250231-101010-1761598420.1.mp3",
        "internal-1121-1122-20251027-256110-1761598420.1.mp3",
        "internal-1121-1122-20251027-101060-1761598420.1.mp3",
        "internal-1121-1122-00001027-101010-1761598420.1.mp3",
        "internal-1121-1122-1761598420.1.mp3",
        "internal-1121-1122-٢٠٢٥١٠٢٧-101010-1.1.mp3",
        "internal-1121-1122-20251027-175340-1761598420.1.mp3\n",
        ".mp3",
        "",
    ],
)
@pytest.mark.parametrize("pattern", PRESETS)
def test_what_is_no_recording_s_name_is_not_read(pattern: str, name: str) -> None:
    assert read(pattern, name) is None


@pytest.mark.parametrize(("ending", "suffix"), [("MP3", ".mp3"), ("WAV", ".wav"), ("Gsm", ".gsm")])
def test_the_suffix_is_in_lower_case(ending: str, suffix: str) -> None:
    call = read("origin_dest", f"internal-1-2-20251027-175340-1761598420.1.{ending}")

    assert call is not None
    assert call.suffix == suffix


def test_an_hour_that_came_twice_is_told_by_the_id() -> None:
    # Sao Paulo, 18 February 2018: at midnight the clocks went back to 23:00
    first = read("origin_dest", "internal-1-2-20180217-233000-1518917400.1.mp3")
    second = read("origin_dest", "internal-1-2-20180217-233000-1518921000.1.mp3")

    assert first is not None
    assert second is not None
    assert first.start == second.start
    assert first.start.timestamp() == 1518917400
    assert second.start.timestamp() == 1518921000


def test_an_hour_that_never_came_is_read_as_it_is_written() -> None:
    # Sao Paulo, 4 November 2018: midnight was followed by 01:00
    call = read("origin_dest", "internal-1-2-20181104-003000-1541300000.1.mp3")

    assert call is not None
    assert f"{call.start:%Y-%m-%d %H:%M}" == "2018-11-04 00:30"


def test_a_regular_expression_of_one_s_own_is_a_pattern() -> None:
    pattern = (
        r"(?P<server>\w+)@(?P<orig>\d+)>(?P<dest>\d+) (?P<date>\d{4}\.\d\d\.\d\d) (?P<time>\d\dh\d\d)\.(?P<ext>ogg)"
    )

    call = read(pattern, "gv2p@1121>1122 2025.10.27 17h53.ogg")

    assert call == ParsedName(
        start=datetime(2025, 10, 27, 17, 53, tzinfo=ZONE),
        origin="1121",
        destination="1122",
        kind="",
        server="gv2p",
        uid="",
        suffix=".ogg",
    )


def test_a_pattern_may_tell_the_moment_by_its_epoch() -> None:
    call = read(r"(?P<dest>\d+)-(?P<epoch>\d+)\.wav", "1121-1761598420.wav")

    assert call is not None
    assert call.start == datetime(2025, 10, 27, 20, 53, 40, tzinfo=UTC)
    assert read(r"(?P<dest>\d+)-(?P<epoch>\d+)\.wav", f"1121-{'9' * 40}.wav") is None


@pytest.mark.parametrize("date", ["251027", "2025102", "202510277"])
def test_a_day_of_another_length_is_not_read(date: str) -> None:
    assert read(r"(?P<orig>\d+)-(?P<date>\d+)-(?P<time>\d+)\.wav", f"1121-{date}-1753.wav") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("freepx", "did you mean 'freepbx'"),
        ("Origin_Dest", "did you mean 'origin_dest'"),
        ("", "did you mean"),
        (r"(?P<orig>\d+", "not a regular expression: missing )"),
        (r"(?u)(?P<orig>\d+)", "not a regular expression"),
        (r"(?P<orig>\d{99999999999999999999})", "not a regular expression"),
        (r"(?P<orig>\d+)-(?P<date>\d{8})\.mp3", "does not say when a call was"),
        (r"(?P<date>\d{8})-(?P<time>\d{6})\.mp3", "does not say whose call it was"),
        (r"(?P<from>\d+)-(?P<date>\d{8})-(?P<time>\d{6})\.mp3", "unknown group 'from'"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_with_the_remedy(text: str, sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        compile_pattern(text)

    assert sentence in str(caught.value)


HOSTILE = st.lists(
    st.sampled_from(
        ["a-", "1-", "-", ".", "[", "]_", "(", "20250101-101010-", "a-20250101-101010-", "1234567890.1-", "é"]
    ),
    max_size=255,
).map(lambda parts: ("".join(parts) + ".mpx")[-255:])


@given(HOSTILE)
@example("internal-" + "20250101-101010-" * 15 + ".mpx")
@example("-" * 255)
def test_a_hostile_name_costs_no_more_than_a_good_one(name: str) -> None:
    patterns = [compile_pattern(preset) for preset in PRESETS]

    assert costs_at_most(0.1, lambda: [pattern.read(name, ZONE) for pattern in patterns])


@given(st.text(), st.sampled_from(PRESETS))
def test_no_text_raises(name: str, pattern: str) -> None:
    read(pattern, name)


@given(
    st.datetimes(timezones=st.just(ZONE), allow_imaginary=False),
    st.from_regex(r"\+?[0-9]{1,6}", fullmatch=True),
    st.from_regex(r"[*#+0-9A-Za-z .]{0,12}", fullmatch=True),
)
def test_what_was_written_is_read_back(start: datetime, origin: str, destination: str) -> None:
    stamp = f"{start.year:04}{start:%m%d-%H%M%S}"

    call = read("origin_dest", f"internal-{origin}-{destination}-{stamp}-1761598420.1.mp3")

    assert call is not None
    assert (call.origin, call.destination) == (origin, destination)
    assert call.start == start.replace(microsecond=0)


def recording(start: datetime, uid: str, path: str = "a.mp3") -> Recording:
    return Recording(path=path, start=start, origin="1", destination="2", size=1, uid=uid)


def test_recordings_of_one_moment_go_by_the_numbers_in_their_ids_then_by_path() -> None:
    noon = datetime(2025, 10, 27, 12, tzinfo=UTC)
    first = recording(noon, "1761598420.9", "z.mp3")
    second = recording(noon, "1761598420.10", "a.mp3")
    third = recording(noon, "1761598420.10", "b.mp3")
    last = recording(noon.replace(second=1), "1.1")

    assert sorted([last, third, first, second], key=oldest_first) == [first, second, third, last]
