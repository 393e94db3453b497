"""One audio file, and what its name says about the call."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded call.

    *path* is relative to the recordings' folder, `/` between its parts; names that are not UTF-8 hold surrogates
    (`os.fsdecode`). *start* is aware and when the call began. *origin* and *destination* are the parties as the name
    has them; either may be empty. *size* is in bytes. *server* is the exchange, where the name tells. *uid* is the
    exchange's own id of the call: it orders the files of one moment.
    """

    path: str
    start: datetime
    origin: str
    destination: str
    size: int
    kind: str = ""
    server: str | None = None
    uid: str = ""

    @property
    def suffix(self) -> str:
        """The file name's ending in lower case with its dot: `.mp3`."""
        return "." + self.path.rpartition(".")[2].lower()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that matches and is not given, and why: one of the reasons below."""

    path: str
    reason: str


STILL_GROWING = "still_growing"
TOO_SMALL = "too_small"
VANISHED = "vanished"
UNREADABLE = "unreadable"
CHANGED = "changed"
FOLDER_UNREADABLE = "folder_unreadable"
"""Not a file but a folder, whose path ends in a slash: what lies in it could not be searched."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found: recordings, oldest first, and the files that match but are left out."""

    recordings: tuple[Recording, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many recordings some extensions have on one day of the exchange's calendar."""

    day: date
    recordings: int
