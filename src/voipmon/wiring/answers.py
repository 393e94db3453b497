"""What takes requests in, answers them and sends letters."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from voipmon import user
from voipmon.clock import system_clock
from voipmon.wiring.mailbox import token
from voipmon.wiring.people import code_of, limits, rights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from voipmon.audit.trail import Trail
    from voipmon.commands.decide import Intake
    from voipmon.commands.process_queue import Work
    from voipmon.commands.select_audios import Desk
    from voipmon.commands.send_letters import Postman
    from voipmon.config.model import Config
    from voipmon.delivery.local import LocalPublisher
    from voipmon.delivery.records import Record
    from voipmon.mail.facts import Facts as LetterFacts
    from voipmon.mail.facts import Thread
    from voipmon.mail.ledger import Ledger
    from voipmon.mail.outbox import Letter
    from voipmon.mail.smtp import SmtpTransport
    from voipmon.mail.spool import SpoolOutbox
    from voipmon.queue.admin import QueueAdmin
    from voipmon.queue.port import Queue
    from voipmon.recordings.index import IndexCatalogue


def queue(config: Config) -> Queue:
    """Return the queue of requests."""
    from voipmon.queue.spool import SpoolQueue

    return SpoolQueue(config.queue.dir, instance=config.instance)


def queue_admin(config: Config) -> QueueAdmin:
    """Return the queue as an admin looks at it."""
    from voipmon.queue.admin import QueueAdmin

    return QueueAdmin(config.queue.dir, instance=config.instance)


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
        return report_budget(outbox(config), LateWriter(config), config.instance, per_day, waiting, system_clock())

    per_day = config.limits.recipients_per_day
    return Postman(
        outbox(config),
        lambda: transport(config, environ),
        system_clock,
        per_day=per_day,
        tell=tell,
        stop=stop or (lambda: False),
    )


def transport(config: Config, environ: Mapping[str, str]) -> SmtpTransport:
    """Return the way to the server that takes our mail, not open yet."""
    from voipmon.config.secrets import secret_of
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
        token=token(smtp, "smtp"),
        sender=smtp.sender,
        timeout=smtp.timeout,
        ca_file=smtp.ca_file,
    )


def catalogue(config: Config) -> IndexCatalogue:
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
        writer=LateWriter(config),
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
        writer=LateWriter(config),
        rights=rights(config),
        limits=limits(config),
        zone=config.timezone,
        clock=system_clock,
        own_addresses=frozenset({config.imap.user.lower(), config.smtp.sender}),
        verify_sender=config.access.verify_sender,
        authserv_id=config.access.authserv_id,
        code_of=code_of(config, environ),
    )


class LateWriter:
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
