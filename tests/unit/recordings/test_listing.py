import itertools
import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.recordings import getdents, listing
from voipmon.recordings.listing import Listing

LETTERS = "0123456789abcdef-"


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(folder: Path, earlier: bytes = b"") -> tuple[set[bytes], bytes]:
    """List a folder beside an earlier listing; return the names that can be new, and the marks."""
    with opened(folder) as descriptor:
        one = Listing(descriptor, earlier)
        return {name for files, folders in one.new_names() for name in files + folders}, one.marks


@pytest.fixture(params=["the kernel's way", "the standard library's way"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_LARGE", 0 if request.param.startswith("the kernel") else 2**60)


def names_in(folder: Path) -> list[bytes]:
    return sorted(os.fsencode(path.name) for path in folder.iterdir())


def fill(folder: Path, count: int, start: int = 0) -> list[str]:
    folder.mkdir(exist_ok=True)
    names = [f"internal-{number % 97}-{number % 89}-20251027-{number:06}.mp3" for number in range(start, start + count)]
    for name in names:
        (folder / name).touch()
    return names


def test_the_first_listing_gives_every_name_and_whether_it_is_a_folder(tmp_path: Path, way: None) -> None:
    names = fill(tmp_path, 3000)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link-to-a-folder").symlink_to("sub")
    os.mkfifo(tmp_path / "pipe")

    with opened(tmp_path) as descriptor:
        files, folders = ([*map(set, found)] for found in zip(*Listing(descriptor).new_names(), strict=True))

    assert set().union(*files) == {*map(os.fsencode, names), b"link-to-a-folder", b"pipe"}
    assert set().union(*folders) == {b"sub"}


def test_both_ways_give_the_same_names(tmp_path: Path) -> None:
    fill(tmp_path, 2000)
    odd = [b"\xe9\xff\xa5", b"a" * 255, "gravação ☎".encode(), b"new\nline", b"\xa5" * 200]
    for name in odd:
        os.close(os.open(os.fsencode(tmp_path) + b"/" + name, os.O_CREAT))

    with opened(tmp_path) as one, opened(tmp_path) as other:
        raw = [name for buffer in getdents.buffers(one) for name in _names(buffer)]
        scanned = [name for buffer in listing.scanned(other) for name in _names(buffer)]

    assert sorted(set(raw) - {b".", b".."}) == sorted(scanned) == names_in(tmp_path)


def _names(buffer: bytes) -> list[bytes]:
    return [name for name, _ in listing._entries(buffer, [(0, len(buffer))])]


def test_a_listing_of_what_has_not_changed_looks_at_no_name(tmp_path: Path, way: None) -> None:
    fill(tmp_path, 3000)
    _, marks = read(tmp_path)

    again, same = read(tmp_path, marks)

    assert (again, same) == (set(), marks)


def test_few_new_names_among_many_cost_few_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_LARGE", 0)
    fill(tmp_path, 20_000)
    _, marks = read(tmp_path)
    new = fill(tmp_path, 10, start=500_000)

    looked_at, _ = read(tmp_path, marks)

    assert looked_at >= set(map(os.fsencode, new))
    assert len(looked_at) < 20_000 / 4


NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name not in (".", ".."))


@given(
    before=st.sets(NAMES, max_size=60),
    steps=st.lists(st.tuples(st.sets(NAMES, max_size=8), st.integers(0, 2**32)), min_size=1, max_size=4),
    raw=st.booleans(),
    cut=st.sampled_from([b"\xa5", b"0", b"\x00", b"-"]),
)
def test_no_listing_misses_a_name_that_came_since_the_one_before(
    tmp_path_factory: pytest.TempPathFactory,
    before: set[str],
    steps: list[tuple[set[str], int]],
    *,
    raw: bool,
    cut: bytes,
) -> None:
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_LARGE", 0 if raw else 2**60)
        patch.setattr(listing, "_CUT", cut)  # pieces that are cut more often
        for name in before:
            (folder / name).touch()
        known, marks = read(folder)
        for more, seed in steps:
            names = sorted(map(os.fsdecode, names_in(folder)))
            for name in random.Random(seed).sample(names, len(names) // 3):
                (folder / name).unlink()
            for name in more:
                (folder / name).touch()
            fresh, marks = read(folder, marks)
            known |= fresh

            assert known >= set(names_in(folder))


def test_an_entry_made_of_the_parts_of_two_known_pieces_is_looked_at() -> None:
    def entry(number: int, name: bytes) -> bytes:
        return listing._HEAD.pack(number, 0, 19 + len(name) + 1, 8) + name + b"\0"

    one, gone, two = entry(1, b"ab\xa5cd"), entry(2, b"xx\xa5yy"), entry(3, b"ef\xa5gh")
    made = entry(1, b"ab\xa5yy")
    seen = []
    marks = b""
    for stream in (one + gone + two, made + two):
        found = Listing(-1, marks)
        seen = [name for buffer, gaps in found._gaps([stream]) for name, _ in listing._entries(buffer, gaps)]
        marks = found.marks

    assert b"ab\xa5yy" in seen


def test_a_name_that_is_there_all_the_time_is_never_missed_while_others_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_LARGE", 0)
    kept = set(map(os.fsencode, fill(tmp_path, 2000)))
    done = threading.Event()

    def bustle() -> None:
        for number in itertools.count():
            if done.is_set():
                break
            path = tmp_path / f"passing-{number}"
            path.touch()
            if number % 3:
                path.unlink()

    rival = threading.Thread(target=bustle)
    rival.start()
    known, marks = set(), b""
    try:
        for _ in range(20):
            fresh, marks = read(tmp_path, marks)
            known |= fresh
            assert known >= kept
    finally:
        done.set()
        rival.join()


def test_where_the_file_system_does_not_tell_folders_from_files_they_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").touch()

    def untold(descriptor: int) -> Iterator[bytes]:
        yield b"".join(
            listing._HEAD.pack(7, 0, 24, 0) + name.ljust(5, b"\0") for name in (b"sub", b"file", b".", b"..")
        )

    monkeypatch.setattr(listing, "scanned", untold)

    with opened(tmp_path) as descriptor:
        [found] = Listing(descriptor).new_names()

    assert found == ([b"file"], [b"sub"])


def test_without_the_kernel_s_way_the_other_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = fill(tmp_path, 50)
    monkeypatch.setattr(listing, "_LARGE", 0)
    monkeypatch.setitem(sys.modules, "voipmon.recordings.getdents", None)

    assert read(tmp_path)[0] == set(map(os.fsencode, names))


def test_what_the_kernel_refuses_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    descriptor = os.open(path, os.O_RDONLY)

    with pytest.raises(NotADirectoryError):
        list(getdents.buffers(descriptor))
    os.close(descriptor)
