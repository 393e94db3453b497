import itertools
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.domain.period import Period
from voipmon.domain.recording import STILL_GROWING, TOO_SMALL, UNREADABLE, LeftOut
from voipmon.domain.wanted import Wanted
from voipmon.errors import CatalogueError
from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.filename import compile_pattern

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = "internal-1121-1122-20251027-175340-1761598420.123.mp3"
ASK = Wanted(frozenset({"1121"}))
DAY = Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 27, 23, 59, 59, tzinfo=ZONE))


def catalogue(root: Path, pattern: str = "origin_dest", *prefixes: str) -> DirectoryCatalogue:
    return DirectoryCatalogue(
        root=root,
        pattern=compile_pattern(pattern),
        prefixes=prefixes or ["internal"],
        min_bytes=4,
        settle=timedelta(seconds=10),
        zone=ZONE,
        clock=lambda: NOW,
    )


def put(folder: Path, name: str = NAME, content: bytes = b"sound", age: timedelta = HOUR) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (0, (NOW - age).timestamp()))
    return path


def paths(root: Path, pattern: str = "origin_dest", *prefixes: str) -> list[str]:
    return [found.path for found in catalogue(root, pattern, *prefixes).find(ASK, DAY).recordings]


@pytest.fixture
def reachable() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.mark.parametrize("folder", ["", "2025/10/27/", "2025/10/28/", "a/b/c/d/e/f/g/h/", ".hidden/", "with space/"])
def test_a_recording_is_found_at_any_depth(tmp_path: Path, folder: str) -> None:
    put(tmp_path, folder + NAME)

    assert paths(tmp_path) == [folder + NAME]


def test_a_recording_tells_what_its_name_and_its_file_tell(tmp_path: Path) -> None:
    put(tmp_path, "internal-1121--20251027-175340-gv1p-1761598420.123.MP3", b"123456")

    (found,) = catalogue(tmp_path).find(ASK, DAY).recordings

    assert (found.origin, found.destination, found.kind) == ("1121", "", "internal")
    assert (found.server, found.uid, found.size, found.suffix) == ("gv1p", "1761598420.123", 6, ".mp3")
    assert found.start == datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)


def test_only_the_accepted_kinds_of_calls_are_found(tmp_path: Path) -> None:
    put(tmp_path)
    out = put(tmp_path, NAME.replace("internal", "Out")).name

    assert paths(tmp_path) == [NAME]
    assert paths(tmp_path, "origin_dest", "OUT") == [out]
    assert set(paths(tmp_path, "origin_dest", "*")) == {NAME, out}


def test_a_pattern_that_tells_no_kind_is_not_filtered_by_it(tmp_path: Path) -> None:
    name = "20251027-175340-1121-1603-1761598420.240938-1761598421.wav"
    put(tmp_path, name)

    assert paths(tmp_path, "dt_orig_dest") == [name]


def test_a_name_without_a_day_is_found_by_its_epoch(tmp_path: Path) -> None:
    put(tmp_path, "IN-1121-1761598420.7.wav")

    assert paths(tmp_path, "freepbx28", "in") == ["IN-1121-1761598420.7.wav"]


def test_a_day_is_found_however_it_is_written(tmp_path: Path) -> None:
    put(tmp_path, "1761598420.7-2025-10-27-17_53-1121-2001.wav")

    assert paths(tmp_path, "uid_date_orig_dest") == ["1761598420.7-2025-10-27-17_53-1121-2001.wav"]


@pytest.mark.parametrize("first", [1, 1121 - 150])
def test_many_extensions_are_searched_as_well_as_few(tmp_path: Path, first: int) -> None:
    put(tmp_path)

    found = catalogue(tmp_path).find(Wanted(frozenset(str(first + n) for n in range(1121))), DAY)

    assert [recording.path for recording in found.recordings] == [NAME]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=ZONE), datetime(9999, 12, 31, 23, 59, 59, tzinfo=ZONE)),
        (datetime(2025, 10, 27, tzinfo=ZoneInfo("Pacific/Kiritimati")), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_period_up_to_the_ends_of_the_calendar_is_searched(tmp_path: Path, first: datetime, last: datetime) -> None:
    put(tmp_path)

    assert len(catalogue(tmp_path).find(ASK, Period(first, last)).recordings) == 1
    assert len(catalogue(tmp_path).nearest_days(ASK, Period(first, last), 3)) == 1


def test_an_hour_that_came_twice_is_in_the_period_both_times_and_in_the_order_of_the_ids(tmp_path: Path) -> None:
    later = put(tmp_path, "internal-1121-2-20180217-231000-1518919800.1.mp3").name
    earlier = put(tmp_path, "internal-1121-1-20180217-233000-1518917400.1.mp3").name
    night = Period(datetime(2018, 2, 17, 23, tzinfo=ZONE), datetime(2018, 2, 17, 23, 59, 59, tzinfo=ZONE))

    found = catalogue(tmp_path).find(ASK, night).recordings

    assert [recording.path for recording in found] == [earlier, later]


@pytest.mark.parametrize(
    ("zone", "name", "first"),
    [
        # in Asuncion, midnight before 1 October 2023 was followed by 01:00; by its id, the call was an hour earlier
        ("America/Asuncion", "internal-1121-1-20231001-003000-1696131000.1.mp3", datetime(2023, 10, 1, 3, tzinfo=UTC)),
        # Kiritimati had no 31 December 1994
        ("Pacific/Kiritimati", "internal-1121-1-19941231-120000.mp3", datetime(1994, 12, 31, 22, tzinfo=UTC)),
    ],
)
def test_a_stamp_that_no_clock_ever_showed_is_found_by_its_moment(
    tmp_path: Path, zone: str, name: str, first: datetime
) -> None:
    put(tmp_path, name)
    there = replace(catalogue(tmp_path), zone=ZoneInfo(zone))

    found = there.find(ASK, Period(first, first + timedelta(minutes=45)))

    assert [recording.path for recording in found.recordings] == [name]


def test_a_file_that_was_just_touched_is_still_growing(tmp_path: Path) -> None:
    put(tmp_path, age=timedelta(seconds=9))

    found = catalogue(tmp_path).find(ASK, DAY)

    assert (found.recordings, found.left_out) == ((), (LeftOut(NAME, STILL_GROWING),))


def test_a_file_touched_in_a_moment_by_a_clock_that_is_ahead_is_still_growing(tmp_path: Path) -> None:
    put(tmp_path, age=-timedelta(seconds=9))

    assert catalogue(tmp_path).find(ASK, DAY).left_out == (LeftOut(NAME, STILL_GROWING),)


def test_a_file_from_the_future_has_settled(tmp_path: Path) -> None:
    put(tmp_path, age=-HOUR)

    assert paths(tmp_path) == [NAME]


def test_a_file_that_may_not_be_read_is_named(reachable: Path) -> None:
    put(reachable).chmod(0o000)

    with ordinary_user():
        found = catalogue(reachable).find(ASK, DAY)

    assert (found.recordings, found.left_out) == ((), (LeftOut(NAME, UNREADABLE),))


def test_a_file_in_a_folder_that_may_only_be_listed_is_named(reachable: Path) -> None:
    put(reachable, "sub/" + NAME)
    (reachable / "sub").chmod(0o744)

    with ordinary_user():
        found = catalogue(reachable).find(ASK, DAY)

    assert found.left_out == (LeftOut("sub/" + NAME, UNREADABLE),)


def test_folders_that_may_not_be_read_are_survived_with_one_warning(
    reachable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(reachable)
    for number in range(5):
        put(reachable, f"{number}/{NAME}")
        (reachable / str(number)).chmod(0o000)

    with ordinary_user():
        found = paths(reachable)

    assert found == [NAME]
    (warning,) = caplog.records
    assert (warning.levelno, warning.message) == (logging.WARNING, "folders_unreadable")
    assert warning.__dict__["count"] == 5


def test_a_missing_root_is_an_error_that_names_it_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"/missing \(No such file or directory\): mount it") as caught:
        paths(tmp_path / "missing")

    assert caught.value.retryable


def test_an_unreadable_root_is_an_error_that_names_it_and_the_remedy(reachable: Path) -> None:
    root = reachable / "closed"
    put(root)
    root.chmod(0o000)

    with ordinary_user(), pytest.raises(CatalogueError, match=r"/closed \(Permission denied\): give") as caught:
        paths(root)

    assert caught.value.retryable


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="Not a directory"):
        paths(put(tmp_path))


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "disk")
    (tmp_path / "recordings").symlink_to("disk")

    assert paths(tmp_path / "recordings") == [NAME]


def test_a_link_to_a_file_inside_the_root_is_followed(tmp_path: Path) -> None:
    put(tmp_path, "store/blob7")
    (tmp_path / NAME).symlink_to("store/blob7")

    assert paths(tmp_path) == [NAME]


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside/secret")
    put(tmp_path, f"outside/{NAME}")
    root = tmp_path / "root"
    root.mkdir()
    (root / NAME).symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / NAME.replace("1122", "1123")).symlink_to(f"../outside/{NAME}")
    (tmp_path / "root-beside").symlink_to("outside")

    assert paths(root) == []


def test_each_file_is_given_once_under_its_own_name(tmp_path: Path) -> None:
    real = put(tmp_path, "z/" + NAME)
    (tmp_path / "a").symlink_to("z")
    (tmp_path / NAME).symlink_to(real)
    (tmp_path / NAME.replace("1122", "1123")).symlink_to(real)

    assert paths(tmp_path) == ["z/" + NAME]


def test_links_that_lead_nowhere_or_in_a_circle_are_survived(tmp_path: Path) -> None:
    put(tmp_path)
    for number in range(2):
        (tmp_path / NAME.replace("1122", f"200{number}")).symlink_to(NAME.replace("1122", f"200{1 - number}"))
    (tmp_path / NAME.replace("1122", "2003")).symlink_to("missing")
    (tmp_path / "circle").symlink_to(".")

    assert paths(tmp_path) == [NAME]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_no_recording(tmp_path: Path, kind: str) -> None:
    path = tmp_path / NAME
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    found = catalogue(tmp_path).find(ASK, DAY)

    assert (found.recordings, found.left_out) == ((), ())


def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"internal-1121-Jos\xe9-20251027-175340-1.1.mp3")
    put(tmp_path, name)

    (found,) = catalogue(tmp_path).find(ASK, DAY).recordings

    assert found.path == name
    assert (tmp_path / found.path).read_bytes() == b"sound"


def test_a_name_of_255_bytes_in_a_deep_folder_is_found(tmp_path: Path) -> None:
    name = f"internal-1121-{'9' * (255 - 34)}-20251027-175340.mp3"
    folder = "/".join(["f" * 200] * 15)
    put(tmp_path, f"{folder}/{name}")

    assert len(os.fsencode(name)) == 255
    assert paths(tmp_path) == [f"{folder}/{name}"]


@pytest.mark.parametrize(
    ("suffixes", "chosen"),
    [
        (["wav", "mp3"], "mp3"),
        (["WAV", "MP3"], "MP3"),
        (["gsm", "wav"], "wav"),
        (["wav", "ogg", "gsm"], "ogg"),
        (["sln", "gsm"], "gsm"),
    ],
)
def test_a_call_kept_in_several_formats_comes_once(tmp_path: Path, suffixes: list[str], chosen: str) -> None:
    for suffix in suffixes:
        put(tmp_path, NAME.replace("mp3", suffix))

    assert paths(tmp_path) == [NAME.replace("mp3", chosen)]


def test_the_same_name_in_two_folders_is_two_recordings(tmp_path: Path) -> None:
    put(tmp_path, "a/" + NAME)
    put(tmp_path, "b/" + NAME)

    assert paths(tmp_path) == ["a/" + NAME, "b/" + NAME]


def test_while_the_mp3_is_being_made_the_wav_is_given(tmp_path: Path) -> None:
    put(tmp_path, age=timedelta(0))
    wav = put(tmp_path, NAME.replace("mp3", "wav")).name

    found = catalogue(tmp_path).find(ASK, DAY)

    assert [recording.path for recording in found.recordings] == [wav]
    assert found.left_out == ()


def test_a_call_of_which_no_format_may_be_given_is_named_once(tmp_path: Path) -> None:
    put(tmp_path, content=b"")
    put(tmp_path, NAME.replace("mp3", "wav"), age=timedelta(0))

    assert catalogue(tmp_path).find(ASK, DAY).left_out == (LeftOut(NAME, TOO_SMALL),)


def test_formats_of_one_call_count_once_for_its_day(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, NAME.replace("mp3", "wav"))

    (day,) = catalogue(tmp_path).nearest_days(ASK, DAY, 3)

    assert day.recordings == 1


def test_nothing_that_was_there_is_missed_while_files_come_and_go(tmp_path: Path) -> None:
    kept = {put(tmp_path, f"internal-1121-{n}-20251027-175340-1.{n}.mp3").name for n in range(500)}
    done = threading.Event()

    def bustle() -> None:
        for number in itertools.count():
            if done.is_set():
                break
            put(tmp_path, f"internal-1121-2-20251027-175340-2.{number}.mp3").unlink()
            put(tmp_path, f"sub{number}/internal-1121-2-20251027-175340-2.{number}.mp3")
            shutil.rmtree(tmp_path / f"sub{number}")

    rival = threading.Thread(target=bustle)
    rival.start()
    try:
        answers = [set(paths(tmp_path)) for _ in range(20)]
    finally:
        done.set()
        rival.join()

    assert all(answer >= kept for answer in answers)


@dataclass(frozen=True)
class Call:
    """A call as it happened, and where and how its file lies."""

    origin: str
    destination: str
    minute: int
    kind: str
    server: str
    folder: str
    state: str

    @property
    def start(self) -> datetime:
        return datetime(2025, 10, 31, 23, 0) + timedelta(minutes=self.minute)  # noqa: DTZ001 - wall time

    def name(self, number: int) -> str:
        server = f"{self.server}-" if self.server else ""
        stamp = f"{self.start:%Y%m%d-%H%M%S}-{server}1761598420.{number}"
        return f"{self.folder}{self.kind}-{self.origin}-{self.destination}-{stamp}.mp3"


NUMBERS = st.sampled_from(["1", "11", "112", "1121", "01121", "11210", "2025", "202510", "+1121", "", "s", "*98"])
CALLS = st.builds(
    Call,
    origin=NUMBERS,
    destination=NUMBERS,
    minute=st.integers(0, 120),
    kind=st.sampled_from(["internal", "external", "Internal"]),
    server=st.sampled_from(["", "gv1p", "gv2p"]),
    folder=st.sampled_from(["", "2025/10/31/", "2025/11/01/", "x/"]),
    state=st.sampled_from(["good", "good", "good", "small", "fresh"]),
)


@given(
    calls=st.lists(CALLS, max_size=25),
    wanted=st.sets(st.sampled_from(["1", "11", "1121", "2025", "98"]), min_size=1),
    ends=st.tuples(st.integers(-10, 130), st.integers(-10, 130)).map(sorted),
    server=st.sampled_from([None, "gv1p"]),
)
@example(calls=[Call("1121", "", 60, "internal", "", "", "good")], wanted={"1121"}, ends=[60, 60], server=None)
def test_the_answer_is_what_happened(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[Call],
    wanted: set[str],
    ends: list[int],
    server: str | None,
) -> None:
    root = tmp_path_factory.mktemp("calls")
    for number, call in enumerate(calls):
        content = b"" if call.state == "small" else b"sound"
        put(root, call.name(number), content, timedelta(0) if call.state == "fresh" else HOUR)
    first, last = (Call("", "", minute, "", "", "", "").start for minute in ends)

    found = catalogue(root).find(
        Wanted(frozenset(wanted), server),
        Period(first.replace(tzinfo=ZONE), last.replace(tzinfo=ZONE)),
    )

    matching = [
        (call.start, number, call.name(number), call.state)
        for number, call in enumerate(calls)
        if ({call.origin.lstrip("+"), call.destination.lstrip("+")} & wanted)
        and first <= call.start <= last
        and call.kind != "external"
        and call.server in ("", server or call.server)
    ]
    assert [item.path for item in found.recordings] == [
        name for _, _, name, state in sorted(matching) if state == "good"
    ]
    assert {(item.path, item.reason) for item in found.left_out} == {
        (name, TOO_SMALL if state == "small" else STILL_GROWING) for _, _, name, state in matching if state != "good"
    }
