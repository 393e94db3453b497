"""The sections [access], [limits] and [[tenants]]: who may ask, for whose calls, and for how much at once."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from voipmon.domain.ask import SERVER_NAME
from voipmon.domain.wording import extensions_in
from voipmon.settings import ADDRESS_PART, AbsolutePath, Address, Section, Size, Text, Whole

_ENTRY = re.compile(f"({ADDRESS_PART})?@{ADDRESS_PART}")


def _entry(value: str) -> str:
    if not _ENTRY.fullmatch(value) or not value.isprintable():
        raise ValueError(f"{value!r} is neither an address nor @ and a domain, such as @company.example.com")
    return value.lower()


Entry = Annotated[str, AfterValidator(_entry)]
"""An address, or every address of exactly one domain: `@company.example.com`. In lower case."""


class Access(Section):
    """Whose requests are taken. *authserv_id* names the server whose Authentication-Results is believed.

    *tenants_dir* holds one file for each tenant; None: `tenants.d` beside the configuration file, if it is there.
    """

    whitelist: tuple[Entry, ...] = ()
    staff: tuple[Entry, ...] = ()
    verify_sender: Literal["require", "warn", "off"] = "require"
    authserv_id: Text | None = None
    tenants_dir: AbsolutePath | None = None


class Limits(Section):
    """The most that one request may ask for, one person in an hour, and all mails in a day; *max_bytes* in bytes."""

    max_extensions: Whole = Field(50, ge=1)
    max_days: Whole = Field(90, ge=1, le=36500)
    max_recordings: Whole = Field(10_000, ge=1)
    max_bytes: Size = Field(20 * 10**9, ge=1)
    requests_per_sender_per_hour: Whole = Field(30, ge=1)
    recipients_per_day: Whole | None = Field(None, ge=10)


def _name(value: str) -> str:
    if "," in value or not value.isprintable() or len(value) > _LONGEST_NAME:
        raise ValueError(f"a tenant's name has no comma and at most {_LONGEST_NAME} letters, digits and other signs")
    return value


def _piece(value: object) -> object:
    """Return extensions as a text: TOML may have them as numbers, too."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _extensions(value: str) -> str:
    if problems := extensions_in(value)[1]:
        raise ValueError("; ".join(map(str, problems)))
    return value


def _server(value: str) -> str:
    if not SERVER_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a server name: use letters, digits, '.', '_' and '-'")
    return value.lower()


def _code_file(value: object) -> Path:
    """Return the path; what is none may be the code itself, and is not told."""
    if not isinstance(value, str | Path) or not Path(value).is_absolute():
        raise ValueError("must be the whole path, beginning with /, of a file that holds the code")
    return Path(value)


_LONGEST_NAME = 80

Extensions = Annotated[str, BeforeValidator(_piece), AfterValidator(_extensions)]
"""Extensions as people write them: `1121`, `1100-1199`."""

Server = Annotated[str, AfterValidator(_server)]
"""The name of a telephone exchange, in lower case."""

CodeFile = Annotated[Path, PlainValidator(_code_file)]
"""The path of a file that holds a tenant's code."""


class TenantLimits(Section):
    """What of [limits] is another number for one tenant."""

    max_extensions: Whole | None = Field(None, ge=1)
    max_days: Whole | None = Field(None, ge=1, le=36500)
    max_recordings: Whole | None = Field(None, ge=1)
    max_bytes: Size | None = Field(None, ge=1)
    requests_per_sender_per_hour: Whole | None = Field(None, ge=1)


class Tenant(Section):
    """One company. Without *servers* its extensions are its own on every exchange.

    With a *code_file* its people write the code from there into each subject. *cc* gets a copy of every answer. Its
    people are written to in its *language*, None: in that of the whole installation.
    """

    name: Annotated[Text, AfterValidator(_name)]
    senders: tuple[Entry, ...] = Field(min_length=1)
    extensions: tuple[Extensions, ...] = Field(min_length=1)
    servers: tuple[Server, ...] = ()
    rights: tuple[Literal["recordings", "checkip", "macchange"], ...] = ("recordings",)
    code_file: CodeFile | None = None
    cc: tuple[Address, ...] = ()
    language: Literal["pt_BR", "en"] | None = None
    limits: TenantLimits = TenantLimits()
