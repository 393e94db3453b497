"""The whole configuration: the rooms' sections side by side."""

import os
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voipmon.access.settings import Access, Limits, Tenant
from voipmon.audit.settings import Audit
from voipmon.delivery.settings import Publish
from voipmon.mail.settings import Failover, Imap, NeededBy, Smtp
from voipmon.queue.settings import Queue
from voipmon.recordings.settings import Recordings
from voipmon.settings import AbsolutePath, Address, Instance, Section, Zone

SECTIONS: dict[str, type[Section]] = {
    "failover": Failover,
    "imap": Imap,
    "smtp": Smtp,
    "access": Access,
    "limits": Limits,
    "queue": Queue,
    "recordings": Recordings,
    "publish": Publish,
    "audit": Audit,
}


def _host_name() -> str:
    return os.uname().nodename


class Config(Section):
    """Everything voipmon is told. *admin* gets a copy of every mail; *instance* is this host's name."""

    mode: Literal["master", "slave"] = "slave"
    instance: Instance = Field(default_factory=_host_name)
    timezone: Zone = ZoneInfo("America/Sao_Paulo")
    language: Literal["pt_BR", "en"] = "pt_BR"
    admin: Address | None = None
    state_dir: AbsolutePath = Path("/var/lib/voipmon")
    failover: Failover
    imap: Imap
    smtp: Smtp
    access: Access
    limits: Limits
    queue: Queue
    recordings: Recordings
    publish: Publish
    audit: Audit
    tenants: tuple[Tenant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {name: {} for name in SECTIONS} | data

    @field_validator("imap", mode="before")
    @classmethod
    def _who_may_read_needs_a_mailbox(cls, section: object, info: ValidationInfo) -> object:
        failover = info.data.get("failover")
        may_lead = isinstance(failover, Failover) and failover.peers
        needed = NeededBy("master mode" if info.data.get("mode") == "master" else "[failover]" if may_lead else "")
        return _offer(section, host=needed, user=needed) if needed else section

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
