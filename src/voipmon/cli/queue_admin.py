"""`queue`: look at and mend the queue."""

import json
from datetime import timedelta

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.show import age, table
from voipmon.clock import stamp, system_clock
from voipmon.domain.request import Request, mail_key, read_address, request_id
from voipmon.domain.wording import read_ask
from voipmon.errors import ExitCode, ParameterError
from voipmon.queue.port import Entry, State
from voipmon.settings import read_duration

_COLORS = {State.PENDING: "yellow", State.PROCESSING: "cyan", State.COMPLETED: "green", State.FAILED: "red"}


def _read_age(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group()
def queue() -> None:
    """Look at and mend the queue."""


@queue.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only those.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(session: Session, state: str | None, as_json: bool) -> ExitCode:  # noqa: FBT001
    """List the requests, of each state the oldest first."""
    with session.at_work() as config:
        entries = list(wiring.queue_admin(config).listing(State(state) if state else None))
    if as_json:
        click.echo(json.dumps([_shape(entry) for entry in entries], indent=2))
    else:
        now = system_clock()
        rows = [
            (
                click.style(entry.state.value, fg=_COLORS[entry.state]),
                entry.request_id,
                age(entry.created_at, now),
                str(entry.attempts),
                f"in {age(now, entry.not_before)}" if entry.not_before and entry.not_before > now else "",
            )
            for entry in entries
        ]
        click.echo(table(("STATE", "REQUEST", "AGE", "ATTEMPTS", "NEXT"), rows) if rows else "the queue is empty")
    return ExitCode.SUCCESS


@queue.command()
@click.argument("request_id", metavar="ID")
@click.pass_obj
def show(session: Session, request_id: str) -> ExitCode:
    """Print where a request is, and its file."""
    with session.at_work() as config:
        state, document = wiring.queue_admin(config).show(request_id)
    click.echo(f"{state}/{request_id}.json", err=True)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    return ExitCode.SUCCESS


@queue.command()
@click.option("--ramais", metavar="LIST", required=True, help="Extensions: 1121,1122 or 1121-1130.")
@click.option("--inicio", metavar="MOMENT", required=True, help="From when: 'DD/MM/YYYY HH:MM'.")
@click.option("--fim", metavar="MOMENT", help="Until when, included; without it: now.")
@click.option("--email", metavar="ADDR", required=True, help="Who asks and gets the mail; allowed by [access].")
@click.option("--servidor", metavar="NAME", help="Only calls of this exchange.")
@click.pass_obj
def add(session: Session, /, email: str, **wish: str | None) -> ExitCode:
    """Put a request in the queue, and print its id."""
    parameters = {name: value for name, value in wish.items() if value is not None}
    recipient, now = read_address(email), system_clock()
    with session.at_work() as config:
        if not wiring.rights(config).allows(recipient):
            raise ParameterError(f"{recipient} is not allowed by [access]: its request would be refused")
        read_ask(parameters, now, config.timezone)
        request = Request(
            id=request_id(now, mail_key(*parameters.values(), recipient, now.isoformat())),
            requester=recipient,
            recipient=recipient,
            parameters=parameters,
            created_at=now,
        )
        wiring.queue(config).enqueue(request)
    click.echo(request.id)
    return ExitCode.SUCCESS


@queue.command()
@click.argument("request_ids", metavar="ID...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed.")
@click.pass_obj
def retry(session: Session, request_ids: tuple[str, ...], failed: bool) -> ExitCode:  # noqa: FBT001
    """Have requests answered again, from attempt 1, with mails of their own."""
    if not request_ids and not failed:
        raise click.UsageError("name the requests, or give --failed")
    with session.at_work() as config:
        admin = wiring.queue_admin(config)
        wanted = [entry.request_id for entry in admin.listing(State.FAILED)] if failed else []
        for name in dict.fromkeys([*request_ids, *wanted]):
            admin.retry(name, system_clock())
            click.echo(f"{name} is waiting again")
    return ExitCode.SUCCESS


@queue.command()
@click.argument("request_id", metavar="ID")
@click.pass_obj
def cancel(session: Session, request_id: str) -> ExitCode:
    """Take a waiting request out of the queue, into failed/."""
    with session.at_work() as config:
        wiring.queue_admin(config).cancel(request_id, system_clock())
    click.echo(f"{request_id} is cancelled")
    return ExitCode.SUCCESS


@queue.command()
@click.pass_obj
def recover(session: Session) -> ExitCode:
    """Take up now what dead workers left, as each pass does."""
    with session.at_work() as config:
        recovered = wiring.queue_admin(config).recover(system_clock())
    click.echo(f"taken up: {recovered}")
    return ExitCode.SUCCESS


@queue.command()
@click.option("--older-than", callback=_read_age, required=True, metavar="AGE", help="What ended longer ago: 30d, 12h.")
@click.pass_obj
def purge(session: Session, older_than: timedelta) -> ExitCode:
    """Delete the files of requests that ended long ago, in the archive too."""
    with session.at_work() as config:
        removed = wiring.queue_admin(config).purge(older_than, system_clock())
    click.echo(f"files deleted: {removed}")
    return ExitCode.SUCCESS


def _shape(entry: Entry) -> dict[str, object]:
    return {
        "request_id": entry.request_id,
        "type": entry.kind,
        "state": entry.state.value,
        "created_at": stamp(entry.created_at) if entry.created_at else None,
        "attempts": entry.attempts,
        "not_before": stamp(entry.not_before) if entry.not_before else None,
    }
