"""Under which keys a file stands in the index: whose call, and when. For a million names at once, so done quickly."""

import os
import sys
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from voipmon.domain.number import key_of
from voipmon.recordings.filename import NamePattern
from voipmon.recordings.index_file import Row

V = TypeVar("V")

_LONGEST_EXTENSION = 6
_MOST = 100_000  # of what is remembered of one kind
_ENDS = ((0, 0, 0), (23, 59, 59))  # of a day


class KeyReader:
    """Reads names as *pattern* reads them, of the types of calls in *prefixes*; stamps are wall time in *zone*.

    What many names have in common, the day, the time of day and the parties, is worked out once.
    """

    def __init__(self, pattern: NamePattern, prefixes: Collection[str], zone: ZoneInfo) -> None:
        self._pattern = pattern
        self._zone = zone
        self._match = pattern.expression.fullmatch
        place = pattern.expression.groupindex
        names = ("orig", "dest", "type", "date", "time")
        self._places = tuple(place.get(name, 0) - 1 for name in names)
        self._kinds = _Known(pattern.takes(prefixes))
        self._days = _Known(self._start_of)
        self._clocks = _Known(_second_of_day)
        self._parties = _Known(_key)

    def rows(self, names: Iterable[bytes], folder: int) -> list[Row]:
        """Return the rows of those *names* in a folder that somebody can ask for; they may be no recordings at all."""
        orig, dest, kind, date, time = self._places
        parties, kinds, days, clocks = self._parties, self._kinds, self._days, self._clocks
        encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
        rows = []
        for name in names:  # for every name that there is: nothing in here is done twice or for nothing
            match = self._match(name.decode(encoding, errors))
            if match is None:
                continue
            fields = (*match.groups(""), "")  # a group that the pattern lacks is the last of these
            one, other = parties[fields[orig]], parties[fields[dest]]
            if not (one or other) or not kinds[fields[kind]]:
                continue
            start, clock = days[fields[date]], clocks[fields[time]]
            moment = self._moment(name) if start is None or clock is None else start + clock
            if moment is not None:
                rows.append((moment, folder, name, one or other, other if one and other and one != other else None))
        return rows

    def _moment(self, name: bytes) -> int | None:
        """Read an odd stamp as the pattern does."""
        call = self._pattern.read(os.fsdecode(name), self._zone)
        return None if call is None else int(call.start.timestamp() // 1)

    def _start_of(self, day: str) -> int | None:
        """Return when a day `YYYYMMDD` began; None where it is no day, or clocks were changed on it."""
        if len(day) != 8 or not day.isdigit() or not day.isascii():
            return None
        try:
            date = int(day[:4]), int(day[4:6]), int(day[6:])
            ends = [datetime(*date, *time, tzinfo=self._zone, fold=fold) for time in _ENDS for fold in (0, 1)]
        except ValueError:
            return None
        return int(ends[0].timestamp()) if len({end.utcoffset() for end in ends}) == 1 else None


class _Known(dict[str, V]):
    """What was worked out for a text, worked out where it is missing; so many at the most."""

    def __init__(self, work_out: Callable[[str], V]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> V:
        if len(self) >= _MOST:
            self.clear()
        self[text] = value = self._work_out(text)
        return value


def _second_of_day(clock: str) -> int | None:
    """Return the seconds from midnight to `HHMMSS`; None where it is no such time."""
    if len(clock) != 6 or not clock.isdigit() or not clock.isascii():
        return None
    hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    return 3600 * hour + 60 * minute + second if hour < 24 and minute < 60 and second < 60 else None


def _key(party: str) -> str:
    """Return under what a party is found, or nothing where nobody can ask for it (`domain.ask`, `domain.number`)."""
    bare = party.removeprefix("+")
    return bare if len(bare) <= _LONGEST_EXTENSION and bare.isdigit() and bare.isascii() else key_of(bare)
