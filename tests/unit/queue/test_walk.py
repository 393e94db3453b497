"""Random walks: workers take, end and put back requests, die at any system call, and an admin moves files about."""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from fakes.queue import make_request
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from voipmon.domain.outcome import NothingFound
from voipmon.queue.port import Lease, State
from voipmon.queue.spool import SpoolQueue

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

numbers = st.integers(1, 5)
workers = st.integers(0, 2)
fates = st.none() | st.integers(1, 40)


class KilledError(BaseException):
    """The process ends at this system call."""


class Life:
    """The life of a worker for the length of one step: at its *fate*-th system call it ends, and no other follows."""

    def __init__(self, fate: int | None) -> None:
        self._left = fate
        self.files: set[int] = set()

    @contextmanager
    def lived(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("rename", "unlink", "write", "utime", "mkdir"):
                patch.setattr(os, name, self._mortal(getattr(os, name)))
            patch.setattr(os, "fsync", self._mortal(lambda _: None))
            patch.setattr(fcntl, "flock", self._mortal(fcntl.flock))
            patch.setattr(os, "open", self._tracked(self._mortal(os.open)))
            patch.setattr(os, "close", self._forgotten(os.close))
            yield

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def mortal(*arguments: Any, **options: Any) -> Any:
            if self._left is not None:
                self._left = max(0, self._left - 1)
                if not self._left:
                    raise KilledError
            return call(*arguments, **options)

        return mortal

    def _tracked(self, call: Callable[..., int]) -> Callable[..., int]:
        def tracked(*arguments: Any, **options: Any) -> int:
            descriptor = call(*arguments, **options)
            self.files.add(descriptor)
            return descriptor

        return tracked

    def _forgotten(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def forgotten(descriptor: int) -> None:
            self.files.discard(descriptor)
            call(descriptor)

        return forgotten


@dataclass
class Known:
    """What must be so of one request."""

    state: State
    attempts: int = 0
    due: datetime = NOON
    worker: int | None = None
    round: int = 1


class Walk(RuleBasedStateMachine):
    """Three workers and an admin."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="voipmon-walk-")
        self.root = Path(self._folder.name) / "queue"
        self.now = NOON
        self.queues = [self.start() for _ in range(3)]
        self.leases: list[dict[str, Lease]] = [{}, {}, {}]
        self.known: dict[str, Known] = {}

    def start(self) -> SpoolQueue:
        return SpoolQueue(self.root, instance="pbx")

    def teardown(self) -> None:
        for worker in range(3):
            self.bury(worker, set())
        self._folder.cleanup()

    def bury(self, worker: int, files: set[int]) -> None:
        """Close what a dead worker had open, and put another one in its place."""
        held = {held._descriptor for held, _ in self.queues[worker]._held.values()}
        for descriptor in files | held:
            with suppress(OSError):
                os.close(descriptor)
        for request_id in self.leases[worker]:
            self.known[request_id].worker = None
        self.leases[worker].clear()
        self.queues[worker] = self.start()

    def live(self, worker: int, fate: int | None, step: Callable[[SpoolQueue], Any]) -> tuple[Any, bool]:
        """Let a worker take one step; return what came of it, and whether it lives."""
        life = Life(fate)
        try:
            with life.lived():
                return step(self.queues[worker]), True
        except KilledError:
            self.bury(worker, life.files)
            return None, False

    def on_disk(self, request_id: str) -> tuple[State, dict[str, Any]]:
        ((state, path),) = [
            (state, path) for state in State if (path := self.root / state / f"{request_id}.json").exists()
        ]
        return state, json.loads(path.read_bytes())

    @rule(worker=workers, number=numbers, fate=fates)
    def enqueue(self, worker: int, number: int, fate: int | None) -> None:
        request = make_request(number)
        new, lives = self.live(worker, fate, lambda queue: queue.enqueue(request))
        if lives:
            assert new is (request.id not in self.known)
        if new or (self.root / "pending" / f"{request.id}.json").exists():
            self.known.setdefault(request.id, Known(State.PENDING))

    @rule(worker=workers, fate=fates)
    def lease(self, worker: int, fate: int | None) -> None:
        due = [id_ for id_, known in self.known.items() if known.state is State.PENDING and known.due <= self.now]
        lease, lives = self.live(worker, fate, lambda queue: queue.lease(self.now))
        if not lives:
            for request_id in due:
                self.known[request_id].state = self.on_disk(request_id)[0]
                assert self.known[request_id].state in (State.PENDING, State.PROCESSING)
        elif lease is None:
            assert not due
        else:
            known = self.known[lease.request.id]
            assert lease.request.id in due
            assert (lease.attempt, lease.request.round) == (known.attempts + 1, known.round)
            known.state, known.worker = State.PROCESSING, worker
            self.leases[worker][lease.request.id] = lease

    def end(self, worker: int, fate: int | None, step: Callable[[SpoolQueue, Lease], None], becomes: State) -> datetime:
        """End the oldest lease of a worker in one way or another; it may die over that. Return when it is due now."""
        request_id, lease = next(iter(self.leases[worker].items()))
        known = self.known[request_id]
        _, lives = self.live(worker, fate, lambda queue: step(queue, lease))
        known.worker = None
        if lives:
            del self.leases[worker][request_id]
            assert self.on_disk(request_id)[0] is becomes
        state, document = self.on_disk(request_id)
        assert state in (State.PROCESSING, becomes)
        known.state, known.attempts = state, document["attempts"]
        due = document.get("not_before")
        known.due = NOON if due is None else datetime.fromisoformat(due)
        return known.due

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), fate=fates)
    def complete(self, data: st.DataObject, fate: int | None) -> None:
        self.end(
            self.busy(data), fate, lambda queue, lease: queue.complete(lease, NothingFound(), self.now), State.COMPLETED
        )

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), fate=fates)
    def fail(self, data: st.DataObject, fate: int | None) -> None:
        self.end(self.busy(data), fate, lambda queue, lease: queue.fail(lease, "no", self.now), State.FAILED)

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), fate=fates, minutes=st.integers(0, 10))
    def retry(self, data: st.DataObject, fate: int | None, minutes: int) -> None:
        due = self.now + minutes * MINUTE
        said = self.end(
            self.busy(data), fate, lambda queue, lease: queue.retry(lease, due, "no", self.now), State.PENDING
        )
        assert fate is not None or said == due

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), fate=fates)
    def release(self, data: st.DataObject, fate: int | None) -> None:
        worker = self.busy(data)
        before = self.known[next(iter(self.leases[worker]))].due
        assert self.end(worker, fate, lambda queue, lease: queue.release(lease), State.PENDING) == before

    def busy(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from([worker for worker in range(3) if self.leases[worker]]))

    @rule(worker=workers)
    def crash(self, worker: int) -> None:
        self.bury(worker, set())

    @rule(worker=workers, fate=fates)
    def recover(self, worker: int, fate: int | None) -> None:
        dead = [id_ for id_, known in self.known.items() if known.state is State.PROCESSING and known.worker is None]
        before = {request_id: self.on_disk(request_id)[1] for request_id in dead}
        recovered, lives = self.live(worker, fate, lambda queue: queue.recover(self.now))
        for request_id in dead:
            state, document = self.on_disk(request_id)
            result = before[request_id].get("result")
            ended = {"nothing_found": State.COMPLETED, "failed": State.FAILED}.get((result or {}).get("outcome", ""))
            assert state in ({ended or State.PENDING} | (set() if lives else {State.PROCESSING}))
            assert document.get("result") == result
            assert document["attempts"] - before[request_id]["attempts"] in ((1,) if lives and not ended else (0, 1))
            self.known[request_id].state = state
            self.known[request_id].attempts = document["attempts"]
        if lives:
            assert recovered == len(dead)
            assert not list(self.root.glob(".tmp/*"))

    @rule(minutes=st.integers(1, 10))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(number=numbers)
    def move_an_ended_one_back(self, number: int) -> None:
        known = self.known.get(make_request(number).id)
        if known is not None and known.state in (State.COMPLETED, State.FAILED):
            name = f"{make_request(number).id}.json"
            (self.root / known.state / name).rename(self.root / "pending" / name)
            known.state, known.attempts, known.due = State.PENDING, 0, NOON
            known.round += 1

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        found = sorted((path.parent.name, path.name) for path in self.root.glob("[!.]*/*"))
        assert found == sorted((known.state.value, f"{id_}.json") for id_, known in self.known.items())


@pytest.mark.usefixtures("sample")
class TestWalk(Walk.TestCase):  # type: ignore[misc, name-defined]
    settings = hypothesis.settings(stateful_step_count=40)
