import errno
import hashlib
import json
import os
import resource
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from support.audio import mp3
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.delivery.local import LocalPublisher, new_token
from voipmon.delivery.records import usable
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication
from voipmon.domain.period import Period
from voipmon.domain.recording import UNREADABLE, Findings, LeftOut, Recording
from voipmon.errors import PublishError

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
KEEP = timedelta(hours=72)
ASK = Ask((Extension("1121"),), Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 28, tzinfo=ZONE)))

Audio = Literal["copy", "symlink"]


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with what a publisher needs, which everybody can reach."""
    with reachable_folder() as folder:
        for name in ("public", "recordings", "state"):
            (folder / name).mkdir()
            (folder / name).chmod(0o755)
        yield folder


def publisher(base: Path, audio: Audio = "copy", base_url: str = "https://voip.example.com/audios") -> LocalPublisher:
    return LocalPublisher(
        folder=base / "public",
        base_url=base_url,
        keep=KEEP,
        audio=audio,
        recordings_root=base / "recordings",
        state_dir=base / "state",
        language="pt_BR",
        zone=ZONE,
    )


def record(base: Path, name: str = "a.mp3", content: bytes = b"sound" * 300) -> Recording:
    path = base / "recordings" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    start = datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)
    return Recording(path=name, start=start, origin="2001", destination="1121", size=len(content))


def publish(made: LocalPublisher, *recordings: Recording, request_id: str = "r1") -> Publication:
    return made.publish(request_id, ASK, Findings(recordings), NOW)


def shown(base: Path) -> Path:
    """Return the one folder that is published."""
    (folder,) = (base / "public").iterdir()
    assert not folder.name.startswith(".")
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("audio", ["copy", "symlink"])
def test_a_publication_holds_recordings_zip_and_page(base: Path, audio: Audio) -> None:
    sound = mp3(1.0)

    publication = publish(publisher(base, audio), record(base, "a.mp3", sound), record(base, "sub/b.WAV"))

    folder = shown(base)
    assert {path.name for path in folder.iterdir()} == {"0001.mp3", "0002.wav", "gravacoes-r1.zip", "index.html"}
    assert (folder / "0001.mp3").read_bytes() == sound
    assert publication.items[0].sha256 == hashlib.sha256(sound).hexdigest()
    assert publication.items[0].seconds == pytest.approx(1.0, abs=0.25)
    assert publication.size == (folder / "gravacoes-r1.zip").stat().st_size
    page = (folder / "index.html").read_text()
    assert all(name in page for name in ("0001.mp3", "0002.wav", "gravacoes-r1.zip"))


def test_links_lead_to_the_originals_by_their_whole_path(base: Path) -> None:
    made = record(base, "2025/a.mp3")
    (base / "recordings" / "link.mp3").symlink_to("2025/a.mp3")
    linked = Recording("link.mp3", made.start, "", "", made.size)

    publish(publisher(base, "symlink"), made, linked)

    for name in ("0001.mp3", "0002.mp3"):
        assert (shown(base) / name).readlink() == base / "recordings" / "2025" / "a.mp3"


@pytest.mark.parametrize("audio", ["copy", "symlink"])
def test_originals_outlive_their_publication(base: Path, audio: Audio) -> None:
    made = record(base)
    path = base / "recordings" / "a.mp3"
    before = path.stat()

    publish(publisher(base, audio), made)
    publisher(base, audio).expire(NOW + KEEP)

    assert not list((base / "public").iterdir())
    assert path.read_bytes() == b"sound" * 300
    assert (path.stat().st_mode, path.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
@pytest.mark.parametrize(
    ("public", "folder", "file"),
    [(0o2710, 0o710, 0o640), (0o750, 0o710, 0o640), (0o2711, 0o711, 0o644), (0o755, 0o711, 0o644)],
)
def test_a_publication_can_be_entered_and_never_listed(
    base: Path, umask: int, public: int, folder: int, file: int
) -> None:
    (base / "public").chmod(public)
    made = record(base)
    earlier = os.umask(umask)
    try:
        publish(publisher(base), made)
    finally:
        os.umask(earlier)

    assert mode(shown(base)) == folder
    assert {mode(path) for path in shown(base).iterdir()} == {file}
    assert mode(base / "public") == public


def test_who_knows_a_name_can_read_it_and_nobody_can_list(base: Path) -> None:
    publish(publisher(base), record(base))
    folder = shown(base)

    with ordinary_user():
        if os.geteuid() != folder.stat().st_uid:
            with pytest.raises(PermissionError):
                list(folder.iterdir())
        assert (folder / "0001.mp3").read_bytes() == b"sound" * 300


def test_the_publish_folder_s_group_is_handed_down(base: Path) -> None:
    group = 33 if os.geteuid() == 0 else os.getegid()
    os.chown(base / "public", -1, group)
    (base / "public").chmod(0o2710)

    publish(publisher(base), record(base))

    assert {path.stat().st_gid for path in [shown(base), *shown(base).iterdir()]} == {group}


def test_nothing_is_visible_before_it_is_complete(base: Path) -> None:
    made = publisher(base)
    seen = []

    def look(done: int, _total: int) -> None:
        (work,) = (base / "public").iterdir()
        (kept,) = (base / "state" / "publications").glob("*.json")
        seen.append((done, work.name[:6], mode(work), len(json.loads(kept.read_bytes())["token"])))
        assert made.published("r1", NOW) is None

    made.publish("r1", ASK, Findings((record(base),)), NOW, look)

    assert seen == [(0, ".work-", 0o700, 27), (1500, ".work-", 0o700, 27), (1500, ".work-", 0o700, 27)]
    assert made.published("r1", NOW) is not None


def test_a_record_is_for_nobody_else_to_read(base: Path) -> None:
    publish(publisher(base), record(base))

    folder = base / "state" / "publications"
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_a_token_has_160_bits_and_is_drawn_anew_each_time() -> None:
    tokens = {new_token() for _ in range(1000)}

    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {27}  # 20 bytes in base64


def test_the_page_s_address_has_one_slash_wherever_the_base_ends(base: Path) -> None:
    made = publisher(base, base_url="https://voip.example.com/audios/")

    assert publish(made, record(base)).page_url == f"https://voip.example.com/audios/{shown(base).name}/index.html"


def test_the_files_are_numbered_in_the_order_of_the_list(base: Path) -> None:
    publication = publish(publisher(base), *(record(base, f"{n}.mp3", b"%d" % n) for n in range(12)))

    assert [(shown(base) / f"{n:04}.mp3").read_bytes() for n in range(1, 13)] == [b"%d" % n for n in range(12)]
    assert publication.items[11].url.endswith("/0012.mp3")


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [1000, 500_000, 1_000_100])
def test_an_attempt_that_fails_in_the_middle_leaves_nothing_but_its_token(base: Path, room: int) -> None:
    made = record(base, content=bytes(1_000_000))

    with file_size_limit(room), pytest.raises(PublishError, match="/public cannot be used: File too large") as caught:
        publish(publisher(base), made)

    assert caught.value.retryable
    assert list((base / "public").iterdir()) == []
    (kept,) = (base / "state" / "publications").glob("*.json")
    token = json.loads(kept.read_bytes())["token"]
    publish(publisher(base), made)
    assert shown(base).name == token


def test_an_attempt_that_fails_leaves_the_earlier_publication(base: Path) -> None:
    made = record(base, content=bytes(1_000_000))
    publication = publish(publisher(base), made)

    with file_size_limit(1000), pytest.raises(PublishError):
        publish(publisher(base), made)

    assert (shown(base) / "0001.mp3").stat().st_size == 1_000_000
    assert publisher(base).published("r1", NOW) is not None
    assert publication.page_url.endswith(f"/{shown(base).name}/index.html")


@pytest.mark.parametrize(("audio", "needed"), [("copy", 2), ("symlink", 1)])
def test_too_little_space_is_noticed_before_the_work(base: Path, audio: Audio, needed: int) -> None:
    size = 2**43
    made = Recording("a.mp3", NOW, "", "", size)

    with pytest.raises(
        PublishError, match=rf"/public has \d+ bytes free and this answer needs {needed * size + 8192}"
    ) as caught:
        publish(publisher(base, audio), made)

    assert caught.value.retryable
    assert list((base / "public").iterdir()) == []


def test_a_missing_publish_folder_is_named_with_the_remedy(base: Path) -> None:
    (base / "public").rmdir()

    with pytest.raises(PublishError, match=r"/public is not there .*: make that folder") as caught:
        publish(publisher(base), record(base))

    assert caught.value.retryable


@pytest.mark.parametrize(("closed", "opened"), [("public", "state"), ("state", "public")])
def test_a_folder_that_may_not_be_written_is_named_with_the_remedy(base: Path, closed: str, opened: str) -> None:
    made = record(base)
    (base / closed).chmod(0o555)
    (base / opened).chmod(0o777)

    with (
        ordinary_user(),
        pytest.raises(PublishError, match=rf"/{closed}\S* cannot be written .*: give this user the right") as caught,
    ):
        publish(publisher(base), made)

    assert caught.value.retryable
    assert list((base / "public").iterdir()) == []


def test_what_leads_out_of_the_recordings_is_left_out(base: Path) -> None:
    secret = base / "secret.mp3"
    secret.write_bytes(b"sound" * 300)
    kept, swapped, above = record(base), record(base, "b.mp3"), Recording("../secret.mp3", NOW, "", "", 1500)
    (base / "recordings" / "b.mp3").unlink()
    (base / "recordings" / "b.mp3").symlink_to(secret)

    publication = publish(publisher(base), kept, swapped, above)

    assert [item.recording for item in publication.items] == [kept]
    assert publication.left_out == (LeftOut("b.mp3", UNREADABLE), LeftOut("../secret.mp3", UNREADABLE))


@pytest.mark.parametrize("request_id", ["", "../r1", ".r1", "a/b", "a b", "x" * 81])
def test_a_request_id_is_never_a_path(base: Path, request_id: str) -> None:
    with pytest.raises(PublishError, match="no request id"):
        publish(publisher(base), record(base), request_id=request_id)

    assert list((base / "public").iterdir()) == []


def test_a_name_that_is_not_utf8_is_published_and_remembered(base: Path) -> None:
    made = record(base, os.fsdecode(b"Jos\xe9.mp3"))
    lost = Recording(os.fsdecode(b"\xe9.mp3"), made.start, "", "", 1)

    publication = publish(publisher(base), made, lost)

    remembered = publisher(base).published("r1", NOW)
    assert remembered is not None
    assert remembered.left_out == publication.left_out


def start_and_freeze(made: LocalPublisher, recording: Recording) -> int:
    """Begin to publish in another process, and return its id when it is in the middle."""
    ready, tell = os.pipe()

    def freeze(done: int, _total: int) -> None:
        if done:
            os.write(tell, b".")
            time.sleep(60)

    pid = os.fork()
    if pid == 0:
        try:
            made.publish("r1", ASK, Findings((recording,)), NOW, freeze)
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    return pid


def test_what_a_killed_attempt_left_is_gone_after_the_next_pass_and_the_token_is_kept(base: Path) -> None:
    made = publisher(base)
    recording = record(base)
    pid = start_and_freeze(made, recording)
    (work,) = (base / "public").iterdir()

    while_it_lives = made.expire(NOW)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    left = list((base / "public").iterdir())
    after_its_death = made.expire(NOW)

    assert (while_it_lives, left, after_its_death) == (0, [work], 1)
    assert list((base / "public").iterdir()) == []
    (kept,) = (base / "state" / "publications").glob("*.json")
    publish(made, recording)
    assert shown(base).name == json.loads(kept.read_bytes())["token"]


def test_the_record_of_an_attempt_that_was_never_repeated_ends_with_its_time(base: Path) -> None:
    made = record(base, content=bytes(10_000))
    with file_size_limit(1000), pytest.raises(PublishError):
        publish(publisher(base), made)

    publisher(base).expire(NOW + KEEP)

    assert list((base / "state" / "publications").glob("*.json")) == []


def test_rivals_for_one_request_leave_one_publication(base: Path) -> None:
    made = publisher(base)
    recordings = [record(base, f"{n}.mp3", bytes(10_000)) for n in range(5)]
    errors: list[Exception] = []

    def attempt() -> None:
        try:
            for _ in range(5):
                publish(made, *recordings)
                made.expire(NOW)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.expire(NOW)

    assert errors == []
    assert len(list(shown(base).iterdir())) == 7


def test_other_things_in_the_publish_folder_are_left_alone(base: Path) -> None:
    others = [base / "public" / name for name in ("older-script", ".hidden", "a" * 27)]
    for other in others:
        other.mkdir()
    publish(publisher(base), record(base))

    publisher(base).expire(NOW + KEEP)

    assert sorted((base / "public").iterdir()) == sorted(others)


def test_expiring_nothing_makes_nothing(base: Path) -> None:
    (base / "public").rmdir()

    assert publisher(base).expire(NOW) == 0
    assert list((base / "state").iterdir()) == []


def test_a_publication_is_not_forgotten_while_its_folder_is_away(base: Path) -> None:
    publish(publisher(base), record(base))
    (base / "public").rename(base / "unmounted")

    with pytest.raises(PublishError, match="/public is not there") as caught:
        publisher(base).expire(NOW + KEEP)

    assert caught.value.retryable
    (base / "unmounted").rename(base / "public")
    assert publisher(base).expire(NOW + KEEP) == 1


def test_a_publication_whose_folder_was_removed_by_hand_is_none(base: Path) -> None:
    publish(publisher(base), record(base))
    shown(base).rename(base / "moved-away")

    assert publisher(base).published("r1", NOW) is None
    assert publisher(base).expire(NOW + KEEP) == 0
    assert list((base / "state" / "publications").glob("*.json")) == []


def test_what_resists_removal_is_told_and_is_out_of_reach_and_the_others_go(base: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make what resists")
    made = [record(base), record(base, "b.mp3")]
    for name in ("public", "state"):
        (base / name).chmod(0o777)
    with ordinary_user():
        first = publish(publisher(base), *made)
        publish(publisher(base), *made, request_id="r2")
    folder = base / "public" / first.page_url.split("/")[-2]
    (folder / "planted").mkdir()
    (folder / "planted" / "file").touch()

    with ordinary_user(), pytest.raises(PublishError, match="/public cannot be written") as caught:
        publisher(base).expire(NOW + KEEP)

    assert caught.value.retryable
    (left,) = (base / "public").iterdir()
    assert left.name.startswith(".work-")
    assert [path.name for path in left.iterdir()] == ["planted"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"request_id": "r1"}',
        b'{"request_id":"r1","token":"../state","expires_at":"2025-11-11T12:00:00+00:00","left_out":[]}',
        b'{"request_id":"r1","token":"","expires_at":"2025-11-11T12:00:00+00:00","left_out":[]}',
        b'{"request_id":"r1","token":"t","expires_at":"2025-11-11T12:00:00","left_out":[]}',
        b'{"request_id":"r1","token":"t","expires_at":"2025-11-11T12:00:00+00:00","left_out":[],"more":1}',
    ],
)
def test_a_damaged_record_is_named_and_does_not_hold_up_the_others(base: Path, content: bytes) -> None:
    made = publisher(base)
    publish(made, record(base), request_id="r2")
    (base / "state" / "publications" / "r1.json").write_bytes(content)

    with pytest.raises(PublishError, match=r"publications/r1\.json is no record of a publication: remove it"):
        made.expire(NOW + KEEP)

    assert list((base / "public").iterdir()) == []
    with pytest.raises(PublishError, match=r"r1\.json"):
        publish(made, record(base))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errno.ENOSPC, "is full: make room"),
        (errno.EDQUOT, "is full: make room"),
        (errno.EROFS, "cannot be written (Read-only file system): give this user the right to"),
        (errno.EIO, "cannot be used: Input/output error"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_without_a_token(base: Path, error: int, sentence: str) -> None:
    with pytest.raises(PublishError) as caught, usable(base / "public"):
        raise OSError(error, os.strerror(error), str(base / "public" / "secret-token"))

    assert str(caught.value) == f"{base}/public {sentence}"
    assert caught.value.retryable
