"""The ZIP of one answer: each recording is read once, and on the way copied, hashed and stored."""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from voipmon.delivery.duration import play_time
from voipmon.delivery.hashing import BLOCK, Hashing, Sum
from voipmon.delivery.sources import Source, SourceLostError, opened
from voipmon.delivery.zipwriter import ZipWriter
from voipmon.domain.recording import Recording
from voipmon.files import begin_to_flush, write_all
from voipmon.prose import cell, harmless

MANIFEST = "MANIFESTO.csv"
_HEADER = ("arquivo", "data", "hora", "origem", "destino", "segundos", "bytes", "sha256")
_LONGEST_PART = 60  # bytes of one party in a member's name
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_PIECE = 2**23
_OLDEST = datetime(1980, 1, 1)  # noqa: DTZ001 - a wall time
_UNPACKED = {1, 3, 6, 7, 0xFFFE}  # what a WAV says of sound that gets smaller: PCM, float, A-law, mu-law, PCM again


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
        self._can_share = True  # until the file system says no
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

    def add(self, recording: Recording, path: Path, copy: Path | None = None) -> Member:
        """Put the file at *path* into the ZIP, and a copy of it at *copy* if that is given.

        Raises:
            SourceLostError: it is gone, unreadable, or not as it was found; ZIP and *copy* are as before.
        """
        try:
            member = self._take(recording, path, copy)
        except SourceLostError:
            if copy is not None:
                copy.unlink(missing_ok=True)
            raise
        self._names.add(member.name.casefold())
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

    def _name(self, recording: Recording, wall: datetime) -> str:
        """Return a name for the recording of that wall time that no other member has."""
        origin, destination = _clean(recording.origin), _clean(recording.destination)
        stem = f"{wall:%Y-%m-%d_%H-%M-%S}_{origin}_para_{destination}"
        suffix = plain_suffix(recording)
        name = f"{stem}{suffix}"
        number = 2
        while name.casefold() in self._names:  # Windows does not tell a from A
            name = f"{stem}_{number}{suffix}"
            number += 1
        return name

    def _take(self, recording: Recording, path: Path, copy: Path | None) -> Member:
        with ExitStack() as stack:
            source = stack.enter_context(opened(path, recording.size))
            twin = None
            if copy is not None:
                twin = os.open(copy, _NEW, 0o640)
                stack.callback(os.close, twin)
                self._can_share = self._can_share and source.share(twin)
                twin = None if self._can_share else twin
            member = (self._take_whole if recording.size <= BLOCK else self._take_long)(recording, source, twin)
            if twin is not None:
                begin_to_flush(twin, 0, recording.size)
            return member

    def _take_whole(self, recording: Recording, source: Source, twin: int | None) -> Member:
        """Take a recording that fits into one block: nothing of it is written before it is known to be good."""
        wall = self._wall(recording)
        name = self._name(recording, wall)
        content = self._fill(source)
        source.check()
        self._archive.add(name, wall, content, deflate=_gets_smaller(content))
        if twin is not None:
            write_all(twin, content)
        seconds = play_time(content)
        return Member(recording, name, self._hashing.whole(len(content)), seconds)

    def _take_long(self, recording: Recording, source: Source, twin: int | None) -> Member:
        wall = self._wall(recording)
        name = self._name(recording, wall)
        made = Sum()
        block = self._fill(source)
        deflate = _gets_smaller(block)
        with self._archive.long_member(name, wall, recording.size, deflate=deflate) as write:
            while block:
                write(block)
                if twin is not None:
                    write_all(twin, block)
                self._hashing.feed(made, len(block), last=not source.left)
                block = self._fill(source)
            source.check()
        return Member(recording, name, made, play_time(source.descriptor))

    def _fill(self, source: Source) -> memoryview:
        """Fill the free block, and return what is filled of it."""
        filled = source.fill(self._hashing.block)
        self._advance(len(filled))
        return filled

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
            parties = (cell(harmless(recording.origin)), cell(harmless(recording.destination)))
            day, time = f"{wall:%Y-%m-%d}", f"{wall:%H:%M:%S}"
            table.writerow((member.name, day, time, *parties, seconds, recording.size, member.sha256))
        return text.getvalue().encode("utf-8", "replace")  # a name that is not UTF-8 has bytes that are no text


def plain_suffix(recording: Recording) -> str:
    """Return the recording's ending if it is one that may stand in any file name, else nothing."""
    suffix = PurePosixPath(recording.path).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""


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
