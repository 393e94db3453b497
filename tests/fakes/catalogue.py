"""The port Catalogue over a list."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount, Findings, LeftOut, Recording
from voipmon.domain.wanted import Wanted
from voipmon.errors import CatalogueError
from voipmon.recordings.filename import oldest_first


class MemoryCatalogue:
    """Answers from *recordings*, and from *withheld* ones with the reason why each may not be given.

    While *error* is set, every question raises it.
    """

    error: CatalogueError | None = None

    def __init__(self, recordings: Iterable[Recording] = (), withheld: Iterable[tuple[Recording, str]] = ()) -> None:
        self.recordings = list(recordings)
        self.withheld = list(withheld)

    def find(self, wanted: Wanted, period: Period) -> Findings:
        self._check()

        def matches(recording: Recording) -> bool:
            return recording.start in period and _is_in(recording, wanted)

        found = sorted(filter(matches, self.recordings), key=oldest_first)
        left_out = [LeftOut(recording.path, why) for recording, why in self.withheld if matches(recording)]
        return Findings(tuple(found), tuple(sorted(left_out, key=lambda file: file.path)))

    def nearest_days(self, wanted: Wanted, period: Period, most: int) -> list[DayCount]:
        self._check()
        days = Counter(item.start.date() for item in self.recordings if _is_in(item, wanted))

        def distance(day: date) -> tuple[timedelta, date]:
            return max(period.first.date() - day, day - period.last.date(), timedelta()), day

        return [DayCount(day, days[day]) for day in sorted(sorted(days, key=distance)[:most])]

    def refresh(self) -> str:
        self._check()
        return "the recordings are in memory: there is nothing to refresh"

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _is_in(recording: Recording, wanted: Wanted) -> bool:
    parties = (recording.origin.removeprefix("+"), recording.destination.removeprefix("+"))
    return wanted.includes(parties, recording.server)
