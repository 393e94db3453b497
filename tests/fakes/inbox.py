"""The port Inbox in memory."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Self

from voipmon.errors import MailboxError
from voipmon.mail.headers import MOST_BYTES, WANTED
from voipmon.mail.inbox import ClaimWay, Message, Standing

_FIELD = re.compile(rb"[^\r\n].*?\r\n(?![ \t])", re.DOTALL)  # with the lines it goes on in
NOON = datetime(2025, 10, 27, 12, tzinfo=UTC)


@dataclass(slots=True)
class MemoryInbox:
    """Holds what is delivered to it; *done* and *quarantined* say what became of it, by uid, *holders* who took it.

    While *trouble* is set, every method raises it. `beside` gives another host's view of the same mailbox.
    """

    name: str = "voip.audios@example.com@imap.example.com/INBOX"
    mails: dict[int, Message] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    quarantined: dict[int, Message] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)
    instance: str = "audio"
    generation: int = 1
    claim: ClaimWay = ClaimWay.CONDITIONAL
    trouble: MailboxError | None = None
    uids: "count[int]" = field(default_factory=lambda: count(1))

    def deliver(self, raw: bytes, arrived_at: datetime = NOON) -> int:
        """Put a mail there; return its uid."""
        uid = next(self.uids)
        header = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
        wanted = b"".join(field for field in _FIELD.findall(header) if _name(field) in WANTED)
        self.mails[uid] = Message(uid, arrived_at, (wanted + b"\r\n")[:MOST_BYTES], len(raw))
        return uid

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def waiting(self) -> list[int]:
        self._check()
        return sorted(self.mails.keys() - self.done)

    def read(self, uids: Iterable[int]) -> list[Message]:
        self._check()
        return [self.mails[uid] for uid in sorted(set(uids)) if uid in self.mails]

    def count_waiting_before(self, moment: datetime) -> int:
        return sum(self.mails[uid].arrived_at < moment for uid in self.waiting())

    def beside(self, instance: str) -> "MemoryInbox":
        """Return the same mailbox as another host sees it."""
        return replace(self, instance=instance)

    def take(self, uids: Iterable[int], *, from_others: bool) -> list[int]:
        self._check()
        free = [uid for uid in sorted(set(uids)) if uid in self.mails and uid not in self.done]
        ours = [uid for uid in free if from_others or self.holders.get(uid, self.instance) == self.instance]
        self.holders |= dict.fromkeys(ours, self.instance)
        return ours

    def standing(self, uids: Iterable[int]) -> dict[int, Standing]:
        self._check()
        return {uid: self._standing(uid) for uid in set(uids) if uid in self.mails}

    def acknowledge(self, uids: Iterable[int]) -> frozenset[int]:
        self._check()
        lost = frozenset(uid for uid in set(uids) if self.holders.get(uid, self.instance) != self.instance)
        self.done |= set(uids) - lost
        return lost

    def quarantine(self, uids: Iterable[int]) -> frozenset[int]:
        lost = self.acknowledge(uids)
        self.done -= set(uids) - lost
        for uid in (set(uids) - lost) & self.mails.keys():
            self.quarantined[uid] = self.mails.pop(uid)
        return lost

    def prepare(self) -> None:
        self._check()

    def _standing(self, uid: int) -> Standing:
        if uid not in self.done:
            return Standing.WAITING
        return Standing.OURS if self.holders.get(uid, self.instance) == self.instance else Standing.THEIRS

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def _name(field: bytes) -> str:
    return field.partition(b":")[0].strip().decode("latin-1").lower()
