"""What every queue does, the fake as well as the real one."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from fakes.queue import MemoryQueue, make_request

from voipmon.domain.outcome import Delivered, NothingFound
from voipmon.errors import ConflictError, LeaseLostError
from voipmon.queue.port import Lease, Queue, State
from voipmon.queue.spool import SpoolQueue

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DELIVERED = Delivered(recordings=3, size=120_000, left_out=1, expires_at=NOON + timedelta(days=3))


class Workshop(Protocol):
    """One queue and as many workers as wanted."""

    def worker(self) -> Queue: ...

    def kill(self, worker: Queue) -> None: ...


class MemoryWorkshop:
    def __init__(self) -> None:
        self._first = MemoryQueue()

    def worker(self) -> Queue:
        return self._first.rival()

    def kill(self, worker: Queue) -> None:
        assert isinstance(worker, MemoryQueue)
        worker.die()


class SpoolWorkshop:
    def __init__(self, root: Path) -> None:
        self._root = root

    def worker(self) -> Queue:
        return SpoolQueue(self._root, instance="pbx")

    def kill(self, worker: Queue) -> None:
        """Close its files, as the system does at the end of a process."""
        assert isinstance(worker, SpoolQueue)
        for held, _ in worker._held.values():
            os.close(held._descriptor)


@pytest.fixture(params=["memory", "spool"])
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Workshop:
    return MemoryWorkshop() if request.param == "memory" else SpoolWorkshop(tmp_path / "queue")


@pytest.fixture
def queue(workshop: Workshop) -> Queue:
    return workshop.worker()


def lease(queue: Queue, now: datetime = NOON) -> Lease:
    leased = queue.lease(now)
    assert leased is not None
    return leased


def ids(queue: Queue, state: State) -> list[str]:
    return [entry.request_id for entry in queue.entries(state)]


def leave_in(state: State, queue: Queue) -> None:
    """Bring the only request of the queue into that state."""
    if state is State.PENDING:
        return
    leased = lease(queue)
    if state is State.COMPLETED:
        queue.complete(leased, NothingFound(), NOON)
    if state is State.FAILED:
        queue.fail(leased, "no such recording", NOON)


def test_requests_that_are_enqueued_together_are_there_each_once(queue: Queue) -> None:
    requests = [make_request(number) for number in range(20)]
    queue.enqueue(requests[3])

    with queue.together():
        added = [queue.enqueue(request) for request in requests]

    assert added == [True, True, True, False, *[True] * 16]
    assert ids(queue, State.PENDING) == [request.id for request in requests]


def test_a_request_is_leased_as_it_was_enqueued(queue: Queue) -> None:
    request = make_request(
        recipient="boss@example.com",
        parameters={"ramais": ["1121", "1122"], "inicio": "ontem", "email": "boss@example.com"},
        references=("<0@example.com>",),
        site="north",
        round=2,
    )

    assert queue.enqueue(request) is True

    assert lease(queue) == Lease(request, attempt=1)


def test_an_empty_queue_has_nothing_to_lease(queue: Queue) -> None:
    assert queue.lease(NOON) is None
    assert queue.recover(NOON) == 0
    assert ids(queue, State.PENDING) == []


@pytest.mark.parametrize("state", State)
def test_the_same_request_twice_is_one_request(queue: Queue, state: State) -> None:
    queue.enqueue(make_request())
    leave_in(state, queue)

    assert queue.enqueue(make_request()) is False

    assert [ids(queue, other) for other in State if other is not state] == [[], [], []]
    assert ids(queue, state) == [make_request().id]


@pytest.mark.parametrize("state", State)
def test_the_same_id_with_other_content_is_a_conflict(queue: Queue, state: State) -> None:
    queue.enqueue(make_request())
    leave_in(state, queue)

    with pytest.raises(ConflictError, match=rf"is in {state}/ already, with other content"):
        queue.enqueue(make_request(parameters={"ramais": "9999"}))

    assert ids(queue, state) == [make_request().id]


def test_requests_are_taken_by_arrival_whenever_they_were_enqueued(queue: Queue) -> None:
    for number in (3, 1, 2):
        queue.enqueue(make_request(number))

    taken = [lease(queue).request for _ in range(3)]

    assert taken == [make_request(1), make_request(2), make_request(3)]


def test_a_request_that_comes_while_another_is_worked_on_is_taken_in_the_same_pass(workshop: Workshop) -> None:
    queue, monitor = workshop.worker(), workshop.worker()
    monitor.enqueue(make_request(1))
    monitor.enqueue(make_request(3))
    lease(queue)
    monitor.enqueue(make_request(2))

    assert {lease(queue).request.id, lease(queue).request.id} == {make_request(2).id, make_request(3).id}
    assert queue.lease(NOON) is None


def test_no_request_is_leased_to_two_workers(workshop: Workshop) -> None:
    one, other = workshop.worker(), workshop.worker()
    one.enqueue(make_request(1))
    one.enqueue(make_request(2))

    assert lease(one).request != lease(other).request
    assert one.lease(NOON) is None
    assert other.lease(NOON) is None


def test_an_answered_request_is_completed(queue: Queue) -> None:
    queue.enqueue(make_request())

    queue.complete(lease(queue), DELIVERED, NOON)

    assert ids(queue, State.COMPLETED) == [make_request().id]
    assert ids(queue, State.PROCESSING) == []
    assert queue.lease(NOON) is None


def test_a_request_given_up_is_failed(queue: Queue) -> None:
    queue.enqueue(make_request())

    queue.fail(lease(queue), "no such recording", NOON)

    (entry,) = queue.entries(State.FAILED)
    assert entry.attempts == 1
    assert queue.lease(NOON) is None


def test_a_request_to_be_tried_again_waits_for_its_time(queue: Queue) -> None:
    queue.enqueue(make_request())

    queue.retry(lease(queue), NOON + HOUR, "the mail server is away", NOON)

    (entry,) = queue.entries(State.PENDING)
    assert (entry.attempts, entry.not_before) == (1, NOON + HOUR)
    assert queue.lease(NOON + HOUR - timedelta(seconds=1)) is None
    assert lease(queue, NOON + HOUR).attempt == 2


def test_a_request_that_waits_for_its_time_does_not_hold_up_the_next(queue: Queue) -> None:
    for number in (1, 2, 3):
        queue.enqueue(make_request(number))
    queue.retry(lease(queue), NOON + HOUR, "the disk is full", NOON)

    assert lease(queue).request == make_request(2)


def test_a_request_keeps_its_place_when_it_is_tried_again(queue: Queue) -> None:
    for number in (1, 2, 3):
        queue.enqueue(make_request(number))
    queue.retry(lease(queue), NOON + HOUR, "the disk is full", NOON)

    assert ids(queue, State.PENDING)[0] == make_request(1).id
    assert lease(queue, NOON + HOUR).request == make_request(1)


def test_a_released_request_is_as_it_was(workshop: Workshop) -> None:
    queue = workshop.worker()
    queue.enqueue(make_request(1))
    queue.enqueue(make_request(2))
    leased = lease(queue)

    queue.release(leased)
    queue.release(leased)

    assert lease(workshop.worker()) == Lease(make_request(1), attempt=1)


def test_what_has_ended_is_not_released(queue: Queue) -> None:
    queue.enqueue(make_request())
    leased = lease(queue)
    queue.complete(leased, DELIVERED, NOON)

    queue.release(leased)

    assert ids(queue, State.COMPLETED) == [make_request().id]


@pytest.mark.parametrize(
    "end",
    [
        lambda queue, leased: queue.complete(leased, DELIVERED, NOON),
        lambda queue, leased: queue.fail(leased, "no", NOON),
        lambda queue, leased: queue.retry(leased, NOON, "no", NOON),
    ],
)
def test_who_has_let_a_request_go_cannot_end_it(workshop: Workshop, end: Callable[[Queue, Lease], None]) -> None:
    queue, rival = workshop.worker(), workshop.worker()
    queue.enqueue(make_request())
    leased = lease(queue)
    queue.release(leased)
    theirs = lease(rival)

    with pytest.raises(LeaseLostError):
        end(queue, leased)

    rival.complete(theirs, DELIVERED, NOON)
    assert ids(queue, State.COMPLETED) == [make_request().id]


def test_the_request_of_a_dead_worker_is_taken_up_at_once(workshop: Workshop) -> None:
    dying, queue = workshop.worker(), workshop.worker()
    queue.enqueue(make_request(1))
    queue.enqueue(make_request(2))
    lease(dying)
    workshop.kill(dying)

    assert queue.recover(NOON) == 1

    assert lease(queue) == Lease(make_request(1), attempt=2, deaths=1)
    assert queue.recover(NOON) == 0


def test_the_request_of_a_living_worker_is_left_to_him(workshop: Workshop) -> None:
    working, queue = workshop.worker(), workshop.worker()
    queue.enqueue(make_request())
    leased = lease(working)

    assert queue.recover(NOON + 100 * HOUR) == 0
    assert queue.lease(NOON + 100 * HOUR) is None

    working.complete(leased, DELIVERED, NOON)
    assert ids(queue, State.COMPLETED) == [make_request().id]


def test_a_request_that_kills_its_workers_comes_after_all_others(workshop: Workshop) -> None:
    queue = workshop.worker()
    for number in (1, 2, 3):
        queue.enqueue(make_request(number))
    for _ in range(2):
        dying = workshop.worker()
        assert lease(dying).request == make_request(1)
        workshop.kill(dying)
        queue.recover(NOON)

    taken = [lease(queue) for _ in range(3)]

    assert [leased.request for leased in taken] == [make_request(2), make_request(3), make_request(1)]
    assert (taken[-1].attempt, taken[-1].deaths) == (3, 2)


def test_deaths_and_failures_are_counted_together_as_attempts(workshop: Workshop) -> None:
    queue, dying = workshop.worker(), workshop.worker()
    queue.enqueue(make_request())
    queue.retry(lease(queue), NOON, "the disk is full", NOON)
    lease(dying)
    workshop.kill(dying)
    queue.recover(NOON)

    assert lease(queue) == Lease(make_request(), attempt=3, deaths=1)


def test_the_queue_lists_what_it_has(queue: Queue) -> None:
    queue.enqueue(make_request(2))
    queue.enqueue(make_request(1))

    one, other = queue.entries(State.PENDING)

    assert (one.request_id, other.request_id) == (make_request(1).id, make_request(2).id)
    assert (one.kind, one.state, one.created_at) == ("RAMAIS", State.PENDING, make_request(1).created_at)
    assert (one.attempts, one.not_before) == (0, None)


def test_the_queue_tells_how_many_are_ahead(workshop: Workshop) -> None:
    queue, working = workshop.worker(), workshop.worker()
    for number in (1, 2, 3, 4):
        queue.enqueue(make_request(number))
    lease(working)

    assert queue.ahead_of(make_request(4).id) == 3
    assert queue.ahead_of(make_request(2).id) == 1
    assert queue.ahead_of(make_request(1).id) == 0
    assert queue.ahead_of(make_request(5).id) == 4
