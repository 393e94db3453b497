"""The port Transport in memory."""

from dataclasses import dataclass, field

from voipmon.errors import LetterRefusedError, OutboxError
from voipmon.mail.outbox import Receipt


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that was taken, and for whom."""

    recipients: tuple[str, ...]
    content: bytes


@dataclass(slots=True)
class MemoryTransport:
    """Keeps what it is given in *sent*.

    *refused* says of recipients why they are never taken, *later* who is not taken now. While *trouble* is set, it
    is raised instead.
    """

    sent: list[Sent] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    trouble: OutboxError | None = None
    closed: bool = False

    def send(self, content: bytes, recipients: tuple[str, ...]) -> Receipt:
        if self.trouble is not None:
            raise self.trouble
        refused = {recipient: self.refused[recipient] for recipient in recipients if recipient in self.refused}
        later = tuple(recipient for recipient in recipients if recipient in self.later)
        taken = tuple(recipient for recipient in recipients if recipient not in refused and recipient not in later)
        if not taken:
            raise LetterRefusedError(f"no recipient is taken: {refused}", retryable=bool(later))
        self.sent.append(Sent(taken, content))
        return Receipt(refused, later)

    def close(self) -> None:
        self.closed = True
