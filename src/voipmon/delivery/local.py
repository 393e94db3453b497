"""Publications as folders that a web server serves; their names are the only key to them."""

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from voipmon.delivery.bundle import BundleWriter, SourceLostError, plain_suffix
from voipmon.delivery.publisher import Progress, no_progress
from voipmon.delivery.records import Record, Records, usable
from voipmon.delivery.workfolders import WorkFolders
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication, Published
from voipmon.domain.recording import UNREADABLE, VANISHED, Findings, LeftOut, Recording
from voipmon.errors import BundleError, PublishError
from voipmon.files import sync_directory, write_durable

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
        self, request_id: str, ask: Ask, findings: Findings, now: datetime, progress: Progress = no_progress
    ) -> Publication:
        """Fill a work folder, then rename it to its token."""
        expires_at = (now + self.keep).astimezone(UTC)
        with usable(self.folder):
            self._check_space(findings.recordings)
            record = replace(self._reserve(request_id, expires_at), expires_at=expires_at)
            with self._works.new() as work:
                record, items = self._fill(work, record, findings, progress)
                publication = self._publication(record, items)
                self._write_pages(work, ask, record, publication)
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

    def expire(self, now: datetime) -> int:
        """Set aside the publications that are over, by their records; then sweep."""
        problems: list[PublishError] = []
        for request_id in self._records.request_ids():
            try:
                self._retire(request_id, now)
            except PublishError as error:
                problems.append(error)
        removed = self._works.sweep(problems)
        if problems:
            raise problems[0]
        return removed

    @property
    def _records(self) -> Records:
        return Records(self.state_dir / "publications")

    @property
    def _works(self) -> WorkFolders:
        return WorkFolders(self.folder, self._records.locked)

    def _check_space(self, recordings: Collection[Recording]) -> None:
        copies = 2 if self.audio == "copy" else 1
        needed = copies * sum(recording.size for recording in recordings) + _OVERHEAD * len(recordings)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise PublishError(
                f"{self.folder} has {free} bytes free and this answer needs {needed}: make room", retryable=True
            )

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
        items: list[Published] = []
        left_out = list(findings.left_out)
        meter = _Meter(progress, sum(recording.size for recording in findings.recordings))
        with BundleWriter(work / _zip_name(record), self.zone, meter.advance) as bundle:
            for recording in findings.recordings:
                try:
                    items.append(self._add(bundle, work, record, recording, len(items) + 1))
                except SourceLostError as error:
                    left_out.append(LeftOut(recording.path, error.reason))
                meter.pass_over(recording.size)
            if not items:
                raise BundleError("every recording of this answer has gone meanwhile", retryable=True)
            size = bundle.finish()
        record = replace(
            record,
            size=size,
            recordings=len(items),
            recordings_size=sum(item.recording.size for item in items),
            left_out=tuple(left_out),
        )
        return record, tuple(items)

    def _add(self, bundle: BundleWriter, work: Path, record: Record, recording: Recording, number: int) -> Published:
        source = self._source(recording)
        name = f"{number:04}{plain_suffix(recording)}"
        if self.audio == "copy":
            member = bundle.add(recording, source, work / name)
        else:
            member = bundle.add(recording, source)
            (work / name).symlink_to(source)
        return Published(number, recording, self._url(record, name), member.seconds, member.sha256)

    def _source(self, recording: Recording) -> Path:
        """Return where the recording really is: below the root, whatever has been put in its way meanwhile."""
        try:
            root = self.recordings_root.resolve()
            source = (root / recording.path).resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceLostError(VANISHED) from error
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, until Python 3.13
            raise SourceLostError(UNREADABLE) from error
        if not source.is_relative_to(root):
            raise SourceLostError(UNREADABLE)
        return source

    def _write_pages(self, work: Path, ask: Ask, record: Record, publication: Publication) -> None:
        from voipmon.delivery.page import render_pages  # noqa: PLC0415 - its templates cost more than an idle pass

        pages = render_pages(ask, publication, language=self.language, zone=self.zone, zip_name=_zip_name(record))
        for name, html in pages:
            write_durable(work / name, html)

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

    def _retire(self, request_id: str, now: datetime) -> None:
        """Set a publication aside if its time is over, and forget it."""
        record = self._records.load(request_id)
        if record is None or record.expires_at > now:
            return
        with self._records.locked():
            record = self._records.load(request_id)  # it may have been published anew
            if record is not None and record.expires_at <= now:
                with usable(self.folder):
                    self._works.set_aside(self.folder / record.token)
                    sync_directory(self.folder)
                self._records.remove(request_id)

    def _publication(self, record: Record, items: tuple[Published, ...]) -> Publication:
        return Publication(
            request_id=record.request_id,
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


def _zip_name(record: Record) -> str:
    return f"gravacoes-{record.request_id}.zip"
