"""Which of the files whose names match may be given, and why not the others."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from voipmon.clock import Clock
from voipmon.domain.recording import STILL_GROWING, TOO_SMALL, UNREADABLE, Findings, LeftOut, Recording
from voipmon.recordings.filename import ParsedName, oldest_first

_FORMATS = (".mp3", ".m4a", ".ogg", ".opus", ".webm", ".wav")  # of one call, the best to play comes first


@dataclass(frozen=True, slots=True)
class Hit:
    """A file whose name matches; *path* is relative to the root, *link* says that it is a symbolic link."""

    path: str
    call: ParsedName
    link: bool

    @property
    def stem(self) -> tuple[str, str]:
        """What the files of one call in several formats have in common."""
        folder, _, name = self.path.rpartition("/")
        return folder, name.rpartition(".")[0] or name

    @property
    def rank(self) -> tuple[int, str]:
        """The best of several formats sorts first."""
        suffix = self.call.suffix
        return (_FORMATS.index(suffix) if suffix in _FORMATS else len(_FORMATS)), suffix


@dataclass(frozen=True, slots=True)
class Judge:
    """Looks at the files that match, and at no others.

    Files under *min_bytes* are too small. Files changed within *settle* of now are still growing; a change that lies
    further in the future comes from a wrong clock, and counts as settled.
    """

    root: Path
    min_bytes: int
    settle: timedelta
    clock: Clock

    def findings(self, hits: Iterable[Hit]) -> Findings:
        """Return what may be given of *hits*, oldest first, and what may not; what is gone is in neither."""
        calls: dict[tuple[str, str], list[Hit]] = {}
        for hit in self._each_file_once(hits):
            calls.setdefault(hit.stem, []).append(hit)
        now = self.clock()  # reading the names may have taken longer than a file needs to settle
        answers = [self._best_of(formats, now) for formats in calls.values()]
        recordings = [answer for answer in answers if isinstance(answer, Recording)]
        left_out = [answer for answer in answers if isinstance(answer, LeftOut)]
        return Findings(
            tuple(sorted(recordings, key=oldest_first)), tuple(sorted(left_out, key=lambda file: file.path))
        )

    def _each_file_once(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Yield the hits that lie inside the root, a link only if the file it leads to is not among them."""
        root = self.root.resolve()
        seen: set[str] = set()
        for hit in sorted(hits, key=lambda hit: (hit.link, hit.path)):
            real = _resolve_inside(root, hit.path) if hit.link else f"{root}/{hit.path}"
            if real is not None and real not in seen:
                seen.add(real)
                yield hit

    def _best_of(self, formats: Iterable[Hit], now: datetime) -> Recording | LeftOut | None:
        """Return the best file of one call that may be given, else why none may, or None if all are gone."""
        reason: LeftOut | None = None
        for hit in sorted(formats, key=lambda hit: hit.rank):
            answer = self._judge(hit, now)
            if isinstance(answer, Recording):
                return answer
            reason = reason or answer
        return reason

    def _judge(self, hit: Hit, now: datetime) -> Recording | LeftOut | None:
        path = f"{self.root}/{hit.path}"
        try:
            status = os.stat(path)  # noqa: PTH116 - a thousand times for an answer, and a Path takes longer than the call
        except (FileNotFoundError, NotADirectoryError):
            return None  # gone since its name was read
        except OSError:
            return LeftOut(hit.path, UNREADABLE)
        if not stat.S_ISREG(status.st_mode):
            return None
        reason = self._refusal(path, status, now)
        if reason is not None:
            return LeftOut(hit.path, reason)
        call = hit.call
        return Recording(
            path=hit.path,
            start=call.start,
            origin=call.origin,
            destination=call.destination,
            size=status.st_size,
            kind=call.kind,
            server=call.server,
            uid=call.uid,
        )

    def _refusal(self, path: str, status: os.stat_result, now: datetime) -> str | None:
        if abs(now.timestamp() - status.st_mtime) < self.settle.total_seconds():
            return STILL_GROWING
        if status.st_size < self.min_bytes:
            return TOO_SMALL
        return None if os.access(path, os.R_OK, effective_ids=True) else UNREADABLE


def _resolve_inside(root: Path, path: str) -> str | None:
    """Return where a link really leads, or None if outside the root, nowhere, or round in a circle."""
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, until Python 3.13
        return None
    return str(real) if real.is_relative_to(root) else None
