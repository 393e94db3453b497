"""The port to the mailbox that requests come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Message:
    """One incoming mail, reduced to what is decided on.

    *uid* is the server's number of it in the folder. *arrived_at* is the server's INTERNALDATE, aware. *header* holds
    the wanted header fields as they came, at most 64 KiB; *size* is the whole mail's, in bytes.
    """

    uid: int
    arrived_at: datetime
    header: bytes
    size: int


class ClaimWay(StrEnum):
    """What keeps a second host from a mail, the strongest that the server allows.

    LEASE means that nothing on the mail itself does: only the lead that `[failover]` gives to one host.
    """

    CONDITIONAL = "conditional"
    KEYWORD = "keyword"
    LEASE = "lease"


class Standing(Enum):
    """What the mailbox tells of a mail that was taken: not done yet, done by this host, or done by another."""

    WAITING = auto()
    OURS = auto()
    THEIRS = auto()


class Inbox(Protocol):
    r"""One folder of one mailbox, for the length of a `with`.

    The work list is what carries no done mark of ours; whether somebody has read a mail (`\Seen`) means nothing. Every
    step has a time-out.

    Several hosts may read one mailbox: each takes mails before it decides on them, and marks them afterwards. A mail
    that is taken stays taken until it is marked, over the end of the pass and of the process; another host that takes
    it away is seen at the mark, at the latest. So each mail is marked by exactly one host.

    Raises:
        MailboxError: on any method: the server is away or refuses; the sentence says which and what to do.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def name(self) -> str:
        """Which mailbox and folder this is: `user@host/folder`. Stays the same from pass to pass."""
        ...

    @property
    def generation(self) -> int:
        """What changes when the server gives the messages new uids."""
        ...

    @property
    def claim(self) -> ClaimWay:
        """What keeps a second host from a mail. LEASE: `take` gives all, and a lead must be held."""
        ...

    def waiting(self) -> list[int]:
        """Return the uids of the messages without a done mark, lowest first. Reads no message."""
        ...

    def read(self, uids: Iterable[int]) -> list[Message]:
        """Return those messages in the order of their uids; one that is gone is left out. Never fetches a body."""
        ...

    def count_waiting_before(self, moment: datetime) -> int:
        """Return how many messages without a done mark arrived before *moment*."""
        ...

    def take(self, uids: Iterable[int], *, from_others: bool) -> list[int]:
        """Make the messages ours before anything is decided on them; return which are, lowest uid first.

        Ours from an earlier pass are ours still. What another host has taken is left to it, unless *from_others*; what
        is done or gone is left out. At the same instant at most one host gets a message, perhaps none: the next pass.
        """
        ...

    def standing(self, uids: Iterable[int]) -> dict[int, Standing]:
        """Return how the messages stand; one that is gone is left out."""
        ...

    def acknowledge(self, uids: Iterable[int]) -> frozenset[int]:
        """Put the done mark on the messages; return those that are another host's now, which stay as they are.

        May be called twice, and for messages that are gone or were never taken.
        """
        ...

    def quarantine(self, uids: Iterable[int]) -> frozenset[int]:
        """Do the same, and take the messages aside into a folder of their own, for the admin's eyes."""
        ...

    def prepare(self) -> None:
        """Make the folders that the other methods need, where they are missing."""
        ...
