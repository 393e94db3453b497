"""The port to the audit trail, and what is written there."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

Fact = str | int | bool | None | Sequence["Fact"] | Mapping[str, "Fact"]
"""What JSON can hold."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened *at* an aware moment: its *kind*, and the *facts*, in which no secret stands.

    *what* tells it from every other event of its kind: the same words are the same event, whenever and however often
    it is told.
    """

    kind: str
    at: datetime
    what: tuple[str, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """24 hexadecimal digits made from *kind* and *what*."""
        words = "\0".join((self.kind, *self.what))
        return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:24]


class Audit(Protocol):
    """Keeps an account of what happened, to which lines are only ever added."""

    def append(self, events: Sequence[Event]) -> int:
        """Write down those events that are not there yet, in their order; return how many. Durable on return.

        All of them or, after a crash or an error, the first of them: telling all again completes it.

        Raises:
            AuditError: it cannot be written (retryable: a full disk may be emptied).
        """
        ...
