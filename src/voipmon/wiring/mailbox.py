"""The mailbox, who leads on it, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from voipmon import user
from voipmon.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voipmon.config.model import Config
    from voipmon.mail.imap_connection import ImapConnection
    from voipmon.mail.imap_idle import ImapArrivals
    from voipmon.mail.inbox import Inbox
    from voipmon.mail.lead import Lead, Leadership
    from voipmon.mail.ledger import Ledger
    from voipmon.mail.noted import Noted
    from voipmon.mail.settings import Server


MAIL_READ = "mail-read"
"""The file in the state folder whose time tells when the mailbox was last read to its good end."""

LEDGER = "ledger.sqlite3"
"""The file in the state folder that has the verdicts."""

_NOTED = "mailbox.json"
"""The file in the state folder that has what the last pass learned of the mailbox."""


def inbox(config: Config, environ: Mapping[str, str], server: ImapConnection | None = None) -> Inbox:
    """Return the mailbox that requests come to, on the connection *server* or on one of its own."""
    from voipmon.mail.imap import ImapInbox

    return ImapInbox(
        server=server or imap_connection(config, environ), folder=config.imap.folder, instance=config.instance
    )


def imap_connection(config: Config, environ: Mapping[str, str]) -> ImapConnection:
    """Return the way to the server of the mailbox, not open yet."""
    from voipmon.config.secrets import secret_of
    from voipmon.mail.imap_connection import ImapConnection

    imap = config.imap
    with user.starter():
        password = secret_of(imap, "imap", environ)
    return ImapConnection(
        host=imap.host,
        port=imap.port,
        security=imap.security,
        user=imap.user,
        password=password,
        token=token(imap, "imap"),
        timeout=imap.timeout,
        ca_file=imap.ca_file,
    )


def why_no_mail(config: Config) -> str | None:
    """Return why this host never reads the mailbox; None: it does, at least while it leads."""
    peers = config.failover.peers
    if peers:
        return None if config.instance in peers else f"failover.peers does not name this host, {config.instance!r}"
    return None if config.mode == "master" else "mode is slave"


def arrivals(wake: int) -> ImapArrivals:
    """Return who tells when mail comes, or at once when *wake* can be read."""
    from voipmon.mail.imap_idle import ImapArrivals

    return ImapArrivals(wake)


def lead(config: Config, server: ImapConnection) -> Lead:
    """Return the lead of the mailbox, as this host sees it."""
    from voipmon.mail.imap_lead import ImapLead

    return ImapLead(server, config.instance, beat_every=config.failover.take_over_after / 4)


def token(server: Server, section: str) -> Callable[[], str] | None:
    """Return what gives the token of that server's section; None where it wants a password."""
    from voipmon.mail.token import token_of

    if server.auth == "password" or server.token_command is None:
        return None
    return partial(token_of, section, server.token_command, server.timeout)


def ledger(config: Config) -> Ledger:
    """Return what was decided of each mail."""
    from voipmon.mail.ledger import Ledger

    return Ledger(config.state_dir / LEDGER)


def note_claim(config: Config, mailbox: Inbox) -> None:
    """Remember what keeps a second host from a mail, for `status`."""
    from voipmon.mail.noted import note

    path = config.state_dir / _NOTED
    note(path, replace(noted(config), claim=mailbox.claim))


def note_lead(config: Config, leadership: Leadership) -> None:
    """Remember who leads, for `status`."""
    from voipmon.mail.noted import note

    path = config.state_dir / _NOTED
    note(path, replace(noted(config), leadership=leadership, led_at=system_clock()))


def noted(config: Config) -> Noted:
    """Return what the last pass of `monitor` learned of the mailbox; asks no server."""
    from voipmon.mail.noted import read_noted

    return read_noted(config.state_dir / _NOTED)


def mail_was_read(config: Config) -> None:
    """Remember that a pass over the mailbox has come to its good end."""
    (config.state_dir / MAIL_READ).touch()
