"""One requester's wish, with everything needed to answer it."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from voipmon.domain.problem import Problem, ProblemKind, RefusedError

_ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,189}")

RECORDINGS = "RAMAIS"
"""The type of a request for recordings."""


@dataclass(frozen=True, slots=True)
class Request:
    """A wish that waits for its answer.

    *requester* asked, *recipient* gets the answer; both are lower-case addresses. *parameters* holds the values as
    people write them (`ramais`, `inicio`, `fim`, …); `domain.wording` reads them. *created_at* is aware.
    *message_id*, *references* and *subject* are those of the mail it came by. *round* counts the times an admin had
    the finished request answered again. *tenant* names the tenants under whose rights it was taken, with a comma and a
    blank between them; None: it was taken by the rights of [access], or put into the queue by hand.
    """

    id: str
    requester: str
    recipient: str
    parameters: Mapping[str, object]
    created_at: datetime
    kind: str = RECORDINGS
    message_id: str | None = None
    references: tuple[str, ...] = ()
    subject: str | None = None
    site: str | None = None
    round: int = 1
    tenant: str | None = None


def mail_key(*words: str) -> str:
    """Return ten letters and digits made from a mail's own words: the same mail has the same key, always."""
    digest = hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:10]


def request_id(arrived_at: datetime, key: str) -> str:
    """Return the id of the request that came with the mail of *key*: `20251111T114700Z-k7q2m9xd4t`."""
    return f"{arrived_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{key}"


def read_address(text: str) -> str:
    """Return a mail address as it is compared: alone and in lower case.

    Raises:
        RefusedError: when it is none.
    """
    address = text.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise RefusedError([Problem(ProblemKind.ADDRESS_MALFORMED, text)])
    return address
