"""The queue as JSON files in pending/, processing/, completed/ and failed/. The protocol: docs/queue.md."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from voipmon.clock import stamp
from voipmon.domain.outcome import Delivered, Outcome
from voipmon.domain.request import Request
from voipmon.errors import ConflictError, LeaseLostError, QueueError
from voipmon.queue import wire
from voipmon.queue.line import Line, is_request, tells_arrival
from voipmon.queue.port import Entry, Lease, State
from voipmon.statefolders.folders import OddFileError, StateFolders
from voipmon.statefolders.held import Held, Known, MovedError

_log = logging.getLogger(__name__)

_SETTLE_SECONDS = 30
_CHANCE = 1  # a worker's death may be; a request on which more of them died is taken when nothing else is left


class SpoolQueue:
    """The queue in the folders below *root*; *instance* signs what is written into the files' history."""

    def __init__(self, root: Path, *, instance: str) -> None:
        self._folders = StateFolders(root, tuple(State), is_finished)
        self._instance = instance
        self._line = Line(self._folders)
        self._held: dict[str, tuple[Held, wire.Document]] = {}

    def enqueue(self, request: Request) -> bool:
        """Add the request; see the port."""
        document = wire.document_of(request)
        with self._translated():
            known = self._folders.add(State.PENDING, file_name(request.id), wire.dump(document))
        if known is not None and not _asks_the_same(known, document):
            raise ConflictError(f"request {request.id} is in {known.state}/ already, with other content")
        return known is None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the disk once for all that is enqueued within the block; see the port."""
        with self._translated(), self._folders.together():
            yield

    def lease(self, now: datetime) -> Lease | None:
        """Take the oldest request that is due; see the port."""
        with self._translated():
            for name in self._line.names(now):
                try:
                    lease = self._take(name, now)
                except MovedError:
                    continue  # by hand, in this very moment
                except OSError as error:
                    self._line.leave_out(name, error)
                    continue
                if lease is not None:
                    return lease
            self._line.complain()
        return None

    def complete(self, lease: Lease, outcome: Outcome, now: datetime) -> None:
        """Record the answer and end the request; see the port."""
        if isinstance(outcome, Delivered):
            result = {
                "outcome": outcome.kind,
                "recordings": outcome.recordings,
                "bytes": outcome.size,
                "left_out": outcome.left_out,
                "expires_at": stamp(outcome.expires_at),
            }
        else:
            result = {"outcome": outcome.kind, "recordings": 0, "bytes": 0, "left_out": outcome.left_out}
        changes = {"attempts": lease.attempt, "not_before": None, "result": result}
        self._record(lease, changes, ("completed", None), now, lambda held, data: held.shift(State.COMPLETED, data))

    def fail(self, lease: Lease, reason: str, now: datetime) -> None:
        """End the request without an answer; see the port."""
        result = {"outcome": "failed", "error": wire.plain(reason)}
        changes = {"attempts": lease.attempt, "not_before": None, "result": result}
        self._record(lease, changes, ("failed", reason), now, lambda held, data: held.move(State.FAILED, data))

    def retry(self, lease: Lease, not_before: datetime, reason: str, now: datetime) -> None:
        """Put the request back in its place in the order; see the port."""
        changes = {"attempts": lease.attempt, "not_before": stamp(not_before)}
        self._record(lease, changes, ("retry", reason), now, lambda held, data: held.move(State.PENDING, data))

    def release(self, lease: Lease) -> None:
        """Put the request back as it was; see the port. If its end is written down already it goes where it belongs."""
        held, document = self._held.pop(lease.request.id, (None, {}))
        if held is not None:
            with self._translated(), held:
                if held.state == State.PROCESSING:
                    self._put_back(held, document)

    def recover(self, now: datetime) -> int:
        """Take up what dead workers left; see the port."""
        recovered = 0
        with self._translated():
            for name in filter(is_request, self._folders.names(State.PROCESSING)):
                try:
                    recovered += self._recover(name, now)
                except MovedError:
                    continue  # by hand, in this very moment
                except OSError as error:
                    _log.error("file_stuck", extra={"file": wire.plain(name), "reason": str(error)})
            self._folders.sweep()
        return recovered

    def entries(self, state: State) -> Iterator[Entry]:
        """List the requests of one state in order; see the port. Files that are no request are left out."""
        with self._translated():
            names = self._line.in_order(state)
        for name in names:
            try:
                document = wire.read(self._folders.read(state, name), _stem(name))
            except (OSError, wire.UnreadableError):
                continue  # it has moved on, or is no request
            if state is State.FAILED and not wire.is_finished(document):
                continue  # it was set aside, and bears no name
            request = wire.request_of(document, datetime.fromtimestamp(0, UTC))
            yield Entry(
                request_id=request.id,
                kind=request.kind,
                state=state,
                created_at=request.created_at if document.get("created_at") else None,
                attempts=wire.attempts_of(document),
                not_before=wire.not_before_of(document),
            )

    def ahead_of(self, request_id: str) -> int:
        """Count the requests that are taken before that one; see the port."""
        name = file_name(request_id)
        with self._translated():
            waiting = self._line.in_order(State.PENDING)
            busy = self._folders.names(State.PROCESSING)
        ahead = waiting.index(name) if name in waiting else 0 if name in busy else len(waiting)
        return ahead + sum(is_request(other) and other != name for other in busy)

    def _take(self, name: str, now: datetime) -> Lease | None:
        with self._folders.locked():  # one at a time, else a younger one could overtake one that is just being taken
            held = self._hold(name, now)
            if held is None:
                return None
            lease = None
            try:
                lease = self._consider(held, now)
            finally:
                if lease is None:
                    held.release()
        if lease is not None and name != file_name(lease.request.id):
            self._keep_new_name(lease)
        return lease

    def _keep_new_name(self, lease: Lease) -> None:
        """Wait until a file bears no other name any more: a power cut may bring back only what is known by its id."""
        try:
            self._folders.sync(State.PENDING)
        except OSError:
            with suppress(QueueError):
                self.release(lease)
            raise

    def _hold(self, name: str, now: datetime) -> Held | None:
        try:
            return self._folders.hold(State.PENDING, name)
        except OddFileError as error:
            self._set_aside(State.PENDING, name, f"{error}: only regular files are requests")
        except PermissionError:
            with suppress(FileNotFoundError):
                if not _is_young(self._folders.path(State.PENDING, name).lstat().st_ctime, now):
                    self._set_aside(State.PENDING, name, "it cannot be read: its mode or owner keeps voipmon out")
        return None

    def _consider(self, held: Held, now: datetime) -> Lease | None:
        """Take the request in a file that we hold, if it holds one and its turn has come."""
        arrived = held.status().st_ctime
        try:
            document = wire.read(held.read(), _stem(held.name))
        except wire.UnreadableError as error:
            if error.whole or not _is_young(arrived, now):
                self._set_aside(State.PENDING, held.name, str(error))
            return None
        due = wire.not_before_of(document)
        if due is not None and due > now:
            self._line.let_rest(held.name, due)
            return None
        if wire.deaths_of(document) > _CHANCE and self._line.put_last(held.name):
            return None
        return self._claim(held, document, datetime.fromtimestamp(arrived, UTC), now)

    def _claim(self, held: Held, document: wire.Document, arrived: datetime, now: datetime) -> Lease | None:
        changed = None
        if wire.is_finished(document):  # an admin moved it back here: he wants it answered once more
            document = wire.returned(document, self._instance, now)
            changed = wire.dump(document)
        document = wire.completed(document, arrived, None if tells_arrival(held.name) else self._instance)
        known = held.claim(State.PROCESSING, file_name(document["request_id"]), changed)
        if known is not None:
            if not self._remove_shadow(held, document, known):
                self._set_aside(State.PENDING, held.name, _why_known(known, document))
            return None
        request = wire.request_of(document, arrived)
        self._held[request.id] = held, document
        return Lease(request, wire.attempts_of(document) + 1, wire.deaths_of(document))

    def _remove_shadow(self, held: Held, document: wire.Document, known: Known | None) -> bool:
        """Remove a file that a power cut brought back after its request had ended; False if it is none.

        To btrfs the two names of a move are two things, and it may keep the new one and forget that the old one is
        gone. A file that somebody puts here later is younger than the end, or has another name (`_keep_new_name`).
        """
        named = held.name == file_name(document["request_id"])
        if known is None or not named or not _is_end_of(known, document):
            return False
        if not held.is_older_than(known.state, held.name):
            return False
        held.remove()
        _log.warning("request_shadow_removed", extra={"request": document["request_id"]})
        return True

    def _set_aside(self, state: State, name: str, reason: str) -> None:
        self._folders.set_aside(state, name, reason)
        _log.warning("file_refused", extra={"file": wire.plain(name), "reason": reason})

    def _put_back(self, held: Held, document: wire.Document) -> None:
        try:
            written = wire.read(held.read(), _stem(held.name))
        except wire.UnreadableError:
            return  # edited by hand meanwhile: the next pass says what is wrong with it
        if wire.is_finished(written):
            held.move(_end_of(written))
        else:  # a name that tells nothing of the arrival would lose its place: it is written into the file
            held.move(State.PENDING, None if tells_arrival(held.name) else wire.dump(document))

    def _recover(self, name: str, now: datetime) -> bool:
        """Move one request on, if its worker is dead; of one that we may not read nobody knows."""
        try:
            held = self._folders.hold(State.PROCESSING, name)
        except OddFileError as error:
            self._set_aside(State.PROCESSING, name, f"{error}: only regular files are requests")
            return False
        if held is None:
            return False  # its worker lives, or a rival is faster
        with held:
            try:
                document = wire.read(held.read(), _stem(name))
            except wire.UnreadableError as error:
                self._set_aside(State.PROCESSING, name, str(error))
                return False
            if wire.is_finished(document):  # only the last move is missing
                held.move(_end_of(document))
            elif not self._remove_shadow(held, document, self._folders.find(name, besides=held)):
                self._count_death(held, document, now)
        return True

    def _count_death(self, held: Held, document: wire.Document, now: datetime) -> None:
        claimed = datetime.fromtimestamp(held.status().st_ctime, UTC)
        document = wire.completed(document, claimed, None if tells_arrival(held.name) else self._instance)
        document["attempts"] = wire.attempts_of(document) + 1
        _log.warning("worker_died", extra={"request": document["request_id"], "attempt": document["attempts"]})
        held.move(State.PENDING, wire.dump(wire.noted(document, self._instance, wire.DIED, None, now)))

    def _record(
        self,
        lease: Lease,
        changes: wire.Document,
        event: tuple[str, str | None],
        now: datetime,
        move: Callable[[Held, bytes], None],
    ) -> None:
        """Write the changes and move the file; if the disk does not let us the lease stays ours."""
        with self._translated():
            held, document = self._held.get(lease.request.id, (None, {}))
            if held is None:
                raise MovedError(f"request {lease.request.id} is not ours")
            try:
                move(held, wire.dump(wire.noted(document | changes, self._instance, *event, now)))
            except MovedError:
                del self._held[lease.request.id]
                held.release()
                raise
        del self._held[lease.request.id]
        held.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MovedError as error:
            raise LeaseLostError(str(error)) from error
        except OSError as error:
            raise QueueError(
                f"the queue in {self._folders.root} cannot be used: {error}: check its rights and its disk",
                retryable=True,
            ) from error


def _is_young(changed: float, now: datetime) -> bool:
    """Tell whether a file was written to so lately that it may not be whole; clocks may have been set back a little."""
    return abs(now.timestamp() - changed) < _SETTLE_SECONDS


def is_finished(data: bytes) -> bool:
    """Tell whether the content of a file is a request that has ended."""
    try:
        return wire.is_finished(wire.read(data, "x"))
    except wire.UnreadableError:
        return False


def _end_of(document: wire.Document) -> State:
    answered = document["result"].get("outcome") in ("delivered", "nothing_found", "handed_over")
    return State.COMPLETED if answered else State.FAILED


def _asks_the_same(known: Known, document: wire.Document) -> bool:
    try:
        return wire.same_wish(wire.read(known.data, document["request_id"]), document)
    except wire.UnreadableError:
        return False


def _is_end_of(known: Known, document: wire.Document) -> bool:
    try:
        ended = wire.read(known.data, document["request_id"])
    except wire.UnreadableError:
        return False
    came = document.get("created_at")
    same = wire.same_wish(ended, document) and came in (None, ended.get("created_at"))
    return same and wire.is_finished(ended) and not wire.is_finished(document)


def _why_known(known: Known, document: wire.Document) -> str:
    place = f"request_id {document['request_id']} is in {known.state}/ already"
    if _asks_the_same(known, document):
        return f"{place}, with the same content: nothing is to be done"
    return f"{place}, with other content: give this one a request_id of its own"


def file_name(request_id: str) -> str:
    """Return the name of a request's file, the same in every folder."""
    return f"{request_id}.json"


def _stem(name: str) -> str:
    return name.removesuffix(".json")
