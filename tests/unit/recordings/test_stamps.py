"""A wrong time zone of the recordings shows in the files' own times."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voipmon.errors import CatalogueError
from voipmon.recordings.filename import compile_pattern
from voipmon.recordings.stamps import check_stamps

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
UTC = ZoneInfo("UTC")
PATTERN = compile_pattern("origin_dest")


def record(folder: Path, written_in: ZoneInfo, lasted: timedelta, count: int = 20) -> None:
    """Make recordings whose names tell the start in *written_in*, last changed at their end."""
    for number in range(count):
        start = datetime(2025, 10, 27, 9, number, tzinfo=written_in)
        path = folder / f"internal-1121-2001-{start:%Y%m%d-%H%M%S}-1761566400.{number}.mp3"
        path.write_bytes(b"sound")
        end = (start + lasted).timestamp()
        os.utime(path, (end, end))


@pytest.mark.parametrize("lasted", [timedelta(seconds=10), timedelta(minutes=40)])
def test_stamps_that_fit_are_well(tmp_path: Path, lasted: timedelta) -> None:
    record(tmp_path, SAO_PAULO, lasted)

    assert "stamps fit America/Sao_Paulo" in check_stamps(tmp_path, PATTERN, SAO_PAULO)


@pytest.mark.parametrize(("written_in", "read_in", "hours"), [(UTC, SAO_PAULO, "-3.0 h"), (SAO_PAULO, UTC, "+3.0 h")])
def test_stamps_of_another_zone_show(tmp_path: Path, written_in: ZoneInfo, read_in: ZoneInfo, hours: str) -> None:
    (tmp_path / "2025" / "10").mkdir(parents=True)
    record(tmp_path / "2025" / "10", written_in, timedelta(minutes=2))

    with pytest.raises(CatalogueError, match=r"recordings\.timezone is") as caught:
        check_stamps(tmp_path, PATTERN, read_in)

    assert hours.replace("3.0", "2.9") in str(caught.value) or hours in str(caught.value)


def test_times_of_files_that_were_copied_tell_nothing(tmp_path: Path) -> None:
    record(tmp_path, SAO_PAULO, timedelta(days=3))

    assert check_stamps(tmp_path, PATTERN, SAO_PAULO).endswith("or are copies")


def test_a_folder_in_which_no_name_fits_the_pattern_is_named(tmp_path: Path) -> None:
    (tmp_path / "music.mp3").write_bytes(b"sound")

    with pytest.raises(CatalogueError, match=r"of 1 files in .* none has a name as recordings\.pattern says"):
        check_stamps(tmp_path, PATTERN, SAO_PAULO)


def test_an_empty_folder_is_no_trouble_and_a_missing_one_is(tmp_path: Path) -> None:
    assert "no recordings are there yet" in check_stamps(tmp_path, PATTERN, SAO_PAULO)

    with pytest.raises(CatalogueError, match="mount it"):
        check_stamps(tmp_path / "gone", PATTERN, SAO_PAULO)
