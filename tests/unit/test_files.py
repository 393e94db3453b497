import os
from pathlib import Path

import pytest

from voipmon.files import begin_to_flush, write_all


def test_a_kernel_that_takes_little_at_a_time_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    descriptor = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)

    write_all(descriptor, memoryview(bytes(range(100))))
    os.close(descriptor)

    assert (tmp_path / "a").read_bytes() == bytes(range(100))


def test_a_file_is_the_same_after_its_flush_has_begun(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with (tmp_path / "a").open("wb+") as file:
        file.write(content)
        file.flush()

        begin_to_flush(file.fileno(), 0, len(content))
        begin_to_flush(file.fileno(), 50_000, 2**30)

        assert os.pread(file.fileno(), 200_000, 0) == content


def test_what_cannot_be_flushed_is_no_failure() -> None:
    reading, writing = os.pipe()

    begin_to_flush(writing, 0, 100)

    os.close(reading)
    os.close(writing)
