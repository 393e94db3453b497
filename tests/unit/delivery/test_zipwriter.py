"""What is written is a ZIP to whoever reads it: Python, Info-ZIP, 7-Zip."""

import os
import random
import resource
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib
from support.sampling import Sample

from voipmon.delivery import zipwriter
from voipmon.delivery.zipwriter import ZipWriter

MOMENT = datetime(2025, 10, 27, 17, 53, 40)  # noqa: DTZ001 - a ZIP holds wall times
GIB = 2**30

Fill = Callable[[ZipWriter], object]


def made(folder: Path, fill: Fill, **limits: int) -> zipfile.ZipFile:
    """Write a ZIP, as *fill* wants it, and read it with Python."""
    path = folder / "made.zip"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        writer = ZipWriter(descriptor, **limits)
        fill(writer)
        assert writer.finish() == path.stat().st_size
    finally:
        os.close(descriptor)
    return zipfile.ZipFile(path)


def check_with_others(path: str | None) -> None:
    for program in (["unzip", "-tq"], ["7z", "t"]):
        outcome = subprocess.run([*program, str(path)], check=False, capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.fixture(params=["isal", "zlib"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The library that computes CRC and deflates: the extra's, and the standard library's."""
    chosen: ModuleType = zlib if request.param == "zlib" else isal_zlib
    monkeypatch.setattr(zipwriter, "_codec", chosen)
    return chosen


def test_members_come_back_with_name_time_and_bytes(tmp_path: Path, codec: ModuleType) -> None:
    sound = random.Random(1).randbytes(100_000)

    def fill(writer: ZipWriter) -> None:
        writer.add("a.mp3", MOMENT, sound)
        writer.add("João para 上海.wav", MOMENT, sound[:1000] * 50, deflate=True)
        writer.add("empty", MOMENT, b"")
        writer.add("empty too", MOMENT, b"", deflate=True)

    archive = made(tmp_path, fill)

    assert archive.namelist() == ["a.mp3", "João para 上海.wav", "empty", "empty too"]
    assert [archive.read(name) for name in archive.namelist()] == [sound, sound[:1000] * 50, b"", b""]
    assert {info.date_time for info in archive.infolist()} == {(2025, 10, 27, 17, 53, 40)}
    assert [info.compress_size < 10_000 for info in archive.infolist()] == [False, True, True, True]
    check_with_others(archive.filename)


@pytest.mark.parametrize("deflate", [False, True])
def test_a_member_may_come_piece_by_piece(tmp_path: Path, codec: ModuleType, deflate: bool) -> None:
    sound = bytes(range(256)) * 1000

    def fill(writer: ZipWriter) -> None:
        writer.add("before", MOMENT, b"1")
        with writer.long_member("long", MOMENT, len(sound), deflate=deflate) as write:
            for start in range(0, len(sound), 10_000):
                write(sound[start : start + 10_000])
        writer.add("after", MOMENT, b"2")

    archive = made(tmp_path, fill)

    assert [archive.read(name) for name in archive.namelist()] == [b"1", sound, b"2"]
    check_with_others(archive.filename)


def break_off(writer: ZipWriter, *, deflate: bool) -> None:
    with writer.long_member("lost", MOMENT, 90_000, deflate=deflate) as write:
        write(os.urandom(80_000))
        raise KeyError


@pytest.mark.parametrize("deflate", [False, True])
def test_a_member_that_breaks_off_leaves_no_trace(tmp_path: Path, deflate: bool) -> None:
    def fill(writer: ZipWriter) -> None:
        writer.add("before", MOMENT, b"1")
        with pytest.raises(KeyError):
            break_off(writer, deflate=deflate)
        writer.add("after", MOMENT, b"2")

    archive = made(tmp_path, fill)

    assert [archive.read(name) for name in archive.namelist()] == [b"1", b"2"]
    assert Path(str(archive.filename)).stat().st_size < 300
    check_with_others(archive.filename)


@pytest.mark.parametrize("count", [9, 11])
def test_a_member_that_is_not_as_long_as_was_said_is_refused(tmp_path: Path, count: int) -> None:
    def fill(writer: ZipWriter) -> None:
        says = f"10 bytes were promised, and {count} came"
        with pytest.raises(ValueError, match=says), writer.long_member("a", MOMENT, 10) as write:
            write(bytes(count))

    assert made(tmp_path, fill).namelist() == []


def headers(path: str | None) -> list[tuple[int, int, int, int]]:
    """Return of each member what stands in front of it: version needed, flags, and the sizes packed and unpacked."""
    data = Path(str(path)).read_bytes()
    with zipfile.ZipFile(str(path)) as archive:
        starts = [info.header_offset for info in archive.infolist()]
    fields = [struct.unpack_from("<4s5H3L2H", data, start) for start in starts]
    assert all(field[0] == b"PK\3\4" for field in fields)
    return [(field[1], field[2], field[7], field[8]) for field in fields]


def fill_with_three(writer: ZipWriter) -> None:
    writer.add("stored", MOMENT, bytes(100))
    writer.add("deflated", MOMENT, bytes(100), deflate=True)
    with writer.long_member("long", MOMENT, 100) as write:
        write(bytes(60))
        write(bytes(40))


def test_the_sizes_stand_in_front_and_no_reader_needs_more_than_it_must(tmp_path: Path) -> None:
    archive = made(tmp_path, fill_with_three)

    packed = archive.getinfo("deflated").compress_size
    utf8 = 0x0800  # and no data descriptor, 0x0008
    assert headers(archive.filename) == [(10, utf8, 100, 100), (20, utf8, packed, 100), (10, utf8, 100, 100)]
    assert [info.external_attr >> 16 for info in archive.infolist()] == [0o100644] * 3
    assert [(info.create_system, info.extra) for info in archive.infolist()] == [(3, b"")] * 3
    assert b"PK\6\6" not in Path(str(archive.filename)).read_bytes()


LIMITS = [
    {"largest": 99},  # sizes, and the offsets of two
    {"largest": 100},  # the offsets of two alone; a deflated one could have become too long
    {"largest": 0},
    {"most": 2},
    {"most": 0, "largest": 0},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_what_is_too_large_or_too_many_is_written_as_zip64(tmp_path: Path, limits: dict[str, int]) -> None:
    archive = made(tmp_path, fill_with_three, **limits)

    assert [archive.read(name) for name in ("stored", "deflated", "long")] == [bytes(100)] * 3
    assert b"PK\6\6" in Path(str(archive.filename)).read_bytes()
    check_with_others(archive.filename)


@pytest.mark.parametrize(("largest", "front", "directory"), [(99, 45, 45), (100, 10, 10)])
def test_zip64_is_asked_for_where_it_is_needed_alone(tmp_path: Path, largest: int, front: int, directory: int) -> None:
    archive = made(tmp_path, lambda writer: writer.add("a", MOMENT, bytes(100)), largest=largest)

    assert headers(archive.filename)[0][0] == front
    assert archive.infolist()[0].extract_version == directory


@pytest.mark.parametrize(("count", "zip64"), [(65_534, False), (65_535, True), (70_000, True)])
def test_very_many_members_are_no_obstacle(tmp_path: Path, count: int, zip64: bool) -> None:
    def fill(writer: ZipWriter) -> None:
        for number in range(count):
            writer.add(str(number), MOMENT, b"x")

    archive = made(tmp_path, fill)

    assert len(archive.namelist()) == count
    assert (b"PK\6\6" in Path(str(archive.filename)).read_bytes()) is zip64
    check_with_others(archive.filename)


def test_offsets_beyond_four_gibibytes_are_no_obstacle(tmp_path: Path) -> None:
    def fill(writer: ZipWriter) -> None:
        writer.add("first", MOMENT, b"x")
        writer.size = 4 * GIB  # a hole that takes no room on the disk
        fill_with_three(writer)

    archive = made(tmp_path, fill)

    assert [info.header_offset >= 4 * GIB for info in archive.infolist()] == [False, True, True, True]
    assert archive.testzip() is None
    check_with_others(archive.filename)


def test_a_member_beyond_four_gibibytes_is_no_obstacle(tmp_path: Path, sample: Sample) -> None:
    size, largest = (4 * GIB + 1, 2**32 - 2) if sample.full else (2**22 + 1, 2**22)
    zeros = bytes(2**20)

    def fill(writer: ZipWriter) -> None:
        with writer.long_member("large", MOMENT, size) as write:
            for _ in range(size // len(zeros)):
                write(zeros)
            write(b"!")
        writer.add("small", MOMENT, b"x")

    archive = made(tmp_path, fill, largest=largest)

    assert [info.file_size for info in archive.infolist()] == [size, 1]
    assert archive.testzip() is None
    check_with_others(archive.filename)
    (tmp_path / "made.zip").unlink()


def test_a_kernel_that_takes_little_at_a_time_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwritev, os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: real[1](fd, b"".join(map(bytes, parts))[:7], at))
    monkeypatch.setattr(os, "pwrite", lambda fd, part, at: real[1](fd, part[:11], at))

    archive = made(tmp_path, fill_with_three)

    assert archive.testzip() is None
    assert len(archive.namelist()) == 3


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_is_told_wherever_it_happens(tmp_path: Path, sample: Sample) -> None:
    made(tmp_path, fill_with_three)
    size = (tmp_path / "made.zip").stat().st_size

    for room in sample(range(size), 40):
        with file_size_limit(room), pytest.raises(OSError, match="File too large"):
            made(tmp_path, fill_with_three)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/\\"), min_size=1, max_size=40)
MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001
CONTENTS = st.binary(max_size=300) | st.binary(min_size=1, max_size=20).map(lambda few: few * 500)


@given(
    members=st.lists(st.tuples(NAMES, MOMENTS, CONTENTS, st.booleans(), st.integers(0, 200)), max_size=8),
    largest=st.sampled_from([0xFFFF_FFFE, 50, 200]),
    most=st.sampled_from([0xFFFE, 0, 3]),
)
def test_whatever_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory,
    members: list[tuple[str, datetime, bytes, bool, int]],
    largest: int,
    most: int,
) -> None:
    def fill(writer: ZipWriter) -> None:
        for name, moment, content, deflate, piece in members:
            if not piece:
                writer.add(name, moment, content, deflate=deflate)
                continue
            with writer.long_member(name, moment, len(content), deflate=deflate) as write:
                for start in range(0, len(content), piece):
                    write(content[start : start + piece])

    archive = made(tmp_path_factory.getbasetemp(), fill, largest=largest, most=most)

    infos = archive.infolist()
    assert [info.orig_filename for info in infos] == [name for name, *_ in members]
    assert [archive.read(info) for info in infos] == [content for _, _, content, *_ in members]
    for info, (_, moment, *_) in zip(infos, members, strict=True):
        year = min(max(moment.year, 1980), 2107)
        kept = (year, moment.month, moment.day, moment.hour, moment.minute, moment.second // 2 * 2)
        assert info.date_time == kept
