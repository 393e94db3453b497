"""Under which keys a file stands in the index: whose call, and when. For a million names at once, so done quickly."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from voipmon.recordings.filename import NamePattern

K = TypeVar("K")
V = TypeVar("V")

Keys = tuple[int, str, str | None]
"""The moment a call began, in whole seconds since 1970; whose extension it may be, and whose else, if anybody's."""

_LONGEST_EXTENSION = 6
_MOST = 100_000  # of what is remembered of one kind
_SECONDS = {f"{minute:02}{second:02}": 60 * minute + second for minute in range(60) for second in range(60)}


class KeyReader:
    """Reads names as *pattern* reads them, of the types of calls in *prefixes*; stamps are wall time in *zone*.

    What many names have in common, the hour and the parties, is worked out once.
    """

    def __init__(self, pattern: NamePattern, prefixes: Collection[str], zone: ZoneInfo) -> None:
        self._pattern = pattern
        self._takes = pattern.takes(prefixes)
        self._zone = zone
        self._match = pattern.expression.fullmatch
        place = pattern.expression.groupindex
        names = ("orig", "dest", "type", "date", "time")
        self._places = tuple(place.get(name, 0) - 1 for name in names)
        self._hours: dict[str, int | None] = {}
        self._extensions: dict[str, str] = {}

    def __call__(self, name: str) -> Keys | None:
        """Return the keys of a file name; None: no recording, of another type, or of nobody's extension."""
        match = self._match(name)
        if match is None:
            return None
        fields = (*match.groups(""), "")  # a group that the pattern lacks is the last of these
        orig, dest, kind, date, time = self._places
        one, other = self._extension(fields[orig]), self._extension(fields[dest])
        if not (one or other) or not self._takes(fields[kind]):
            return None
        day, clock = fields[date], fields[time]
        hour = day + clock[:2]
        start = self._hours[hour] if hour in self._hours else _keep(self._hours, hour, self._start_of(hour))
        seconds = _SECONDS.get(clock[2:])
        if start is not None and seconds is not None:
            return start + seconds, one or other, other if one and other and one != other else None
        call = self._pattern.read(name, self._zone)  # as for any odd name: slowly
        if call is None:
            return None
        return int(call.start.timestamp() // 1), one or other, other if one and other and one != other else None

    def _extension(self, number: str) -> str:
        """Return *number* as it is compared, or nothing where nobody can ask for it: see `domain.ask.Extension`."""
        known = self._extensions.get(number)
        if known is not None:
            return known
        bare = number.removeprefix("+")
        askable = len(bare) <= _LONGEST_EXTENSION and bare.isdigit() and bare.isascii()
        return _keep(self._extensions, number, bare if askable else "")

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


def _keep(known: dict[K, V], key: K, value: V) -> V:
    if len(known) >= _MOST:
        known.clear()
    known[key] = value
    return value
