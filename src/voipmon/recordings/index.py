"""The catalogue by an index that is kept in the state folder, and brought up to date before each answer."""

import fcntl
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import TypeVar

from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount, Findings
from voipmon.domain.wanted import Wanted
from voipmon.errors import CatalogueError
from voipmon.recordings.days import distance, nearest_days
from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.filename import ParsedName
from voipmon.recordings.folder_walk import Seen, TooMuchNewError, Walk
from voipmon.recordings.folders import warn_of, with_folders
from voipmon.recordings.index_file import IndexFile, UnfitError, UnusableError, all_of, newest, remove_database
from voipmon.recordings.judge import Hit

_log = logging.getLogger(__name__)

T = TypeVar("T")

_AROUND = timedelta(hours=25)  # further than any change of a clock moves a stamp: in the Pacific, by a whole day
_NEAR = (timedelta(days=10), timedelta(days=100), timedelta(days=36500 * 100))
_MANY = 100_000  # new recordings from which on, if they are a quarter of all, sorting all anew is quicker
_OLD = timedelta(days=30)
_IN_USE = timedelta(minutes=10)  # for so long an index may still be read after there is a newer one
_MANY_GONE = 1000


class BusyError(UnusableError):
    """Another process is just building the index."""


@dataclass(frozen=True, slots=True)
class IndexCatalogue:
    """The recordings that *plain* finds, by an index in *folder*, which is made where it is missing.

    What the index knows is only where to look: each file that matches is looked at before it is named. Where the index
    cannot be used, *plain* answers.
    """

    plain: DirectoryCatalogue
    folder: Path

    def find(self, wanted: Wanted, period: Period) -> Findings:
        """Look up the names, and look at the files that match."""

        def matches(call: ParsedName) -> bool:
            return call.start in period

        def ask(index: IndexFile, seen: Seen) -> Findings:
            hits = self._hits(index, seen, wanted, _span(period, _AROUND), matches)
            return with_folders(self.plain.judge.findings(hits), seen.unreadable)

        return self._answer(ask, lambda: self.plain.find(wanted, period))

    def nearest_days(self, wanted: Wanted, period: Period, most: int) -> list[DayCount]:
        """Look up the names of more and more days around the period, and look at the files of the nearest."""
        zone = self.plain.zone

        def ask(index: IndexFile, seen: Seen) -> list[DayCount]:
            days: list[DayCount] = []
            for near in _NEAR:
                hits = self._hits(index, seen, wanted, _span(period, near + _AROUND), lambda _call: True)
                days = nearest_days(hits, self.plain.judge, period, zone, most)
                if len(days) == most and all(distance(counted.day, period, zone) < near for counted in days):
                    break
            return days

        return self._answer(ask, lambda: self.plain.nearest_days(wanted, period, most))

    def refresh(self) -> str:
        """Bring the index up to date. Once a month it is built anew, which rids it of what is gone."""
        try:
            path = newest(self.folder)
            try:
                return self._refresh(path)
            except (UnfitError, TooMuchNewError) as error:
                return _told(self._build(path, str(error)), str(error))
        except BusyError as error:
            return f"nothing to refresh: {error}"
        except (UnusableError, UnfitError, OSError) as error:
            raise CatalogueError(self._unusable(error), retryable=True) from error

    def refreshed_at(self) -> datetime | None:
        """Return when the index was last brought up to date; None: there is none."""
        try:
            path = newest(self.folder)
            return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path else None
        except (UnusableError, OSError):
            return None

    def _refresh(self, path: Path | None) -> str:
        with self._opened(path) as (index, seen):
            warn_of(seen.unreadable)
            now = self.plain.clock().timestamp()
            if now - index.built_at > _OLD.total_seconds():
                raise UnfitError("the last one was a month old")
            if seen.gone > len(seen.folders) + _MANY_GONE:
                raise UnfitError("most folders that it knew are gone")
            if now - index.built_at > _IN_USE.total_seconds():
                self._tidy(index.path)
        if not seen.new:
            return f"nothing to refresh: nothing new in {len(seen.folders)} folders ({seen.listed} had changed)"
        return f"{seen.new} new recordings; of {len(seen.folders)} folders {seen.listed} had changed"

    def _tidy(self, current: Path) -> None:
        """Remove the indexes before *current*, and what a builder left that was killed."""
        from voipmon.recordings.index_building import remove_leftovers  # noqa: PLC0415 - not for an answer

        with suppress(BusyError), _alone(self.folder):
            remove_leftovers(self.folder)
            for older in all_of(self.folder):
                if older < current:
                    remove_database(older)

    def _answer(self, ask: Callable[[IndexFile, Seen], T], plainly: Callable[[], T]) -> T:
        """Return what *ask* says of an index that is up to date, else what *plainly* says."""
        try:
            path = newest(self.folder)
            try:
                return self._asked(path, ask)
            except (UnfitError, TooMuchNewError) as error:
                self._build(path, str(error))
                return self._asked(newest(self.folder), ask)
        except BusyError as error:
            _log.info("index_busy", extra={"reason": str(error)})
        except (UnusableError, UnfitError, TooMuchNewError, OSError) as error:
            _log.warning("index_unusable", extra={"reason": self._unusable(error)})
        return plainly()

    def _asked(self, path: Path | None, ask: Callable[[IndexFile, Seen], T]) -> T:
        with self._opened(path) as (index, seen):
            warn_of(seen.unreadable)
            return ask(index, seen)

    def _unusable(self, error: Exception) -> str:
        remedy = f"make room on its disk, let this user write {self.folder}, or delete that folder"
        return f"the index cannot be used ({error}), so each request reads the folder of the recordings: {remedy}"

    @contextmanager
    def _opened(self, path: Path | None) -> Iterator[tuple[IndexFile, Seen]]:
        """Open the index and bring it up to date."""
        if path is None:
            raise UnfitError("there was none")
        with IndexFile(path, self._settings) as index:
            seen = Walk(self.plain, index, max(_MANY, index.rows / 4)).go()
            with suppress(OSError):
                os.utime(path)  # the file's time is when it was last brought up to date
            yield index, seen

    def _build(self, condemned: Path | None, reason: str) -> Seen:
        """Build the index anew, unless somebody else has since *condemned* was found to be unfit."""
        from voipmon.recordings.index_building import Building  # noqa: PLC0415 - once a month

        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with _alone(self.folder):
            if newest(self.folder) != condemned:
                return Seen()
            now = int(self.plain.clock().timestamp())
            with Building(self.folder, self._settings, now) as building:
                seen = Walk(self.plain, building, inf).go()
                path = building.finish()
        _log.info("index_built", extra={"reason": reason, "recordings": seen.new, "file": path.name})
        return seen

    @property
    def _settings(self) -> str:
        """All that decides what stands in the index."""
        plain = self.plain
        pattern, prefixes = plain.pattern.expression.pattern, sorted(plain.prefixes)
        return ascii((str(plain.root), pattern, prefixes, str(plain.zone)))

    def _hits(
        self,
        index: IndexFile,
        seen: Seen,
        wanted: Wanted,
        span: tuple[int, int],
        matches: Callable[[ParsedName], bool],
    ) -> Iterator[Hit]:
        """Yield the wanted files whose moment lies in the span and that match; some may be gone."""
        names = {row for key in wanted.keys for row in index.names(key, *span) if row[0] in seen.folders}
        for folder, encoded in names:
            name = os.fsdecode(encoded)
            call = self.plain.pattern.read(name, self.plain.zone)
            if call is None or not matches(call) or not wanted.includes(call.numbers, call.server):
                continue
            path = seen.folders[folder] + name
            try:
                link = stat.S_ISLNK(os.lstat(f"{self.plain.root}/{path}").st_mode)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:  # the judge knows the word for it
                link = False
            yield Hit(path, call, link)


def _span(period: Period, around: timedelta) -> tuple[int, int]:
    """Return the moments from *around* before the period to *around* after it, in seconds."""
    more = around.total_seconds()
    return int(period.first.timestamp() - more), int(period.last.timestamp() + more)


def _told(built: Seen, reason: str) -> str:
    if not built.new:
        return "nothing to refresh: there are no recordings yet, or another process was faster"
    return f"the index was built anew ({reason}): {built.new} recordings in {len(built.folders)} folders"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other builders out; the lock dies with the process."""
    descriptor = os.open(folder / "building.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another process is building the index") from None
        yield
    finally:
        os.close(descriptor)
