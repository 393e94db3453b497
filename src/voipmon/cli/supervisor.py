"""What systemd is told of a process that stays: sd_notify(3)."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from time import monotonic


class Supervisor:
    """systemd, if it has started this process and wants to know; else nobody is told anything."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._told_alive = 0.0
        self._ready = False
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.patience: timedelta | None = None
        """How long it waits for `alive` before it ends this process; None: for ever."""
        if self._address and ours and microseconds.isdecimal():
            self.patience = timedelta(microseconds=int(microseconds))

    def ready(self, status: str) -> None:
        """Say what is waited for now; the first time that is also the end of the start."""
        lines = [f"STATUS={status}", "WATCHDOG=1"]
        self._tell(lines if self._ready else ["READY=1", *lines])
        self._ready = True

    def alive(self) -> None:
        """Say that there is progress. May be called as often as one likes."""
        now = monotonic()
        if self.patience is not None and now - self._told_alive > self.patience.total_seconds() / 8:
            self._told_alive = now
            self._tell(["WATCHDOG=1"])

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell(["STOPPING=1", "STATUS=ending"])

    def _tell(self, lines: list[str]) -> None:
        if not self._address:
            return
        place = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:  # if it is deaf, we go on
            way.sendto("\n".join(" ".join(line.split()) for line in lines).encode(), place)
