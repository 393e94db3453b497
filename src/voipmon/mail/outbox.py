"""The port to the letters that wait to be sent, and the letter itself."""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from voipmon.mail.budget import Budget


@dataclass(frozen=True, slots=True)
class Letter:
    """An outgoing mail, rendered once: the bytes that every attempt sends.

    *name* says whose and what it is, `<request id>.<kind>`, with `.r2` behind it in the second round, and is the local
    part of its Message-ID. *recipients* are the envelope's, the first one is who the letter is to.
    """

    name: str
    recipients: tuple[str, ...]
    content: bytes


def letter_name(request_id: str, kind: str, round_: int = 1) -> str:
    """Return the name of a request's letter: in a new round it is a new letter, or mail programs would fold it away."""
    return f"{request_id}.{kind}" + (f".r{round_}" if round_ > 1 else "")


def report_name(day: date, instance: str, kind: str) -> str:
    """Return the name of a host's letter to the admin, of which there is one a day."""
    host = re.sub(r"[^A-Za-z0-9-]", "-", instance)[:40]  # two hosts, two letters
    return f"{day:%Y-%m-%d}-{host}.{kind}"


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter that is being sent: *attempt* counts from 1, *recipients* are those who do not have it yet."""

    letter: Letter
    recipients: tuple[str, ...]
    attempt: int


class Outbox(Protocol):
    """Keeps letters until they are sent: durable, each once."""

    def post(self, letter: Letter, now: datetime) -> bool:
        """Keep the letter to be sent; durable on return. False if one of that name is or was here, which stays."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Let what is posted within the block be durable at its end, and not before: much is quicker together."""
        ...

    def has(self, name: str) -> bool:
        """Tell whether a letter of that name is or was here."""
        ...

    def due(self, now: datetime, skip: Collection[str] = (), budget: Budget | None = None) -> Iterator[Posted]:
        """Take the letters whose time has come, oldest first, one at a time, each for this process alone.

        The names in *skip* are left out: what was tried in a pass is tried again in the next one at the earliest.
        A *budget* has the last word on the order; what it does not admit is not taken, and counts as waiting in it.

        Each must be given to one of the four methods below before the next is asked for; one that is given to none
        (the process died) counts as uncertain at the next pass.
        """
        ...

    def sent(self, posted: Posted, now: datetime, *, refused: dict[str, str], later: tuple[str, ...] = ()) -> None:
        """Record that the server took it. *refused* says which recipients it will never take, *later* which not yet."""
        ...

    def keep(self, posted: Posted, now: datetime, reason: str, *, uncertain: bool) -> None:
        """Record that it was not sent, or that nobody knows (*uncertain*): it is tried again with the same bytes.

        After a few uncertain attempts, or some days, it is set aside as if given up.
        """
        ...

    def give_back(self, posted: Posted) -> None:
        """Leave it as it was: it was not tried."""
        ...

    def give_up(self, posted: Posted, now: datetime, reason: str) -> None:
        """Set it aside, with the reason: it will never be taken."""
        ...

    def handed_over(self, since: datetime) -> Iterable[tuple[str, int]]:
        """Return the letters that a server has had since then, or is being given now, each with how many it was for.

        A letter that a server may have had several times counts each time. One that waits after that is left out.
        """
        ...

    def counts(self) -> dict[str, int]:
        """Return how many letters are `waiting`, `sent` and `refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the recipients of a letter that was taken by the server for at least one of them."""

    refused: dict[str, str]
    later: tuple[str, ...]


class Transport(Protocol):
    """Sends letters; connects when the first one is sent and keeps the connection until it is closed."""

    def send(self, content: bytes, recipients: tuple[str, ...]) -> Receipt:
        """Hand one letter to the server; on return it is the server's, for every recipient not named in the receipt.

        Raises:
            ServerAwayError: no connection or no log-in; no letter can be sent now.
            LetterRefusedError: not sent; `retryable` tells a refusal for now from one for ever.
            UncertainError: the line broke after the content: sent or not, nobody knows.
        """
        ...

    def close(self) -> None:
        """End the connection, if there is one. Never raises."""
        ...
