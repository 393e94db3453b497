"""`audit`: what was given to whom and opened from where, and whether the account of it is whole."""

import csv
import json
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voipmon import wiring
from voipmon.cli.care import MOMENTS
from voipmon.cli.root import Session
from voipmon.cli.show import plain, table
from voipmon.errors import ExitCode
from voipmon.prose import cell

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from voipmon.commands.audit_report import Opening, Row

_COLUMNS = (
    "at", "event", "tenant", "request", "who", "to", "call", "origin", "destination", "file", "bytes", "sha256",
    "opened", "detail",
)  # fmt: skip

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def audit() -> None:
    """Tell what was given to whom, and whether the account of it is whole."""


@audit.command()
@_json
@click.pass_obj
def verify(session: Session, as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Find what was changed in the trail, taken out, put in or moved; ends with 0 or 3."""
    from voipmon.audit.verify import verify as verify_trail

    with session.at_work() as config:
        trail = wiring.audit(config)
        with trail.at_rest():
            found = verify_trail(trail.folder)
    if as_json:
        shape = {"whole": not found.damages, "lines": found.lines, "months": found.months}
        shape |= {"damages": [asdict(damage) for damage in found.damages], "notes": found.notes}
        click.echo(json.dumps(shape, indent=2))
    else:
        what = click.style("whole", fg="green") if not found.damages else click.style("NOT WHOLE", fg="red", bold=True)
        click.echo(f"{trail.folder}: {what}, {found.lines} lines, months: {len(found.months)}")
        for told in (*found.damages, *found.notes):
            click.echo(str(told))
    return ExitCode.PROCESSING_ERROR if found.damages else ExitCode.SUCCESS


@audit.command()
@click.option("--tenant", metavar="NAME", help="Only what is of that tenant.")
@click.option("--extension", metavar="N", help="Only calls of that extension, and requests for it.")
@click.option("--from", "first", type=click.DateTime(MOMENTS), metavar="TIME", help="Given or opened from then on.")
@click.option("--to", "last", type=click.DateTime(MOMENTS), metavar="TIME", help="Until then; a day alone: its end.")
@click.option("--format", "how", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_obj
def show(
    session: Session, tenant: str | None, extension: str | None, first: datetime | None, last: datetime | None, how: str
) -> ExitCode:
    """Show which files, whose, of when, were given to whom and opened from where."""
    from voipmon.commands.audit_report import Question, report

    with session.at_work() as config:
        zone = config.timezone
        question = Question(tenant, extension, _aware(first, zone), _aware(_end(last), zone))
        rows = report(wiring.audit(config).lines(), question)
    match how:
        case "json":
            click.echo(json.dumps([_facts(row) for row in rows], indent=2))
        case "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(_COLUMNS)
            writer.writerows([[_cell(getattr(row, name)) for name in _COLUMNS] for row in rows])
        case _:
            click.echo(
                _table(rows, zone)
                if rows
                else "nothing in the trail matches: look at the name, the extension and the times"
            )
    return ExitCode.SUCCESS


@audit.command("import-access-log")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_json
@click.pass_obj
def import_access_log(session: Session, files: tuple[Path, ...], as_json: bool) -> ExitCode:  # noqa: FBT001
    """Take the openings of links from access logs of Apache or nginx; the same log again adds nothing."""
    from voipmon.commands.openings import import_access_logs

    with session.at_work() as config:
        imported = import_access_logs(files, wiring.audit(config, months=None))
    if as_json:
        click.echo(json.dumps(asdict(imported)))
    else:
        click.echo(f"openings that are new: {imported.openings}; files fetched by these logs: {imported.hits}")
    return ExitCode.SUCCESS


def _aware(moment: datetime | None, zone: "ZoneInfo") -> datetime | None:
    return moment.replace(tzinfo=zone) if moment else None


def _end(moment: datetime | None) -> datetime | None:
    """Return the last second of what was written: a day alone means all of it."""
    if moment is None or moment.hour or moment.minute or moment.second:
        return moment
    return moment + timedelta(days=1, seconds=-1)


def _facts(row: "Row") -> dict[str, object]:
    return {name: fact for name, fact in asdict(row).items() if fact not in ("", None)}


def _cell(value: object) -> str:
    """Return what stands in a cell; no spreadsheet takes what strangers wrote for a formula, wherever it ends cells."""
    if value is None:
        return ""
    text = "; ".join(map(_opening, value)) if isinstance(value, list) else plain(str(value))
    return cell(text)


def _opening(opening: "Opening") -> str:
    return plain(f"{opening.at} {opening.address} {opening.item} {opening.agent}".rstrip())


def _table(rows: list["Row"], zone: "ZoneInfo") -> str:
    def when(moment: str) -> str:
        return f"{datetime.fromisoformat(moment).astimezone(zone):%d/%m/%Y %H:%M}" if moment else ""

    def line(row: "Row") -> tuple[str, ...]:
        call = f"{when(row.call)} {row.origin} → {row.destination}" if row.call else row.detail
        opened = ", ".join(dict.fromkeys(opening.address for opening in row.opened))
        return tuple(map(plain, (when(row.at), row.event, row.tenant, row.to or row.who, call, opened)))

    return table(("WHEN", "EVENT", "TENANT", "WHO", "WHAT", "OPENED FROM"), [line(row) for row in rows])
