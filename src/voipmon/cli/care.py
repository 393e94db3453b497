"""The commands that help an admin see what voipmon sees: `check-config`, `subject`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voipmon import wiring
from voipmon.access.limits import check_limits
from voipmon.cli.root import Session
from voipmon.cli.show import json_text, plain
from voipmon.clock import system_clock
from voipmon.domain.ask import Ask
from voipmon.domain.problem import RefusedError
from voipmon.errors import ConfigError, ExitCode
from voipmon.mail.sentences import sentences
from voipmon.mail.subject import Help, read_subject

if TYPE_CHECKING:
    from voipmon.access.rights import Tenant

MOMENTS = [
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
]


@click.command("check-config")
@click.option("--migrate", type=click.Path(path_type=Path), metavar="OLD", help="Print an old KEY=VALUE file as TOML.")
@click.pass_obj
def check_config(session: Session, migrate: Path | None) -> ExitCode:
    """Print every problem of the configuration at once, each with its key."""
    from voipmon.config.sources import migrate as as_toml

    try:
        if migrate is not None:
            click.echo(as_toml(migrate), nl=False)
        else:
            _show(session)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(plain(problem))
        return ExitCode.BAD_PARAMETERS
    return ExitCode.SUCCESS


def _show(session: Session) -> None:
    """Print that the configuration is good, and who its tenants are; raise ConfigError where a code cannot be read."""
    config = session.config
    wiring.read_codes(config, session.environ)
    click.echo(f"{session.path}: good, mode {config.mode}")
    for tenant in sorted(wiring.rights(config).tenants, key=lambda tenant: tenant.name):
        click.echo(_line(tenant))


def _line(tenant: "Tenant") -> str:
    facts = [
        f"senders {', '.join(sorted(tenant.senders))}",
        f"extensions {len(tenant.share.extensions)}",
        f"servers {', '.join(sorted(tenant.share.servers)) or 'all'}",
    ]
    facts += ["with a code"] if tenant.needs_code else []
    facts += [] if tenant.recordings else ["no recordings"]
    return f"tenant {tenant.name}: {'; '.join(facts)}"


@click.command()
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--at", metavar="TIME", type=click.DateTime(MOMENTS), help="When the mail arrived, in the configured zone; now."
)
@click.pass_obj
def subject(session: Session, text: str, as_json: bool, at: datetime | None) -> ExitCode:  # noqa: FBT001
    """Show how a subject is read, or each problem with it."""
    config = session.config
    arrived = at.replace(tzinfo=config.timezone) if at else system_clock()
    problems: list[str] = []
    reading: Ask | Help | None = None
    try:
        reading = read_subject(text, arrived, config.timezone)
        if isinstance(reading, Ask):
            check_limits(reading, wiring.limits(config))
    except RefusedError as error:
        problems = sentences(error.problems, config.language)
    facts = _facts(reading)
    if as_json:
        click.echo(json_text({**facts, "problems": problems}))
    else:
        click.echo("\n".join([f"{key}: {_shown(value)}" for key, value in facts.items()] + problems))
    return ExitCode.BAD_PARAMETERS if problems else ExitCode.SUCCESS


def _facts(reading: Ask | Help | None) -> dict[str, Any]:
    match reading:
        case None:
            return {}
        case Help():
            return {"guide": True}
        case Ask():
            facts = {
                "ramais": [str(extension) for extension in reading.extensions] or None,
                "numero": reading.number and reading.number.digits,
                "inicio": reading.period.first.isoformat(),
                "fim": reading.period.last.isoformat(),
                "servidor": reading.server,
                "motivo": reading.reason,
            }
            return {key: value for key, value in facts.items() if value is not None}


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
