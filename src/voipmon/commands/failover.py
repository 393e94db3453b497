"""Which of several hosts reads the mailbox: decided from what the mailbox tells of the lead."""

import logging
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import Literal

from voipmon.commands.decide import Intake
from voipmon.commands.monitor import take_up
from voipmon.mail.consequences import Consequences
from voipmon.mail.inbox import Inbox
from voipmon.mail.lead import Lead, Leadership

_log = logging.getLogger(__name__)


class Part(Enum):
    """What a host does in a pass: lead, take the lead, or watch."""

    LEAD = auto()
    TAKE = auto()
    WATCH = auto()


def part_of(host: str, seen: Leadership, mode: Literal["master", "slave"], take_over_after: timedelta) -> Part:
    """Return the part of *host*. Its *mode* counts only while nobody has led yet: then a master begins at once."""
    if seen.leader == host:
        return Part.LEAD
    begins = seen.leader is None and mode == "master"
    return Part.TAKE if begins or seen.silent_for > take_over_after else Part.WATCH


def find_part(lead: Lead, host: str, mode: Literal["master", "slave"], take_over_after: timedelta) -> Leadership:
    """Look who leads, and take the lead if it is our turn; return who leads then.

    Raises:
        MailboxError: the server is away or refuses.
    """
    seen = lead.look()
    if part_of(host, seen, mode, take_over_after) is not Part.TAKE:
        return seen
    return _take(lead, host, seen)


def watch(inbox: Inbox, intake: Intake, seen: Leadership) -> None:
    """Make the pass of a host that does not lead. *inbox* is not open: it is opened if there is something to take up.

    What a host marked before it lost the lead it goes on with; what it did not mark is the new leader's.
    """
    if Consequences(intake.ledger).kept(inbox.name):
        with inbox:
            take_up(inbox, intake)
    who = f"{seen.leader} leads, epoch {seen.epoch}" if seen.leader else "nobody leads yet"
    _log.info("mail_not_read", extra={"reason": f"{who}, silent for {int(seen.silent_for.total_seconds())} s"})


def take_lead(lead: Lead, host: str) -> Leadership:
    """Take the lead on purpose; return who led before."""
    seen = lead.look()
    while seen.leader != host:
        if _take(lead, host, seen).leader == host:
            return seen
        seen = lead.look()
    return seen


def _take(lead: Lead, host: str, seen: Leadership) -> Leadership:
    if not lead.take(seen):
        return lead.look()  # another host was faster
    silent = int(seen.silent_for.total_seconds())
    _log.warning("lead_taken", extra={"epoch": seen.epoch + 1, "before": seen.leader or "nobody", "silent_for": silent})
    return replace(seen, leader=host, epoch=seen.epoch + 1, heartbeat=None, silent_for=timedelta())
