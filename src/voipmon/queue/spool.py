"""The queue as JSON files in pending/, processing/, completed/ and failed/. The protocol: docs/queue.md."""

import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from voipmon.clock import stamp
from voipmon.domain.outcome import Delivered, Outcome
from voipmon.domain.request import Request
from voipmon.errors import ConflictError, LeaseLostError, QueueError
from voipmon.files import write_atomic
from voipmon.queue import wire
from voipmon.queue.port import Entry, Lease, State
from voipmon.statefolders import Held, OddFileError, StateFolders

_log = logging.getLogger(__name__)

_ARRIVAL = re.compile(r"[0-9]{8}T[0-9]{6}Z(?=-)")
_SETTLE_SECONDS = 30
_DIED = "worker_died"
_ENDED = {"delivered": State.COMPLETED, "nothing_found": State.COMPLETED, "handed_over": State.COMPLETED}


class SpoolQueue:
    """The queue in the folders below *root*; *instance* signs what is written into the files' history."""

    def __init__(self, root: Path, *, instance: str) -> None:
        self._folders = StateFolders(root, tuple(State))
        self._instance = instance
        self._listed: deque[str] = deque()
        self._held: dict[str, tuple[Held, wire.Document]] = {}

    def enqueue(self, request: Request) -> bool:
        """Add the request; see the port."""
        document = wire.document_of(request)
        with self._translated():
            known = self._folders.add(State.PENDING, _file_name(request.id), wire.dump(document))
        if known is None:
            return True
        try:
            same = wire.same_wish(wire.read(known.data, request.id), document)
        except wire.UnreadableError:
            same = False
        if not same:
            raise ConflictError(f"request {request.id} is in {known.state}/ already, with other content")
        return False

    def lease(self, now: datetime) -> Lease | None:
        """Take the oldest request that is due; see the port. The folder is listed anew when the list is used up."""
        with self._translated():
            if not self._listed and (waiting := self._in_order(State.PENDING)):
                self._folders.prepare()
                self._listed.extend(waiting)
            while self._listed:
                lease = self._take(self._listed.popleft(), now)
                if lease is not None:
                    return lease
        return None

    def complete(self, lease: Lease, outcome: Outcome, now: datetime) -> None:
        """Record the answer and end the request; see the port."""
        if isinstance(outcome, Delivered):
            result = {
                "outcome": "delivered",
                "recordings": outcome.recordings,
                "bytes": outcome.size,
                "left_out": outcome.left_out,
                "expires_at": stamp(outcome.expires_at),
            }
        else:
            result = {"outcome": "nothing_found", "recordings": 0, "bytes": 0, "left_out": outcome.left_out}
        self._end(lease, State.COMPLETED, "completed", result, now)

    def fail(self, lease: Lease, reason: str, now: datetime) -> None:
        """End the request without an answer; see the port."""
        self._end(lease, State.FAILED, "failed", {"outcome": "failed", "error": reason}, now)

    def retry(self, lease: Lease, not_before: datetime, reason: str, now: datetime) -> None:
        """Put the request back in its place in the order; see the port."""
        changes = {"attempts": lease.attempt, "not_before": stamp(not_before)}
        self._move(lease, State.PENDING, "retry", reason, changes, now)

    def release(self, lease: Lease) -> None:
        """Put the request back as it was; see the port."""
        held, _ = self._held.pop(lease.request.id, (None, None))
        if held is not None:
            with self._translated(), held:
                held.move(State.PENDING)

    def recover(self, now: datetime) -> int:
        """Take up what dead workers left; see the port."""
        recovered = 0
        with self._translated():
            for name in self._folders.names(State.PROCESSING):
                held = self._hold(State.PROCESSING, name)
                if held is not None:  # else its worker lives, or a rival recovers it
                    with held:
                        self._recover(held, now)
                    recovered += 1
            self._folders.sweep()
        return recovered

    def entries(self, state: State) -> Iterator[Entry]:
        """List the requests of one state in order; see the port. Files that are no request are left out."""
        for name in self._in_order(state):
            try:
                data = self._folders.path(state, name).read_bytes()
                document = wire.read(data, name.removesuffix(".json"))
                request = wire.request_of(document, datetime.fromtimestamp(0, UTC))
            except (OSError, wire.UnreadableError):
                continue
            yield Entry(
                request_id=request.id,
                kind=request.kind,
                state=state,
                created_at=request.created_at if "created_at" in document else None,
                attempts=wire.attempts_of(document),
                not_before=wire.not_before_of(document),
            )

    def ahead_of(self, request_id: str) -> int:
        """Count the requests that are taken before that one; see the port."""
        name = _file_name(request_id)
        ahead = list(self._in_order(State.PENDING))
        waiting = ahead.index(name) if name in ahead else 0
        return waiting + sum(_is_request(other) and other != name for other in self._folders.names(State.PROCESSING))

    def _in_order(self, state: State) -> list[str]:
        return sorted(
            filter(_is_request, self._folders.names(state)),
            key=lambda name: (self._arrival(state, name), name),
        )

    def _arrival(self, state: State, name: str) -> str:
        """Return when the file arrived: voipmon's own names say it, of hand-written ones the system does (ctime)."""
        match = _ARRIVAL.match(name)
        if match:
            return match[0]
        try:
            changed = self._folders.path(state, name).lstat().st_ctime
        except FileNotFoundError:
            return ""
        return f"{datetime.fromtimestamp(changed, UTC):%Y%m%dT%H%M%SZ}"

    def _take(self, name: str, now: datetime) -> Lease | None:
        held = self._hold(State.PENDING, name)
        if held is None:
            return None  # another worker was faster
        try:
            document = wire.read(held.read(wire.MOST_BYTES + 1), name.removesuffix(".json"))
            due = wire.not_before_of(document)
            if due is not None and due > now:
                held.release()
                return None
            return self._claim(held, document)
        except wire.UnreadableError as error:
            with held:
                if error.whole or not 0 <= now.timestamp() - held.status().st_ctime < _SETTLE_SECONDS:
                    self._set_aside(name, str(error))
            return None
        except BaseException:
            held.release()
            raise

    def _claim(self, held: Held, document: wire.Document) -> Lease | None:
        name = _file_name(document["request_id"])
        for state in State:
            if (name != held.name or state is not State.PENDING) and self._folders.path(state, name).exists():
                self._set_aside(held.name, self._why_known(state, name, document))
                held.release()
                return None
        arrived = datetime.fromtimestamp(held.status().st_ctime, UTC)
        held.move(State.PROCESSING, name if name != held.name else None)
        request = wire.request_of(document, arrived)
        self._held[request.id] = held, document
        deaths = sum(event.get("event") == _DIED for event in document.get("history", []))
        return Lease(request, wire.attempts_of(document) + 1, deaths)

    def _why_known(self, state: State, name: str, document: wire.Document) -> str:
        try:
            known = wire.read(self._folders.path(state, name).read_bytes(), name.removesuffix(".json"))
            content = "the same content: nothing is to be done" if wire.same_wish(known, document) else "other content"
        except (OSError, wire.UnreadableError):
            content = "other content"
        remedy = "" if content.startswith("the same") else ": give this one a request_id of its own"
        return f"request_id {document['request_id']} is in {state}/ already, with {content}{remedy}"

    def _hold(self, state: State, name: str) -> Held | None:
        try:
            return self._folders.hold(state, name)
        except OddFileError as error:
            self._set_aside(name, f"{error}: only regular files are requests", state)
        except PermissionError:
            self._set_aside(name, "it cannot be read: its mode or owner keeps voipmon out", state)
        return None

    def _set_aside(self, name: str, reason: str, state: State = State.PENDING) -> None:
        """Move what is no request to failed/, untouched, the reason beside it first."""
        free = next(other for other in _variants(name) if not self._taken(other))
        write_atomic(self._folders.path(State.FAILED, f"{free}.error.txt"), f"{reason}\n".encode())
        self._folders.path(state, name).rename(self._folders.path(State.FAILED, free))
        _log.warning("file_refused", extra={"file": name, "reason": reason})

    def _taken(self, name: str) -> bool:
        return any(
            self._folders.path(State.FAILED, other).is_symlink() or self._folders.path(State.FAILED, other).exists()
            for other in (name, f"{name}.error.txt")
        )

    def _recover(self, held: Held, now: datetime) -> None:
        """Move one request on whose worker is dead."""
        try:
            document = wire.read(held.read(wire.MOST_BYTES + 1), held.name.removesuffix(".json"))
        except wire.UnreadableError as error:
            self._set_aside(held.name, str(error), State.PROCESSING)
            return
        if "result" in document:  # it was finished: only the last move is missing
            held.move(_ENDED.get(document["result"].get("outcome"), State.FAILED))
            return
        document["attempts"] = wire.attempts_of(document) + 1
        self._note(document, _DIED, None, now)
        _log.warning("worker_died", extra={"request": document["request_id"], "attempt": document["attempts"]})
        held.rewrite(wire.dump(document))
        held.move(State.PENDING)

    def _end(self, lease: Lease, state: State, event: str, result: dict[str, object], now: datetime) -> None:
        changes = {"attempts": lease.attempt, "not_before": None, "result": result}
        self._move(lease, state, event, result.get("error"), changes, now)

    def _move(
        self, lease: Lease, state: State, event: str, detail: object, changes: wire.Document, now: datetime
    ) -> None:
        """Write the changes and move the file; if that fails the lease stays ours."""
        held, document = self._held[lease.request.id]
        with self._translated():
            document = document | changes
            self._note(document, event, detail, now)
            held.rewrite(wire.dump(document))
            held.move(state)
        held.release()
        del self._held[lease.request.id]

    def _note(self, document: wire.Document, event: str, detail: object, now: datetime) -> None:
        line = {"at": stamp(now), "instance": self._instance, "event": event, "detail": detail}
        document["history"] = [
            *document.get("history", []),
            {key: value for key, value in line.items() if value},
        ]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise LeaseLostError(f"a request was moved or removed by hand while it was worked on: {error}") from error
        except OSError as error:
            raise QueueError(f"the queue in {self._folders.root} cannot be used: {error}", retryable=True) from error


def _file_name(request_id: str) -> str:
    return f"{request_id}.json"


def _is_request(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _variants(name: str) -> Iterator[str]:
    """Yield the name, then others in case it was refused before; all are short enough for `.error.txt` behind."""
    stem = name.removesuffix(".json").encode("utf-8", "surrogateescape")[:200].decode("utf-8", "surrogateescape")
    yield f"{stem}.json"
    number = 2
    while True:
        yield f"{stem}.{number}.json"
        number += 1
