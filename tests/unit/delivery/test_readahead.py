import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from voipmon.delivery import readahead
from voipmon.delivery.readahead import ReadAhead


class Kernel:
    """Notes what it is asked to fetch; what it has in memory are the files in *warm*."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.warm: set[str] = set()
        self.asked: list[str] = []
        self._more = threading.Condition()
        monkeypatch.setattr(os, "posix_fadvise", self._fadvise)
        monkeypatch.setattr(os, "preadv", self._preadv)

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.asked) >= count, timeout=30)

    def _fadvise(self, descriptor: int, _start: int, _length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        with self._more:
            self.asked.append(name_of(descriptor))
            self._more.notify()

    def _preadv(self, descriptor: int, _buffers: list[bytearray], _start: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        if name_of(descriptor) in self.warm:
            return 1
        raise BlockingIOError(errno.EAGAIN, "cold")


def name_of(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.setattr(readahead, "_GROUP", 2)
    monkeypatch.setattr(readahead, "_AHEAD", 3)
    return Kernel(monkeypatch)


def files(folder: Path, count: int) -> list[str]:
    for number in range(count):
        (folder / str(number)).touch()
    return [str(folder / str(number)) for number in range(count)]


def test_files_are_fetched_in_their_order_and_only_some_ahead(tmp_path: Path, kernel: Kernel) -> None:
    with ReadAhead(files(tmp_path, 99)) as ahead:
        kernel.wait_for(6)
        at_first = list(kernel.asked)
        for _ in range(5):
            ahead.advance()
        kernel.wait_for(10)

    assert at_first == list("012345")
    assert kernel.asked == list("0123456789")


def test_what_is_in_memory_is_not_fetched(tmp_path: Path, kernel: Kernel) -> None:
    kernel.warm = {"0", "4"}

    with ReadAhead(files(tmp_path, 6)):
        kernel.wait_for(2)

    assert kernel.asked == ["2", "3"]


def test_what_cannot_be_fetched_is_passed_over(tmp_path: Path, kernel: Kernel) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "0")
    os.mkfifo(tmp_path / "pipe")
    odd = [str(tmp_path / name) for name in ("gone", "link", "pipe")]

    with ReadAhead([*odd, *files(tmp_path, 1)]):
        kernel.wait_for(2)

    assert kernel.asked == ["pipe", "0"]


def test_it_ends_when_the_work_does_however_many_files_are_left(tmp_path: Path, kernel: Kernel) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield str(tmp_path)

    with ReadAhead(endless()):
        kernel.wait_for(1)

    assert "read-ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_real_kernel_says_what_it_has_in_memory_and_fetches_what_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(100_000))

    readahead._fetch(str(path))

    assert readahead._is_in_memory(str(path))
    assert not readahead._is_in_memory(str(tmp_path / "gone"))
