import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from voipmon.delivery import readahead
from voipmon.delivery.readahead import ReadAhead


class Kernel:
    """Notes what it is asked to fetch, and tells a waiting test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._more = threading.Condition()
        monkeypatch.setattr(os, "posix_fadvise", self._fadvise)

    def _fadvise(self, descriptor: int, _start: int, _length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        with self._more:
            self.asked.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
            self._more.notify()

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.asked) >= count, timeout=30)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def files(folder: Path, count: int) -> list[str]:
    paths = [folder / f"{number:03}.mp3" for number in range(count)]
    for path in paths:
        path.touch()
    return [str(path) for path in paths]


def test_files_are_fetched_in_their_order_and_only_some_ahead(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readahead, "_FILES", 3)
    paths = files(tmp_path, 10)

    with ReadAhead(paths) as ahead:
        kernel.wait_for(3)
        at_first = list(kernel.asked)
        for _ in range(2):
            ahead.advance()
        kernel.wait_for(5)

    assert at_first == ["000.mp3", "001.mp3", "002.mp3"]
    assert kernel.asked == [f"{number:03}.mp3" for number in range(5)]


def test_what_cannot_be_fetched_is_passed_over(tmp_path: Path, kernel: Kernel) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "000.mp3")
    os.mkfifo(tmp_path / "pipe")
    odd = [str(tmp_path / name) for name in ("gone", "link")]

    with ReadAhead([*odd, str(tmp_path / "pipe"), *files(tmp_path, 1), "nul\0"]):
        kernel.wait_for(2)

    assert kernel.asked == ["pipe", "000.mp3"]


def test_it_ends_when_the_work_does_however_many_files_are_left(tmp_path: Path, kernel: Kernel) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield str(tmp_path)

    with ReadAhead(endless()):
        kernel.wait_for(1)

    assert "read-ahead" not in {thread.name for thread in threading.enumerate()}
