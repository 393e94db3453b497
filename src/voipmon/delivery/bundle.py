"""The ZIP of one answer: each recording is read once, and on the way copied, hashed and stored."""

import csv
import fcntl
import io
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from voipmon.delivery.duration import play_time
from voipmon.delivery.hashing import BLOCK, Hashing, Sum
from voipmon.delivery.zipwriter import ZipWriter
from voipmon.domain.recording import CHANGED, UNREADABLE, VANISHED, Recording
from voipmon.errors import BundleError
from voipmon.files import begin_to_flush, write_all

MANIFEST = "MANIFESTO.csv"
_HEADER = ("arquivo", "data", "hora", "origem", "destino", "segundos", "bytes", "sha256")
_LONGEST_PART = 60  # bytes of one party in a member's name
_FICLONE = 0x40049409  # <linux/fs.h>
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold us up
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_PIECE = 2**23
_OLDEST = datetime(1980, 1, 1)  # noqa: DTZ001 - a wall time
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNPACKED = {
    1,
    3,
    6,
    7,
    0xFFFE,
}  # the formats of a WAV that get smaller: PCM, float, A-law, mu-law, and PCM's long form


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
    sum: Sum
    seconds: float | None

    @property
    def sha256(self) -> str:
        """The hash of what is in it, in hexadecimal, once the bundle is finished."""
        return self.sum.sha256


class BundleWriter:
    """Writes one ZIP, new at *path*, valid once `finish` has returned: WAV is deflated, other audio is small already.

    What it keeps in memory grows with the number of members only. Names and manifest tell wall time in *zone*;
    *advance* is called with each number of bytes that was read. The kernel is told to begin with writing to the disk as
    soon as it can, so that a flush at the end has little left to wait for.

    Raises:
        OSError: on any method: what is written does not fit, or may not be there.
    """

    def __init__(self, path: Path, zone: ZoneInfo, advance: Callable[[int], None]) -> None:
        self._zone = zone
        self._advance = advance
        self._members: list[Member] = []
        self._names: set[str] = {MANIFEST.casefold()}
        self._can_clone = True
        self._flushed = 0
        self._file = os.open(path, _NEW, 0o640)
        self._archive = ZipWriter(self._file)
        self._hashing = Hashing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hashing.finish()
        os.close(self._file)

    def add(self, recording: Recording, source: Path, copy: Path | None = None) -> Member:
        """Put the file *source* into the ZIP, and a copy of it at *copy* if that is given.

        Raises:
            SourceLostError: it is gone, unreadable, or not as it was found; ZIP and *copy* are as before.
        """
        name = self._name(recording)
        try:
            made, seconds = self._take(recording, source, copy, name)
        except SourceLostError:
            if copy is not None:
                copy.unlink(missing_ok=True)
            raise
        self._names.add(name.casefold())
        member = Member(recording, name, made, seconds)
        self._members.append(member)
        self._flush_behind()
        return member

    def finish(self) -> int:
        """Add the manifest and end the ZIP; return its size in bytes."""
        self._hashing.finish()
        latest = max((self._wall(member.recording) for member in self._members), default=_OLDEST)
        self._archive.add(MANIFEST, latest, self._manifest())
        return self._archive.finish()

    def _wall(self, recording: Recording) -> datetime:
        return recording.start.astimezone(self._zone)

    def _name(self, recording: Recording) -> str:
        """Return a name for the recording that no other member has."""
        origin, destination = _clean(recording.origin), _clean(recording.destination)
        stem = f"{self._wall(recording):%Y-%m-%d_%H-%M-%S}_{origin}_para_{destination}"
        suffix = plain_suffix(recording)
        name = f"{stem}{suffix}"
        number = 2
        while name.casefold() in self._names:  # Windows does not tell a from A
            name = f"{stem}_{number}{suffix}"
            number += 1
        return name

    def _take(self, recording: Recording, source: Path, copy: Path | None, name: str) -> tuple[Sum, float | None]:
        with ExitStack() as stack:
            original = reader = stack.enter_context(_opened(source))
            before = os.fstat(original)
            if before.st_size != recording.size:
                raise SourceLostError(CHANGED)
            twin = None
            if copy is not None:
                twin = os.open(copy, _NEW, 0o640)
                stack.callback(os.close, twin)
                if self._clone(original, twin):
                    reader, twin = twin, None

            def check() -> None:
                after = os.fstat(original)
                if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                    raise SourceLostError(CHANGED)

            made = self._store(reader, recording, name, twin, check)
            if twin is not None:
                begin_to_flush(twin, 0, recording.size)
            return made, play_time(reader)

    def _store(self, reader: int, recording: Recording, name: str, twin: int | None, check: Callable[[], None]) -> Sum:
        """Put what *reader* gives into the ZIP and *twin*, if *check* has nothing against it; return its hash."""
        moment, size = self._wall(recording), recording.size
        first = self._fill(reader, size)
        if len(first) == size:
            check()
            self._archive.add(name, moment, first, deflate=_gets_smaller(first))
            if twin is not None:
                write_all(twin, first)
            return self._hashing.whole(size)
        made = Sum()
        with self._archive.long_member(name, moment, size, deflate=_gets_smaller(first)) as write:
            block = first
            while block:
                write(block)
                if twin is not None:
                    write_all(twin, block)
                size -= len(block)
                self._hashing.feed(made, len(block), last=not size)
                block = self._fill(reader, size)
            check()
        return made

    def _fill(self, reader: int, size: int) -> memoryview:
        """Fill the free block from *reader*, of which *size* bytes are left; return what is filled."""
        block = self._hashing.block[: min(size, BLOCK)]
        filled = 0
        while filled < len(block):
            try:
                got = os.readv(reader, [block[filled:]])
            except OSError as error:
                raise SourceLostError(UNREADABLE) from error
            if not got:
                raise SourceLostError(CHANGED)
            filled += got
        self._advance(filled)
        return block

    def _clone(self, source: int, target: int) -> bool:
        """Let *target* share the blocks of *source*; False where the file system cannot, now and from then on."""
        self._can_clone = self._can_clone and clone(source, target)
        return self._can_clone

    def _flush_behind(self) -> None:
        """Have the kernel begin to write what has come in the ZIP since the last time, a good piece at a time."""
        whole = self._archive.size // _PIECE * _PIECE
        if whole > self._flushed:
            begin_to_flush(self._file, self._flushed, whole - self._flushed)
            self._flushed = whole

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


def clone(source: int, target: int) -> bool:
    """Let the empty file *target* share the blocks of *source*; False where the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _gets_smaller(head: memoryview) -> bool:
    """Tell by its first bytes whether a file is a WAV whose sound is not compressed."""
    if bytes(head[:4]) != b"RIFF" or bytes(head[8:16]) != b"WAVEfmt ":
        return False
    return int.from_bytes(head[20:22], "little") in _UNPACKED


@lru_cache(1024)
def _clean(party: str) -> str:
    """Return a party as it may stand in a file name anywhere."""
    text = "".join(sign if sign.isalnum() or sign in "+.-" else "_" for sign in unicodedata.normalize("NFC", party))
    return text.encode()[:_LONGEST_PART].decode(errors="ignore") or "desconhecido"


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
