import csv
import hashlib
import io
import os
import resource
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audio import mp3, wav
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.delivery.bundle import MANIFEST, BundleWriter, SourceLostError, plain_suffix
from voipmon.domain.recording import CHANGED, UNREADABLE, VANISHED, Recording

ZONE = ZoneInfo("America/Sao_Paulo")
START = datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)


@pytest.fixture
def reachable() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


def recording(
    path: str = "a.mp3",
    size: int = 5,
    origin: str = "2001",
    destination: str = "1122",
    start: datetime = START,
) -> Recording:
    return Recording(path=path, start=start, origin=origin, destination=destination, size=size)


def put(folder: Path, content: bytes = b"sound", **facts: str | datetime) -> tuple[Recording, Path]:
    """Make a file, and the recording that it is."""
    made = recording(size=len(content), **facts)  # type: ignore[arg-type]
    path = folder / made.path
    path.write_bytes(content)
    return made, path


def bundle(folder: Path, *sources: tuple[Recording, Path]) -> zipfile.ZipFile:
    with BundleWriter(folder / "out.zip", ZONE, lambda _read: None) as writer:
        for made, path in sources:
            writer.add(made, path)
        size = writer.finish()
    assert (folder / "out.zip").stat().st_size == size
    return zipfile.ZipFile(folder / "out.zip")


def names(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if name != MANIFEST]


def manifest(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(MANIFEST).decode("utf-8"), newline="")))


def test_a_member_is_named_for_a_person(tmp_path: Path) -> None:
    archive = bundle(tmp_path, put(tmp_path))

    assert archive.namelist() == ["2025-10-27_17-53-40_2001_para_1122.mp3", MANIFEST]
    assert archive.read("2025-10-27_17-53-40_2001_para_1122.mp3") == b"sound"


@pytest.mark.parametrize(
    ("party", "part"),
    [
        ("+5511999990000", "+5511999990000"),
        ("*98", "_98"),
        ("", "desconhecido"),
        ("João da Silva", "João_da_Silva"),
        ("João", "João"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ('a\n\r\0"<>|:?', "a_________"),
        ("Jos\udce9", "Jos_"),
        ("é" * 200, "é" * 30),
        ("محمد", "محمد"),
    ],
)
def test_a_party_is_cleaned_for_every_file_system(tmp_path: Path, party: str, part: str) -> None:
    archive = bundle(tmp_path, put(tmp_path, origin=party))

    assert names(archive) == [f"2025-10-27_17-53-40_{part}_para_1122.mp3"]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    sources = [put(tmp_path, path=f"{n}.mp3", origin=origin) for n, origin in enumerate(["anA", "Ana", "a", "ANA"])]

    assert names(bundle(tmp_path, *sources)) == [
        "2025-10-27_17-53-40_anA_para_1122.mp3",
        "2025-10-27_17-53-40_Ana_para_1122_2.mp3",
        "2025-10-27_17-53-40_a_para_1122.mp3",
        "2025-10-27_17-53-40_ANA_para_1122_3.mp3",
    ]


def test_names_and_manifest_tell_the_wall_time_of_the_reader(tmp_path: Path) -> None:
    archive = bundle(tmp_path, put(tmp_path, start=datetime(2025, 10, 28, 2, 30, tzinfo=UTC)))

    assert names(archive) == ["2025-10-27_23-30-00_2001_para_1122.mp3"]
    assert (manifest(archive)[0]["data"], manifest(archive)[0]["hora"]) == ("2025-10-27", "23:30:00")
    assert archive.infolist()[0].date_time == (2025, 10, 27, 23, 30, 0)


@pytest.mark.parametrize(("year", "kept"), [(1970, 1980), (2107, 2107), (2999, 2107)])
def test_a_year_that_a_zip_cannot_hold_is_no_obstacle(tmp_path: Path, year: int, kept: int) -> None:
    archive = bundle(tmp_path, put(tmp_path, start=START.replace(year=year)))

    assert [info.date_time[0] for info in archive.infolist()] == [kept, kept]


def test_the_manifest_tells_each_member(tmp_path: Path) -> None:
    sound, noise = mp3(2.0), wav(1.0)
    archive = bundle(
        tmp_path,
        put(tmp_path, sound),
        put(tmp_path, noise, path="b.wav", origin="", destination="1121"),
        put(tmp_path, b"no audio", path="c.gsm"),
    )

    header = archive.read(MANIFEST).decode("utf-8").split("\r\n")[0]
    assert header == "arquivo,data,hora,origem,destino,segundos,bytes,sha256"
    first, second, third = manifest(archive)
    assert first == {
        "arquivo": "2025-10-27_17-53-40_2001_para_1122.mp3",
        "data": "2025-10-27",
        "hora": "17:53:40",
        "origem": "2001",
        "destino": "1122",
        "segundos": "2",
        "bytes": str(len(sound)),
        "sha256": hashlib.sha256(sound).hexdigest(),
    }
    assert (second["origem"], second["segundos"], second["sha256"]) == ("", "1", hashlib.sha256(noise).hexdigest())
    assert third["segundos"] == ""


@pytest.mark.parametrize(
    ("party", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+5511", "'+5511"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ('a,"b"\nc', 'a,"b"\nc'),
        ("Jos\udce9", "Jos?"),
    ],
)
def test_no_cell_of_the_manifest_is_a_formula(tmp_path: Path, party: str, cell: str) -> None:
    (row,) = manifest(bundle(tmp_path, put(tmp_path, origin=party)))

    assert row["origem"] == cell


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a.MP3", ".mp3"), ("a.b.wav", ".wav"), ("a.x/b", ""), ("a", ""), ("a.mp3;x", ""), ("a.", "")],
)
def test_only_a_plain_ending_is_kept(path: str, suffix: str) -> None:
    assert plain_suffix(recording(path)) == suffix


def write(folder: Path, *sources: tuple[Recording, Path], advance: Callable[[int], None] | None = None) -> list[str]:
    """Bundle the sources into out.zip, each with a copy, and return what was lost and why."""
    lost = []
    with BundleWriter(folder / "out.zip", ZONE, advance or (lambda _read: None)) as writer:
        for made, path in sources:
            try:
                writer.add(made, path, folder / f"copy-of-{path.name}")
            except SourceLostError as error:
                lost.append(f"{path.name}: {error.reason}")
        writer.finish()
    return lost


def assert_valid(path: Path) -> None:
    for program in (["unzip", "-tq"], ["7z", "t"]):
        outcome = subprocess.run([*program, path], check=False, capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_other_programs_take_the_zip_for_good(tmp_path: Path) -> None:
    bundle(tmp_path, *(put(tmp_path, mp3(n / 2), path=f"{n}.mp3", origin=f"João {n}") for n in range(4)))

    assert_valid(tmp_path / "out.zip")


def test_a_large_zip_is_taken_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # as if these sizes were beyond 4 GiB

    archive = bundle(tmp_path, *(put(tmp_path, bytes(size), path=f"{size}.mp3") for size in (999, 1001, 100_000)))

    assert [info.file_size for info in archive.infolist()[:3]] == [999, 1001, 100_000]
    assert_valid(tmp_path / "out.zip")


def test_what_cannot_be_opened_is_lost_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(put(tmp_path)[1])
    paths = [tmp_path / name for name in ("gone", "a.mp3/gone", "folder", "pipe", "link")]

    lost = write(tmp_path, *((recording(), path) for path in paths))

    assert lost == [
        f"gone: {VANISHED}",
        f"gone: {VANISHED}",
        f"folder: {UNREADABLE}",
        f"pipe: {UNREADABLE}",
        f"link: {UNREADABLE}",
    ]


def test_what_may_not_be_read_is_lost(reachable: Path) -> None:
    made, path = put(reachable)
    path.chmod(0o000)
    (reachable / "work").mkdir()
    (reachable / "work").chmod(0o777)

    with ordinary_user():
        assert write(reachable / "work", (made, path)) == [f"a.mp3: {UNREADABLE}"]


def test_what_has_another_size_than_it_was_found_with_is_lost(tmp_path: Path) -> None:
    _, path = put(tmp_path)

    assert write(tmp_path, (recording(size=4), path)) == [f"a.mp3: {CHANGED}"]


def shrink(path: Path) -> None:
    os.truncate(path, 300_000)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


@pytest.mark.parametrize("change", [shrink, grow, rewrite])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_changes_while_it_is_read_leaves_no_trace_in_the_zip(
    tmp_path: Path, change: Callable[[Path], None], place: int
) -> None:
    sources = [put(tmp_path, os.urandom(size), path=f"{size}.mp3") for size in (10_000, 20_000)]
    victim, path = put(tmp_path, os.urandom(1_000_000), path="victim.mp3")
    sources.insert(place, (victim, path))
    read = 0

    def advance(size: int) -> None:
        nonlocal read
        read += size
        if size == 2**18 and path.stat().st_mtime_ns > 0:
            change(path)
            os.utime(path, ns=(0, 0))  # once

    lost = write(tmp_path, *sources, advance=advance)

    assert lost == [f"victim.mp3: {CHANGED}"]
    assert not (tmp_path / "copy-of-victim.mp3").exists()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert [info.file_size for info in archive.infolist()[:-1]] == [10_000, 20_000]
        assert [row["bytes"] for row in manifest(archive)] == ["10000", "20000"]
        assert names(archive)[1].endswith("_2.mp3")
    assert (tmp_path / "out.zip").stat().st_size < 31_000
    assert_valid(tmp_path / "out.zip")


def share_blocks(source: int, target: int) -> bool:
    """Do what FICLONE does, as it is seen from outside."""
    size = os.fstat(source).st_size
    assert os.copy_file_range(source, target, size, 0, 0) == size
    return True


@pytest.mark.parametrize("clone", [None, share_blocks])
def test_a_copy_is_made_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clone: Callable[[int, int], bool] | None
) -> None:
    if clone:
        monkeypatch.setattr("voipmon.delivery.bundle._clone", clone)
    content = os.urandom(700_000)

    assert write(tmp_path, put(tmp_path, content)) == []

    assert (tmp_path / "copy-of-a.mp3").read_bytes() == content
    assert (tmp_path / "a.mp3").read_bytes() == content
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read(names(archive)[0]) == content


def test_what_was_read_is_told_as_it_goes(tmp_path: Path) -> None:
    steps: list[int] = []

    write(tmp_path, put(tmp_path, bytes(600_000)), put(tmp_path, bytes(10), path="b.mp3"), advance=steps.append)

    assert sum(steps) == 600_010
    assert len(steps) >= 4


def test_memory_does_not_grow_with_the_recordings(tmp_path: Path) -> None:
    source = put(tmp_path, bytes(64))
    large = recording(path="large.mp3", size=200_000_000), tmp_path / "large.mp3"
    large[1].touch()
    os.truncate(large[1], 200_000_000)
    write(tmp_path, source)  # imports
    (tmp_path / "out.zip").unlink()
    (tmp_path / "copy-of-a.mp3").unlink()

    tracemalloc.start()
    try:
        with BundleWriter(tmp_path / "out.zip", ZONE, lambda _read: None) as writer:
            writer.add(*large)
            writer.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * 2**20


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [100, 400_000, 800_000, 1_000_100])
def test_what_does_not_fit_is_an_error_of_the_target_not_of_the_source(tmp_path: Path, room: int) -> None:
    source = put(tmp_path, os.urandom(1_000_000))

    with file_size_limit(room), pytest.raises(OSError, match="File too large"):
        write(tmp_path, source)

    assert len(source[1].read_bytes()) == 1_000_000


PARTIES = st.text(max_size=80) | st.sampled_from(["1121", "+55", "=1", "..", "CON", "a/b", "\udce9"])


@given(st.lists(st.tuples(PARTIES, PARTIES, st.binary(max_size=50)), max_size=12))
def test_whatever_the_parties_are_called_the_zip_is_good(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    archive = bundle(
        folder,
        *(
            put(folder, content, path=f"{n}.mp3", origin=origin, destination=destination)
            for n, (origin, destination, content) in enumerate(calls)
        ),
    )

    assert archive.testzip() is None
    assert [archive.read(name) for name in names(archive)] == [content for *_, content in calls]
    assert [row["arquivo"] for row in manifest(archive)] == names(archive)
    assert len({name.casefold() for name in names(archive)}) == len(calls)
    assert all(len(name.encode()) < 200 and not set(name) & set('/\\:*?"<>|\n\0') for name in names(archive))
