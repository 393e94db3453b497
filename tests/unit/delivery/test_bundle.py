import csv
import errno
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

from voipmon.delivery.bundle import MANIFEST, BundleWriter, plain_suffix
from voipmon.delivery.sources import SourceLostError
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
        ("＝1+1", "'＝1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a, @x|-1", "a,'@x|'-1"),
        ("\t=x", "'=x"),
        ("\r\n=x", "'=x"),
        ("a;\x00=x", "a;'=x"),
        ('a,"b"\nc', 'a,"b" c'),
        ("a\u202eb\x1b[2Jc", "ab [2Jc"),
        ("Jos\udce9", "Jos\ufffd"),
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


@pytest.mark.parametrize(
    ("content", "smaller"),
    [
        (wav(2), True),
        (wav(2)[:20] + b"\x07\0" + wav(2)[22:], True),  # mu-law
        (wav(2)[:20] + b"\x31\0" + wav(2)[22:], False),  # GSM
        (b"RIFF\0\0\0\0WAVELIST" + wav(2)[16:], False),
        (wav(2)[:21], True),  # what is said of it is cut off: whatever it is, it is valid
        (wav(80), True),  # longer than a block
        (mp3(2), False),
        (b"RIFF", False),
    ],
)
def test_sound_that_is_not_compressed_yet_is_deflated(tmp_path: Path, content: bytes, smaller: bool) -> None:
    archive = bundle(tmp_path, put(tmp_path, content))

    (info, _) = archive.infolist()
    assert archive.read(info) == content
    assert (info.compress_type == zipfile.ZIP_DEFLATED) is smaller
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
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"another file")
    new.replace(path)


def vanish(path: Path) -> None:
    path.unlink(missing_ok=True)


class Disturbance:
    """Changes a file before or after one of the calls that look at it, or never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], path: Path, place: int) -> None:
        self.calls = 0
        self._change = change
        self._path = path
        self._place = place
        self._inode = path.stat().st_ino
        for name in ("fstat", "readv"):
            monkeypatch.setattr(f"voipmon.delivery.sources.os.{name}", self._around(getattr(os, name)))

    def _around(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(descriptor: int, *rest: object) -> object:
            watched = os.stat(descriptor).st_ino == self._inode
            if watched:
                self._count()
            answer = real(descriptor, *rest)
            if watched:
                self._count()
            return answer

        return call

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self._place:
            self._change(self._path)


LONG, WHOLE = 1_500_000, 100_000
NEVER = 1000


def disturbed(
    folder: Path, change: Callable[[Path], None], size: int, place: int, victim_at: int
) -> tuple[list[str], bytes, int]:
    """Bundle three files, one of which changes; return what was lost, the bytes it had, and the calls that looked."""
    folder.mkdir()
    sources = [put(folder, os.urandom(length), path=f"{length}.mp3") for length in (10_000, 20_000)]
    victim, path = put(folder, os.urandom(size), path="victim.mp3", origin="victim")
    os.utime(path, ns=(0, 0))  # so that every change is seen in its time
    content = path.read_bytes()
    sources.insert(victim_at, (victim, path))
    with pytest.MonkeyPatch.context() as monkeypatch:
        disturbance = Disturbance(monkeypatch, change, path, place)
        lost = write(folder, *sources)
    return lost, content, disturbance.calls


@pytest.mark.parametrize("size", [WHOLE, LONG])
@pytest.mark.parametrize("change", [shrink, grow, rewrite, empty, replace, vanish])
def test_a_recording_that_changes_at_any_moment_is_given_whole_or_left_out(
    tmp_path: Path, change: Callable[[Path], None], size: int
) -> None:
    _, _, calls = disturbed(tmp_path / "calm", change, size, NEVER, 1)
    assert calls > 4
    for place in range(1, calls + 1):
        folder = tmp_path / str(place)

        lost, content, _ = disturbed(folder, change, size, place, place % 3)

        early = change is rewrite and place <= 1  # before anything was known of it but its size
        given = early or change in (replace, vanish) or place == calls  # an open file goes on being what it was
        if early:
            content = (folder / "victim.mp3").read_bytes()
        assert lost == ([] if given else [f"victim.mp3: {CHANGED}"]), place
        assert_valid(folder / "out.zip")
        with zipfile.ZipFile(folder / "out.zip") as archive:
            members = [archive.read(name) for name in names(archive)]
            hashes = [hashlib.sha256(member).hexdigest() for member in members]
            assert [row["sha256"] for row in manifest(archive)] == hashes
            assert sorted(map(len, members)) == sorted([10_000, 20_000, *([size] if given else [])])
            assert (content in members) is given
        copy = folder / "copy-of-victim.mp3"
        assert (copy.read_bytes() if copy.exists() else None) == (content if given else None)


@pytest.mark.parametrize(("size", "reads"), [(WHOLE, 1), (LONG, 1), (LONG, 3)])
def test_a_sector_that_cannot_be_read_costs_one_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, reads: int
) -> None:
    good, bad = put(tmp_path, os.urandom(300)), put(tmp_path, os.urandom(size), path="bad.mp3")
    real, inode, left = os.readv, bad[1].stat().st_ino, reads

    def readv(descriptor: int, buffers: list[memoryview]) -> int:
        nonlocal left
        left -= os.fstat(descriptor).st_ino == inode
        if not left:
            left = -1
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, buffers)

    monkeypatch.setattr("voipmon.delivery.sources.os.readv", readv)

    assert write(tmp_path, bad, good) == [f"bad.mp3: {UNREADABLE}"]
    assert not (tmp_path / "copy-of-bad.mp3").exists()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert [info.file_size for info in archive.infolist()[:-1]] == [300]
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
        monkeypatch.setattr("voipmon.delivery.sources.clone", clone)
    content = os.urandom(700_000)

    assert write(tmp_path, put(tmp_path, content)) == []

    assert (tmp_path / "copy-of-a.mp3").read_bytes() == content
    assert (tmp_path / "a.mp3").read_bytes() == content
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read(names(archive)[0]) == content


def test_what_was_read_is_told_as_it_goes(tmp_path: Path) -> None:
    steps: list[int] = []

    write(tmp_path, put(tmp_path, bytes(2_000_000)), put(tmp_path, bytes(10), path="b.mp3"), advance=steps.append)

    assert sum(steps) == 2_000_010
    assert len(steps) >= 4


def peak(folder: Path, sources: list[tuple[Recording, Path]]) -> int:
    """Return the most bytes that were in use at once while the sources were bundled."""
    folder.mkdir()
    tracemalloc.start()
    try:
        with BundleWriter(folder / "out.zip", ZONE, lambda _read: None) as writer:
            for made, path in sources:
                writer.add(made, path)
            writer.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_recordings(tmp_path: Path) -> None:
    small = put(tmp_path, bytes(64))
    large = recording(path="large.mp3", size=200_000_000), tmp_path / "large.mp3"
    large[1].touch()
    os.truncate(large[1], 200_000_000)
    peak(tmp_path / "imports", [small])

    assert peak(tmp_path / "large", [large]) < 4 * 2**20


def test_a_member_takes_less_than_a_kilobyte_of_memory(tmp_path: Path) -> None:
    sources = [put(tmp_path, bytes(64), path=f"{number}.mp3", origin=str(number)) for number in range(3000)]
    peak(tmp_path / "imports", sources[:1])

    few, many = peak(tmp_path / "few", sources[:1000]), peak(tmp_path / "many", sources)

    assert (many - few) / 2000 < 1024


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
