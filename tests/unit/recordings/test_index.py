"""The index answers what a plain scan answers, whatever happened to the files, the index or the disk meanwhile."""

import fcntl
import itertools
import logging
import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.ordinary_user import ordinary_user, reachable_folder
from support.sampling import Sample

from voipmon.domain.number import Number
from voipmon.domain.period import Period
from voipmon.domain.recording import FOLDER_UNREADABLE, TOO_SMALL, Findings, LeftOut
from voipmon.domain.wanted import Share, Wanted
from voipmon.errors import CatalogueError
from voipmon.recordings import folder_walk, index, listing
from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.filename import compile_pattern
from voipmon.recordings.index import IndexCatalogue
from voipmon.recordings.index_file import IndexFile

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
NAME = "internal-1121-1122-20251027-175340-1761598420.123.mp3"
ASK = Wanted(frozenset({"1121"}))
DAY = Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 27, 23, 59, 59, tzinfo=ZONE))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    root.mkdir()
    return root


@pytest.fixture
def catalogue(root: Path, tmp_path: Path) -> IndexCatalogue:
    return make(root, tmp_path / "state" / "catalogue")


def make(root: Path, folder: Path, pattern: str = "origin_dest", *prefixes: str) -> IndexCatalogue:
    plain = DirectoryCatalogue(
        root=root,
        pattern=compile_pattern(pattern),
        prefixes=prefixes or ["internal"],
        min_bytes=4,
        settle=timedelta(seconds=10),
        zone=ZONE,
        clock=lambda: NOW,
    )
    return IndexCatalogue(plain, folder)


def put(folder: Path, name: str = NAME, content: bytes = b"sound", age: timedelta = timedelta(hours=1)) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (0, (NOW - age).timestamp()))
    return path


def paths(catalogue: IndexCatalogue) -> list[str]:
    return [found.path for found in catalogue.find(ASK, DAY).recordings]


@pytest.fixture
def no_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a listing count at once; where files change in the same moment, a test must not."""
    monkeypatch.setattr(folder_walk, "_GRAIN", 0)


@pytest.fixture(autouse=True)
def _nothing_falls_back(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which the plain scan answered, unless it is about that."""
    caplog.set_level(logging.INFO)
    yield
    if request.node.get_closest_marker("falls_back") is None:
        assert "index_unusable" not in [record.message for record in caplog.records]


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


# what is there is found, and what is gone is not


def test_a_file_that_comes_is_found_at_once_and_one_that_goes_is_not_named(
    catalogue: IndexCatalogue, root: Path
) -> None:
    first = put(root)
    assert paths(catalogue) == [NAME]

    put(root, "2025/10/27/" + NAME)
    assert paths(catalogue) == ["2025/10/27/" + NAME, NAME]

    first.unlink()
    assert paths(catalogue) == ["2025/10/27/" + NAME]


def test_a_recording_that_is_moved_is_found_where_it_is(catalogue: IndexCatalogue, root: Path) -> None:
    put(root, "a/" + NAME)
    assert paths(catalogue) == ["a/" + NAME]

    (root / "a").rename(root / "b")
    assert paths(catalogue) == ["b/" + NAME]

    (root / "b").rename(root / "a")
    assert paths(catalogue) == ["a/" + NAME]


def test_a_file_that_grows_is_judged_as_it_is_now(catalogue: IndexCatalogue, root: Path) -> None:
    path = put(root, content=b"")
    assert catalogue.find(ASK, DAY).left_out == (LeftOut(NAME, TOO_SMALL),)

    put(root, content=b"sound" * 9)
    (found,) = catalogue.find(ASK, DAY).recordings

    assert found.size == path.stat().st_size == 45


def test_a_folder_that_is_replaced_by_a_link_is_not_followed(catalogue: IndexCatalogue, root: Path) -> None:
    put(root, "a/" + NAME)
    assert paths(catalogue) == ["a/" + NAME]

    (root / "a").rename(root.parent / "elsewhere")
    (root / "a").symlink_to(root.parent / "elsewhere")

    assert paths(catalogue) == []


def test_a_file_that_is_replaced_by_a_link_is_treated_as_one(catalogue: IndexCatalogue, root: Path) -> None:
    put(root)
    outside = put(root.parent, "outside")
    assert paths(catalogue) == [NAME]

    (root / NAME).unlink()
    (root / NAME).symlink_to(outside)

    assert paths(catalogue) == []


def test_a_folder_whose_times_were_set_back_is_listed_again(
    catalogue: IndexCatalogue, root: Path, no_grain: None
) -> None:
    put(root, "a/" + NAME.replace("1122", "1"))
    before = (root / "a").stat()
    assert len(paths(catalogue)) == 1

    put(root, "a/" + NAME)
    os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert len(paths(catalogue)) == 2


def test_a_folder_that_was_gone_and_is_back_is_searched(catalogue: IndexCatalogue, root: Path) -> None:
    put(root, "a/b/" + NAME)
    assert len(paths(catalogue)) == 1
    shutil.rmtree(root / "a")
    assert paths(catalogue) == []

    put(root, "a/b/" + NAME)

    assert paths(catalogue) == ["a/b/" + NAME]


def test_nothing_is_listed_or_written_while_nothing_changes(
    catalogue: IndexCatalogue, root: Path, no_grain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(10, 20):
        put(root, f"2025/10/{day}/{NAME}")
    catalogue.refresh()
    monkeypatch.delattr(listing.Listing, "new_names")
    monkeypatch.delattr(IndexFile, "add")
    monkeypatch.delattr(IndexFile, "note")

    assert len(paths(catalogue)) == 10
    assert catalogue.refresh() == "nothing to refresh: nothing new in 13 folders (0 had changed)"


def test_only_folders_that_changed_are_listed(catalogue: IndexCatalogue, root: Path, no_grain: None) -> None:
    for day in range(10, 20):
        put(root, f"2025/10/{day}/{NAME}")
    catalogue.refresh()

    put(root, "2025/10/19/" + NAME.replace("1122", "1"))

    assert catalogue.refresh() == "1 new recordings; of 13 folders 1 had changed"


def test_a_listing_in_the_moment_of_a_change_is_made_again(catalogue: IndexCatalogue, root: Path) -> None:
    put(root)

    assert "built anew (there was none): 1 recordings in 1 folders" in catalogue.refresh()
    assert catalogue.refresh() == "nothing to refresh: nothing new in 1 folders (1 had changed)"


# the same as a plain scan


class Corpus:
    """A folder in which things happen, drawn from *luck*."""

    def __init__(self, root: Path, luck: random.Random) -> None:
        self._root = root
        self._luck = luck
        self._number = itertools.count()

    def happen(self, most: int) -> None:
        """Let some things happen: files come, go, grow, are renamed, moved, linked; folders are moved and closed."""
        acts = [self._come] * 6 + [self._go, self._grow, self._rename, self._rename, self._link, self._move_folder]
        for _ in range(self._luck.randrange(1, most)):
            self._luck.choice(acts)()

    def _files(self) -> list[Path]:
        return sorted(path for path in self._root.rglob("*") if not path.is_dir() or path.is_symlink())

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._root.rglob("*") if path.is_dir() and not path.is_symlink())

    def _name(self) -> str:
        luck = self._luck
        kind = luck.choice(["internal", "internal", "internal", "Internal", "external"])
        one, other = (
            luck.choice(
                ["1121", "1122", "11210", "+1121", "", "s", "2001", "+5511999990000", "011999990000", "99990000"]
            )
            for _ in range(2)
        )
        start = datetime(2025, 10, 26, 22) + timedelta(minutes=luck.randrange(1600))  # noqa: DTZ001 - wall time
        server = luck.choice(["", "", "gv1p-", "gv2p-"])
        suffix = luck.choice(["mp3", "mp3", "wav", "WAV", "txt", os.fsdecode(b"\xe9.mp3")])
        return f"{kind}-{one}-{other}-{start:%Y%m%d-%H%M%S}-{server}1761598420.{next(self._number)}.{suffix}"

    def _place(self) -> Path:
        return self._root / self._luck.choice(["", "2025/10/27", "2025/10/28", "x", "x/y/z"])

    def _come(self) -> None:
        age = self._luck.choice([timedelta(0), timedelta(hours=1), timedelta(days=300)])
        put(self._place(), self._name(), self._luck.choice([b"", b"sound", b"sound"]), age)

    def _go(self) -> None:
        for path in self._files()[: self._luck.randrange(3)]:
            path.unlink()

    def _grow(self) -> None:
        for path in self._files()[:2]:
            if not path.is_symlink():
                put(path.parent, path.name, b"longer", self._luck.choice([timedelta(0), timedelta(hours=1)]))

    def _rename(self) -> None:
        if files := self._files():
            place = self._place()
            place.mkdir(parents=True, exist_ok=True)
            self._luck.choice(files).rename(place / self._name())

    def _link(self) -> None:
        if files := self._files():
            place = self._place()
            place.mkdir(parents=True, exist_ok=True)
            (place / self._name()).symlink_to(self._luck.choice([*files, self._root.parent, place / "nowhere"]))

    def _move_folder(self) -> None:
        if folders := self._folders():
            folder = self._luck.choice(folders)
            self._luck.choice(
                [
                    lambda: folder.rename(self._root / f"moved-{next(self._number)}"),
                    lambda: shutil.rmtree(folder),
                    lambda: shutil.copytree(folder, self._root / f"copy-{next(self._number)}", symlinks=True),
                ]
            )()


def test_the_index_answers_what_a_plain_scan_answers_on_any_corpus(
    tmp_path: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in sample(range(200), 20):
        luck = random.Random(seed)
        print("corpus", seed)
        monkeypatch.setattr(listing, "_LARGE", luck.choice([0, 2**60]))
        monkeypatch.setattr(folder_walk, "_BATCH", luck.choice([1, 3, 5000]))
        root = tmp_path / f"{seed}" / "recordings"
        root.mkdir(parents=True)
        prefixes = luck.choice([["internal"], ["*"]])
        catalogue = make(root, root.parent / "catalogue", "origin_dest", *prefixes)
        corpus = Corpus(root, luck)
        for _ in range(luck.randrange(2, 7)):
            corpus.happen(30)
            if luck.random() < 0.3:
                catalogue.refresh()
            first = datetime(2025, 10, 26, 20, tzinfo=ZONE) + timedelta(minutes=luck.randrange(1600))
            period = Period(first, first + timedelta(minutes=luck.randrange(1600)))
            extensions = frozenset(luck.sample(["1121", "1122", "2001", "11210", "9"], 2))
            shares = luck.choice([None, (Share(frozenset({"1121"}), frozenset({"gv2p"})), Share(frozenset({"2001"})))])
            number = luck.choice([None, None, Number("5511999990000"), Number("99990000")])
            extensions = luck.choice([extensions, extensions if number is None else frozenset()])
            wanted = Wanted(extensions, luck.choice([None, None, "gv1p"]), shares, number)

            assert catalogue.find(wanted, period) == catalogue.plain.find(wanted, period)
            assert catalogue.nearest_days(wanted, period, 2) == catalogue.plain.nearest_days(wanted, period, 2)


def test_no_file_that_was_there_before_the_request_is_missed_while_20_000_are_made(
    catalogue: IndexCatalogue, root: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 20_000 if sample.full else 3000
    monkeypatch.setattr(listing, "_LARGE", 0)
    made: list[str] = []

    def make_files() -> None:
        made.extend(put(root, f"internal-1121-2-20251027-175340-1.{number}.mp3").name for number in range(count))

    maker = threading.Thread(target=make_files)
    maker.start()
    missed, asked = 0, 0
    while maker.is_alive() or not asked:
        before = len(made)
        found = {item.path for item in catalogue.find(ASK, DAY).recordings}
        missed += len(set(made[:before]) - found)
        asked += 1
    maker.join()

    assert missed == 0
    assert len(paths(catalogue)) == count


@pytest.mark.parametrize(
    ("pattern", "prefix", "name"),
    [
        ("freepbx", "out", "out-0999-1121-20251027-175340-1761598420.123.wav"),
        ("freepbx28", "in", "IN-1121-1761598420.7.wav"),
        ("dt_orig_dest", "any", "20251027-175340-1121-1603-1761598420.240938-1761598421.wav"),
        ("uid_date_orig_dest", "any", "1761598420.7-2025-10-27-17_53-1121-2001.wav"),
        ("epoch_dt_orig_dest", "any", "1761598420-20251027-175340-7004-1121.mp3"),
        ("3cx", "any", "[x y]_1121-2001_20251027175340(2).wav"),
        (r"(?P<epoch>\d+)_(?P<dest>\d+)\..*", "any", "1761598420_1121.flac"),
    ],
)
def test_names_of_every_pattern_are_found(root: Path, tmp_path: Path, pattern: str, prefix: str, name: str) -> None:
    put(root, name)

    assert paths(make(root, tmp_path / "index", pattern, prefix)) == [name]


def test_the_nearest_days_are_found_however_far_they_are(catalogue: IndexCatalogue, root: Path) -> None:
    for day in ("19990101", "20251001", "20251028", "20310101"):
        put(root, NAME.replace("20251027", day))

    for most in range(1, 6):
        assert catalogue.nearest_days(ASK, DAY, most) == catalogue.plain.nearest_days(ASK, DAY, most)


@pytest.mark.parametrize("zone", ["America/Asuncion", "Pacific/Kiritimati", "America/Sao_Paulo"])
def test_stamps_that_clocks_showed_twice_or_never_are_found(root: Path, tmp_path: Path, zone: str) -> None:
    for day, hour in itertools.product(["20231001", "19941231", "19950101", "20180217", "20180218"], range(24)):
        put(root, f"internal-1121-1-{day}-{hour:02}3000.mp3")
    catalogue = make(root, tmp_path / "index")
    catalogue = replace(catalogue, plain=replace(catalogue.plain, zone=ZoneInfo(zone)))

    for year, month, day in [(2023, 10, 1), (1994, 12, 31), (2018, 2, 17)]:
        for there in (ZoneInfo(zone), UTC):
            for hour in range(0, 23, 3):
                first = datetime(year, month, day, hour, tzinfo=there)
                period = Period(first, first + timedelta(minutes=59))
                assert catalogue.find(ASK, period) == catalogue.plain.find(ASK, period)
                assert catalogue.nearest_days(ASK, period, 2) == catalogue.plain.nearest_days(ASK, period, 2)


# an odd folder


def test_a_folder_of_links_loops_and_odd_names_is_survived(catalogue: IndexCatalogue, root: Path) -> None:
    real = put(root, "z/" + NAME)
    for number in range(1000):
        (root / NAME.replace("1122", f"3{number}")).symlink_to(real)
    (root / "circle").symlink_to(".")
    (root / "a").mkdir()
    (root / "a" / "up").symlink_to("..")
    put(root, f"internal-1121-{'9' * (255 - 34)}-20251027-175340.mp3")
    put(root, os.fsdecode(b"internal-1121-Jos\xe9-20251027-175340-1.1.mp3"))

    found = catalogue.find(ASK, DAY)

    assert found == catalogue.plain.find(ASK, DAY)
    assert len(found.recordings) == 3


def test_100_000_links_are_survived_and_only_those_asked_for_are_looked_at(
    catalogue: IndexCatalogue, root: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root)
    for number in range(100_000 if sample.full else 5000):
        (root / f"internal-{2000 + number % 900}-1-20251027-175340-1.{number}.mp3").symlink_to(NAME)
    looked = []
    monkeypatch.setattr(os, "lstat", _counting(os.lstat, looked))

    assert paths(catalogue) == [NAME]
    assert len([path for path in looked if str(path).endswith(".mp3")]) == 1


def _counting(real: Callable[..., object], noted: list[object]) -> Callable[..., object]:
    def call(path: object, **details: object) -> object:
        noted.append(os.fsdecode(path) if isinstance(path, bytes) else path)
        return real(path, **details)

    return call


def test_folders_that_may_not_be_read_are_named_with_one_warning_and_searched_once_they_may(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with reachable_folder() as base:
        root = base / "recordings"
        for number in range(5):
            put(root, f"{number}/{NAME}")
            (root / str(number)).chmod(0o000 if number else 0o755)
        (base / "state").mkdir()
        (base / "state").chmod(0o777)
        catalogue = make(root, base / "state" / "catalogue")
        with ordinary_user():
            for _ in range(2):
                caplog.clear()
                found = catalogue.find(ASK, DAY)
                assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
                    "folders_unreadable"
                ]
                assert found.left_out == tuple(LeftOut(f"{number}/", FOLDER_UNREADABLE) for number in range(1, 5))
                assert [item.path for item in found.recordings] == ["0/" + NAME]
        for number in range(5):
            (root / str(number)).chmod(0o755)
        with ordinary_user():
            assert len(paths(catalogue)) == 5
        (root / "0").chmod(0o000)
        with ordinary_user():
            assert len(paths(catalogue)) == 4, "a folder that was closed since is not searched by memory"


def test_a_missing_root_is_an_error_and_not_an_empty_answer(catalogue: IndexCatalogue, root: Path) -> None:
    put(root)
    assert paths(catalogue) == [NAME]
    root.rename(root.with_name("unmounted"))

    for ask in (lambda: catalogue.find(ASK, DAY), catalogue.refresh, lambda: catalogue.nearest_days(ASK, DAY, 1)):
        with pytest.raises(CatalogueError, match="mount it") as caught:
            ask()
        assert caught.value.retryable


# the index itself


def indexes(catalogue: IndexCatalogue) -> list[str]:
    return sorted(path.name for path in catalogue.folder.iterdir() if path.name.startswith("index"))


def test_the_first_question_builds_the_index_and_says_so(
    catalogue: IndexCatalogue, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(root)

    paths(catalogue)
    paths(catalogue)

    (built,) = [record for record in caplog.records if record.message == "index_built"]
    assert (built.__dict__["reason"], built.__dict__["recordings"]) == ("there was none", 1)
    assert sorted(path.name for path in catalogue.folder.iterdir()) == ["building.lock", "index-000001.sqlite3"]


@pytest.mark.parametrize(
    "change",
    [
        {"prefixes": ["*"]},
        {"zone": ZoneInfo("Europe/Lisbon")},
        {"pattern": compile_pattern("freepbx")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_index_of_other_settings_is_built_anew(
    catalogue: IndexCatalogue, root: Path, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    put(root)
    put(root, NAME.replace("internal", "external"))
    paths(catalogue)
    other = replace(catalogue, plain=replace(catalogue.plain, **change))

    assert other.find(ASK, DAY) == other.plain.find(ASK, DAY)

    assert caplog.records[-1].__dict__["reason"] == "index-000001.sqlite3 was made with other settings"


def test_an_index_of_another_folder_is_built_anew(catalogue: IndexCatalogue, root: Path, tmp_path: Path) -> None:
    put(root)
    paths(catalogue)
    (tmp_path / "other").mkdir()

    other = replace(catalogue, plain=replace(catalogue.plain, root=tmp_path / "other"))

    assert paths(other) == []


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garble(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _garble_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(len(content) - 100))


def _of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 7")
    database.close()


def _without_a_table(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE party")
    database.close()


@pytest.mark.parametrize(
    "harm", [_delete, _truncate, _empty, _garble, _garble_pages, _of_another_version, _without_a_table]
)
def test_a_lost_damaged_or_older_index_is_built_anew_with_one_line_that_says_why(
    catalogue: IndexCatalogue, root: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(300):
        put(root, NAME.replace("1122", f"{number}"))
    catalogue.refresh()
    harm(catalogue.folder / "index-000001.sqlite3")
    caplog.clear()

    assert len(paths(catalogue)) == 300

    assert events(caplog) == ["index_built"]


def test_what_a_killed_builder_left_is_removed_by_a_refresh(catalogue: IndexCatalogue, root: Path) -> None:
    put(root)
    paths(catalogue)
    for name in ("building.sqlite3", "building.sqlite3-journal", "building-pile.sqlite3"):
        (catalogue.folder / name).write_bytes(b"half")

    replace(catalogue, plain=replace(catalogue.plain, clock=lambda: NOW + timedelta(minutes=11))).refresh()

    assert sorted(path.name for path in catalogue.folder.iterdir()) == ["building.lock", "index-000001.sqlite3"]


def test_the_whole_folder_may_be_deleted_at_any_time(catalogue: IndexCatalogue, root: Path) -> None:
    put(root)
    paths(catalogue)

    shutil.rmtree(catalogue.folder)

    assert paths(catalogue) == [NAME]


def test_an_index_of_a_month_is_built_anew_by_a_refresh_and_the_old_one_goes_later(
    catalogue: IndexCatalogue, root: Path
) -> None:
    put(root, "a/" + NAME).unlink()
    paths(catalogue)
    in_a_month = replace(catalogue, plain=replace(catalogue.plain, clock=lambda: NOW + timedelta(days=31)))

    assert paths(in_a_month) == []
    assert indexes(catalogue) == ["index-000001.sqlite3"]
    in_a_month.refresh()
    assert indexes(catalogue) == ["index-000001.sqlite3", "index-000002.sqlite3"]

    later = replace(catalogue, plain=replace(catalogue.plain, clock=lambda: NOW + timedelta(days=31, minutes=11)))
    later.refresh()
    assert indexes(catalogue) == ["index-000002.sqlite3"]


def test_much_that_is_new_at_once_builds_the_index_anew(
    catalogue: IndexCatalogue, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(root)
    paths(catalogue)
    monkeypatch.setattr(index, "_MANY", 20)
    monkeypatch.setattr(folder_walk, "_BATCH", 5)

    for number in range(40):
        put(root, f"new/{NAME.replace('1122', str(number))}")

    assert len(paths(catalogue)) == 41
    assert caplog.records[-1].__dict__["reason"] == "there was much new at once"


def test_an_index_that_knows_mostly_folders_that_are_gone_is_built_anew_by_a_refresh(
    catalogue: IndexCatalogue, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_MANY_GONE", 3)
    for number in range(10):
        put(root, f"{number}/{NAME}")
    paths(catalogue)
    for number in range(9):
        shutil.rmtree(root / str(number))

    assert "built anew (most folders that it knew are gone)" in catalogue.refresh()
    assert paths(catalogue) == ["9/" + NAME]


@pytest.mark.falls_back
def test_while_another_process_builds_the_folder_itself_is_read(
    catalogue: IndexCatalogue, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(root)
    catalogue.folder.mkdir(parents=True)
    with (catalogue.folder / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert paths(catalogue) == [NAME]
        assert "another process is building" in catalogue.refresh()

    assert events(caplog) == ["index_busy"]


def test_a_writer_that_does_not_end_keeps_nobody_from_an_answer_without_news(
    catalogue: IndexCatalogue, root: Path, no_grain: None
) -> None:
    put(root)
    catalogue.refresh()
    writer = sqlite3.connect(catalogue.folder / "index-000001.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM party")
    try:
        assert paths(catalogue) == [NAME]
    finally:
        writer.close()


@pytest.mark.falls_back
def test_a_writer_that_does_not_end_keeps_nobody_from_an_answer_with_news(
    catalogue: IndexCatalogue, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("voipmon.recordings.index_file._PATIENCE", 0.01)
    put(root)
    catalogue.refresh()
    put(root, NAME.replace("1122", "1"))
    writer = sqlite3.connect(catalogue.folder / "index-000001.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert len(paths(catalogue)) == 2
    finally:
        writer.close()

    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "database is locked" in warning.__dict__["reason"]


@pytest.mark.falls_back
def test_a_state_folder_that_may_not_be_written_keeps_nobody_from_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    with reachable_folder() as base:
        put(base / "recordings")
        catalogue = make(base / "recordings", base / "state")
        with ordinary_user():
            assert paths(catalogue) == [NAME]
            with pytest.raises(CatalogueError, match="let this user write"):
                catalogue.refresh()

    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "let this user write" in warning.__dict__["reason"]


@pytest.mark.falls_back
@pytest.mark.parametrize("method", ["execute", "executescript", "executemany"])
def test_a_full_disk_keeps_nobody_from_an_answer(
    catalogue: IndexCatalogue,
    root: Path,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put(root)
    paths(catalogue)
    put(root, NAME.replace("1122", "1"))
    caplog.clear()

    class Full(sqlite3.Connection):
        pass

    def refuse(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    setattr(Full, method, refuse)
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **details: real(*args, factory=Full, **details))
    if method == "executescript":
        shutil.rmtree(catalogue.folder)

    assert len(paths(catalogue)) == 2

    (warning,) = caplog.records
    assert (warning.message, "make room" in warning.__dict__["reason"]) == ("index_unusable", True)


def test_two_refresh_at_once_and_both_answers_are_whole(catalogue: IndexCatalogue, root: Path) -> None:
    for number in range(500):
        put(root, f"{number % 20}/{NAME.replace('1122', str(number))}")
    answers: list[Findings] = []
    asks = [threading.Thread(target=lambda: answers.append(catalogue.find(ASK, DAY))) for _ in range(6)]
    for ask in asks:
        ask.start()
    for ask in asks:
        ask.join()

    assert [len(answer.recordings) for answer in answers] == [500] * 6


def test_an_older_listing_that_is_noted_after_a_newer_one_hides_nothing(
    catalogue: IndexCatalogue, root: Path, no_grain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root)
    catalogue.refresh()
    put(root, NAME.replace("1122", "1"))
    real = IndexFile.note
    rivals = []

    def late(self: IndexFile, listings: list[tuple[int, str | None, bytes]]) -> None:
        if not rivals:
            rivals.append(put(root, NAME.replace("1122", "2")))
            assert len(paths(catalogue)) == 3
        real(self, listings)

    monkeypatch.setattr(IndexFile, "note", late)
    catalogue.refresh()

    assert len(paths(catalogue)) == 3


def test_a_million_names_are_not_held_at_once(
    catalogue: IndexCatalogue, root: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_LARGE", 0)
    monkeypatch.setattr(folder_walk, "_BATCH", 100)
    for number in range(50_000 if sample.full else 3000):
        (root / f"internal-1121-{number % 500}-20251027-175340-1.{number}.mp3").touch()
    waiting = []
    real = folder_walk.Walk._take

    def watched(self: folder_walk.Walk, names: list[bytes], folder: int) -> None:
        real(self, names, folder)
        waiting.append(max(len(self._rows), len(names)))

    monkeypatch.setattr(folder_walk.Walk, "_take", watched)
    catalogue.refresh()

    assert len(waiting) > 3
    assert max(waiting) < 1000
