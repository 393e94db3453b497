"""Publications on disks of several kinds: with blocks that can be shared and without, and full ones."""

import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.loop import mounted

from voipmon.delivery.local import LocalPublisher
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication
from voipmon.domain.period import Period
from voipmon.domain.recording import Findings, Recording
from voipmon.errors import PublishError

NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
ASK = Ask((Extension("1121"),), Period(NOW - timedelta(days=30), NOW))
MEGABYTE = 2**20


def record(disk: Path, *sizes: int) -> tuple[Recording, ...]:
    (disk / "recordings").mkdir()
    made = []
    for number, size in enumerate(sizes):
        (disk / "recordings" / f"{number}.mp3").write_bytes(os.urandom(size))
        made.append(Recording(f"{number}.mp3", NOW - timedelta(days=2), "1121", str(number), size))
    os.sync()
    return tuple(made)


def publish(disk: Path, *recordings: Recording) -> Publication:
    (disk / "public").mkdir(exist_ok=True)
    publisher = LocalPublisher(
        disk / "public",
        "https://voip.example.com/audios",
        keep=timedelta(hours=72),
        audio="copy",
        recordings_root=disk / "recordings",
        state_dir=disk / "state",
        language="pt_BR",
        zone=ZoneInfo("America/Sao_Paulo"),
    )
    return publisher.publish("r1", ASK, Findings(recordings), NOW)


def used(disk: Path) -> int:
    os.sync()
    facts = os.statvfs(disk)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


@pytest.mark.parametrize(("kind", "times"), [("xfs", 1), ("btrfs", 1), ("ext4", 2)])
def test_copies_take_room_only_where_blocks_cannot_be_shared(tmp_path: Path, kind: str, times: int) -> None:
    with mounted(tmp_path, kind) as disk:
        recordings = record(disk, 3 * MEGABYTE, MEGABYTE)
        before = used(disk)

        publish(disk, *recordings)

        assert used(disk) - before == pytest.approx(times * 4 * MEGABYTE, abs=1.5 * MEGABYTE)
        (folder,) = (disk / "public").iterdir()
        originals = [(disk / "recordings" / recording.path).read_bytes() for recording in recordings]
        assert [(folder / f"000{number}.mp3").read_bytes() for number in (1, 2)] == originals
        with zipfile.ZipFile(folder / "gravacoes-r1.zip") as archive:
            assert [archive.read(name) for name in archive.namelist()[:2]] == originals


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_a_copy_that_shares_its_blocks_is_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    with mounted(tmp_path, kind) as disk:
        (recording,) = record(disk, MEGABYTE)
        original = disk / "recordings" / recording.path
        content = original.read_bytes()
        publish(disk, recording)
        (copy,) = (disk / "public").glob("*/0001.mp3")

        copy.write_bytes(b"scribbled over")

        assert original.read_bytes() == content
        assert original.stat().st_nlink == 1


def test_an_answer_that_fits_once_is_published_where_blocks_can_be_shared_and_refused_elsewhere(
    tmp_path: Path,
) -> None:
    with mounted(tmp_path, "xfs") as disk:
        recordings = record(disk, *[20 * MEGABYTE] * 5)
        assert used(disk) + 200 * MEGABYTE > 300 * MEGABYTE

        publish(disk, *recordings)

    with mounted(tmp_path, "ext4") as disk:
        recordings = record(disk, *[3 * MEGABYTE] * 3)
        (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 12 * MEGABYTE))

        with pytest.raises(
            PublishError, match="this answer needs 18898944: make room, or give links instead of copies"
        ):
            publish(disk, *recordings)


def test_a_disk_that_fills_up_meanwhile_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with mounted(tmp_path, "ext4") as disk:
        recordings = record(disk, *[MEGABYTE] * 3)
        publish(disk, *recordings)
        (earlier,) = (disk / "public").iterdir()
        before = used(disk)

        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(LocalPublisher, "_check_space", lambda *_: None)  # another writer comes after it
            (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 2 * MEGABYTE))
            with pytest.raises(PublishError, match="/public is full: make room") as caught:
                publish(disk, *recordings)
        (disk / "filler").unlink()

        assert caught.value.retryable
        assert list((disk / "public").iterdir()) == [earlier]
        assert used(disk) == pytest.approx(before, abs=MEGABYTE // 4)
        publish(disk, *recordings)
