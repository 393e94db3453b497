"""What root starts by hand works with the rights that the timers have."""

import os
import pwd
import stat
from pathlib import Path

import pytest
from support.ordinary_user import reachable_folder

from voipmon import user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_files_made_by_root_belong_to_the_owner_of_the_state_folder() -> None:
    nobody = pwd.getpwnam("nobody")
    with reachable_folder() as folder:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)

        with user.owner_of(folder):
            (folder / "made").touch()
            effective = os.geteuid()

        assert effective == nobody.pw_uid
        assert (folder / "made").stat().st_uid == nobody.pw_uid
        assert os.geteuid() == 0


def test_a_secret_that_only_root_may_read_is_still_read(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    with reachable_folder() as folder:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)

        with user.owner_of(folder):
            with pytest.raises(PermissionError):
                secret.read_bytes()
            with user.starter():
                assert secret.read_bytes() == b""
            assert os.geteuid() != 0

    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_folder_of_roots_own_or_none_at_all_changes_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with user.owner_of(folder):
            assert os.geteuid() == 0
