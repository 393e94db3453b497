"""The ZIP of one answer: each recording is read once, and on the way copied, hashed and stored."""

import csv
import fcntl
import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from voipmon.delivery.duration import play_time
from voipmon.domain.recording import CHANGED, UNREADABLE, VANISHED, Recording
from voipmon.errors import BundleError

MANIFEST = "MANIFESTO.csv"
_HEADER = ("arquivo", "data", "hora", "origem", "destino", "segundos", "bytes", "sha256")
_CHUNK = 2**18
_LONGEST_PART = 60  # bytes of one party in a member's name
_FICLONE = 0x40049409  # <linux/fs.h>
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold us up
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_OLDEST = (1980, 1, 1, 0, 0, 0)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_Date = tuple[int, int, int, int, int, int]


class SourceLostError(BundleError):
    """A recording cannot be given after all; *reason* is one of those of `LeftOut`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the recording cannot be given: {reason}", retryable=True)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Member:
    """A recording in the ZIP, by its *name* there; *seconds* it plays, where that is known."""

    recording: Recording
    name: str
    sha256: str
    seconds: float | None


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class BundleWriter:
    """Writes one ZIP, new at *path*: stored, as audio is compressed already, and valid once `finish` has returned.

    What it keeps in memory grows with the number of members only. Names and manifest tell wall time in *zone*;
    *advance* is called with each number of bytes that was read.

    Raises:
        OSError: on any method: what is written does not fit, or may not be there.
    """

    def __init__(self, path: Path, zone: ZoneInfo, advance: Callable[[int], None]) -> None:
        self._zone = zone
        self._advance = advance
        self._members: list[Member] = []
        self._names: set[str] = {MANIFEST.casefold()}
        self._file = path.open("xb")
        self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.fp = None  # without `finish` there is no valid end to write
        with suppress(OSError):  # what is left in the buffer may not fit either, and the file is of no use
            self._file.close()

    def add(self, recording: Recording, source: Path, copy: Path | None = None) -> Member:
        """Put the file *source* into the ZIP, and a copy of it at *copy* if that is given.

        Raises:
            SourceLostError: it is gone, unreadable, or not as it was found; ZIP and *copy* are as before.
        """
        info = self._entry(recording)
        start = self._archive.start_dir
        try:
            sha256, seconds = self._take(recording, source, copy, info)
        except SourceLostError:
            self._undo(info, start)
            if copy is not None:
                copy.unlink(missing_ok=True)
            raise
        self._names.add(info.filename.casefold())
        member = Member(recording, info.filename, sha256, seconds)
        self._members.append(member)
        return member

    def finish(self) -> int:
        """Add the manifest and end the ZIP, on the disk on return; return its size in bytes."""
        dates = [_date(self._wall(member.recording)) for member in self._members]
        self._archive.writestr(_info(MANIFEST, max(dates, default=_OLDEST)), self._manifest())
        self._archive.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _wall(self, recording: Recording) -> datetime:
        return recording.start.astimezone(self._zone)

    def _entry(self, recording: Recording) -> zipfile.ZipInfo:
        """Return what the ZIP will say of the recording, under a name that no other member has."""
        wall = self._wall(recording)
        origin, destination = _clean(recording.origin), _clean(recording.destination)
        stem = f"{wall:%Y-%m-%d_%H-%M-%S}_{origin}_para_{destination}"
        suffix = plain_suffix(recording)
        name = f"{stem}{suffix}"
        number = 2
        while name.casefold() in self._names:  # Windows does not tell a from A
            name = f"{stem}_{number}{suffix}"
            number += 1
        info = _info(name, _date(wall))
        info.file_size = recording.size  # so that it gets room for a large size, if it has one
        return info

    def _take(
        self, recording: Recording, source: Path, copy: Path | None, info: zipfile.ZipInfo
    ) -> tuple[str, float | None]:
        with ExitStack() as stack:
            original = reader = stack.enter_context(_opened(source))
            before = os.fstat(original)
            if before.st_size != recording.size:
                raise SourceLostError(CHANGED)
            sinks: list[_Sink] = []
            if copy is not None:
                twin = stack.enter_context(copy.open("xb+"))
                if _clone(original, twin.fileno()):
                    reader = twin.fileno()
                else:
                    sinks.append(twin)
            sinks.append(stack.enter_context(self._archive.open(info, "w")))
            sha256 = self._pump(reader, recording.size, sinks)
            after = os.fstat(original)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise SourceLostError(CHANGED)
            return sha256, play_time(reader)

    def _pump(self, reader: int, size: int, sinks: list[_Sink]) -> str:
        """Write the first *size* bytes of *reader* to each sink; return their hash."""
        digest = hashlib.sha256()
        left = size
        while left:
            try:
                chunk = os.read(reader, min(left, _CHUNK))
            except OSError as error:
                raise SourceLostError(UNREADABLE) from error
            if not chunk:
                raise SourceLostError(CHANGED)
            digest.update(chunk)
            for sink in sinks:
                sink.write(chunk)
            left -= len(chunk)
            self._advance(len(chunk))
        return digest.hexdigest()

    def _undo(self, info: zipfile.ZipInfo, start: int) -> None:
        """Take back what was written of a member since the ZIP was *start* bytes long."""
        if self._archive.NameToInfo.pop(info.filename, None) is not None:
            self._archive.filelist.remove(info)
        self._file.seek(start)
        self._file.truncate()
        self._archive.start_dir = start

    def _manifest(self) -> bytes:
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(_HEADER)
        for member in self._members:
            recording, wall = member.recording, self._wall(member.recording)
            seconds = "" if member.seconds is None else round(member.seconds)
            parties = (_cell(recording.origin), _cell(recording.destination))
            day, time = f"{wall:%Y-%m-%d}", f"{wall:%H:%M:%S}"
            table.writerow((member.name, day, time, *parties, seconds, recording.size, member.sha256))
        return text.getvalue().encode("utf-8", "replace")  # a name that is not UTF-8 has bytes that are no text


def plain_suffix(recording: Recording) -> str:
    """Return the recording's ending if it is one that may stand in any file name, else nothing."""
    suffix = PurePosixPath(recording.path).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, _OPEN)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceLostError(VANISHED) from error
    except OSError as error:
        raise SourceLostError(UNREADABLE) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceLostError(UNREADABLE)
        yield descriptor
    finally:
        os.close(descriptor)


def _clone(source: int, target: int) -> bool:
    """Let *target* share the blocks of *source*; False where the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _info(name: str, date: _Date) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _date(wall: datetime) -> _Date:
    """Return a moment as a ZIP can hold it."""
    year = min(max(wall.year, 1980), 2107)
    return year, wall.month, wall.day, wall.hour, wall.minute, wall.second


def _clean(party: str) -> str:
    """Return a party as it may stand in a file name anywhere."""
    text = "".join(sign if sign.isalnum() or sign in "+.-" else "_" for sign in unicodedata.normalize("NFC", party))
    return text.encode()[:_LONGEST_PART].decode(errors="ignore") or "desconhecido"


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
