"""Under which keys a file stands in the index: whose call, and when. For a million names at once, so done quickly."""

import os
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from voipmon.recordings.filename import NamePattern
from voipmon.recordings.index_file import Row

V = TypeVar("V")

_LONGEST_EXTENSION = 6
_MOST = 100_000  # of what is remembered of one kind
_SECONDS = {f"{minute:02}{second:02}": 60 * minute + second for minute in range(60) for second in range(60)}


class KeyReader:
    """Reads names as *pattern* reads them, of the types of calls in *prefixes*; stamps are wall time in *zone*.

    What many names have in common, the hour and the parties, is worked out once.
    """

    def __init__(self, pattern: NamePattern, prefixes: Collection[str], zone: ZoneInfo) -> None:
        self._pattern = pattern
        self._zone = zone
        self._match = pattern.expression.fullmatch
        place = pattern.expression.groupindex
        names = ("orig", "dest", "type", "date", "time")
        self._places = tuple(place.get(name, 0) - 1 for name in names)
        self._kinds = _Known(pattern.takes(prefixes))
        self._hours = _Known(self._start_of)
        self._extensions = _Known(_extension)

    def rows(self, names: Iterable[bytes], folder: int) -> list[Row]:
        """Return the rows of those *names* in a folder that somebody can ask for; they may be no recordings at all."""
        orig, dest, kind, date, time = self._places
        extensions, kinds, hours = self._extensions, self._kinds, self._hours
        rows = []
        for name in names:  # for every name that there is: nothing in here is done twice or for nothing
            match = self._match(os.fsdecode(name))
            if match is None:
                continue
            fields = (*match.groups(""), "")  # a group that the pattern lacks is the last of these
            one, other = extensions[fields[orig]], extensions[fields[dest]]
            if not (one or other) or not kinds[fields[kind]]:
                continue
            clock = fields[time]
            start, seconds = hours[fields[date] + clock[:2]], _SECONDS.get(clock[2:])
            moment = start + seconds if start is not None and seconds is not None else self._moment(name)
            if moment is not None:
                rows.append((moment, folder, name, one or other, other if one and other and one != other else None))
        return rows

    def _moment(self, name: bytes) -> int | None:
        """Read an odd stamp as the pattern does."""
        call = self._pattern.read(os.fsdecode(name), self._zone)
        return None if call is None else int(call.start.timestamp() // 1)

    def _start_of(self, hour: str) -> int | None:
        """Return when an hour `YYYYMMDDHH` began; None where it is no hour, or clocks were changed during it."""
        if len(hour) != 10 or not hour.isdigit() or not hour.isascii():
            return None
        try:
            parts = int(hour[:4]), int(hour[4:6]), int(hour[6:8]), int(hour[8:])
            ends = [
                datetime(*parts, minute, minute, tzinfo=self._zone, fold=fold) for minute in (0, 59) for fold in (0, 1)
            ]
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


def _extension(number: str) -> str:
    """Return *number* as it is compared, or nothing where nobody can ask for it: see `domain.ask.Extension`."""
    bare = number.removeprefix("+")
    return bare if len(bare) <= _LONGEST_EXTENSION and bare.isdigit() and bare.isascii() else ""
