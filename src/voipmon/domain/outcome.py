"""What a request came to. Finding nothing is an answer, not an error."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from voipmon.domain.recording import LeftOut, Recording


@dataclass(frozen=True, slots=True)
class Published:
    """One recording where it can be fetched: its *number* in the list from 1, its *url*, how long it plays.

    *seconds* is None where it is not cheaply known; *sha256* is in hexadecimal.
    """

    number: int
    recording: Recording
    url: str
    seconds: float | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Publication:
    """Where the answer to one request can be fetched, and until when.

    *size* is the ZIP's, *recordings* counts them and *recordings_size* is theirs together; sizes are in bytes. *key*
    tells it from every other publication and opens none.
    """

    request_id: str
    key: str
    page_url: str
    zip_url: str
    expires_at: datetime
    items: tuple[Published, ...]
    left_out: tuple[LeftOut, ...]
    size: int
    recordings: int
    recordings_size: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Recordings were found and published; *size* is theirs together, in bytes."""

    kind: ClassVar[str] = "delivered"
    recordings: int
    size: int
    left_out: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NothingFound:
    """No recording matches; *left_out* counts the files that match and may not be given."""

    kind: ClassVar[str] = "nothing_found"
    left_out: int = 0


Outcome = Delivered | NothingFound
