"""How a line of the trail is written, and how it holds on to the one before it (pure).

A line is JSON without blanks: its number, its id, when, what, the facts, and last the chain, which is the SHA-256 over
the chain of the line before and all its own bytes up to there. So no line can be changed, taken out or moved unseen
without writing every later one, and the head, anew.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from voipmon.audit.port import Event
from voipmon.clock import stamp

BEGINNING = b"0" * 64
"""What the first line of all holds on to."""

ID_AT = re.compile(rb'\{"n":([0-9]{1,18}),"id":"([0-9a-f]{24})",')
"""The beginning of each line: number and id."""

TAIL = 77
"""How many bytes of a line are its chain, with what stands around it and the line's end."""

HEAD_SIZE = 256


def write_line(number: int, event: Event, before: bytes) -> tuple[bytes, bytes]:
    """Return the *number*th line, which tells *event* and holds on to the chain *before*, and its own chain."""
    facts = {"n": number, "id": event.id, "at": stamp(event.at), "event": event.kind, **event.facts}
    own = json.dumps(facts, separators=(",", ":")).encode("ascii")[:-1]
    chain = chain_of(before, own)
    return own + tail_of(chain), chain


def chain_of(before: bytes, own: bytes) -> bytes:
    """Return the chain of a line: 64 hexadecimal digits over the chain *before* and its *own* bytes."""
    return sha256(before + own).hexdigest().encode("ascii")


def tail_of(chain: bytes) -> bytes:
    """Return how a line with that chain ends."""
    return b',"chain":"' + chain + b'"}\n'


def stated_chain(line: bytes) -> bytes | None:
    """Return the chain that a line says it has, or None where it says none."""
    chain = line[10 - TAIL : -3]
    return chain if line[-TAIL:] == tail_of(chain) and re.fullmatch(rb"[0-9a-f]{64}", chain) else None


@dataclass(frozen=True, slots=True)
class Head:
    """Where the trail ends: *count* lines in all, the last with that *chain*; *lines* of them in this month.

    Those take *size* bytes; *writing* is how many lines were about to be written at once when the head was.
    """

    count: int = 0
    chain: bytes = BEGINNING
    lines: int = 0
    size: int = 0
    writing: int = 1

    def after(self, chain: bytes, size: int) -> "Head":
        """Return the head after one more line with that chain and of that size."""
        return replace(self, count=self.count + 1, chain=chain, lines=self.lines + 1, size=self.size + size)

    def next_month(self) -> "Head":
        """Return the head of a month in which nothing stands yet."""
        return Head(self.count, self.chain)


def write_head(head: Head) -> bytes:
    """Return the head as it stands beside its month: always of the same size, so that it is written over in place."""
    text = json.dumps(asdict(head) | {"chain": head.chain.decode("ascii")})
    return text.ljust(HEAD_SIZE - 1).encode("ascii") + b"\n"


def read_head(data: bytes) -> Head | None:
    """Return the head that stands there, or None where none can be read."""
    try:
        fields = json.loads(data)
        chain = str(fields.pop("chain")).encode("ascii")
        head = Head(**fields, chain=chain)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    numbers = (head.count, head.lines, head.size, head.writing)
    good = all(type(number) is int and number >= 0 for number in numbers)
    return head if good and re.fullmatch(rb"[0-9a-f]{64}", chain) else None
