"""What keeps an installation well: folders, ends of files, `status` and `doctor`."""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from voipmon.clock import system_clock
from voipmon.errors import ProcessingError
from voipmon.wiring.answers import LateWriter, audit, catalogue, outbox, publisher, queue_admin, transport
from voipmon.wiring.mailbox import LEDGER, MAIL_READ, inbox, ledger, noted, why_no_mail
from voipmon.wiring.people import read_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from voipmon.commands.doctor import Check
    from voipmon.commands.status import Disk, Facts
    from voipmon.commands.tidy import Kind
    from voipmon.config.model import Config
    from voipmon.delivery.local import LocalPublisher


_LEFT = (".try-*", ".*.tmp")
"""What a crash may leave of a file that was to be written, or tried."""


def make_folders(config: Config) -> None:
    """Make the folders of the queue and of the outbox, where they are missing."""
    queue_admin(config).prepare()
    outbox(config).prepare()


def tidy(config: Config) -> None:
    """Bring to its end what is due, once a day."""
    from voipmon.commands.tidy import MARK, is_due
    from voipmon.commands.tidy import tidy as make_tidy

    if is_due(config.state_dir, system_clock()):
        make_tidy(ending(config))
        (config.state_dir / MARK).touch()


def ending(config: Config) -> Iterator[Kind]:
    """Yield every kind of thing that comes to an end: docs/retention.md."""
    from voipmon.commands.audit_events import expired
    from voipmon.commands.tidy import DAILY, Kind
    from voipmon.retention import Amount, amount_of

    now = system_clock()
    keep, keep_archive = config.queue.keep, config.queue.keep_archive
    letters_keep = max(keep, DAILY)  # those of a day count for the budget
    audit_end = now - config.audit.keep
    requests, letters, trail = queue_admin(config), outbox(config), audit(config)
    publications: LocalPublisher = publisher(config)
    state = config.state_dir

    def tell(request_id: str, key: str, until: datetime) -> None:
        trail.append([expired(request_id, key, until, now)])

    def remove_left() -> None:
        for path in _left(config, now):
            path.unlink(missing_ok=True)

    def old_verdicts() -> Amount:
        if not (state / LEDGER).exists():  # a slave has none, and shall not get one
            return Amount()
        with closing(ledger(config)) as verdicts:
            return Amount(verdicts.count_old(now))

    def forget() -> None:
        if (state / LEDGER).exists():
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
    yield Kind("left_over", lambda: amount_of(_left(config, now)), remove_left)


def _left(config: Config, now: datetime) -> list[Path]:
    """Return what crashes left, and what is only remembered and has not been used for long."""
    from datetime import timedelta

    from voipmon.commands.tidy import DAILY
    from voipmon.retention import unchanged

    state, month = config.state_dir, now - timedelta(days=62)
    folders = (state, config.queue.dir, config.publish.dir, state / "publications")
    left = [path for folder in folders for path in unchanged(folder, _LEFT, now - DAILY)]
    return [
        *left,
        *unchanged(state / "catalogue", ("*.sqlite3*",), month),
        *unchanged(state / "templates", ("*",), month),
    ]


def status_facts(config: Config, now: datetime) -> Facts:
    """Return what this host knows of itself."""
    from voipmon.commands.status import Facts
    from voipmon.mail.lead import Leadership

    requests, letters = queue_admin(config), outbox(config)
    seen = noted(config)
    failover = config.instance in config.failover.peers
    return Facts(
        instance=config.instance,
        mode=config.mode,
        mail_read_at=_changed(config.state_dir / MAIL_READ),
        claim=seen.claim,
        leadership=(seen.leadership or Leadership(None, 0, None)) if failover else None,
        looked_at=seen.led_at if failover else None,
        queue=requests.depths(),
        waiting_since=requests.waiting_since(now),
        outbox=letters.counts(),
        letter_since=letters.waiting_since(),
        indexed_at=catalogue(config).refreshed_at(),
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
    if why_no_mail(config) is None:
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
    with closing(transport(config, environ)) as way:
        way.greet()
    return f"{smtp.host} takes mail from {smtp.sender}" + (f", as {smtp.user}" if smtp.user else ", without a log-in")


def _letter_goes_out(config: Config, environ: Mapping[str, str], recipient: str) -> str:
    from voipmon.mail.facts import Guide, Thread

    now = system_clock()
    letter = LateWriter(config).write(Guide(f"doctor-{now:%Y%m%dT%H%M%S}"), Thread(recipient), now)
    with closing(transport(config, environ)) as way:
        way.send(letter.content, (recipient,))
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
