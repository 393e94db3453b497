"""Many processes on one queue, watched by the kernel."""

import ctypes
import os
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from safety.actors import request_of
from safety.strace import Running, Stage
from safety.world import World
from support.sampling import Sample

_MOVED_FROM, _MOVED_TO, _OVERFLOW = 0x40, 0x80, 0x4000
_EVENT = struct.Struct("iIII")


@dataclass(frozen=True, slots=True)
class Move:
    """A file that came into a folder or left it, and the second in which we learned of it."""

    name: str
    came: bool
    second: int


class Watch:
    """The moves into and out of a folder, in the order in which the kernel made them (inotify)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.moves: list[Move] = []

    def look(self) -> None:
        """Take down what has happened since the last look."""
        try:
            data = os.read(self._descriptor, 1 << 20)
        except BlockingIOError:
            return
        second, offset = int(time.time()), 0
        while offset < len(data):
            _, mask, _, length = _EVENT.unpack_from(data, offset)
            assert not mask & _OVERFLOW
            name = data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0").decode()
            self.moves.append(Move(name, bool(mask & _MOVED_TO), second))
            offset += _EVENT.size + length


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    libc = ctypes.CDLL(None)
    descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    assert libc.inotify_add_watch(descriptor, os.fsencode(folder), _MOVED_FROM | _MOVED_TO) >= 0
    yield Watch(descriptor)
    os.close(descriptor)


def all_end(processes: list[Running], watch: Watch) -> None:
    while not all(process.has_ended(within=0.001) for process in processes):
        watch.look()
    watch.look()
    for process in processes:
        ended = process.end()
        assert ended.code == 0, ended.said


def overtaken(moves: list[Move]) -> list[str]:
    """Return the requests that were taken while an older one waited that had come in an earlier second already."""
    came: dict[str, int] = {}
    wrong = []
    for move in moves:
        if move.came:
            came[move.name] = move.second
            continue
        del came[move.name]
        oldest = min(came, default=move.name)
        if oldest[:16] < move.name[:16] and came[oldest] < move.second:
            wrong.append(f"{move.name} before {oldest}")
    return wrong


def test_each_request_is_worked_on_once_and_in_order_by_four_workers_while_four_producers_enqueue(
    stage: Stage, world: World, sample: Sample
) -> None:
    count = len(sample(range(10_000), 600))
    stage.run("enqueue", world.path, requests=[(1, "1121")])
    stage.run("take", world.path, count=1, finish=True)

    with watched(world.path / "queue" / "pending") as watch:
        producers = [
            stage.start("produce", world.path, start=number * count // 4, count=count // 4, pause=0.002)
            for number in range(4)
        ]
        workers = [stage.start("work", world.path, count=count + 1) for _ in range(4)]
        all_end(producers + workers, watch)

    handled = Counter(world.notes("handled"))
    assert len(handled) == handled.total() == count
    assert len(list(world.path.glob("queue/completed/*"))) == count + 1
    assert len(watch.moves) == 2 * count
    assert overtaken(watch.moves) == []


def test_one_request_enqueued_by_eight_processes_at_once_is_one_request(stage: Stage, world: World) -> None:
    requests = [(number, "1121") for number in range(10)]

    processes = [stage.start("enqueue", world.path, requests=requests) for _ in range(8)]

    assert [process.end().code for process in processes] == [0] * 8
    names = sorted(path.name for path in world.path.glob("queue/*/*"))
    assert names == [f"{request_of(number).id}.json" for number in range(10)]


def test_of_two_requests_with_one_id_one_is_refused(stage: Stage, world: World) -> None:
    processes = [stage.start("enqueue", world.path, requests=[(1, f"112{number}")]) for number in range(8)]

    ended = [process.end() for process in processes]

    assert sorted(str(end.code) for end in ended) == ["0"] + ["3"] * 7
    assert all("ConflictError" in end.said for end in ended if end.code)
    assert len(list(world.path.glob("queue/*/*"))) == 1


def test_several_processes_that_recover_at_once_count_each_death_once(stage: Stage, world: World) -> None:
    stage.run("enqueue", world.path, requests=[(number, "1121") for number in range(20)])
    for path in world.path.glob("queue/pending/*"):
        path.rename(world.path / "queue" / "processing" / path.name)

    processes = [stage.start("recover", world.path) for _ in range(8)]

    assert [process.end().code for process in processes] == [0] * 8
    assert sum(map(int, world.notes("recovered"))) == 20
    documents = [world.document(f"pending/{request_of(number).id}.json") for number in range(20)]
    assert {document["attempts"] for document in documents} == {1}
