"""A look at the folders tells whether a pass would find anything."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voipmon.commands.rest import nothing_to_do

_NOW = datetime(2025, 11, 11, 15, 0, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A queue, a state and a publishing folder with what stays there for long."""
    queue, state, publish = (tmp_path / name for name in ("queue", "state", "publish"))
    for folder in (queue / "completed", queue / "pending", state / "outbox" / "sent", state / "publications", publish):
        folder.mkdir(parents=True)
    (queue / "completed" / "done.json").touch()
    (queue / ".lock").touch()
    (state / "outbox" / "sent" / "done.result.json").touch()
    (publish / "token").mkdir()
    record = state / "publications" / "done.json"
    record.touch()
    _set_time(record, _NOW + _MINUTE)
    (state / "tidied").touch()
    _set_time(state / "tidied", _NOW)
    return queue, state, publish


def _set_time(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_finished_requests_and_living_publications_are_no_work(folders: tuple[Path, Path, Path]) -> None:
    assert nothing_to_do(*folders, _NOW)


def test_folders_that_are_not_there_are_no_work(tmp_path: Path) -> None:
    assert nothing_to_do(tmp_path / "a", tmp_path / "b", tmp_path / "c", _NOW)


@pytest.mark.parametrize(
    "left",
    [
        "queue/pending/a.json",
        "queue/processing/a.json",
        "queue/.tmp/1-abc",
        "state/outbox/waiting/a.confirmation.json",
        "state/outbox/sending/a.confirmation.json",
        "publish/.work-abc",
    ],
)
def test_whatever_waits_or_was_left_by_a_crash_is_work(folders: tuple[Path, Path, Path], left: str) -> None:
    path = folders[0].parent / left
    path.parent.mkdir(exist_ok=True)
    path.touch()

    assert not nothing_to_do(*folders, _NOW)


def test_a_publication_that_is_over_is_work(folders: tuple[Path, Path, Path]) -> None:
    assert not nothing_to_do(*folders, _NOW + 2 * _MINUTE)


def test_a_day_after_the_last_tidying_there_is_work(folders: tuple[Path, Path, Path]) -> None:
    _set_time(folders[1] / "publications" / "done.json", _NOW + timedelta(days=9))

    assert nothing_to_do(*folders, _NOW + timedelta(hours=23))
    assert not nothing_to_do(*folders, _NOW + timedelta(hours=25))


def test_a_folder_that_cannot_be_read_is_left_to_the_pass(folders: tuple[Path, Path, Path]) -> None:
    queue, *others = folders
    (queue / "pending").rmdir()
    (queue / "pending").touch()  # a file where a folder belongs

    assert not nothing_to_do(queue, *others, _NOW)
