"""The outbox in memory, shared by as many processes as a test likes."""

# ruff: noqa: ARG002 - the signatures are the port's

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from voipmon.mail.budget import Budget
from voipmon.mail.outbox import Letter, Posted

_MOST_UNCERTAIN = 3
_GIVE_UP_AFTER = timedelta(days=5)


def make_letter(number: int = 1, kind: str = "result") -> Letter:
    """Return a letter of the *number*th request of a minute."""
    name = f"20251111T1147{number:02}Z-k7q2m9xd4t.{kind}"
    content = f"Message-ID: <{name}@example.com>\r\n\r\nhttps://voip.example.com/audios/{number}/\r\n"
    return Letter(name, ("manager@example.com", "admin@example.com"), content.encode())


@dataclass(slots=True)
class _Item:
    letter: Letter
    posted_at: datetime
    state: str = "waiting"
    sender: "MemoryOutbox | None" = None
    remaining: tuple[str, ...] | None = None
    attempts: int = 0
    uncertain: int = 0
    not_before: datetime | None = None
    ended_at: datetime | None = None
    refused: int = 0


class MemoryOutbox:
    """A process's view of the outbox; `rival` gives the view of another one."""

    def __init__(self, items: dict[str, _Item] | None = None) -> None:
        self._items = {} if items is None else items

    def rival(self) -> "MemoryOutbox":
        """Return another process's view of the same outbox."""
        return MemoryOutbox(self._items)

    def die(self) -> None:
        """Forget what this process was sending, as its end does."""
        for item in self._items.values():
            if item.sender is self:
                item.sender = None

    def letters(self, state: str = "waiting") -> list[Letter]:
        """Return the letters in that state, oldest first."""
        return [item.letter for item in self._items.values() if item.state == state]

    def post(self, letter: Letter, now: datetime) -> bool:
        if letter.name in self._items:
            return False
        self._items[letter.name] = _Item(letter, now)
        return True

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def has(self, name: str) -> bool:
        return name in self._items

    def due(self, now: datetime, skip: Collection[str] = (), budget: Budget | None = None) -> Iterator[Posted]:
        budget = budget or Budget()
        for item in list(self._items.values()):
            if item.state == "sending" and item.sender is None:
                item.uncertain += 1
                self._keep(item, now, None)
        waiting = [name for name, item in self._items.items() if item.state == "waiting" and name not in skip]
        for name in budget.in_order(waiting):
            item = self._items[name]
            remaining = item.letter.recipients if item.remaining is None else item.remaining
            if item.state != "waiting" or (item.not_before is not None and item.not_before > now):
                continue
            if not budget.admits(name, len(remaining)):
                budget.waiting += 1
                continue
            budget.spend(name, len(remaining))
            item.state, item.sender = "sending", self
            yield Posted(item.letter, remaining, item.attempts + 1)

    def sent(self, posted: Posted, now: datetime, *, refused: dict[str, str], later: tuple[str, ...] = ()) -> None:
        item = self._items[posted.letter.name]
        if later:
            item.remaining, item.attempts = later, posted.attempt
            item.not_before = now + _pause(posted.attempt)
        item.refused += len(refused)
        item.state, item.sender, item.ended_at = "waiting" if later else "sent", None, now

    def keep(self, posted: Posted, now: datetime, reason: str, *, uncertain: bool) -> None:
        item = self._items[posted.letter.name]
        item.attempts = posted.attempt
        item.uncertain += uncertain
        pauses = (timedelta(0), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=1))
        pause = pauses[item.uncertain - 1] if uncertain else _pause(posted.attempt)
        self._keep(item, now, now + pause)

    def give_back(self, posted: Posted) -> None:
        item = self._items[posted.letter.name]
        item.state, item.sender = "waiting", None

    def give_up(self, posted: Posted, now: datetime, reason: str) -> None:
        item = self._items[posted.letter.name]
        item.state, item.sender, item.ended_at = "refused", None, now

    def handed_over(self, since: datetime) -> list[tuple[str, int]]:
        found = []
        for name, item in self._items.items():
            recent = item.ended_at is not None and item.ended_at > since
            times = item.state == "sending" or (recent and item.uncertain + (item.state == "sent"))
            found.append((name, times * len(item.letter.recipients) - item.refused * bool(recent)))
        return [(name, count) for name, count in found if count]

    def counts(self) -> dict[str, int]:
        states = [item.state for item in self._items.values()]
        waiting = states.count("waiting") + states.count("sending")
        return {"waiting": waiting, "sent": states.count("sent"), "refused": states.count("refused")}

    def _keep(self, item: _Item, now: datetime, not_before: datetime | None) -> None:
        hopeless = now - item.posted_at > _GIVE_UP_AFTER or item.uncertain > _MOST_UNCERTAIN
        item.state, item.sender, item.not_before = "refused" if hopeless else "waiting", None, not_before
        item.ended_at = now if hopeless else None


def _pause(attempt: int) -> timedelta:
    return timedelta(0) if attempt == 1 else min(timedelta(hours=1), timedelta(minutes=3) * 2 ** (attempt - 2))
