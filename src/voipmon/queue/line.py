"""The order in which one process tries the requests that wait."""

import logging
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic, thread_time

from voipmon.queue import wire
from voipmon.queue.port import State
from voipmon.statefolders.folders import StateFolders

_log = logging.getLogger(__name__)

_ARRIVAL = re.compile(r"[0-9]{8}T[0-9]{6}Z-")
_MOST_STUCK = 10
_GOOD_FOR = 20  # times the processor's time that the list took to make


def tells_arrival(name: str) -> bool:
    """Tell whether a file's name begins with the time of its arrival, as voipmon's own do."""
    return _ARRIVAL.match(name) is not None


def is_request(name: str) -> bool:
    """Tell whether a file of that name is looked at: editors and copy programs use others for what is not whole."""
    return name.endswith(".json") and not name.startswith(".")


class Line:
    """What stands in pending/, oldest first, and what this process knows of it."""

    def __init__(self, folders: StateFolders) -> None:
        self._folders = folders
        self._names: deque[str] = deque()
        self._good_until = 0.0
        self._last: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self._stuck: dict[str, OSError] = {}
        self._arrivals: dict[str, tuple[int, str]] = {}

    def names(self, now: datetime) -> Iterator[str]:
        """Yield the names to try, in order; before it ends it has been through a list made since it was called.

        A list is good for twenty times what the processor took to make it: listing is never most of the work.
        """
        fresh = monotonic() >= self._good_until
        if fresh:
            self._list()
        while True:
            while self._names:
                name = self._names.popleft()
                if name not in self._stuck and not self._rests(name, now):
                    yield name
            if fresh:
                return
            self._list()
            fresh = True

    def put_last(self, name: str) -> bool:
        """Try that one after all others; False where that has been done."""
        if name in self._last:
            return False
        self._last.add(name)
        self._names.append(name)
        return True

    def let_rest(self, name: str, due: datetime) -> None:
        """Do not try that one before it is due."""
        self._resting[name] = due

    def leave_out(self, name: str, error: OSError) -> None:
        """Do not try that one again in this process. Raises the error where it has befallen too many."""
        _log.error("file_stuck", extra={"file": wire.plain(name), "reason": str(error)})
        self._stuck[name] = error
        if len(self._stuck) >= _MOST_STUCK:
            raise error

    def complain(self) -> None:
        """Raise the error of the first that was left out, if any was."""
        if self._stuck:
            raise next(iter(self._stuck.values()))

    def in_order(self, state: State) -> list[str]:
        """Return the names in that state, oldest first: by the arrival that a name tells, else by ctime."""
        names = [name for name in self._folders.names(state) if is_request(name)]
        foreign = [name for name in names if not tells_arrival(name)]
        if not foreign:
            return sorted(names)
        arrivals = {name: self._arrival(state, name) for name in foreign}
        return sorted(names, key=lambda name: arrivals.get(name, name))

    def _list(self) -> None:
        start = thread_time()  # not the clock's: on a busy machine a list of three would be good for long
        self._names = deque(self.in_order(State.PENDING))
        self._last.clear()
        self._good_until = monotonic() + _GOOD_FOR * (thread_time() - start)

    def _rests(self, name: str, now: datetime) -> bool:
        return name in self._resting and self._resting[name] > now

    def _arrival(self, state: State, name: str) -> str:
        """Return what a file of another name would be called if it were ours."""
        try:
            status = self._folders.path(state, name).lstat()
        except OSError:
            return name
        known = self._arrivals.get(name)
        if known is not None and known[0] == status.st_ctime_ns:
            return known[1]
        moved = abs(status.st_mtime - status.st_ctime) > 1  # a file that came back is as old as it was (statefolders)
        arrival = self._written_arrival(state, name) if moved else None
        if arrival is None:
            seconds, rest = divmod(status.st_ctime_ns, 10**9)
            arrival = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{rest:09}Z-{name}"
        self._arrivals[name] = status.st_ctime_ns, arrival
        return arrival

    def _written_arrival(self, state: State, name: str) -> str | None:
        try:
            written = wire.arrival_of(wire.read(self._folders.read(state, name), "x"))
        except (OSError, wire.UnreadableError):
            return None
        return f"{written.rstrip('Z').replace('-', '').replace(':', '')}.000000000Z-{name}" if written else None
