import os
from pathlib import Path

import pytest

from voipmon.delivery.sources import SourceLostError, clone, opened
from voipmon.domain.recording import CHANGED, UNREADABLE, VANISHED


def lost(path: Path, size: int) -> str:
    with pytest.raises(SourceLostError) as caught, opened(path, size):
        pass
    return caught.value.reason


def test_a_file_is_read_block_by_block_to_the_size_it_was_found_with(tmp_path: Path) -> None:
    content = os.urandom(250)
    (tmp_path / "a").write_bytes(content)
    block = memoryview(bytearray(100))

    with opened(tmp_path / "a", 250) as source:
        pieces = [bytes(source.fill(block)) for _ in range(4)]
        source.check()

    assert [len(piece) for piece in pieces] == [100, 100, 50, 0]
    assert b"".join(pieces) == content


def test_what_is_not_there_or_not_what_was_found_is_lost_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"sound")
    (tmp_path / "link").symlink_to("a")

    assert lost(tmp_path / "gone", 5) == VANISHED
    assert lost(tmp_path / "a" / "below", 5) == VANISHED
    assert lost(tmp_path / "link", 5) == UNREADABLE
    assert lost(tmp_path, tmp_path.stat().st_size) == UNREADABLE
    assert lost(tmp_path / "a", 4) == CHANGED


def test_no_descriptor_stays_open_whatever_happens(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"sound")
    before = len(list(Path("/proc/self/fd").iterdir()))

    lost(tmp_path / "a", 4)
    with opened(tmp_path / "a", 5):
        pass

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_blocks_that_cannot_be_shared_are_said_to_be_so() -> None:
    reading, writing = os.pipe()

    assert not clone(reading, writing)

    os.close(reading)
    os.close(writing)
