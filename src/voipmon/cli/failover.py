"""`failover`: which of several hosts reads the mailbox."""

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.errors import ExitCode, ParameterError


@click.group()
def failover() -> None:
    """Say which of several hosts reads the mailbox."""


@failover.command()
@click.pass_obj
def take(session: Session) -> ExitCode:
    """Let this host lead from now on; the one that leads becomes a slave before its next mark."""
    from voipmon.commands.failover import take_lead

    config = session.config
    if not config.failover.peers:
        raise ParameterError("failover.peers is not set: mode alone decides who reads the mailbox")
    if (reason := wiring.why_no_mail(config)) is not None:
        raise ParameterError(f"{reason}: it may not read the mailbox")
    with session.at_work(), wiring.imap_connection(config, session.environ) as server:
        before = take_lead(wiring.lead(config, server), config.instance)
    if before.leader == config.instance:
        click.echo(f"{config.instance} leads already, in epoch {before.epoch}")
    else:
        click.echo(f"{config.instance} leads now, in epoch {before.epoch + 1}; before: {before.leader or 'nobody'}")
    return ExitCode.SUCCESS
