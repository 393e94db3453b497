"""What is old moves to the archive, stays known there, and ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voipmon.retention import archive_before, remove_before
from voipmon.statefolders.folders import StateFolders

_LATER = datetime.now(UTC) + timedelta(days=31)


@pytest.fixture
def folders(tmp_path: Path) -> StateFolders:
    """Three states with a file each."""
    made = StateFolders(tmp_path, ("waiting", "done", "failed"), lambda data: data == b"ours")
    for state in made.states:
        made.add(state, f"{state}.json", b"ours")
    return made


def test_what_is_old_moves_to_the_month_it_ended_in_and_what_waits_does_not(folders: StateFolders) -> None:
    moved = archive_before(folders, ("done", "failed"), _LATER)

    month = f"archive/{datetime.now(UTC):%Y-%m}"
    assert moved == 2
    assert sorted(folders.names(month)) == ["done.json", "failed.json"]
    assert folders.names("waiting") == ["waiting.json"]


def test_what_is_young_stays(folders: StateFolders) -> None:
    assert archive_before(folders, ("done", "failed"), datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert remove_before(folders, ("done",), datetime.now(UTC) - timedelta(minutes=1)) == 0


def test_an_archived_name_is_still_known(folders: StateFolders) -> None:
    archive_before(folders, ("done",), _LATER)

    known = folders.add("waiting", "done.json", b"other")

    assert known is not None
    assert known.state.startswith("archive/")
    assert known.data == b"ours"


def test_a_name_that_the_archive_has_already_keeps_both_files(folders: StateFolders) -> None:
    archive_before(folders, ("done",), _LATER)
    folders.path("done", "done.json").write_bytes(b"another of that name, put there by hand")

    archive_before(folders, ("done",), _LATER)

    [month] = folders.months()
    assert {folders.path(month, name).read_bytes() for name in folders.names(month)} == {
        b"ours", b"another of that name, put there by hand",
    }  # fmt: skip


def test_the_archive_ends_and_an_empty_month_goes_with_it(folders: StateFolders) -> None:
    archive_before(folders, ("done", "failed"), _LATER)

    removed = remove_before(folders, folders.months(), _LATER)

    assert removed == 2
    assert folders.months() == []
    assert folders.find("done.json") is None


def test_folders_and_missing_states_are_left_alone(folders: StateFolders) -> None:
    folders.path("done", "a folder").mkdir()

    assert remove_before(folders, ("done", "nowhere"), _LATER) == 1
    assert folders.names("done") == ["a folder"]
