"""The sections [access] and [limits]: who may ask, and for how much at once."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from voipmon.settings import ADDRESS_PART, Section, Size, Text, Whole

_ENTRY = re.compile(f"({ADDRESS_PART})?@{ADDRESS_PART}")


def _entry(value: str) -> str:
    if not _ENTRY.fullmatch(value) or not value.isprintable():
        raise ValueError(f"{value!r} is neither an address nor @ and a domain, such as @company.example.com")
    return value.lower()


Entry = Annotated[str, AfterValidator(_entry)]
"""An address, or every address of exactly one domain: `@company.example.com`. In lower case."""


class Access(Section):
    """Whose requests are taken. *authserv_id* names the server whose Authentication-Results is believed."""

    whitelist: tuple[Entry, ...] = ()
    staff: tuple[Entry, ...] = ()
    verify_sender: Literal["require", "warn", "off"] = "require"
    authserv_id: Text | None = None


class Limits(Section):
    """The most that one request may ask for, one person in an hour, and all mails in a day; *max_bytes* in bytes."""

    max_extensions: Whole = Field(50, ge=1)
    max_days: Whole = Field(90, ge=1, le=36500)
    max_recordings: Whole = Field(10_000, ge=1)
    max_bytes: Size = Field(20 * 10**9, ge=1)
    requests_per_sender_per_hour: Whole = Field(30, ge=1)
    recipients_per_day: Whole | None = Field(None, ge=10)
