"""The whole configuration: the rooms' sections side by side."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from voipmon.access.settings import Access, Limits
from voipmon.delivery.settings import Publish
from voipmon.mail.settings import Imap, Smtp
from voipmon.queue.settings import Queue
from voipmon.recordings.settings import Recordings
from voipmon.settings import AbsolutePath, Address, Section, Zone

SECTIONS: dict[str, type[Section]] = {
    "imap": Imap,
    "smtp": Smtp,
    "access": Access,
    "limits": Limits,
    "queue": Queue,
    "recordings": Recordings,
    "publish": Publish,
}

_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _instance(value: str) -> str:
    if not _INSTANCE.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a host: use letters, digits, dot, - and _, at most 63")
    return value


def _host_name() -> str:
    return os.uname().nodename


class Config(Section):
    """Everything voipmon is told. *admin* gets a copy of every mail; *instance* is this host's name."""

    mode: Literal["master", "slave"] = "slave"
    instance: Annotated[str, AfterValidator(_instance)] = Field(default_factory=_host_name)
    timezone: Zone = ZoneInfo("America/Sao_Paulo")
    language: Literal["pt_BR", "en"] = "pt_BR"
    admin: Address | None = None
    state_dir: AbsolutePath = Path("/var/lib/voipmon")
    imap: Imap
    smtp: Smtp
    access: Access
    limits: Limits
    queue: Queue
    recordings: Recordings
    publish: Publish

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {name: {} for name in SECTIONS} | data

    @field_validator("imap", mode="before")
    @classmethod
    def _a_master_needs_a_mailbox(cls, section: object, info: ValidationInfo) -> object:
        if info.data.get("mode") == "master":
            return _offer(section, host=None, user=None)  # None: missing, where it may not be
        return section

    @field_validator("access", mode="before")
    @classmethod
    def _gmail_is_known(cls, section: object, info: ValidationInfo) -> object:
        imap = info.data.get("imap")
        if isinstance(imap, Imap) and imap.host.lower() == "imap.gmail.com":
            return _offer(section, authserv_id="mx.google.com")
        return section

    @field_validator("limits", mode="before")
    @classmethod
    def _limits_of_providers_are_known(cls, section: object, info: ValidationInfo) -> object:
        smtp = info.data.get("smtp")
        most = _recipients_per_day(smtp) if isinstance(smtp, Smtp) else None
        return section if most is None else _offer(section, recipients_per_day=most)

    @field_validator("recordings", mode="before")
    @classmethod
    def _stamps_are_in_our_zone(cls, section: object, info: ValidationInfo) -> object:
        return _offer(section, timezone=info.data["timezone"]) if "timezone" in info.data else section


def _recipients_per_day(smtp: Smtp) -> int | None:
    """Return nine tenths of what the provider allows: the rest is for people, and for what is sent twice."""
    match smtp.host.lower():
        case "smtp.gmail.com":
            return 450 if smtp.sender.endswith(("@gmail.com", "@googlemail.com")) else 1_800
        case "smtp.office365.com":
            return 9_000
        case _:
            return None


def _offer(section: object, **defaults: object) -> object:
    return defaults | section if isinstance(section, dict) else section
