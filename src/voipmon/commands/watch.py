"""Pass after pass, as mail comes: `monitor --watch`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Protocol

from voipmon.errors import ParameterError, VoipmonError

_log = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(seconds=1)
_SHORTEST = timedelta(seconds=0.5)
"""From the begin of a pass to that of the next: what comes together is taken in together, and a server that tells of
mail again and again is no reason to spin."""


class Watched(Protocol):
    """A mailbox on a connection that stays open from pass to pass, or is opened with the next one."""

    def make_pass(self) -> bool:
        """Make one pass, as `monitor` does; tell whether this host reads the mailbox."""
        ...

    def wait(self, limit: timedelta) -> None:
        """Return when mail has come since the pass, after *limit*, or when we are to stop."""
        ...

    def hang_up(self) -> None:
        """Close the connection, if there is one. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How a watch goes on: a pass at least *every* so often, and until *stop* says that it is enough.

    *rest* waits for so long, or until *stop* will say so. *luck*, 0 to 1, keeps a herd apart.
    """

    every: timedelta
    stop: Callable[[], bool]
    rest: Callable[[timedelta], None]
    luck: Callable[[], float]


def keep_watch(watched: Watched, pace: Pace, say: Callable[[str], None]) -> None:
    """Make a pass, wait, and so on until it is to stop; *say* is told in a sentence what is waited for.

    Whatever is wrong with a server is logged once, and tried again after a pause.

    Raises:
        ParameterError: before the first good pass, as in any `monitor`: somebody has to do something.
    """
    trouble = _Trouble(pace)
    while not pace.stop():
        begun = monotonic()
        try:
            reads = watched.make_pass()
            trouble.is_over()
            if not reads:
                watched.hang_up()
                say("another host leads and reads the mailbox")
                pace.rest(pace.every)
            elif not pace.stop():
                say("waiting for mail")
                watched.wait(pace.every)
        except VoipmonError as error:
            if isinstance(error, ParameterError) and trouble.begins:
                raise
            watched.hang_up()
            say(f"{error}; tried again")
            pace.rest(trouble.pause(error))
        pace.rest(_SHORTEST - timedelta(seconds=monotonic() - begun))
    watched.hang_up()


def pause_after(failures: int, error: VoipmonError, every: timedelta, luck: float) -> timedelta:
    """Return how long to wait after so many failures in a row; a server that refuses us is not asked more often."""
    most = min(every, _FIRST_PAUSE * 2 ** min(failures - 1, 16)) if error.retryable else every
    return most * (1 - luck / 4)


class _Trouble:
    """What goes wrong in a row."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0
        self._reason: str | None = None
        self.begins = True

    def is_over(self) -> None:
        self.begins = False
        if self._failures:
            _log.info("watch_recovered", extra={"failures": self._failures})
        self._failures, self._reason = 0, None

    def pause(self, error: VoipmonError) -> timedelta:
        """Log *error*, if it is another one than before; return how long to wait."""
        self._failures += 1
        if str(error) != self._reason:
            self._reason = str(error)
            if error.retryable:
                _log.warning("watch_troubled", extra={"reason": self._reason})
            else:
                _log.error("watch_troubled", extra={"reason": self._reason})
        return pause_after(self._failures, error, self._pace.every, self._pace.luck())
