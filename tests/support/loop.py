"""A small disk of its own in a file, mounted by root for one test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MEGABYTES = {"ext4": 32, "xfs": 300, "btrfs": 128}
_PACKAGES = {"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs"}


@contextmanager
def mounted(folder: Path, kind: str) -> Iterator[Path]:
    """Give a new file system of that kind, mounted below *folder*; skip the test where that is not possible."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("only root can mount, and only where there are loop devices")
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mkfs.{kind} is not installed (apt-get install {_PACKAGES[kind]})")
    image, place = folder / f"{kind}.img", folder / kind
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(_MEGABYTES[kind] << 20)
    quick = ["-q", "-F"] if kind == "ext4" else ["-q", "-f"]
    _run(f"mkfs.{kind}", *quick, image)
    _run("mount", "-t", kind, "-o", "loop", image, place)
    try:
        yield place
    finally:
        _run("umount", place)
        image.unlink()


def _run(*words: object) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
