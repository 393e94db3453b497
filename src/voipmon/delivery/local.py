"""Publications as folders that a web server serves; their names are the only key to them."""

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from voipmon.delivery.bundle import BundleWriter, Member, plain_suffix
from voipmon.delivery.publisher import Progress, Tell, no_progress, tell_nobody
from voipmon.delivery.readahead import ReadAhead
from voipmon.delivery.records import Record, Records, key_of, usable
from voipmon.delivery.sources import SourceLostError, clone
from voipmon.delivery.workfolders import WorkFolders
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication, Published
from voipmon.domain.recording import UNREADABLE, VANISHED, Findings, LeftOut, Recording
from voipmon.errors import BundleError, PublishError
from voipmon.files import safe_name, sync_directory
from voipmon.retention import Amount, amount_of

_OVERHEAD = 8192  # bytes that a recording takes besides its own: rounding up, its part of page and manifest


def new_token() -> str:
    """Draw a name that cannot be guessed: 160 random bits."""
    return secrets.token_urlsafe(20)


@dataclass(frozen=True, slots=True)
class LocalPublisher:
    """Publications are folders named by their token below *folder*, which a web server serves at *base_url*.

    The server must be able to traverse *folder*; nobody else but its owner can list a publication, for it has no read
    bit. With *audio* `copy` the recordings lie there again (sharing their blocks where the file system can), with
    `symlink` there are links to where they are, below *recordings_root*. Below *state_dir* each publication has a
    record with its token and its end. Page and ZIP speak *language* and tell wall time in *zone*.
    """

    folder: Path
    base_url: str
    keep: timedelta
    audio: Literal["copy", "symlink"]
    recordings_root: Path
    state_dir: Path
    language: str
    zone: ZoneInfo
    token: Callable[[], str] = new_token

    def publish(
        self,
        request_id: str,
        ask: Ask,
        findings: Findings,
        now: datetime,
        progress: Progress = no_progress,
        language: str | None = None,
    ) -> Publication:
        """Fill a work folder, then rename it to its token."""
        expires_at = (now + self.keep).astimezone(UTC)
        with usable(self.folder):
            self._check_space(findings.recordings)
            record = replace(self._reserve(request_id, expires_at), expires_at=expires_at)
            with self._works.new() as work:
                record, items = self._fill(work, record, findings, progress)
                publication = self._publication(record, items)
                self._write_pages(work, ask, record, publication, language or self.language)
                self._seal(work)
                self._show(work, record)
        return publication

    def published(self, request_id: str, now: datetime) -> Publication | None:
        """Return what the record tells, if the folder is there."""
        record = self._records.load(request_id)
        if record is None or record.expires_at <= now:
            return None
        with usable(self.folder):
            visible = (self.folder / record.token).is_dir()
        return self._publication(record, ()) if visible else None

    def expire(self, now: datetime, tell: Tell = tell_nobody) -> int:
        """Set aside the publications that are over, by their records; then sweep."""
        problems: list[PublishError] = []
        for request_id in self._records.request_ids():
            try:
                self._retire(request_id, now, tell)
            except PublishError as error:
                problems.append(error)
        removed = self._works.sweep(problems)
        if problems:
            raise problems[0]
        return removed

    def over(self, now: datetime) -> Amount:
        """Return how much `expire` would remove."""
        records = [record for record in self._records.all() if record.expires_at <= now]
        return amount_of(path for record in records for path in (self.folder / record.token).glob("*"))

    def revoke(self, request_id: str, tell: Tell = tell_nobody) -> bool:
        """Set the publication aside; then sweep."""
        with self._records.locked():
            record = self._records.load(request_id) if safe_name(request_id) else None
            if record is None or not record.recordings:
                return False
            self._forget(record, tell)
        problems: list[PublishError] = []
        self._works.sweep(problems)
        if problems:
            raise problems[0]
        return True

    @property
    def _records(self) -> Records:
        return Records(self.state_dir / "publications")

    @property
    def _works(self) -> WorkFolders:
        return WorkFolders(self.folder, self._records.locked)

    def _check_space(self, recordings: Collection[Recording]) -> None:
        """Ask for room for the ZIP, and for the copies unless they can share the blocks of the originals."""
        size = sum(recording.size for recording in recordings)
        once = size + _OVERHEAD * len(recordings)
        twice = once + size
        free = shutil.disk_usage(self.folder).free
        if self.audio == "symlink" or (free < twice and self._can_clone(recordings)):
            needed, remedy = once, "make room"
        else:
            needed, remedy = twice, "make room, or give links instead of copies (publish.audio)"
        if free < needed:
            raise PublishError(
                f"{self.folder} has {free} bytes free and this answer needs {needed}: {remedy}", retryable=True
            )

    def _can_clone(self, recordings: Collection[Recording]) -> bool:
        """Try it with the first recording that can be opened."""
        for recording in recordings:
            with suppress(OSError), ExitStack() as stack:
                source = os.open(self.recordings_root / recording.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                stack.callback(os.close, source)
                target = os.open(self.folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
                stack.callback(os.close, target)
                return clone(source, target)
        return False

    def _reserve(self, request_id: str, expires_at: datetime) -> Record:
        """Return the record that keeps the request's token, which is drawn once."""
        with self._records.locked():
            record = self._records.load(request_id)
            if record is None:
                record = Record(request_id, self.token(), expires_at)
                self._records.save(record)
        return record

    def _fill(
        self, work: Path, record: Record, findings: Findings, progress: Progress
    ) -> tuple[Record, tuple[Published, ...]]:
        """Put the recordings and their ZIP into the work folder."""
        root = os.path.realpath(self.recordings_root)
        members: list[Member] = []
        left_out = list(findings.left_out)
        meter = _Meter(progress, sum(recording.size for recording in findings.recordings))
        paths = (f"{root}/{recording.path}" for recording in findings.recordings)
        with BundleWriter(work / _zip_name(record), self.zone, meter.advance) as bundle, ReadAhead(paths) as ahead:
            for recording in findings.recordings:
                try:
                    members.append(self._add(bundle, work / _file_name(len(members) + 1, recording), root, recording))
                except SourceLostError as error:
                    left_out.append(LeftOut(recording.path, error.reason))
                meter.pass_over(recording.size)
                ahead.advance()
            if not members:
                raise BundleError("every recording of this answer has gone meanwhile", retryable=True)
            size = bundle.finish()
        items = tuple(self._item(record, number, member) for number, member in enumerate(members, 1))
        record = replace(
            record,
            size=size,
            recordings=len(items),
            recordings_size=sum(item.recording.size for item in items),
            left_out=tuple(left_out),
        )
        return record, items

    def _add(self, bundle: BundleWriter, target: Path, root: str, recording: Recording) -> Member:
        """Put the recording into the ZIP and at *target*."""
        source = _source(root, recording)
        if self.audio == "copy":
            return bundle.add(recording, source, target)
        member = bundle.add(recording, source)
        target.symlink_to(source)
        return member

    def _item(self, record: Record, number: int, member: Member) -> Published:
        url = self._url(record, _file_name(number, member.recording))
        return Published(number, member.recording, url, member.seconds, member.sha256)

    def _write_pages(self, work: Path, ask: Ask, record: Record, publication: Publication, language: str) -> None:
        from voipmon.delivery.page import render_pages  # noqa: PLC0415 - its templates cost more than an idle pass

        pages = render_pages(
            ask,
            publication,
            language=language,
            zone=self.zone,
            zip_name=_zip_name(record),
            kept=self.state_dir / "templates",
        )
        for name, html in pages:
            (work / name).write_bytes(html)  # flushed with the rest

    def _seal(self, work: Path) -> None:
        """Let the web server read what it knows the name of, and wait until all is on the disk.

        No setgid bit is set: a publish folder that has it hands its group down by itself, and a hardened unit may not
        set it (RestrictSUIDSGID).
        """
        for_all = self.folder.stat().st_mode & stat.S_IXOTH
        for path in work.iterdir():
            if not path.is_symlink():
                with path.open("rb") as file:
                    os.fchmod(file.fileno(), 0o644 if for_all else 0o640)
                    os.fsync(file.fileno())
        work.chmod(0o711 if for_all else 0o710)
        sync_directory(work)

    def _show(self, work: Path, record: Record) -> None:
        """Give the work folder its token's name; an earlier publication of the request makes way."""
        target = self.folder / record.token
        with self._records.locked():
            self._records.save(record)
            replaced = self._works.set_aside(target)
            work.rename(target)
        sync_directory(self.folder)
        if replaced:
            self._works.sweep([])

    def _retire(self, request_id: str, now: datetime, tell: Tell) -> None:
        """Set a publication aside if its time is over, and forget it."""
        record = self._records.load(request_id)
        if record is None or record.expires_at > now:
            return
        with self._records.locked():
            record = self._records.load(request_id)  # it may have been published anew
            if record is not None and record.expires_at <= now:
                self._forget(record, tell)

    def _forget(self, record: Record, tell: Tell) -> None:
        """Put a publication out of reach, and only then tell of it and forget it. The caller holds the lock."""
        with usable(self.folder):
            self._works.set_aside(self.folder / record.token)
            sync_directory(self.folder)
        if record.recordings:  # else it was never there: an attempt that broke off
            tell(record.request_id, key_of(record.token), record.expires_at)
        self._records.remove(record.request_id)

    def _publication(self, record: Record, items: tuple[Published, ...]) -> Publication:
        return Publication(
            request_id=record.request_id,
            key=key_of(record.token),
            page_url=self._url(record, "index.html"),
            zip_url=self._url(record, _zip_name(record)),
            expires_at=record.expires_at,
            items=items,
            left_out=record.left_out,
            size=record.size,
            recordings=record.recordings,
            recordings_size=record.recordings_size,
        )

    def _url(self, record: Record, name: str) -> str:
        return f"{self.base_url.rstrip('/')}/{quote(record.token)}/{quote(name)}"


class _Meter:
    """Tells how far the work has come; a recording that is lost half-way counts as done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._passed = 0
        self._read = 0
        progress(0, total)

    def advance(self, size: int) -> None:
        self._read += size
        self._progress(self._passed + self._read, self._total)

    def pass_over(self, size: int) -> None:
        self._passed += size
        self._read = 0
        self._progress(self._passed, self._total)


def _source(root: str, recording: Recording) -> Path:
    """Return where the recording really is: below *root*, whatever has been put in its way meanwhile."""
    try:
        source = os.path.realpath(f"{root}/{recording.path}", strict=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceLostError(VANISHED) from error
    except OSError as error:
        raise SourceLostError(UNREADABLE) from error
    if not source.startswith(f"{root.rstrip('/')}/"):
        raise SourceLostError(UNREADABLE)
    return Path(source)


def _file_name(number: int, recording: Recording) -> str:
    return f"{number:04}{plain_suffix(recording)}"


def _zip_name(record: Record) -> str:
    return f"gravacoes-{record.request_id}.zip"
