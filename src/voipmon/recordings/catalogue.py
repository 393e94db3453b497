"""The port to the recordings: what is there, of whom, of when."""

from collections.abc import Collection
from typing import Protocol

from voipmon.domain.ask import Extension
from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount, Findings


class Catalogue(Protocol):
    """Answers which recordings match; changes none of them, ever."""

    def find(self, extensions: Collection[Extension], period: Period, server: str | None = None) -> Findings:
        """Return the recordings whose origin or destination is one of *extensions* and that started in *period*.

        Numbers are compared whole, a `+` in front apart; both ends of the period are included. A recording that
        matches twice comes once, and so does a call kept in several formats under one name (as mp3 where there is one).
        Oldest first; of one moment, by the exchange's id of the call, then by path. With *server*, recordings whose
        name tells another exchange are not meant. A file that was there, closed and settled, before the call is never
        missed; one that is gone is never named. Files that match and may not be given (still being written, too
        small, unreadable) are in `left_out`. Symbolic links that leave the folder are not followed.

        Raises:
            CatalogueError: when the folder is missing or unreadable (retryable: it may be mounted again).
        """
        ...

    def nearest_days(self, extensions: Collection[Extension], period: Period, most: int) -> list[DayCount]:
        """Return up to *most* days that have recordings of *extensions*, those nearest to *period*, in calendar order.

        For the person who asked for the wrong day. Raises CatalogueError as `find`.
        """
        ...

    def refresh(self) -> str:
        """Bring the catalogue up to date, and return one sentence saying what there was to do."""
        ...
