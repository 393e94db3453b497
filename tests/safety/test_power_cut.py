"""What is left when the mains go off: only what was flushed.

The installation lies on a file system of its own in an image file. At a system call the process is killed and the image
copied at once: what was only in the memory of the kernel is not in the copy. The copy is mounted, its journal replayed,
and work goes on there. What client and mail server know is kept elsewhere. Blocks that are written in another order
than asked for are not shown.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from safety.actors import request_of
from safety.strace import Point, Stage, points
from safety.world import REQUESTS, World, check_all_is_done_once
from support.sampling import Sample

MEGABYTES = {"ext4": 32, "xfs": 300, "btrfs": 128}
# nouuid: the disk that was cut off may still be in use; commit: or the kernel flushes by itself
OPTIONS = {"ext4": "loop,commit=600", "xfs": "loop,nouuid", "btrfs": "loop,commit=300"}
FLAGS = {"ext4": ["-q", "-F", "-O", "^resize_inode"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]}


def command(*words: object) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


class Disk:
    """A disk with an installation on it, that can be brought back to its beginning and lose its power."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._kind = kind
        self._folder = folder
        self._numbers = count(1)
        self._beginning = self._now = folder / "beginning.img"
        self._mounted = folder / "mounted"
        self._mounted.mkdir()
        self._elsewhere = folder / "elsewhere"
        self._elsewhere.mkdir()
        with self._beginning.open("wb") as image:
            image.truncate(MEGABYTES[kind] << 20)
        command(f"mkfs.{kind}", *FLAGS[kind], self._beginning)
        self._mount(self._beginning)
        self.world = World(self._mounted)
        for name in ("accepted", "handled", "server"):
            (self.world.path / name).symlink_to(self._elsewhere / name)

    def begin_here(self) -> None:
        """Let `reset` bring back what is there now."""
        self.close()

    def reset(self) -> None:
        """Bring back the beginning."""
        self.close()
        for note in self._elsewhere.iterdir():
            note.unlink()
        self._insert(self._copy(self._beginning))

    def write_names(self) -> None:
        """Have the kernel write down the names of files now, as it does every few seconds, or when anybody flushes.

        Bytes that nobody has flushed are not written with them: a file that is new may be there and be empty.
        """
        with (self._mounted / "of another program").open("wb") as file:
            os.fsync(file.fileno())

    def cut_power(self) -> None:
        """Leave what has reached the disk by now."""
        after = self._copy(self._now)
        self.close()
        self._insert(after)

    def close(self) -> None:
        """Take the disk out, if it is in."""
        if self._mounted.is_mount():
            command("umount", self._mounted)
        if self._now != self._beginning:
            self._now.unlink()
            self._now = self._beginning

    def _copy(self, image: Path) -> Path:
        """Copy an image to a file of its own: the kernel may still know another one of that name."""
        copy = self._folder / f"{next(self._numbers)}.img"
        command("cp", "--sparse=always", image, copy)
        return copy

    def _insert(self, image: Path) -> None:
        self._mount(image)
        self._now = image

    def _mount(self, image: Path) -> None:
        command("mount", "-t", self._kind, "-o", OPTIONS[self._kind], image, self._mounted)


def can_mount() -> bool:
    return os.geteuid() == 0 and Path("/dev/loop-control").exists()


pytestmark = [
    pytest.mark.skipif(not can_mount(), reason="only root can mount, and only where there are loop devices"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]


@contextmanager
def disks(folder: Path, sample: Sample) -> Iterator[list[Disk]]:
    """Yield an ext4, under --full also xfs and btrfs where their tools are there."""
    kinds = ["ext4", *(kind for kind in ("xfs", "btrfs") if sample.full and shutil.which(f"mkfs.{kind}"))]
    made: list[Disk] = []
    try:
        for kind in kinds:
            (folder / kind).mkdir()
            made.append(Disk(folder / kind, kind))
        yield made
    finally:
        for disk in made:
            disk.close()


def points_of(stage: Stage, disk: Disk, act: str, **details: object) -> list[Point]:
    disk.reset()
    ended = stage.run(act, disk.world.path, watch="", **details)
    assert ended.code == 0, ended.said
    return points(ended.calls, disk.world.path)


def is_on_no_disk(calls: list[str]) -> bool:
    """Tell whether the mail server had a letter that was not flushed as sent when the last call was not made."""
    has_it = filed = False
    for call in calls:
        if call.endswith("= ?"):
            break  # killed here
        if call.startswith("write(") and "/server>" in call:
            has_it, filed = True, False
        if call.startswith("rename") and "/outbox/sent/" in call:
            filed = True
        if call.startswith("fsync(") and "/outbox/sending>" in call and filed:
            has_it = False
    return has_it


def finish(world: World, stage: Stage) -> None:
    for number in range(2, 12):
        ended = stage.run("process", world.path, hours=2 * number)
        assert ended.code == 0, ended.said
        if not world.waits():
            return


@pytest.mark.parametrize("names_written", [False, True])
def test_a_pass_that_loses_power_at_any_system_call_loses_and_doubles_nothing(
    tmp_path: Path, stage: Stage, sample: Sample, names_written: bool
) -> None:
    with disks(tmp_path, sample) as all_disks:
        for disk in all_disks:
            stage.run("enqueue", disk.world.path, requests=REQUESTS)
            disk.world.drop_files()
            disk.begin_here()

            for point in sample(points_of(stage, disk, "process", hours=1), 4):
                print(point)
                disk.reset()
                ended = stage.run(
                    "process", disk.world.path, hours=1, watch=f"{point.name}:signal=KILL:when={point.number}"
                )
                if names_written:
                    disk.write_names()
                disk.cut_power()

                finish(disk.world, stage)

                letters = is_on_no_disk(ended.calls)
                check_all_is_done_once(disk.world, repeated_letters=letters, repeated_work=1)


@pytest.mark.parametrize("names_written", [False, True])
def test_what_was_accepted_before_the_power_went_is_answered(
    tmp_path: Path, stage: Stage, sample: Sample, names_written: bool
) -> None:
    with disks(tmp_path, sample) as all_disks:
        for disk in all_disks:
            disk.begin_here()
            the_end = Point("exit_group", 1, "the end")
            for point in [*sample(points_of(stage, disk, "enqueue", requests=REQUESTS), 3), the_end]:
                print(point)
                disk.reset()
                kill = f"{point.name}:signal=KILL:when={point.number}"
                stage.run("enqueue", disk.world.path, requests=REQUESTS, watch=kill)
                accepted = {int(number) for number in disk.world.notes("accepted")}
                if names_written:
                    disk.write_names()
                disk.cut_power()

                queued = {path.name for path in disk.world.path.glob("queue/pending/*")}
                assert {f"{request_of(number).id}.json" for number in accepted} <= queued
                assert stage.run("enqueue", disk.world.path, requests=REQUESTS).code == 0
                disk.world.drop_files()
                finish(disk.world, stage)
                check_all_is_done_once(disk.world)


def test_without_flushing_this_would_be_seen_to_lose_requests(tmp_path: Path, stage: Stage, sample: Sample) -> None:
    with disks(tmp_path, sample) as all_disks:
        for disk in all_disks:
            disk.begin_here()
            disk.reset()

            stage.run("enqueue", disk.world.path, requests=REQUESTS, careless=True)
            disk.cut_power()

            assert len(disk.world.notes("accepted")) == len(REQUESTS)
            assert len(list(disk.world.path.glob("queue/pending/*"))) < len(REQUESTS)
