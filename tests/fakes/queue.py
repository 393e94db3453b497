"""The queue in memory, shared by as many workers as a test likes."""

# ruff: noqa: ARG002 - the signatures are the port's

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from voipmon.domain.outcome import Outcome
from voipmon.domain.request import Request
from voipmon.errors import ConflictError, LeaseLostError
from voipmon.queue.port import Entry, Lease, State

ARRIVED = datetime(2025, 11, 11, 11, 47, tzinfo=UTC)


def make_request(number: int = 1, **changes: object) -> Request:
    """Return the *number*th request of a minute: the higher the number, the younger."""
    arrived = ARRIVED.replace(second=number)
    plain = Request(
        id=f"{arrived:%Y%m%dT%H%M%SZ}-k7q2m9xd4t",
        requester="manager@example.com",
        recipient="manager@example.com",
        parameters={"ramais": "1121,1122", "inicio": "27/10/2025 08:00", "email": "manager@example.com"},
        created_at=arrived,
        message_id="<1@example.com>",
        subject="RAMAIS=1121,1122 INICIO=27/10/2025 08:00",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Item:
    request: Request
    state: State = State.PENDING
    attempts: int = 0
    deaths: int = 0
    not_before: datetime | None = None
    worker: "MemoryQueue | None" = None
    outcome: Outcome | str | None = None


class MemoryQueue:
    """A worker's view of the queue; `rival` gives the view of another one."""

    def __init__(self, items: dict[str, _Item] | None = None) -> None:
        self._items = {} if items is None else items

    def rival(self) -> "MemoryQueue":
        """Return another worker's view of the same queue."""
        return MemoryQueue(self._items)

    def die(self) -> None:
        """Forget what this worker has leased, as the end of its process does."""
        for item in self._items.values():
            if item.worker is self:
                item.worker = None

    def outcome(self, request_id: str) -> Outcome | str | None:
        """Return what a request came to: its outcome, or the reason why it failed."""
        return self._items[request_id].outcome

    def enqueue(self, request: Request) -> bool:
        known = self._items.get(request.id)
        if known is None:
            self._items[request.id] = _Item(request)
            return True
        if _wish(known.request) != _wish(request):
            raise ConflictError(f"request {request.id} is in {known.state}/ already, with other content")
        return False

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def lease(self, now: datetime) -> Lease | None:
        due = [item for item in self._in_order(State.PENDING) if item.not_before is None or item.not_before <= now]
        for item in sorted(due, key=lambda item: item.deaths > 1):
            item.state, item.worker = State.PROCESSING, self
            return Lease(item.request, item.attempts + 1, item.deaths)
        return None

    def complete(self, lease: Lease, outcome: Outcome, now: datetime) -> None:
        self._end(lease, State.COMPLETED, outcome)

    def fail(self, lease: Lease, reason: str, now: datetime) -> None:
        self._end(lease, State.FAILED, reason)

    def retry(self, lease: Lease, not_before: datetime, reason: str, now: datetime) -> None:
        item = self._own(lease)
        item.state, item.worker = State.PENDING, None
        item.attempts, item.not_before = lease.attempt, not_before

    def release(self, lease: Lease) -> None:
        item = self._items[lease.request.id]
        if item.worker is self:
            item.state, item.worker = State.PENDING, None

    def recover(self, now: datetime) -> int:
        dead = [item for item in self._in_order(State.PROCESSING) if item.worker is None]
        for item in dead:
            item.state = State.PENDING
            item.attempts += 1
            item.deaths += 1
        return len(dead)

    def entries(self, state: State) -> Iterator[Entry]:
        for item in self._in_order(state):
            request = item.request
            yield Entry(request.id, request.kind, state, request.created_at, item.attempts, item.not_before)

    def ahead_of(self, request_id: str) -> int:
        waiting = [item.request.id for item in self._in_order(State.PENDING)]
        busy = [item.request.id for item in self._in_order(State.PROCESSING)]
        ahead = waiting.index(request_id) if request_id in waiting else 0 if request_id in busy else len(waiting)
        return ahead + sum(other != request_id for other in busy)

    def _in_order(self, state: State) -> list[_Item]:
        items = [item for item in self._items.values() if item.state is state]
        return sorted(items, key=lambda item: (item.request.created_at, item.request.id))

    def _end(self, lease: Lease, state: State, outcome: Outcome | str) -> None:
        item = self._own(lease)
        item.state, item.worker = state, None
        item.attempts, item.not_before, item.outcome = lease.attempt, None, outcome

    def _own(self, lease: Lease) -> _Item:
        item = self._items[lease.request.id]
        if item.worker is not self:
            raise LeaseLostError(f"request {lease.request.id} is not ours")
        return item


def _wish(request: Request) -> tuple[object, ...]:
    parameters = {key: value for key, value in request.parameters.items() if key != "email"}
    return request.kind, request.requester, request.recipient, parameters
