"""Once a day what is old goes where it belongs: requests to the archive, and everything to its end."""

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

_log = logging.getLogger(__name__)

DAILY = timedelta(days=1)
MARK = "tidied"
"""The file in the state folder whose time tells when that was last done."""


class OldRequests(Protocol):
    """Keeps finished requests (`queue.admin.QueueAdmin`)."""

    def archive(self, keep: timedelta, keep_archive: timedelta, now: datetime) -> int:
        """Move what is older than *keep* to the archive, delete what is older than *keep_archive* there."""
        ...


class OldLetters(Protocol):
    """Keeps letters that were sent or refused (`mail.spool.SpoolOutbox`)."""

    def purge(self, older_than: timedelta, now: datetime) -> int:
        """Delete what is older."""
        ...


def is_due(state_dir: Path, now: datetime) -> bool:
    """Tell whether the last time is a day ago."""
    try:
        last = (state_dir / MARK).stat().st_mtime
    except FileNotFoundError:
        return state_dir.exists()  # a host that has never had anything to do has nothing to tidy
    return now.timestamp() - last >= DAILY.total_seconds()


def tidy(requests: OldRequests, letters: OldLetters, keep: timedelta, keep_archive: timedelta, now: datetime) -> None:
    """Archive requests and delete letters that ended longer than *keep* ago, and what is *keep_archive* old there."""
    moved = requests.archive(keep, keep_archive, now)
    removed = letters.purge(max(keep, DAILY), now)  # those of a day count for the budget
    _log.info("tidied", extra={"archived": moved, "letters_deleted": removed})
