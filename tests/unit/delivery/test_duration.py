import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audio import mp3, wav
from support.cost import costs_at_most

from voipmon.delivery.duration import play_time


def seconds_of(path: Path) -> float | None:
    """Return the play time of a file that has been read to its end, as one that was bundled."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        return play_time(descriptor)
    finally:
        os.close(descriptor)  # fails if it did not stay open


@pytest.mark.parametrize(("content", "seconds"), [(mp3(12.5), 12.5), (wav(3), 3.0), (mp3(0.5), 0.5)])
def test_a_recording_plays_as_long_as_its_header_says(tmp_path: Path, content: bytes, seconds: float) -> None:
    (tmp_path / "a").write_bytes(content)

    assert seconds_of(tmp_path / "a") == pytest.approx(seconds, abs=0.25)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not audio at all",
        wav(1)[:30],
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(1000),
        b"\xff\xff\xff\xff" * 100,
    ],
)
def test_what_is_no_audio_has_no_play_time(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)

    assert seconds_of(tmp_path / "a") is None


def test_a_broken_file_costs_little_time_and_memory(tmp_path: Path) -> None:
    endless = tmp_path / "endless.mp3"
    endless.write_bytes(b"\xff\xe3\x28\xc4")
    os.truncate(endless, 2**30)
    greedy = tmp_path / "greedy.wav"
    greedy.write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 2**30 - 100))
    os.truncate(greedy, 2**30)

    assert [seconds_of(endless), seconds_of(greedy)] == [None, None]
    assert costs_at_most(1, lambda: [seconds_of(endless), seconds_of(greedy)])


@given(
    content=st.binary(),
    head=st.sampled_from([b"", b"\xff\xfb", b"ID3", b"RIFF....WAVE", b"OggS", b"fLaC", b"\0\0\0\0ftyp"]),
)
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "some-audio"
    path.write_bytes(head + content)

    seconds = seconds_of(path)

    assert seconds is None or seconds >= 0
