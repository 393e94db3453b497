"""The port to the mailbox that requests come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
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


class Inbox(Protocol):
    r"""One folder of one mailbox, for the length of a `with`.

    The work list is what carries no done mark of ours; whether somebody has read a mail (`\Seen`) means nothing. Every
    step has a time-out.

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

    def waiting(self) -> list[int]:
        """Return the uids of the messages without a done mark, lowest first. Reads no message."""
        ...

    def read(self, uids: Iterable[int]) -> list[Message]:
        """Return those messages in the order of their uids; one that is gone is left out. Never fetches a body."""
        ...

    def count_waiting_before(self, moment: datetime) -> int:
        """Return how many messages without a done mark arrived before *moment*."""
        ...

    def acknowledge(self, uids: Iterable[int]) -> None:
        """Put the done mark on the messages. May be called twice, and for messages that are gone."""
        ...

    def quarantine(self, uids: Iterable[int]) -> None:
        """Take the messages aside into a folder of their own, for the admin's eyes. May be called twice."""
        ...

    def prepare(self) -> None:
        """Make the folders that the other methods need, where they are missing."""
        ...
