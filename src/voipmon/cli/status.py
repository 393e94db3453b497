"""`status`: health on one screen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.show import age, json_text
from voipmon.clock import stamp, system_clock
from voipmon.commands.status import Disk, Facts, problems
from voipmon.errors import ExitCode
from voipmon.mail.lead import Leadership


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(session: Session, as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Tell whether all is well, on one screen; ends with 0 or 3."""
    now = system_clock()
    with session.at_work() as config:
        facts = wiring.status_facts(config, now)
    troubles = problems(facts, now)
    if as_json:
        click.echo(json_text(_shape(facts, troubles)))
    else:
        click.echo("\n".join(_lines(facts, troubles, now)))
    return ExitCode.PROCESSING_ERROR if troubles else ExitCode.SUCCESS


def _shape(facts: Facts, troubles: list[str]) -> dict[str, Any]:
    return {
        "healthy": not troubles,
        "problems": troubles,
        "instance": facts.instance,
        "mode": facts.mode,
        "mail_read_at": _moment(facts.mail_read_at),
        "claim": facts.claim,
        "lead": _lead_shape(facts.leadership, facts.looked_at),
        "queue": dict(facts.queue),
        "waiting_since": _moment(facts.waiting_since),
        "outbox": dict(facts.outbox),
        "letter_since": _moment(facts.letter_since),
        "indexed_at": _moment(facts.indexed_at),
        "disks": {key: {"free": disk.free, "total": disk.total} if disk else None for key, disk in facts.disks.items()},
    }


def _lead_shape(leadership: Leadership | None, looked_at: datetime | None) -> dict[str, Any] | None:
    if leadership is None:
        return None
    return {
        "leader": leadership.leader,
        "epoch": leadership.epoch,
        "heartbeat": _moment(leadership.heartbeat),
        "looked_at": _moment(looked_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return stamp(moment) if moment else None


def _lines(facts: Facts, troubles: list[str], now: datetime) -> Iterator[str]:
    if troubles:
        yield click.style(f"{facts.instance} needs a look:", fg="red", bold=True)
        yield from (f"- {trouble}" for trouble in troubles)
    else:
        yield click.style(f"{facts.instance}: all is well", fg="green", bold=True)
    read = f", mail last read {_ago(facts.mail_read_at, now)}" if facts.reads_mail else ": reads no mail"
    yield f"{'mode':<10} {facts.mode}{read}"
    if facts.leadership is not None:
        yield f"{'lead':<10} {_lead(facts.leadership, facts.looked_at, now)}"
    if facts.claim is not None:
        yield f"{'claim':<10} {facts.claim}"
    yield f"{'queue':<10} {_counts(facts.queue)}{_since(facts.waiting_since, now)}"
    yield f"{'outbox':<10} {_counts(facts.outbox)}{_since(facts.letter_since, now)}"
    yield f"{'catalogue':<10} brought up to date {_ago(facts.indexed_at, now)}"
    for key, disk in facts.disks.items():
        yield f"{'disk':<10} {key}: {_room(disk)}"


def _lead(leadership: Leadership, looked_at: datetime | None, now: datetime) -> str:
    who = f"{leadership.leader}, epoch {leadership.epoch}" if leadership.leader else "nobody yet"
    return f"{who}, heartbeat {_ago(leadership.heartbeat, now)}, seen {_ago(looked_at, now)}"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{age(moment, now)} ago" if moment else "never"


def _since(moment: datetime | None, now: datetime) -> str:
    return f"; the oldest has waited {age(moment, now)}" if moment else ""


def _counts(counts: Any) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def _room(disk: Disk | None) -> str:
    return f"{disk.free / 1e9:,.1f} GB of {disk.total / 1e9:,.1f} GB free" if disk else "not there"
