"""From the configuration to the backends: the only file that names them all. Each is imported where it is chosen."""

from __future__ import annotations

import fcntl
import os
import random
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from voipmon import user
from voipmon.clock import system_clock
from voipmon.errors import ProcessingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from voipmon.access.limits import Limits
    from voipmon.access.rights import Rights, Tenant
    from voipmon.access.settings import Tenant as TenantSettings
    from voipmon.audit.trail import Trail
    from voipmon.commands.decide import Intake
    from voipmon.commands.doctor import Check
    from voipmon.commands.process_queue import Work
    from voipmon.commands.select_audios import Desk
    from voipmon.commands.send_letters import Postman
    from voipmon.commands.status import Disk, Facts
    from voipmon.commands.tidy import Kind
    from voipmon.config.model import Config
    from voipmon.delivery.local import LocalPublisher
    from voipmon.delivery.records import Record
    from voipmon.mail.facts import Facts as LetterFacts
    from voipmon.mail.facts import Thread
    from voipmon.mail.imap_connection import ImapConnection
    from voipmon.mail.imap_idle import ImapArrivals
    from voipmon.mail.inbox import Inbox
    from voipmon.mail.lead import Lead, Leadership
    from voipmon.mail.ledger import Ledger
    from voipmon.mail.noted import Noted
    from voipmon.mail.outbox import Letter
    from voipmon.mail.settings import Server
    from voipmon.mail.smtp import SmtpTransport
    from voipmon.mail.spool import SpoolOutbox
    from voipmon.queue.admin import QueueAdmin
    from voipmon.queue.port import Queue
    from voipmon.recordings.catalogue import Catalogue

_MAIL_READ = "mail-read"
"""The file in the state folder whose time tells when the mailbox was last read to its good end."""

_LEDGER = "ledger.sqlite3"
"""The file in the state folder that has the verdicts."""

_LEFT = (".try-*", ".*.tmp")
"""What a crash may leave of a file that was to be written, or tried."""

_NOTED = "mailbox.json"
"""The file in the state folder that has what the last pass learned of the mailbox."""


def limits(config: Config) -> Limits:
    """Return what one request may ask for."""
    from voipmon.access.limits import Limits

    return Limits(
        max_extensions=config.limits.max_extensions,
        max_days=config.limits.max_days,
        max_recordings=config.limits.max_recordings,
        max_bytes=config.limits.max_bytes,
        requests_per_sender_per_hour=config.limits.requests_per_sender_per_hour,
    )


def rights(config: Config) -> Rights:
    """Return whose requests are taken."""
    from voipmon.access.rights import rights_of

    tenants = [_tenant(tenant, config) for tenant in config.tenants]
    return rights_of(config.access.whitelist, config.access.staff, tenants=tenants)


def _tenant(tenant: TenantSettings, config: Config) -> Tenant:
    from voipmon.access.rights import Tenant
    from voipmon.domain.wanted import Share
    from voipmon.domain.wording import read_extensions

    extensions = frozenset(one.digits for one in read_extensions(",".join(tenant.extensions)))
    own = {name: value for name, value in vars(tenant.limits).items() if value is not None}
    return Tenant(
        name=tenant.name,
        senders=frozenset(tenant.senders),
        share=Share(extensions, frozenset(tenant.servers)),
        limits=replace(limits(config), **own),
        copies=tenant.cc,
        needs_code=tenant.code_file is not None,
        recordings="recordings" in tenant.rights,
    )


def code_of(config: Config, environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return who tells the code of a tenant by its name; each is read once, and only if it is asked for."""

    @cache
    def tell(name: str) -> str:
        from voipmon.config.sources import code_of

        [tenant] = (tenant for tenant in config.tenants if tenant.name == name)
        with user.starter():
            return code_of(tenant, environ)

    return tell


def read_codes(config: Config, environ: Mapping[str, str]) -> int:
    """Read the codes of the tenants that have one, and return how many there are.

    Raises:
        ConfigError: with a sentence for each that cannot be read.
    """
    from voipmon.errors import ConfigError

    code = code_of(config, environ)
    problems: list[str] = []
    coded = [tenant.name for tenant in config.tenants if tenant.code_file is not None]
    for name in coded:
        try:
            code(name)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return len(coded)


def inbox(config: Config, environ: Mapping[str, str], server: ImapConnection | None = None) -> Inbox:
    """Return the mailbox that requests come to, on the connection *server* or on one of its own."""
    from voipmon.mail.imap import ImapInbox

    return ImapInbox(
        server=server or imap_connection(config, environ), folder=config.imap.folder, instance=config.instance
    )


def imap_connection(config: Config, environ: Mapping[str, str]) -> ImapConnection:
    """Return the way to the server of the mailbox, not open yet."""
    from voipmon.config.sources import secret_of
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
        token=_token(imap, "imap"),
        timeout=imap.timeout,
        ca_file=imap.ca_file,
    )


def arrivals(wake: int) -> ImapArrivals:
    """Return who tells when mail comes, or at once when *wake* can be read."""
    from voipmon.mail.imap_idle import ImapArrivals

    return ImapArrivals(wake)


def lead(config: Config, server: ImapConnection) -> Lead:
    """Return the lead of the mailbox, as this host sees it."""
    from voipmon.mail.imap_lead import ImapLead

    return ImapLead(server, config.instance, beat_every=config.failover.take_over_after / 4)


def _token(server: Server, section: str) -> Callable[[], str] | None:
    from voipmon.mail.token import token_of

    if server.auth == "password" or server.token_command is None:
        return None
    return partial(token_of, section, server.token_command, server.timeout)


def ledger(config: Config) -> Ledger:
    """Return what was decided of each mail."""
    from voipmon.mail.ledger import Ledger

    return Ledger(config.state_dir / _LEDGER)


def queue(config: Config) -> Queue:
    """Return the queue of requests."""
    from voipmon.queue.spool import SpoolQueue

    return SpoolQueue(config.queue.dir, instance=config.instance)


def queue_admin(config: Config) -> QueueAdmin:
    """Return the queue as an admin looks at it."""
    from voipmon.queue.admin import QueueAdmin

    return QueueAdmin(config.queue.dir, instance=config.instance)


def make_folders(config: Config) -> None:
    """Make the folders of the queue and of the outbox, where they are missing."""
    queue_admin(config).prepare()
    outbox(config).prepare()


def outbox(config: Config) -> SpoolOutbox:
    """Return the letters that wait to be sent."""
    from voipmon.mail.spool import SpoolOutbox

    return SpoolOutbox(config.state_dir / "outbox")


def audit(config: Config, *, months: int | None = 2) -> Trail:
    """Return the audit trail; what is told is looked for in its last *months*, None: in all of it."""
    from voipmon.audit.trail import Trail

    return Trail(config.state_dir / "audit", system_clock, months)


def note_configuration(config: Config, path: Path) -> None:
    """Tell the audit trail that the configuration is another one than before."""
    from datetime import UTC, datetime

    from voipmon.commands.audit_events import configured
    from voipmon.config.memory import digest_of

    file = path.stat()
    changed = datetime.fromtimestamp(file.st_mtime, UTC)
    now = system_clock()
    audit(config).append([configured(str(path), digest_of(config), file.st_uid, changed, os.getuid(), now)])


def postman(config: Config, environ: Mapping[str, str], stop: Callable[[], bool] | None = None) -> Postman:
    """Return who sends the letters, and begins none any more once *stop* says so."""
    from voipmon.commands.send_letters import Postman

    def tell(waiting: int) -> bool:
        from voipmon.commands.digest import report_budget

        if config.admin is None or per_day is None:
            return False
        return report_budget(outbox(config), _LateWriter(config), config.instance, per_day, waiting, system_clock())

    per_day = config.limits.recipients_per_day
    return Postman(
        outbox(config),
        lambda: _transport(config, environ),
        system_clock,
        per_day=per_day,
        tell=tell,
        stop=stop or (lambda: False),
    )


def _transport(config: Config, environ: Mapping[str, str]) -> SmtpTransport:
    from voipmon.config.sources import secret_of
    from voipmon.mail.smtp import SmtpTransport

    smtp = config.smtp
    with user.starter():
        password = secret_of(smtp, "smtp", environ)
    return SmtpTransport(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        user=smtp.user,
        password=password,
        token=_token(smtp, "smtp"),
        sender=smtp.sender,
        timeout=smtp.timeout,
        ca_file=smtp.ca_file,
    )


def catalogue(config: Config) -> Catalogue:
    """Return what there is of recordings."""
    from voipmon.recordings.directory import DirectoryCatalogue
    from voipmon.recordings.filename import compile_pattern
    from voipmon.recordings.index import IndexCatalogue

    plain = DirectoryCatalogue(
        config.recordings.dir,
        compile_pattern(config.recordings.pattern),
        prefixes=config.recordings.prefixes,
        min_bytes=config.recordings.min_bytes,
        settle=config.recordings.settle,
        zone=config.recordings.timezone,
        clock=system_clock,
    )
    return IndexCatalogue(plain, config.state_dir / "catalogue")


def publisher(config: Config) -> LocalPublisher:
    """Return the place where answers are published."""
    from voipmon.delivery.local import LocalPublisher

    return LocalPublisher(
        config.publish.dir,
        config.publish.base_url,
        keep=config.publish.keep,
        audio=config.publish.audio,
        recordings_root=config.recordings.dir,
        state_dir=config.state_dir,
        language=config.language,
        zone=config.timezone,
    )


def publications(config: Config) -> list[Record]:
    """Return what is there to be fetched, the next to end first."""
    from voipmon.delivery.records import Records

    return Records(config.state_dir / "publications").all()


def revoke(config: Config, identity: str, by: str) -> str | None:
    """Put a publication out of reach, named by its key or by its request's id; return that id, None: there is none."""
    from voipmon.commands.audit_events import revoked
    from voipmon.delivery.records import key_of

    trail = audit(config)

    def tell(request_id: str, key: str, until: datetime) -> None:
        trail.append([revoked(request_id, key, until, by, system_clock())])

    named = [record.request_id for record in publications(config) if key_of(record.token) == identity]
    request_id = named[0] if named else identity
    return request_id if publisher(config).revoke(request_id, tell) else None


def desk(config: Config, by: str | None = None) -> Desk:
    """Return what answering a request needs; *by* whom, where somebody has it done by hand."""
    from voipmon.commands.select_audios import Desk

    return Desk(
        catalogue=catalogue(config),
        publisher=publisher(config),
        outbox=outbox(config),
        audit=audit(config),
        writer=_LateWriter(config),
        limits=limits(config),
        zone=config.timezone,
        prefixes=config.recordings.prefixes,
        clock=system_clock,
        by=by,
    )


def work(config: Config, postman: Postman, stop: Callable[[], bool]) -> Work:
    """Return what a pass of `process-queue` needs."""
    from voipmon.commands.process_queue import Work
    from voipmon.queue.retry import RetryRule

    return Work(
        queue=queue(config),
        desk=desk(config),
        postman=postman,
        rights=rights(config),
        rule=RetryRule(config.queue.max_attempts),
        luck=random.random,
        stop=stop,
        admin=config.admin is not None,
    )


def intake(config: Config, ledger: Ledger, environ: Mapping[str, str]) -> Intake:
    """Return what a pass of `monitor` needs."""
    from voipmon.commands.decide import Intake

    return Intake(
        ledger=ledger,
        queue=queue(config),
        outbox=outbox(config),
        audit=audit(config),
        writer=_LateWriter(config),
        rights=rights(config),
        limits=limits(config),
        zone=config.timezone,
        clock=system_clock,
        own_addresses=frozenset({config.imap.user.lower(), config.smtp.sender}),
        verify_sender=config.access.verify_sender,
        authserv_id=config.access.authserv_id,
        code_of=code_of(config, environ),
    )


def tidy(config: Config) -> None:
    """Bring to its end what is due, once a day."""
    from voipmon.commands.tidy import MARK, is_due
    from voipmon.commands.tidy import tidy as make_tidy

    if is_due(config.state_dir, system_clock()):
        make_tidy(ending(config))
        (config.state_dir / MARK).touch()


def ending(config: Config) -> Iterator[Kind]:
    """Yield every kind of thing that comes to an end: docs/retention.md."""
    from datetime import timedelta

    from voipmon.commands.audit_events import expired
    from voipmon.commands.tidy import DAILY, Kind
    from voipmon.retention import Amount, amount_of, unchanged

    now = system_clock()
    keep, keep_archive = config.queue.keep, config.queue.keep_archive
    letters_keep = max(keep, DAILY)  # those of a day count for the budget
    audit_end = now - config.audit.keep
    requests, letters, trail = queue_admin(config), outbox(config), audit(config)
    publications: LocalPublisher = publisher(config)
    state, month = config.state_dir, now - timedelta(days=62)

    def tell(request_id: str, key: str, until: datetime) -> None:
        trail.append([expired(request_id, key, until, now)])

    def left() -> list[Path]:
        found = [
            path
            for folder in (state, config.queue.dir, config.publish.dir)
            for path in unchanged(folder, _LEFT, now - DAILY)
        ]
        found += unchanged(state / "publications", _LEFT, now - DAILY)
        return (
            found
            + unchanged(state / "catalogue", ("*.sqlite3*",), month)
            + unchanged(state / "templates", ("*",), month)
        )

    def remove_left() -> None:
        for path in left():
            path.unlink(missing_ok=True)

    def old_verdicts() -> Amount:
        if not (state / _LEDGER).exists():  # a slave has none, and shall not get one
            return Amount()
        with closing(ledger(config)) as verdicts:
            return Amount(verdicts.count_old(now))

    def forget() -> None:
        if (state / _LEDGER).exists():
            with closing(ledger(config)) as verdicts:
                verdicts.forget(now)

    yield Kind("publications", lambda: publications.over(now), lambda: publications.expire(now, tell))
    yield Kind("archived", lambda: requests.old(keep, keep_archive, now)[0], lambda: None)
    yield Kind(
        "requests_deleted",
        lambda: requests.old(keep, keep_archive, now)[1],
        lambda: requests.archive(keep, keep_archive, now),
    )
    yield Kind("letters_deleted", lambda: letters.old(letters_keep, now), lambda: letters.purge(letters_keep, now))
    yield Kind("verdicts_deleted", old_verdicts, forget)
    yield Kind("audit_deleted", lambda: trail.old(audit_end), lambda: trail.remove_before(audit_end))
    yield Kind("left_over", lambda: amount_of(left()), remove_left)


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
    (config.state_dir / _MAIL_READ).touch()


def status_facts(config: Config, now: datetime) -> Facts:
    """Return what this host knows of itself."""
    from voipmon.commands.status import Facts
    from voipmon.mail.lead import Leadership

    requests, letters = queue_admin(config), outbox(config)
    seen = noted(config)
    failover = bool(config.failover.peers)
    return Facts(
        instance=config.instance,
        mode=config.mode,
        mail_read_at=_changed(config.state_dir / _MAIL_READ),
        claim=seen.claim,
        leadership=(seen.leadership or Leadership(None, 0, None)) if failover else None,
        looked_at=seen.led_at if failover else None,
        queue=requests.depths(),
        waiting_since=requests.waiting_since(now),
        outbox=letters.counts(),
        letter_since=letters.waiting_since(),
        disks={
            "state_dir": _disk(config.state_dir),
            "queue.dir": _disk(config.queue.dir),
            "recordings.dir": _disk(config.recordings.dir),
            "publish.dir": _disk(config.publish.dir),
        },
    )


def checks(config: Config, environ: Mapping[str, str], recipient: str | None) -> Iterator[Check]:
    """Yield what `doctor` tries; with a *recipient* also a letter to him."""
    from voipmon.commands.doctor import Check, writable
    from voipmon.recordings.filename import compile_pattern
    from voipmon.recordings.stamps import check_stamps

    recordings = config.recordings
    pattern = compile_pattern(recordings.pattern)
    if config.mode == "master" or config.failover.peers:
        yield Check("imap", lambda: _mailbox_opens(config, environ))
    yield Check("smtp", lambda: _mail_server_greets(config, environ))
    yield Check("state_dir", lambda: writable(config.state_dir))
    yield Check("queue.dir", lambda: writable(config.queue.dir))
    yield Check("recordings.dir", lambda: check_stamps(recordings.dir, pattern, recordings.timezone))
    yield Check("publish.dir", lambda: writable(config.publish.dir))
    yield Check("publish.base_url", lambda: _publications_are_served(config))
    if any(tenant.code_file is not None for tenant in config.tenants):
        yield Check("tenants", lambda: f"{read_codes(config, environ)} codes can be read")
    if recipient is not None:
        yield Check("letter", lambda: _letter_goes_out(config, environ, recipient))


def _mailbox_opens(config: Config, environ: Mapping[str, str]) -> str:
    with inbox(config, environ) as mailbox:
        return f"{mailbox.name} can be read, {len(mailbox.waiting())} mails wait there"


def _mail_server_greets(config: Config, environ: Mapping[str, str]) -> str:
    smtp = config.smtp
    with closing(_transport(config, environ)) as transport:
        transport.greet()
    return f"{smtp.host} takes mail from {smtp.sender}" + (f", as {smtp.user}" if smtp.user else ", without a log-in")


def _letter_goes_out(config: Config, environ: Mapping[str, str], recipient: str) -> str:
    from voipmon.mail.facts import Guide, Thread

    now = system_clock()
    letter = _LateWriter(config).write(Guide(f"doctor-{now:%Y%m%dT%H%M%S}"), Thread(recipient), now)
    with closing(_transport(config, environ)) as transport:
        transport.send(letter.content, (recipient,))
    return f"the guide is on its way to {recipient}"


def _publications_are_served(config: Config) -> str:
    from voipmon.delivery.local import new_token
    from voipmon.delivery.public import check_public, one_original, originals_url, probe_in
    from voipmon.delivery.records import Records

    publish = config.publish
    originals = originals_url(publish.base_url, publish.dir, config.recordings.dir)
    records = Records(config.state_dir / "publications")
    with probe_in(publish.dir, publish.base_url, records, new_token(), system_clock()) as probe:
        return check_public(publish.base_url, probe, originals, one_original(config.recordings.dir))


def _changed(path: Path) -> datetime | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _disk(folder: Path) -> Disk | None:
    import shutil

    from voipmon.commands.status import Disk

    try:
        room = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(room.free, room.total)


@contextmanager
def only_one(config: Config, name: str) -> Iterator[bool]:
    """Hold the lock *name* of this host's state folder; yield False where another process has it."""
    path: Path = config.state_dir / f"{name}.lock"
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        why = f"the state folder {config.state_dir} cannot be written: {error.strerror}"
        raise ProcessingError(f"{why}: make it, and give this user the right to write") from error
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _LateWriter:
    """Writes letters; the templates are loaded with the first one, which most passes never write."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def write(self, facts: LetterFacts, thread: Thread | None, now: datetime) -> Letter:
        """Return the letter that tells *facts*."""
        from voipmon.mail.letters import Letters, Stationery

        config = self._config
        stationery = Stationery(
            config.smtp.sender,
            config.admin,
            config.language,
            config.timezone,
            config.instance,
            kept=config.state_dir / "templates",
        )
        return Letters(stationery).write(facts, thread, now)
