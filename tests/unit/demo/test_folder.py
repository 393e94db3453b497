import re
from pathlib import Path

import pytest

from voipmon.demo.folder import demo_folder
from voipmon.errors import ParameterError, ProcessingError


def test_without_keep_a_new_folder_among_the_temporary_files_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with demo_folder(None) as folder:
        (folder.mails / "01-result.eml").touch()

    assert folder.root.parent == tmp_path
    assert (folder.root / "mails" / "01-result.eml").exists()


def test_a_kept_folder_is_made_and_stays(tmp_path: Path) -> None:
    with demo_folder(tmp_path / "a" / "b") as folder:
        (folder.mails / "01-result.eml").touch()

    assert (tmp_path / "a" / "b" / "mails" / "01-result.eml").exists()


def test_the_folder_of_an_earlier_demo_is_used_again_and_other_files_in_it_stay(tmp_path: Path) -> None:
    with demo_folder(tmp_path) as folder:
        (folder.mails / "01-result.eml").touch()
        folder.config.touch()
        folder.log.touch()
    (tmp_path / "my notes").touch()

    with demo_folder(tmp_path) as again:
        assert not list(again.mails.iterdir())
        assert not again.config.exists()
        assert not again.log.exists()

    assert (tmp_path / "my notes").exists()


def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "mine.eml").touch()

    with pytest.raises(ParameterError, match="holds files that are not a demo's"), demo_folder(tmp_path):
        pass

    assert [path.name for path in tmp_path.rglob("*")] == ["mails", "mine.eml"]


def test_a_folder_in_which_a_demo_is_at_work_is_refused(tmp_path: Path) -> None:
    with (
        demo_folder(tmp_path) as folder,
        pytest.raises(ParameterError, match="in use by another demo"),
        demo_folder(tmp_path),
    ):
        pass

    assert folder.mails.is_dir()


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for keep in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ParameterError, match=f"{re.escape(str(keep))} cannot be used"), demo_folder(keep):
            pass


def test_a_name_that_no_terminal_shows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="nobody sees") as refused, demo_folder(tmp_path / "a\nb"):
        pass

    assert str(refused.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_a_link_in_place_of_one_of_its_folders_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    with demo_folder(tmp_path / "demo") as folder:
        pass
    folder.public.rmdir()
    folder.public.symlink_to(tmp_path / "precious")

    with pytest.raises(ParameterError, match="cannot be emptied"), demo_folder(tmp_path / "demo"):
        pass

    assert (tmp_path / "precious" / "file").exists()


def test_no_place_for_temporary_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")

    with pytest.raises(ProcessingError, match="set TMPDIR"), demo_folder(None):
        pass
