"""The port to the recordings: what is there, of whom, of when."""

from typing import Protocol

from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount, Findings
from voipmon.domain.wanted import Wanted


class Catalogue(Protocol):
    """Answers which recordings match; changes none of them, ever."""

    def find(self, wanted: Wanted, period: Period) -> Findings:
        """Return the recordings of the calls that are *wanted* and started in *period*.

        Numbers are compared whole, a `+` in front apart; both ends of the period are included. A recording that
        matches twice comes once, and so does a call kept in several formats under one name (as mp3 where there is one).
        Oldest first; of one moment, by the exchange's id of the call, then by path. A file that was there, closed and
        settled, before the call is never missed; one that is gone is never named. Files that match and may not be given
        (still being written, too small, unreadable) are in `left_out`. Symbolic links that leave the folder are not
        followed.

        Raises:
            CatalogueError: when the folder is missing or unreadable (retryable: it may be mounted again).
        """
        ...

    def nearest_days(self, wanted: Wanted, period: Period, most: int) -> list[DayCount]:
        """Return up to *most* days that have *wanted* recordings, those nearest to *period*, in calendar order.

        For the person who asked for the wrong day. Raises CatalogueError as `find`.
        """
        ...

    def refresh(self) -> str:
        """Bring the catalogue up to date, and return one sentence saying what there was to do."""
        ...
