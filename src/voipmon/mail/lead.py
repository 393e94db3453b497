"""The port to the lead: which of several hosts reads the mailbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads, since the turn of that *epoch*; None before the first.

    *heartbeat* is when the leader last brought a pass to its good end, by the mail server's clock, and *silent_for* how
    long ago that was, by the same clock; for the leader itself it is not asked. Of a leader that has not come so far
    both count from when a host first saw it. *was_read* tells whether any host ever came so far.
    """

    leader: str | None
    epoch: int
    heartbeat: datetime | None
    silent_for: timedelta = timedelta()
    was_read: bool = False


class Lead(Protocol):
    """The one lead of a mailbox, as one host sees it and may take it.

    In one epoch at most one host leads, and each change of the leader is a new epoch. No clock but the server's counts.

    Raises:
        MailboxError: on any method: the server is away or refuses.
    """

    def look(self) -> Leadership:
        """Return who leads now; a host that does not lead shows itself alive by looking."""
        ...

    def take(self, seen: Leadership) -> bool:
        """Lead from now on, in the next epoch, if all is still as *seen*; False: another host was faster."""
        ...

    def check(self) -> None:
        """Make sure that we still lead.

        Raises:
            LeadLostError: another host leads now, or nobody.
        """
        ...

    def beat(self) -> None:
        """Show that the leader is alive and does its work. Raises LeadLostError as `check` does."""
        ...
