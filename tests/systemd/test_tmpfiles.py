"""The safety net for publications, tried with systemd-tmpfiles itself."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from voipmon.delivery.settings import Publish

_CONFIG = Path(__file__).parents[2] / "systemd" / "tmpfiles.d" / "voipmon.conf"
_DAY = 86400

pytestmark = pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="systemd is not installed")


def test_publications_go_that_have_not_changed_for_14_days_and_others_stay(tmp_path: Path) -> None:
    [line] = re.findall(r"^d /var/www/html/audios .*$", _CONFIG.read_text(), re.MULTILINE)
    folder = tmp_path / "audios"
    old, young = folder / "a" / "0001.mp3", folder / "b" / "0001.mp3"
    for path, days in ((old, 15), (young, 13)):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"sound")
        moment = time.time() - days * _DAY
        os.utime(path, (time.time(), moment))
        os.utime(path.parent, (moment, moment))
    config = tmp_path / "voipmon.conf"
    config.write_text(line.replace("/var/www/html/audios", str(folder)).replace("voipmon www-data", "- -"))

    subprocess.run(["systemd-tmpfiles", "--clean", str(config)], check=True)

    assert [path.name for path in folder.iterdir()] == ["b"]
    assert young.exists()


def test_a_publication_lives_shorter_than_the_safety_net_unless_somebody_changes_it() -> None:
    assert Publish(base_url="https://voip.example.com/audios").keep.days < 14
