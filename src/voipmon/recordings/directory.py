"""The catalogue as a plain reading of the recordings' folder, at each request."""

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from voipmon.clock import Clock
from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount, Findings
from voipmon.domain.wanted import Wanted
from voipmon.recordings.days import day_of, nearest_days
from voipmon.recordings.filename import NamePattern, digits_of
from voipmon.recordings.folders import unreadable_root, warn_of, with_folders
from voipmon.recordings.judge import Hit, Judge

_DAY = timedelta(days=1)
_MOST_LITERALS = 100  # an expression of more alternatives is slower than reading the names
_MOST_MONTHS = 36

_Test = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class DirectoryCatalogue:
    """The recordings anywhere below *root*, known by their names; only matches are asked for size and time.

    *prefixes* are the types of calls taken, `*` for all; a name that tells no type is always taken. *min_bytes* and
    *settle* are those of the `Judge`. *zone* is that of the stamps in the names: a period in the same zone is compared
    by the wall clock, one in another zone by the moment. Links to folders are not followed: what lies inside the root
    is found where it really is.
    """

    root: Path
    pattern: NamePattern
    prefixes: Collection[str]
    min_bytes: int
    settle: timedelta
    zone: ZoneInfo
    clock: Clock

    @property
    def judge(self) -> Judge:
        """Who says which files may be given."""
        return Judge(self.root, self.min_bytes, self.settle, self.clock)

    def find(self, wanted: Wanted, period: Period) -> Findings:
        """Read the folder's names, and look at the files that match."""
        unreadable: list[str] = []
        named = self._hits(wanted, self._day_test(period), unreadable)
        hits = (hit for hit in named if hit.call.start in period)
        return with_folders(self.judge.findings(hits), unreadable)

    def nearest_days(self, wanted: Wanted, period: Period, most: int) -> list[DayCount]:
        """Read the names of all days, and look at the files of the nearest."""
        return nearest_days(self._hits(wanted, _anything, []), self.judge, period, self.zone, most)

    def refresh(self) -> str:
        """Do nothing: nothing is kept between two requests."""
        return "the recordings are read from the folder at each request: there is nothing to refresh"

    def _hits(self, wanted: Wanted, day_test: _Test, unreadable: list[str]) -> Iterator[Hit]:
        """Yield the wanted files, of a kind that is taken, whose name passes the test; as `_walk`."""
        takes = self.pattern.takes(self.prefixes)
        for path, link in _walk(self.root, _party_test(wanted), unreadable):
            name = path.rpartition("/")[2]
            call = self.pattern.read(name, self.zone) if day_test(name) else None
            if call and wanted.includes(call.numbers, call.server) and takes(call.kind):
                yield Hit(path, call, link)

    def _day_test(self, period: Period) -> _Test:
        """Return a cheap test that lets the names of the period pass, and not many others."""
        months = _months(day_of(period.first, self.zone), day_of(period.last, self.zone))
        if not self.pattern.has_day or len(months) > _MOST_MONTHS:
            return _anything

        def holds_month(name: str) -> bool:
            digits = digits_of(name)
            return any(month in digits for month in months)

        return holds_month


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
                raise unreadable_root(root, error) from error
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # those were removed meanwhile
                unreadable.append(folder)
    warn_of(unreadable)


def _party_test(wanted: Wanted) -> _Test:
    """Return a cheap test that lets pass every name that holds one of the parties, and some others."""
    if wanted.number is not None:
        key = wanted.number.key
        return lambda name: key in digits_of(name)
    if not wanted.extensions:
        return lambda _name: False
    if len(wanted.extensions) > _MOST_LITERALS:
        return _anything
    return re.compile("|".join(sorted(wanted.extensions))).search


def _anything(_name: str) -> bool:
    return True


def _months(first: date, last: date) -> list[str]:
    """Return the months, as `YYYYMM`, from the day before *first* to the day after *last*."""
    first, last = max(first, date.min + _DAY) - _DAY, min(last, date.max - _DAY) + _DAY
    span = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{month // 12:04}{month % 12 + 1:02}" for month in span]
