"""`publication`: what can be fetched, and how it is called back."""

import json

import click

from voipmon import user, wiring
from voipmon.cli.root import Session
from voipmon.cli.show import age, plain, size, table
from voipmon.clock import stamp, system_clock
from voipmon.errors import ExitCode, ParameterError

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def publication() -> None:
    """Show what can be fetched, and call it back."""


@publication.command("list")
@_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """List the publications, the next to end first; never their links."""
    from voipmon.delivery.records import key_of

    with session.at_work() as config:
        records = wiring.publications(config)
    if as_json:
        shapes = [
            {
                "publication": key_of(record.token),
                "request_id": record.request_id,
                "expires_at": stamp(record.expires_at),
                "recordings": record.recordings,
                "bytes": record.recordings_size,
                "zip_bytes": record.size,
            }
            for record in records
        ]
        click.echo(json.dumps(shapes, indent=2))
        return ExitCode.SUCCESS
    now = system_clock()
    rows = [
        (
            key_of(record.token),
            record.request_id,
            f"in {age(now, record.expires_at)}" if record.expires_at > now else "with the next pass",
            str(record.recordings),
            size(record.recordings_size + record.size),
        )
        for record in records
    ]
    heads = ("PUBLICATION", "REQUEST", "ENDS", "RECORDINGS", "SIZE")
    click.echo(table(heads, rows) if rows else "nothing is published")
    return ExitCode.SUCCESS


@publication.command()
@click.argument("identities", metavar="ID...", nargs=-1, required=True)
@_json
@click.pass_obj
def revoke(session: Session, identities: tuple[str, ...], as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Call publications back: their links answer no more; ID is a publication's or its request's."""
    revoked: list[str] = []
    unknown: list[str] = []
    with session.at_work() as config:
        for identity in dict.fromkeys(identities):
            request_id = wiring.revoke(config, identity, user.at_keyboard(session.environ))
            if request_id is None:
                unknown.append(identity)
                continue
            revoked.append(request_id)
            if not as_json:
                click.echo(f"the publication of {request_id} is gone, its links answer no more")
    if as_json:
        click.echo(json.dumps({"revoked": revoked, "unknown": unknown}, indent=2))
    if unknown:
        names = ", ".join(map(plain, unknown))
        raise ParameterError(f"nothing is published under {names}: 'voipmon publication list' shows what is")
    return ExitCode.SUCCESS
