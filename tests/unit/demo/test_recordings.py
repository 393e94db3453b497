import re
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tinytag import TinyTag

from voipmon.demo.recordings import Call, make_up_calls, record
from voipmon.errors import ProcessingError
from voipmon.recordings.filename import compile_pattern

ZONE = ZoneInfo("America/Sao_Paulo")
TODAY = date(2025, 11, 11)
NOON = datetime(2025, 11, 10, 12, tzinfo=ZONE)


def test_a_few_hundred_calls_of_the_days_before_today_are_made_up() -> None:
    calls = make_up_calls(TODAY, ZONE)

    assert len(calls) == 300
    assert {call.start.date() for call in calls} == {TODAY - timedelta(days=ago) for ago in range(1, 6)}
    assert [call.start for call in calls] == sorted(call.start for call in calls)
    assert all(call.origin != call.destination for call in calls)


def test_the_same_day_has_the_same_calls() -> None:
    assert make_up_calls(TODAY, ZONE) == make_up_calls(TODAY, ZONE)


def test_the_names_are_read_as_they_were_meant() -> None:
    pattern = compile_pattern("origin_dest")

    for call in make_up_calls(TODAY, ZONE):
        read = pattern.read(call.file_name, ZONE)
        assert read is not None
        assert (read.kind, read.origin, read.destination) == ("internal", call.origin, call.destination)
        assert read.start == call.start
        assert read.uid == f"{int(call.start.timestamp())}.{call.number}"


def test_a_call_belongs_to_either_party_and_to_both_ends_of_a_period() -> None:
    call = Call(1, NOON, 3, "1121", "2001")

    assert call.is_between({"1121"}, NOON, NOON)
    assert call.is_between({"2001", "1199"}, NOON, NOON)
    assert not call.is_between({"112", "11210"}, NOON, NOON)
    assert not call.is_between({"1121"}, NOON + timedelta(seconds=1), NOON + timedelta(days=1))
    assert not call.is_between({"1121"}, NOON - timedelta(days=1), NOON - timedelta(seconds=1))


def test_recordings_play_as_long_as_the_calls_were_and_sound_different(tmp_path: Path) -> None:
    calls = [Call(seconds, NOON, seconds, "1121", "2001") for seconds in range(3, 13)]

    written = record(calls, tmp_path)

    files = [tmp_path / call.file_name for call in calls]
    assert written == sum(file.stat().st_size for file in files)
    for call, file in zip(calls, files, strict=True):
        sound = TinyTag.get(file)
        assert sound.duration is not None
        assert abs(sound.duration - call.seconds) < 0.3
        assert (sound.samplerate, sound.channels) == (8000, 1)
    beginnings = {file.read_bytes()[: min(each.stat().st_size for each in files)] for file in files}
    assert len(beginnings) == len(files)


def test_a_recording_was_last_changed_when_its_call_ended(tmp_path: Path) -> None:
    call = Call(1, NOON, 3, "1121", "2001")

    record([call], tmp_path)

    assert (tmp_path / call.file_name).stat().st_mtime == (NOON + timedelta(seconds=3)).timestamp()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessingError, match=f"into {re.escape(str(tmp_path / 'missing'))}: No such file"):
        record([Call(1, NOON, 3, "1121", "2001")], tmp_path / "missing")
