"""The catalogue as a plain reading of the recordings' folder, at each request."""

import logging
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from voipmon.clock import Clock
from voipmon.domain.ask import Extension
from voipmon.domain.period import Period
from voipmon.domain.recording import (
    FOLDER_UNREADABLE,
    STILL_GROWING,
    TOO_SMALL,
    UNREADABLE,
    DayCount,
    Findings,
    LeftOut,
    Recording,
)
from voipmon.errors import CatalogueError
from voipmon.recordings.filename import NamePattern, ParsedName, digits_of, oldest_first

_log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_FORMATS = (".mp3", ".m4a", ".ogg", ".opus", ".webm", ".wav")  # of one call, the best to play comes first
_MOST_LITERALS = 100  # an expression of more alternatives is slower than reading the names
_MOST_MONTHS = 36

_Test = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Hit:
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
class DirectoryCatalogue:
    """The recordings anywhere below *root*, known by their names; only matches are asked for size and time.

    *prefixes* are the types of calls taken, `*` for all; a name that tells no type is always taken. Files under
    *min_bytes* are too small. Files changed within *settle* of now are still growing; a change that lies further
    in the future comes from a wrong clock, and counts as settled. *zone* is that of the stamps in the names: a
    period in the same zone is compared by the wall clock, one in another zone by the moment. Links to folders are
    not followed: what lies inside the root is found where it really is.
    """

    root: Path
    pattern: NamePattern
    prefixes: Collection[str]
    min_bytes: int
    settle: timedelta
    zone: ZoneInfo
    clock: Clock

    def find(self, extensions: Collection[Extension], period: Period, server: str | None = None) -> Findings:
        """Read the folder's names, and look at the files that match."""
        unreadable: list[str] = []
        hits = (
            hit
            for hit in self._hits(extensions, self._day_test(period), unreadable)
            if hit.call.start in period and _may_be_of(hit.call.server, server)
        )
        findings = self._look_at(hits)
        folders = (LeftOut(folder, FOLDER_UNREADABLE) for folder in sorted(unreadable))
        return replace(findings, left_out=(*findings.left_out, *folders))

    def nearest_days(self, extensions: Collection[Extension], period: Period, most: int) -> list[DayCount]:
        """Read the names of all days, and look at the files of the nearest."""
        first, last = _day_of(period.first, self.zone), _day_of(period.last, self.zone)
        hits_of: dict[date, list[_Hit]] = {}
        for hit in self._hits(extensions, _anything, []):
            hits_of.setdefault(hit.call.start.date(), []).append(hit)
        days: list[DayCount] = []
        for day in sorted(hits_of, key=lambda day: (max(first - day, day - last, timedelta()), day)):
            if len(days) >= most:
                break
            count = len(self._look_at(hits_of[day]).recordings)
            if count:
                days.append(DayCount(day, count))
        return sorted(days, key=lambda counted: counted.day)

    def refresh(self) -> str:
        """Do nothing: nothing is kept between two requests."""
        return "the recordings are read from the folder at each request: there is nothing to refresh"

    def _hits(self, extensions: Collection[Extension], day_test: _Test, unreadable: list[str]) -> Iterator[_Hit]:
        """Yield the files of the extensions, of a kind that is taken, whose name passes the test; as `_walk`."""
        wanted = frozenset(extension.digits for extension in extensions)
        kinds = frozenset(prefix.lower() for prefix in self.prefixes)
        any_kind = "*" in kinds or not self.pattern.has_kind
        for path, link in _walk(self.root, _number_test(wanted), unreadable):
            name = path.rpartition("/")[2]
            call = self.pattern.read(name, self.zone) if day_test(name) else None
            if call and not wanted.isdisjoint(call.numbers) and (any_kind or call.kind.lower() in kinds):
                yield _Hit(path, call, link)

    def _day_test(self, period: Period) -> _Test:
        """Return a cheap test that lets the names of the period pass, and not many others."""
        months = _months(_day_of(period.first, self.zone), _day_of(period.last, self.zone))
        if not self.pattern.has_day or len(months) > _MOST_MONTHS:
            return _anything

        def holds_month(name: str) -> bool:
            digits = digits_of(name)
            return any(month in digits for month in months)

        return holds_month

    def _look_at(self, hits: Iterable[_Hit]) -> Findings:
        calls: dict[tuple[str, str], list[_Hit]] = {}
        for hit in self._each_file_once(hits):
            calls.setdefault(hit.stem, []).append(hit)
        now = self.clock()  # reading the names may have taken longer than a file needs to settle
        answers = [self._best_of(formats, now) for formats in calls.values()]
        recordings = [answer for answer in answers if isinstance(answer, Recording)]
        left_out = [answer for answer in answers if isinstance(answer, LeftOut)]
        return Findings(
            tuple(sorted(recordings, key=oldest_first)), tuple(sorted(left_out, key=lambda file: file.path))
        )

    def _each_file_once(self, hits: Iterable[_Hit]) -> Iterator[_Hit]:
        """Yield the hits that lie inside the root, a link only if the file it leads to is not among them."""
        root = self.root.resolve()
        seen: set[str] = set()
        for hit in sorted(hits, key=lambda hit: (hit.link, hit.path)):
            real = _resolve_inside(root, hit.path) if hit.link else f"{root}/{hit.path}"
            if real is not None and real not in seen:
                seen.add(real)
                yield hit

    def _best_of(self, formats: Iterable[_Hit], now: datetime) -> Recording | LeftOut | None:
        """Return the best file of one call that may be given, else why none may, or None if all are gone."""
        reason: LeftOut | None = None
        for hit in sorted(formats, key=lambda hit: hit.rank):
            answer = self._judge(hit, now)
            if isinstance(answer, Recording):
                return answer
            reason = reason or answer
        return reason

    def _judge(self, hit: _Hit, now: datetime) -> Recording | LeftOut | None:
        path = self.root / hit.path
        try:
            status = path.stat()
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

    def _refusal(self, path: Path, status: os.stat_result, now: datetime) -> str | None:
        if abs(now.timestamp() - status.st_mtime) < self.settle.total_seconds():
            return STILL_GROWING
        if status.st_size < self.min_bytes:
            return TOO_SMALL
        return None if os.access(path, os.R_OK, effective_ids=True) else UNREADABLE


def _walk(root: Path, test: _Test, unreadable: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield, in no order, the files below *root* whose name passes the test: path, and whether it is a link.

    The folders that cannot be read are added to *unreadable*.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}{entry.name}/")
                    elif test(entry.name):
                        yield folder + entry.name, entry.is_symlink()
        except OSError as error:
            if not folder:
                raise _unreadable_root(root, error) from error
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # those were removed meanwhile
                unreadable.append(folder)
    if unreadable:
        _log.warning("folders_unreadable", extra={"count": len(unreadable), "folder": unreadable[0]})


def _unreadable_root(root: Path, error: OSError) -> CatalogueError:
    denied = isinstance(error, PermissionError)
    remedy = "give this user the right to read it" if denied else "mount it, or correct recordings.dir"
    return CatalogueError(f"cannot read the recordings' folder {root} ({error.strerror}): {remedy}", retryable=True)


def _resolve_inside(root: Path, path: str) -> str | None:
    """Return where a link really leads, or None if outside the root, nowhere, or round in a circle."""
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, until Python 3.13
        return None
    return str(real) if real.is_relative_to(root) else None


def _number_test(wanted: Collection[str]) -> _Test:
    """Return a cheap test that lets pass every name that holds one of the numbers, and some others."""
    if not wanted:
        return lambda _name: False
    if len(wanted) > _MOST_LITERALS:
        return _anything
    return re.compile("|".join(sorted(wanted))).search


def _anything(_name: str) -> bool:
    return True


def _may_be_of(told: str | None, server: str | None) -> bool:
    return told is None or server is None or told.lower() == server.lower()


def _day_of(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # at the ends of the calendar, where a day more or less finds nothing
        return moment.date()


def _months(first: date, last: date) -> list[str]:
    """Return the months, as `YYYYMM`, from the day before *first* to the day after *last*."""
    first, last = max(first, date.min + _DAY) - _DAY, min(last, date.max - _DAY) + _DAY
    span = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{month // 12:04}{month % 12 + 1:02}" for month in span]
