"""`queue`: look at and mend the queue."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import click

from voipmon import wiring
from voipmon.access.rights import check_ask, names_of
from voipmon.cli.root import Session
from voipmon.cli.show import age, json_text, table
from voipmon.clock import stamp, system_clock
from voipmon.domain.request import Request, mail_key, read_address, request_id
from voipmon.domain.wording import read_ask
from voipmon.errors import ExitCode, ParameterError
from voipmon.queue.admin import QueueAdmin
from voipmon.queue.port import Entry, State
from voipmon.settings import read_duration

_COLORS = {State.PENDING: "yellow", State.PROCESSING: "cyan", State.COMPLETED: "green", State.FAILED: "red"}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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
@_json
@click.pass_obj
def list_(session: Session, state: str | None, as_json: bool) -> ExitCode:  # noqa: FBT001
    """List the requests, of each state the oldest first."""
    with session.at_work() as config:
        admin = wiring.queue_admin(config)
        entries = list(admin.listing(State(state) if state else None))
        in_failed = admin.depths()[State.FAILED] if state in (None, State.FAILED) else 0
    if as_json:
        _print_json([_shape(entry) for entry in entries])
        return ExitCode.SUCCESS
    rows = _rows(entries, system_clock())
    click.echo(table(("STATE", "REQUEST", "AGE", "ATTEMPTS", "NEXT"), rows) if rows else "the queue is empty")
    if aside := in_failed - sum(entry.state is State.FAILED for entry in entries):
        click.echo(f"set aside: {aside}, each with the reason beside it: {config.queue.dir}/failed/*.error.txt")
    return ExitCode.SUCCESS


def _rows(entries: Iterable[Entry], now: datetime) -> list[tuple[str, ...]]:
    return [
        (
            click.style(entry.state.value, fg=_COLORS[entry.state]),
            entry.request_id,
            age(entry.created_at, now),
            str(entry.attempts),
            f"in {age(now, entry.not_before)}" if entry.not_before and entry.not_before > now else "",
        )
        for entry in entries
    ]


@queue.command()
@click.argument("request_id", metavar="ID")
@_json
@click.pass_obj
def show(session: Session, request_id: str, as_json: bool) -> ExitCode:  # noqa: FBT001
    """Print where a request is, and its file."""
    with session.at_work() as config:
        state, document = wiring.queue_admin(config).show(request_id)
    if as_json:
        _print_json({"request_id": request_id, "state": state, "document": document})
    else:
        click.echo(f"{state}/{request_id}.json", err=True)
        _print_json(document)
    return ExitCode.SUCCESS


@queue.command()
@click.option("--ramais", metavar="LIST", help="Extensions: 1121,1122 or 1121-1130.")
@click.option("--numero", metavar="NUMBER", help="The other party's number; alone, of any extension.")
@click.option("--inicio", metavar="MOMENT", required=True, help="From when: 'DD/MM/YYYY HH:MM'.")
@click.option("--fim", metavar="MOMENT", help="Until when, included; without it: now.")
@click.option("--email", metavar="ADDR", required=True, help="Who asks and gets the mail; allowed by [access].")
@click.option("--servidor", metavar="NAME", help="Only calls of this exchange.")
@click.option("--modo", metavar="MODE", help="Accepted for the old scripts; changes nothing.", expose_value=False)
@_json
@click.pass_obj
def add(session: Session, /, *, email: str, as_json: bool, **wish: str | None) -> ExitCode:
    """Put a request in the queue, and print its id."""
    parameters = {name: value for name, value in wish.items() if value is not None}
    recipient, now = read_address(email), system_clock()
    with session.at_work() as config:
        rights = wiring.rights(config)
        if not rights.allows(recipient):
            raise ParameterError(f"{recipient} is not allowed by [access]: its request would be refused")
        ask, grant = read_ask(parameters, now, config.timezone), rights.grant(recipient)
        check_ask(ask, grant, grant.limits(wiring.limits(config)))
        request = Request(
            id=request_id(now, mail_key(*parameters.values(), recipient, now.isoformat())),
            requester=recipient,
            recipient=recipient,
            parameters=parameters,
            created_at=now,
            tenant=names_of(grant.tenants_of(ask)),
        )
        wiring.queue(config).enqueue(request)
    _tell({"request_id": request.id}, request.id, as_json=as_json)
    return ExitCode.SUCCESS


@queue.command()
@click.argument("request_ids", metavar="ID...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed.")
@_json
@click.pass_obj
def retry(session: Session, /, *, request_ids: tuple[str, ...], failed: bool, as_json: bool) -> ExitCode:
    """Have requests answered again, from attempt 1, with mails of their own."""
    if not request_ids and not failed:
        raise click.UsageError("name the requests, or give --failed")
    with session.at_work() as config:
        admin = wiring.queue_admin(config)
        wanted = [entry.request_id for entry in admin.listing(State.FAILED)] if failed else []
        names = _known([*request_ids, *wanted], admin)
        for name in names:
            admin.retry(name, system_clock())
            if not as_json:
                click.echo(f"{name} is waiting again")
    if as_json:
        _print_json({"request_ids": names})
    return ExitCode.SUCCESS


@queue.command()
@click.argument("request_ids", metavar="ID...", nargs=-1, required=True)
@_json
@click.pass_obj
def cancel(session: Session, request_ids: tuple[str, ...], as_json: bool) -> ExitCode:  # noqa: FBT001
    """Take waiting requests out of the queue, into failed/."""
    with session.at_work() as config:
        admin = wiring.queue_admin(config)
        names = _known(request_ids, admin)
        for name in names:
            admin.cancel(name, system_clock())
            if not as_json:
                click.echo(f"{name} is cancelled")
    if as_json:
        _print_json({"request_ids": names})
    return ExitCode.SUCCESS


@queue.command()
@_json
@click.pass_obj
def recover(session: Session, as_json: bool) -> ExitCode:  # noqa: FBT001
    """Take up now what dead workers left, as each pass does."""
    with session.at_work() as config:
        recovered = wiring.queue_admin(config).recover(system_clock())
    _tell({"recovered": recovered}, f"taken up: {recovered}", as_json=as_json)
    return ExitCode.SUCCESS


@queue.command()
@click.option("--older-than", callback=_read_age, required=True, metavar="AGE", help="What ended longer ago: 30d, 12h.")
@_json
@click.pass_obj
def purge(session: Session, older_than: timedelta, as_json: bool) -> ExitCode:  # noqa: FBT001
    """Delete the files of requests that ended long ago, in the archive too."""
    with session.at_work() as config:
        removed = wiring.queue_admin(config).purge(older_than, system_clock())
    _tell({"deleted": removed}, f"files deleted: {removed}", as_json=as_json)
    return ExitCode.SUCCESS


def _known(request_ids: Iterable[str], admin: QueueAdmin) -> list[str]:
    """Return each once; one that nobody knows is an error before anything is done to the others."""
    names = list(dict.fromkeys(request_ids))
    for name in names:
        admin.show(name)
    return names


def _tell(facts: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(facts)
    else:
        click.echo(sentence)


def _print_json(facts: object) -> None:
    click.echo(json_text(facts))


def _shape(entry: Entry) -> dict[str, object]:
    return {
        "request_id": entry.request_id,
        "type": entry.kind,
        "state": entry.state.value,
        "created_at": stamp(entry.created_at) if entry.created_at else None,
        "attempts": entry.attempts,
        "not_before": stamp(entry.not_before) if entry.not_before else None,
    }
