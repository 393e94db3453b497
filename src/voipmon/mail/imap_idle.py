"""Waiting for mail on an IMAP connection: IDLE (RFC 2177), without what makes it miss mail or spin.

imapclient's `idle_check` says nothing of a line that is dead, and nothing of what the server said in one breath with
its "go ahead", which lies in a buffer then. So we only wait until there is something to read, and end IDLE: what comes
with the end is read with a time-out, and a dead line is an error.
"""

import logging
import select
import ssl
from datetime import timedelta

from voipmon.mail.imap_connection import ImapConnection

_log = logging.getLogger(__name__)

_LOOK_EVERY = timedelta(seconds=30)  # where there is no IDLE


class ImapArrivals:
    """Tells when mail comes to the folder that is selected on a connection; it may have come, and may not.

    As soon as the file descriptor *wake* can be read, no wait takes any longer.
    """

    def __init__(self, wake: int) -> None:
        self._wake = wake
        self._said = False

    def wait(self, server: ImapConnection, limit: timedelta) -> None:
        """Return when the server tells something, mostly that mail has come, and after *limit* at the latest.

        What it has told since the folder was selected counts. Where there is no IDLE it is after half a minute at the
        latest: somebody has to look.

        Raises:
            MailboxError: the line is dead, or the server does not answer any more.
        """
        if _was_heard(server):
            return
        if not (server.can("IDLE") and _begin(server)):
            self._say_once(server)
            self._rest(min(limit, _LOOK_EVERY))
            return
        with server.step("waiting for mail"):
            if not (_was_heard(server) or _is_buffered(server)):
                self._rest(limit, server.client.socket().fileno())
            server.client.idle_done()

    def _say_once(self, server: ImapConnection) -> None:
        if not self._said:
            self._said = True
            reason = f"{server.host} has no IDLE: the mailbox is looked at every {_LOOK_EVERY.total_seconds():g} s"
            _log.warning("idle_missing", extra={"reason": reason})

    def _rest(self, limit: timedelta, *descriptors: int) -> None:
        poll = select.poll()
        for descriptor in (self._wake, *descriptors):
            poll.register(descriptor, select.POLLIN)
        poll.poll(limit.total_seconds() * 1000)


def _was_heard(server: ImapConnection) -> bool:
    """Tell whether the server told of mail beside its answers since SELECT: in IDLE it does not do so again."""
    return len(server.client._imap.untagged_responses.get("EXISTS", ())) > 1  # noqa: SLF001 - has no public access


def _begin(server: ImapConnection) -> bool:
    """Begin IDLE; False: the server refuses. imapclient's own call takes news before the "go ahead" for a refusal."""
    with server.step("beginning to wait for mail"):
        client = server.client
        tag = client._idle_tag = client._imap._command("IDLE")  # noqa: SLF001 - as the docstring says
        while client._imap._get_response() is not None:  # noqa: SLF001
            if client._imap.tagged_commands[tag]:  # noqa: SLF001
                client._imap.tagged_commands.pop(tag)  # noqa: SLF001
                return False
    return True


def _is_buffered(server: ImapConnection) -> bool:
    """Tell whether there is something to read that no poll would see."""
    line = server.client.socket()
    timeout = line.gettimeout()
    line.settimeout(0)
    try:
        return bool(server.client._imap.file.peek(1))  # noqa: SLF001 - the buffer has no other access
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    finally:
        line.settimeout(timeout)
