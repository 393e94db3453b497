"""The commands that the timers start, and `init`."""

import logging
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import click

from voipmon import wiring
from voipmon.cli.progress import shown
from voipmon.cli.root import Session
from voipmon.clock import system_clock
from voipmon.errors import ExitCode, LeadLostError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from voipmon.commands.decide import Intake
    from voipmon.commands.monitor import Tally
    from voipmon.config.model import Config
    from voipmon.mail.imap_connection import ImapConnection
    from voipmon.mail.lead import Lead

_log = logging.getLogger(__name__)


def _stop_on_sigterm() -> Callable[[], bool]:
    """From now on SIGTERM asks for an end between two steps instead of an end at once."""
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    return lambda: asked


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and make a pass whenever mail comes, until SIGTERM.")
@click.pass_obj
def monitor(session: Session, *, watch: bool) -> ExitCode:
    """Read new mail, answer it, and put requests in the queue (in master mode, or where this host leads)."""
    config = session.config
    if (reason := wiring.why_no_mail(config)) is not None:
        return _leave_mail_alone(session, f"{reason}: this host only works the queue")
    if watch:
        from voipmon.cli.watch import watch as stay

        with session.at_work():
            _note_unverified(config)
            return stay(session)
    with session.at_work(), wiring.only_one(config, "monitor") as alone:
        if not alone:
            _log.info("monitor_busy", extra={"reason": "another monitor is at work on this state_dir"})
            return ExitCode.SUCCESS
        _note_unverified(config)
        tally = make_pass(session, partial(wiring.imap_connection, config, session.environ), None)
    return ExitCode.PROCESSING_ERROR if tally is not None and tally.failed else ExitCode.SUCCESS


def _leave_mail_alone(session: Session, reason: str) -> ExitCode:
    from voipmon.cli.supervisor import Supervisor

    _log.info("mail_not_read", extra={"reason": reason})
    Supervisor(session.environ).ready(reason)  # or systemd takes the end for a start that failed
    return ExitCode.SUCCESS


def _note_unverified(config: "Config") -> None:
    if config.access.verify_sender == "off":
        _log.warning("sender_not_verified", extra={"reason": "access.verify_sender is off: anybody can forge a sender"})


Connect = Callable[[], "AbstractContextManager[ImapConnection]"]
"""Gives the connection to the mailbox for one pass, open."""


def make_pass(session: Session, connect: Connect, stop: Callable[[], bool] | None) -> "Tally | None":
    """Read the mailbox if this host does (else return None), and send what is in the outbox.

    The pass ends early, and well, once *stop* says so; without one, once SIGTERM has come while mail is taken in.
    """
    from voipmon.commands.digest import report_silence

    config = session.config
    with (
        closing(wiring.ledger(config)) as ledger,
        closing(wiring.postman(config, session.environ, stop)) as postman,
    ):
        intake = wiring.intake(config, ledger, session.environ)
        try:
            with connect() as server:
                read = _lead_or_watch if config.failover.peers else _read_mail
                tally = read(session, intake, server, stop)
            report_silence(ledger, intake.outbox, intake.writer, config.admin, intake.clock())
        finally:
            postman.send_letters()
    if tally is not None:
        _log.info("monitor_done", extra={kind.value: number for kind, number in tally.verdicts.items()})
    return tally


def _read_mail(
    session: Session,
    intake: "Intake",
    server: "ImapConnection",
    stop: Callable[[], bool] | None,
    lead: "Lead | None" = None,
) -> "Tally":
    from voipmon.commands.monitor import monitor as take_in

    config = session.config
    with wiring.inbox(config, session.environ, server) as inbox:
        wiring.note_claim(config, inbox)
        tally = take_in(inbox, intake, stop or _stop_on_sigterm(), lead)
    if lead is not None:
        lead.beat()
    wiring.mail_was_read(config)
    return tally


def _lead_or_watch(
    session: Session, intake: "Intake", server: "ImapConnection", stop: Callable[[], bool] | None
) -> "Tally | None":
    """Read the mail if this host leads; return None if another does."""
    from voipmon.commands.failover import find_part, watch

    config = session.config
    lead = wiring.lead(config, server)
    seen = find_part(lead, config.instance, config.mode, config.failover.take_over_after)
    wiring.note_lead(config, seen)
    inbox = wiring.inbox(config, session.environ, server)
    if seen.was_read:
        intake.ledger.remember_mailbox(inbox.name, system_clock())
    if seen.leader != config.instance:
        watch(inbox, intake, seen)
        return None
    try:
        tally = _read_mail(session, intake, server, stop, lead)
    except LeadLostError as error:
        _log.warning("lead_lost", extra={"reason": str(error)})
        return None
    wiring.note_lead(config, replace(seen, heartbeat=system_clock(), was_read=True))
    return tally


@click.command("process-queue")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take at most N requests.")
@click.pass_obj
def process_queue(session: Session, limit: int | None) -> ExitCode:
    """Answer the waiting requests, oldest first, until none is due."""
    from voipmon.commands.rest import nothing_to_do

    config = session.config
    if nothing_to_do(config.queue.dir, config.state_dir, config.publish.dir, system_clock()):
        _log.info("process_queue_done", extra={"requests": 0})
        return ExitCode.SUCCESS
    from voipmon.commands.process_queue import process_queue as process

    with session.at_work(), closing(wiring.postman(config, session.environ)) as postman, shown() as progress:
        taken = process(wiring.work(config, postman, _stop_on_sigterm()), progress, limit=limit)
        wiring.tidy(config)
    _log.info("process_queue_done", extra={"requests": taken})
    return ExitCode.SUCCESS


@click.command()
@click.pass_obj
def init(session: Session) -> ExitCode:
    """Mark the mail that is there now as done, and make the folders: the first run on a mailbox with history."""
    from voipmon.commands.monitor import mark_history

    config = session.config
    with session.at_work():
        wiring.make_folders(config)
    if (reason := wiring.why_no_mail(config)) is not None:
        click.echo(f"{config.queue.dir} is ready; {reason}: no mail is read here, there is nothing to mark")
        return ExitCode.SUCCESS
    with session.at_work(), wiring.only_one(config, "monitor") as alone:
        if not alone:
            raise click.ClickException("another monitor is at work on this state_dir: try again when it has ended")
        if config.failover.peers and (reason := _why_not_ours(session)) is not None:
            click.echo(f"{config.queue.dir} is ready; {reason}: nothing is marked here")
            return ExitCode.SUCCESS
        with closing(wiring.ledger(config)) as ledger, wiring.inbox(config, session.environ) as inbox:
            marked = mark_history(inbox, ledger, system_clock)
    click.echo(f"{inbox.name}: what was there is marked as done ({marked}); what comes from now on is answered")
    return ExitCode.SUCCESS


def _why_not_ours(session: Session) -> str | None:
    """Return why the mail that waits is another host's, or None: what is marked by one that does not lead is lost."""
    config = session.config
    with wiring.imap_connection(config, session.environ) as server:
        leader = wiring.lead(config, server).look().leader
    if leader is None and config.mode == "slave":
        return "nobody leads yet, and mode is slave: run it on the master, or 'voipmon failover take' first"
    if leader not in (None, config.instance):
        return f"{leader} leads and reads the mailbox: run it there"
    return None
