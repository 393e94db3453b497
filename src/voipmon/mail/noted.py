"""What the last pass learned of the mailbox, in a small file: for those who may not ask the server."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from voipmon.clock import stamp
from voipmon.errors import MailboxError
from voipmon.files import write_atomic
from voipmon.mail.inbox import ClaimWay
from voipmon.mail.lead import Leadership


@dataclass(frozen=True, slots=True)
class Noted:
    """What keeps a second host from a mail, and who led as of *led_at*; None what no pass has learned yet."""

    claim: ClaimWay | None = None
    leadership: Leadership | None = None
    led_at: datetime | None = None


def read_noted(path: Path) -> Noted:
    """Return what was noted; nothing where the file is not there or not ours."""
    try:
        facts = json.loads(path.read_bytes())
        lead = facts["leadership"]
        return Noted(
            claim=ClaimWay(facts["claim"]) if facts["claim"] else None,
            leadership=_leadership(lead) if lead else None,
            led_at=_moment(facts["led_at"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return Noted()


def note(path: Path, noted: Noted) -> None:
    """Keep *noted*; nothing is written where it is there already."""
    lead = noted.leadership
    facts = {
        "claim": noted.claim,
        "leadership": None
        if lead is None
        else {
            "leader": lead.leader,
            "epoch": lead.epoch,
            "heartbeat": stamp(lead.heartbeat) if lead.heartbeat else None,
            "silent_for": int(lead.silent_for.total_seconds()),
            "was_read": lead.was_read,
        },
        "led_at": stamp(noted.led_at) if noted.led_at else None,
    }
    data = json.dumps(facts, indent=2).encode("ascii") + b"\n"
    try:
        if not path.exists() or path.read_bytes() != data:
            write_atomic(path, data)
    except OSError as error:
        raise MailboxError(f"{path} cannot be written: {error.strerror}: check its rights and its disk") from error


def _leadership(facts: dict[str, object]) -> Leadership:
    leader, epoch, silent_for = facts["leader"], facts["epoch"], facts["silent_for"]
    if not isinstance(leader, str | None) or not isinstance(epoch, int) or not isinstance(silent_for, int):
        raise TypeError("not what we wrote")
    heartbeat = _moment(facts["heartbeat"])
    return Leadership(leader, epoch, heartbeat, timedelta(seconds=silent_for), bool(facts["was_read"]))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
