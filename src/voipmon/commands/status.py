"""Is all well? Judged from what this host has written down; no server is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from voipmon.mail.inbox import ClaimWay
from voipmon.mail.lead import Leadership

PERIOD = timedelta(minutes=3)
"""How often the timers start each command."""

_SILENCE = 5 * PERIOD  # some passes may fail without anybody having to get up
_BEHIND = timedelta(hours=2)
_LETTER = timedelta(hours=1)
_LEAST_FREE = 0.05


@dataclass(frozen=True, slots=True)
class Disk:
    """Room on the disk that a folder is on, in bytes."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What this host knows of itself.

    *mail_read_at* is when a pass over the mailbox last came to its good end, *claim* what kept other hosts from its
    mails. *leadership* is who led as of *looked_at*, both None without [failover]. *waiting_since* is when the oldest
    request that is due came, or was due again; *letter_since* when the oldest letter that waits was posted.
    *indexed_at* is when the catalogue was last brought up to date, which each answer does by itself. *disks* are by
    the key of the folder's path in the configuration; None: the folder is not there.
    """

    instance: str
    mode: Literal["master", "slave"]
    mail_read_at: datetime | None
    claim: ClaimWay | None
    leadership: Leadership | None
    looked_at: datetime | None
    queue: Mapping[str, int]
    waiting_since: datetime | None
    outbox: Mapping[str, int]
    letter_since: datetime | None
    indexed_at: datetime | None
    disks: Mapping[str, Disk | None]

    @property
    def reads_mail(self) -> bool:
        """Whether it is this host that reads the mailbox."""
        if self.leadership is None:
            return self.mode == "master"
        return self.leadership.leader == self.instance


def problems(facts: Facts, now: datetime) -> list[str]:
    """Return a sentence for each thing that somebody has to look after, with the remedy."""
    return [*_of_the_mailbox(facts, now), *_of_the_queue(facts, now), *_of_the_outbox(facts, now), *_of_disks(facts)]


def _of_the_mailbox(facts: Facts, now: datetime) -> Iterator[str]:
    remedy = (
        "look at 'journalctl -u \"voipmon-monitor*\"', and whether voipmon-monitor.timer or voipmon-monitor-watch runs"
    )
    if not facts.reads_mail:
        if facts.leadership is not None:
            yield from _of_the_watch(facts.looked_at, now, remedy)
    elif facts.mail_read_at is None:
        yield f"no mail has been read yet: {remedy}"
    elif now - facts.mail_read_at > _SILENCE:
        yield f"no mail has been read for {_minutes(now - facts.mail_read_at)}: {remedy}"


def _of_the_watch(looked_at: datetime | None, now: datetime, remedy: str) -> Iterator[str]:
    if looked_at is None:
        yield f"it has not been seen yet who reads the mailbox: {remedy}"
    elif now - looked_at > _SILENCE:
        yield f"it has not been seen for {_minutes(now - looked_at)} who reads the mailbox: {remedy}"


def _of_the_queue(facts: Facts, now: datetime) -> Iterator[str]:
    waited = now - facts.waiting_since if facts.waiting_since else timedelta()
    busy = facts.queue["processing"] > 0
    if waited > (_BEHIND if busy else _SILENCE):
        remedy = "see 'voipmon queue list'" if busy else "see whether voipmon-process-queue.timer runs"
        yield f"a request that is due has waited for {_minutes(waited)}: {remedy}"


def _of_the_outbox(facts: Facts, now: datetime) -> Iterator[str]:
    waited = now - facts.letter_since if facts.letter_since else timedelta()
    if waited > _LETTER:
        yield (
            f"a letter has waited for {_minutes(waited)}: "
            "look for mail_server_away and letter_deferred in 'journalctl -u voipmon-process-queue'"
        )


def _of_disks(facts: Facts) -> Iterator[str]:
    for key, disk in facts.disks.items():
        if disk is None:
            yield f"{key} is not there: 'voipmon init' makes the folders of the queue and the outbox, mount the others"
        elif disk.free < _LEAST_FREE * disk.total:
            yield f"{key} is on a disk that is nearly full ({disk.free / disk.total:.0%} free): make room"


def _minutes(span: timedelta) -> str:
    minutes = int(span / timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
