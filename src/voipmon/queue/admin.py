"""The queue as an admin looks at it and mends it, while workers go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voipmon.errors import ParameterError, QueueError
from voipmon.files import safe_name
from voipmon.queue import wire
from voipmon.queue.line import is_request
from voipmon.queue.port import Entry, State
from voipmon.queue.spool import SpoolQueue, file_name, is_finished
from voipmon.retention import Amount, amount_before, archive_before, remove_before
from voipmon.statefolders.folders import StateFolders
from voipmon.statefolders.held import Held

_ENDED = (State.COMPLETED, State.FAILED)


class QueueAdmin:
    """The queue in the folders below *root*; *instance* signs what is written into the files' history.

    Raises:
        ParameterError: on any method: the request is unknown, or is in a state where this cannot be done.
        QueueError: the folders cannot be read or written.
    """

    def __init__(self, root: Path, *, instance: str) -> None:
        self._folders = StateFolders(root, tuple(State), is_finished)
        self._spool = SpoolQueue(root, instance=instance)
        self._instance = instance

    def prepare(self) -> None:
        """Make the folders that are missing."""
        with self._translated(), self._folders.locked():
            pass

    def listing(self, state: State | None = None) -> Iterator[Entry]:
        """List the requests, of one state or of all, each state's in the order they would be taken."""
        for wanted in (state,) if state else State:
            yield from self._spool.entries(wanted)

    def depths(self) -> dict[str, int]:
        """Count the requests of each state; what is no request counts, too, where it lies in failed/."""
        with self._translated():
            return {state.value: sum(map(is_request, self._folders.names(state))) for state in State}

    def waiting_since(self, now: datetime) -> datetime | None:
        """Return when the oldest request that is due came, or was due again; None where none is."""
        for entry in self._spool.entries(State.PENDING):
            if entry.not_before is None or entry.not_before <= now:
                came = self._came(entry)
                return max(came, entry.not_before) if came and entry.not_before else came
        return None

    def find(self, request_id: str) -> tuple[str, wire.Document] | None:
        """Return where a request is, an archive's month included, and its document; None if it is nowhere."""
        if not safe_name(request_id):
            return None
        with self._translated():
            known = self._folders.find(file_name(request_id))
        return (known.state, wire.read(known.data, request_id)) if known else None

    def show(self, request_id: str) -> tuple[str, wire.Document]:
        """Return where a request is, and its document."""
        found = self.find(request_id)
        if found is None:
            raise ParameterError(f"no request {request_id!r} is in the queue: 'voipmon queue list' shows what is")
        return found

    def retry(self, request_id: str, now: datetime) -> None:
        """Have a request answered again, from attempt 1 on and with letters of its own; durable on return."""
        with self._held(request_id) as (held, document):
            if wire.is_finished(document):
                again = wire.returned(document, self._instance, now)
            else:
                again = wire.noted(document | {"attempts": 0, "not_before": None}, self._instance, "due", None, now)
            held.move(State.PENDING, wire.dump(again))

    def cancel(self, request_id: str, now: datetime) -> None:
        """Take a waiting request out of the queue, into failed/; durable on return."""
        with self._held(request_id) as (held, document):
            if held.state != State.PENDING:
                raise ParameterError(f"request {request_id} is in {held.state}/: only one that waits can be cancelled")
            held.claim(State.PROCESSING, held.name)  # an end in pending/ would mean: answer it once more
            ended = document | {"not_before": None, "result": {"outcome": "cancelled"}}
            held.move(State.FAILED, wire.dump(wire.noted(ended, self._instance, "cancelled", None, now)))

    def recover(self, now: datetime) -> int:
        """Take up what dead workers left; return how many requests that were."""
        return self._spool.recover(now)

    def purge(self, older_than: timedelta, now: datetime) -> int:
        """Delete what ended longer ago than that, in the archive too; return how many files."""
        with self._translated():
            return remove_before(self._folders, (*_ENDED, *self._folders.months()), now - older_than)

    def archive(self, keep: timedelta, keep_archive: timedelta, now: datetime) -> int:
        """Move what ended longer ago than *keep* to the archive, and delete there what is older than *keep_archive*."""
        with self._translated():
            moved = archive_before(self._folders, _ENDED, now - keep)
            remove_before(self._folders, self._folders.months(), now - keep_archive)
        return moved

    def old(self, keep: timedelta, keep_archive: timedelta, now: datetime) -> tuple[Amount, Amount]:
        """Return how much `archive` would move, and how much it would delete."""
        with self._translated():
            moved = amount_before(self._folders, _ENDED, now - keep)
            return moved, amount_before(self._folders, self._folders.months(), now - keep_archive)

    def _came(self, entry: Entry) -> datetime | None:
        """Return when a request came into the queue: its mail may have lain in the mailbox for long before that."""
        try:
            status = self._folders.path(State.PENDING, file_name(entry.request_id)).lstat()
        except OSError:
            return entry.created_at  # taken meanwhile, or it has another name until it is
        if entry.created_at is None:
            return datetime.fromtimestamp(status.st_ctime, UTC)
        return max(entry.created_at, datetime.fromtimestamp(status.st_mtime, UTC))  # it keeps that when it comes back

    @contextmanager
    def _held(self, request_id: str) -> Iterator[tuple[Held, wire.Document]]:
        state, _ = self.show(request_id)
        with self._translated():
            held = self._folders.hold(state, file_name(request_id)) if state in tuple(State) else None
            if held is None:
                archived = f"is in {state}/: move its file to pending/ by hand"
                busy = "is being worked on: wait until that is over"
                raise ParameterError(f"request {request_id} {busy if state in tuple(State) else archived}")
            with held:
                if held.state == State.PROCESSING:
                    raise ParameterError(f"the worker of request {request_id} died: 'voipmon queue recover' first")
                yield held, wire.read(held.read(), request_id)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise QueueError(
                f"the queue in {self._folders.root} cannot be used: {error}: check its rights and its disk",
                retryable=True,
            ) from error
