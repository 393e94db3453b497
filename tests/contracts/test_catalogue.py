import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
from fakes.catalogue import MemoryCatalogue

from voipmon.domain.number import read_number
from voipmon.domain.period import Period
from voipmon.domain.recording import STILL_GROWING, TOO_SMALL, DayCount, Findings, LeftOut, Recording
from voipmon.domain.wanted import Share, Wanted
from voipmon.recordings.catalogue import Catalogue
from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.filename import compile_pattern
from voipmon.recordings.index import IndexCatalogue

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
MIN_BYTES = 1000


class Shelf(Protocol):
    """A catalogue, and the way to fill it."""

    catalogue: Catalogue

    def put(self, recording: Recording) -> None: ...

    def put_withheld(self, recording: Recording, reason: str) -> None: ...


class MemoryShelf:
    def __init__(self) -> None:
        self._fake = MemoryCatalogue()
        self.catalogue: Catalogue = self._fake

    def put(self, recording: Recording) -> None:
        self._fake.recordings.append(recording)

    def put_withheld(self, recording: Recording, reason: str) -> None:
        self._fake.withheld.append((recording, reason))


class FolderShelf:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.plain = DirectoryCatalogue(
            root=root,
            pattern=compile_pattern("origin_dest"),
            prefixes=["internal"],
            min_bytes=MIN_BYTES,
            settle=timedelta(seconds=10),
            zone=ZONE,
            clock=lambda: NOW,
        )
        self.catalogue: Catalogue = self.plain

    def put(self, recording: Recording, age: timedelta = timedelta(hours=1)) -> None:
        path = self._root / recording.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(recording.size))
        os.utime(path, (0, (NOW - age).timestamp()))

    def put_withheld(self, recording: Recording, reason: str) -> None:
        match reason:
            case "still_growing":
                self.put(recording, timedelta(seconds=9))
            case "too_small":
                self.put(replace(recording, size=MIN_BYTES - 1))
            case _:
                raise AssertionError(reason)


class IndexedShelf(FolderShelf):
    def __init__(self, root: Path, folder: Path) -> None:
        super().__init__(root)
        self.catalogue = IndexCatalogue(self.plain, folder)


@pytest.fixture(params=["memory", "folder", "index"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    root = tmp_path / "recordings"
    root.mkdir()
    match request.param:
        case "memory":
            return MemoryShelf()
        case "folder":
            return FolderShelf(root)
        case _:
            return IndexedShelf(root, tmp_path / "index")


def call(
    origin: str,
    destination: str,
    start: str = "2025-10-27 10:00:00",
    uid: str = "1761598420.1",
    server: str | None = None,
) -> Recording:
    """Return a recording as the exchange names it."""
    moment = datetime.fromisoformat(start).replace(tzinfo=ZONE)
    whole_uid = f"{server}-{uid}" if server else uid
    return Recording(
        path=f"{moment:%Y/%m/%d}/internal-{origin}-{destination}-{moment:%Y%m%d-%H%M%S}-{whole_uid}.mp3",
        start=moment,
        origin=origin,
        destination=destination,
        size=MIN_BYTES,
        kind="internal",
        server=server,
        uid=uid,
    )


def period(first: str, last: str, zone: ZoneInfo = ZONE) -> Period:
    return Period(*(datetime.fromisoformat(text).replace(tzinfo=zone) for text in (first, last)))


def calls_of(*digits: str) -> Wanted:
    return Wanted(frozenset(digits))


THE_DAY = period("2025-10-27 00:00:00", "2025-10-27 23:59:59")


def test_a_recording_is_found_by_its_origin_and_by_its_destination(shelf: Shelf) -> None:
    made, taken = call("1121", "2001", uid="1.1"), call("2002", "1121", uid="1.2")
    for recording in (made, taken, call("2001", "2002", uid="1.3")):
        shelf.put(recording)

    found = shelf.catalogue.find(calls_of("1121"), THE_DAY)

    assert found.recordings == (made, taken)
    assert found.left_out == ()


def test_a_recording_of_two_of_the_extensions_comes_once(shelf: Shelf) -> None:
    recording = call("1121", "1122")
    shelf.put(recording)

    assert shelf.catalogue.find(calls_of("1121", "1122", "1121"), THE_DAY).recordings == (recording,)


@pytest.mark.parametrize("longer", ["11210", "01121", "21121", "x1121", "1121x"])
def test_numbers_are_compared_whole(shelf: Shelf, longer: str) -> None:
    shelf.put(call(longer, "2001"))

    assert shelf.catalogue.find(calls_of("1121", "121", "112"), THE_DAY).recordings == ()


def test_a_number_with_a_plus_is_found_by_its_digits(shelf: Shelf) -> None:
    recording = call("+506229", "2001")
    shelf.put(recording)

    assert shelf.catalogue.find(calls_of("506229"), THE_DAY).recordings == (recording,)


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("2025-10-27 07:59:59", 0),
        ("2025-10-27 08:00:00", 1),
        ("2025-10-27 18:00:59", 1),
        ("2025-10-27 18:01:00", 0),
    ],
)
def test_both_ends_of_the_period_are_included_to_the_second(shelf: Shelf, start: str, found: int) -> None:
    shelf.put(call("1121", "2001", start))

    answer = shelf.catalogue.find(calls_of("1121"), period("2025-10-27 08:00:00", "2025-10-27 18:00:59"))

    assert len(answer.recordings) == found


def test_a_period_of_another_zone_means_the_same_moments(shelf: Shelf) -> None:
    inside, outside = call("1121", "2001", "2025-10-27 23:30:00"), call("1121", "2001", "2025-10-27 20:59:59")
    shelf.put(inside)
    shelf.put(outside)

    lisbon = period("2025-10-28 00:00:00", "2025-10-28 23:59:59", ZoneInfo("Europe/Lisbon"))

    assert shelf.catalogue.find(calls_of("1121"), lisbon).recordings == (inside,)


def test_the_oldest_comes_first_and_of_one_moment_the_exchange_s_order_counts(shelf: Shelf) -> None:
    ordered = [
        call("1121", "9", "2025-10-27 09:59:59", uid="1761598420.99"),
        call("2001", "1121", "2025-10-27 10:00:00", uid="1761598420.9"),
        call("1121", "2001", "2025-10-27 10:00:00", uid="1761598420.10"),
        call("1121", "2002", "2025-10-27 10:00:00", uid="1761598420.10"),
    ]
    for recording in (ordered[2], ordered[0], ordered[3], ordered[1]):
        shelf.put(recording)

    assert list(shelf.catalogue.find(calls_of("1121"), THE_DAY).recordings) == ordered


def test_a_server_leaves_out_the_recordings_that_tell_another(shelf: Shelf) -> None:
    mine = call("1121", "1", uid="1761598420.1", server="gv1p")
    untold = call("1121", "2", uid="1761598420.2")
    for recording in (mine, untold, call("1121", "3", uid="1761598420.3", server="gv2p")):
        shelf.put(recording)

    assert shelf.catalogue.find(Wanted(frozenset({"1121"}), "GV1P"), THE_DAY).recordings == (mine, untold)
    assert len(shelf.catalogue.find(calls_of("1121"), THE_DAY).recordings) == 3


def test_only_what_is_in_a_share_is_found_counted_or_named_as_left_out(shelf: Shelf) -> None:
    mine = call("1121", "2001", uid="1761598420.1", server="gv1p")
    theirs = call("1121", "2002", uid="1761598420.2", server="gv2p")
    untold = call("1121", "2003", uid="1761598420.3")
    wherever = call("2004", "1122", uid="1761598420.4", server="gv3p")
    not_asked = call("1123", "2005", uid="1761598420.5", server="gv1p")
    for recording in (mine, theirs, untold, wherever, not_asked):
        shelf.put(recording)
    shelf.put_withheld(call("1121", "2006", uid="1761598420.6", server="gv2p"), TOO_SMALL)
    shares = (Share(frozenset({"1121", "1123"}), frozenset({"gv1p"})), Share(frozenset({"1122"})))
    wanted = Wanted(frozenset({"1121", "1122", "2001"}), None, shares)

    assert shelf.catalogue.find(wanted, THE_DAY) == Findings((mine, wherever))
    assert shelf.catalogue.nearest_days(wanted, THE_DAY, 3) == [DayCount(date(2025, 10, 27), 2)]


@pytest.mark.parametrize("asked", ["5511999990000", "11999990000", "999990000"])
def test_a_number_is_found_however_its_exchange_writes_it(shelf: Shelf, asked: str) -> None:
    with_area = ["+5511999990000", "011999990000", "04111999990000", "11999990000", "99990000"]
    found = [call("1121", party, uid=f"1761598420.{number}") for number, party in enumerate(with_area)]
    for recording in (*found, call("1121", "11999990001", uid="1.1"), call("1121", "2001", uid="1.2")):
        shelf.put(recording)
    wanted = Wanted(frozenset(), number=read_number(asked))

    assert shelf.catalogue.find(wanted, THE_DAY).recordings == tuple(found)
    assert shelf.catalogue.nearest_days(wanted, THE_DAY, 1) == [DayCount(date(2025, 10, 27), 5)]


def test_a_number_beside_extensions_or_shares_finds_only_calls_between_them(shelf: Shelf) -> None:
    mine = call("1121", "011999990000", uid="1761598420.1", server="gv1p")
    theirs = call("+5511999990000", "2001", uid="1761598420.2", server="gv1p")
    elsewhere = call("1121", "5511999990000", uid="1761598420.3", server="gv2p")
    for recording in (mine, theirs, elsewhere, call("1121", "2001", uid="1761598420.4", server="gv1p")):
        shelf.put(recording)
    number, share = read_number("11999990000"), Share(frozenset({"1121"}), frozenset({"gv1p"}))

    beside = shelf.catalogue.find(Wanted(frozenset({"1121"}), number=number), THE_DAY)
    within = shelf.catalogue.find(Wanted(frozenset(), None, (share,), number), THE_DAY)

    assert beside.recordings == (mine, elsewhere)
    assert within.recordings == (mine,)


@pytest.mark.parametrize("reason", [STILL_GROWING, TOO_SMALL])
def test_what_may_not_be_given_is_named_with_its_reason_where_it_matches(shelf: Shelf, reason: str) -> None:
    match = call("1121", "2001")
    shelf.put_withheld(match, reason)
    shelf.put_withheld(call("1122", "2001"), reason)
    shelf.put_withheld(call("1121", "2001", "2025-10-26 10:00:00"), reason)

    found = shelf.catalogue.find(calls_of("1121"), THE_DAY)

    assert found.recordings == ()
    assert found.left_out == (LeftOut(match.path, reason),)


def test_without_extensions_nothing_is_found(shelf: Shelf) -> None:
    shelf.put(call("1121", ""))

    assert shelf.catalogue.find(calls_of(), THE_DAY).recordings == ()


@pytest.fixture
def put_days(shelf: Shelf) -> Callable[..., None]:
    def put(*days: int) -> None:
        for number, day in enumerate(days):
            shelf.put(call("1121", "2001", f"2025-10-{day:02} 10:00:00", uid=f"1761598420.{number}"))

    return put


def test_the_nearest_days_are_those_around_the_period_in_calendar_order(
    shelf: Shelf, put_days: Callable[..., None]
) -> None:
    put_days(1, 8, 12, 12, 19, 30)
    shelf.put(call("1122", "2001", "2025-10-14 10:00:00"))

    days = shelf.catalogue.nearest_days(calls_of("1121"), period("2025-10-14 00:00:00", "2025-10-16 23:59:59"), 3)

    assert days == [
        DayCount(date(2025, 10, 8), 1),
        DayCount(date(2025, 10, 12), 2),
        DayCount(date(2025, 10, 19), 1),
    ]


def test_of_days_equally_near_the_earlier_is_named(shelf: Shelf, put_days: Callable[..., None]) -> None:
    put_days(13, 17)

    days = shelf.catalogue.nearest_days(calls_of("1121"), period("2025-10-15 00:00:00", "2025-10-15 23:59:59"), 1)

    assert days == [DayCount(date(2025, 10, 13), 1)]


def test_a_day_whose_files_may_not_be_given_is_not_near(shelf: Shelf) -> None:
    shelf.put_withheld(call("1121", "2001", "2025-10-14 10:00:00"), TOO_SMALL)

    days = shelf.catalogue.nearest_days(calls_of("1121"), period("2025-10-15 00:00:00", "2025-10-15 23:59:59"), 3)

    assert days == []


def test_a_refresh_tells_what_there_was_to_do(shelf: Shelf) -> None:
    assert "nothing to refresh" in shelf.catalogue.refresh()
