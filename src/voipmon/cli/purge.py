"""`purge`: brings to its end what is over, old or left by a crash."""

import json
from dataclasses import asdict

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.show import size, table
from voipmon.errors import ExitCode
from voipmon.retention import Amount

_WORDS = {
    "publications": "publications whose time is over",
    "archived": "requests to the archive",
    "requests_deleted": "requests out of the archive",
    "letters_deleted": "letters that were sent or refused",
    "verdicts_deleted": "verdicts on mails (rows)",
    "audit_deleted": "months of the audit trail",
    "left_over": "what crashes left, and what is only remembered",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def purge(session: Session, dry_run: bool, as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Bring to its end what is over, old or left by a crash, as `process-queue` does once a day."""
    from voipmon.commands.tidy import tidy

    with session.at_work() as config:
        done = tidy(wiring.ending(config), dry_run=dry_run)
    if as_json:
        click.echo(
            json.dumps({"dry_run": dry_run, **{name: asdict(amount) for name, amount in done.items()}}, indent=2)
        )
    else:
        rows = [(_WORDS[name], str(amount.files), size(amount.size)) for name, amount in done.items()]
        total = sum(done.values(), Amount())
        heads = ("WOULD GO" if dry_run else "GONE", "FILES", "SIZE")
        click.echo(table(heads, [*rows, ("together", str(total.files), size(total.size))]))
    return ExitCode.SUCCESS
