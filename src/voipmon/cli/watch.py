"""`monitor --watch`: the process around the passes, its signals and its service manager."""

import logging
import os
import random
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.supervisor import Supervisor
from voipmon.cli.work import make_pass
from voipmon.commands.watch import Pace, keep_watch
from voipmon.errors import ExitCode

if TYPE_CHECKING:
    from voipmon.config.model import Config
    from voipmon.mail.imap_connection import ImapConnection

_log = logging.getLogger(__name__)

_GRACE = 1.5  # seconds between SIGTERM and an end as by a kill, which may cut any step
_BUSY = timedelta(seconds=1)


class Ending:
    """From now on SIGTERM and SIGINT ask for an end; what does not come to one in a moment is cut off, with exit 0.

    *asked* is called when that happens, from a thread: whatever this process hangs in then, a look-up of a name even.
    """

    def __init__(self, asked: Callable[[], None]) -> None:
        self._asked = asked
        self._is_asked = threading.Event()
        self.wake, self._waker = os.pipe()
        """A file descriptor that can be read once an end is asked for."""
        heard, hears = os.pipe()
        os.set_blocking(hears, False)
        signal.set_wakeup_fd(hears)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def is_asked(self) -> bool:
        """Tell whether this process is to end."""
        return self._is_asked.is_set()

    def rest(self, time: timedelta) -> None:
        """Wait for so long, or until an end is asked for."""
        self._is_asked.wait(max(0.0, time.total_seconds()))

    def _listen(self, heard: int) -> None:
        select.select([heard], [], [])
        self._is_asked.set()
        os.write(self._waker, b"x")
        self._asked()
        time.sleep(_GRACE)
        os._exit(ExitCode.SUCCESS)


class _Mailbox:
    """What is watched."""

    def __init__(self, session: Session, stop: Callable[[], bool], wake: int) -> None:
        self._session = session
        self._stop = stop
        self._arrivals = wiring.arrivals(wake)
        self._server: ImapConnection | None = None

    def make_pass(self) -> bool:
        """Make one pass, as `monitor` does; tell whether this host reads the mailbox."""
        return make_pass(self._session, self._connected, self._stop) is not None

    def wait(self, limit: timedelta) -> None:
        """Return when mail has come since the pass, after *limit*, or when we are to stop."""
        if self._server is not None:
            self._arrivals.wait(self._server, limit)

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    @contextmanager
    def _connected(self) -> "Iterator[ImapConnection]":
        if self._server is None:  # the password is read anew, too
            self._server = wiring.imap_connection(self._session.config, self._session.environ)
            self._server.open()
        yield self._server


def watch(session: Session) -> ExitCode:
    """Stay, and make a pass whenever mail comes. A second watcher on one state folder says so and ends."""
    config, supervisor = session.config, Supervisor(session.environ)
    with wiring.only_one(config, "watch") as alone:
        if not alone:
            reason = "another monitor --watch is at work on this state_dir"
            supervisor.ready(reason)
            _log.info("monitor_busy", extra={"reason": reason})
            return ExitCode.SUCCESS
        ending = Ending(supervisor.stopping)
        with _turn(config, ending, supervisor):
            _watch(session, ending, supervisor)
    _log.info("watch_ended")
    return ExitCode.SUCCESS


def _watch(session: Session, ending: Ending, supervisor: Supervisor) -> None:
    config = session.config
    every = config.imap.look_every
    if config.failover.peers:
        every = min(every, config.failover.take_over_after / 4)
    if supervisor.patience is not None:
        every = min(every, supervisor.patience / 2)

    def stop() -> bool:
        supervisor.alive()  # who asks has just done something
        return ending.is_asked()

    _log.info("watch_begun", extra={"look_every": int(every.total_seconds())})
    mailbox = _Mailbox(session, stop, ending.wake)
    keep_watch(mailbox, Pace(every, stop, ending.rest, random.random), supervisor.ready)


@contextmanager
def _turn(config: "Config", ending: Ending, supervisor: Supervisor) -> Iterator[None]:
    """Wait until no pass is at work on this state folder, and keep others from it."""
    said = False
    while not ending.is_asked():
        with wiring.only_one(config, "monitor") as alone:
            if alone:
                yield
                return
        if not said:
            said = True
            reason = "another monitor is at work on this state_dir: waiting for its end"
            supervisor.ready(reason)
            _log.info("monitor_busy", extra={"reason": reason})
        ending.rest(_BUSY)
    yield
