"""The section [queue]: where requests wait, and for how long the answered ones are kept."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from voipmon.settings import AbsolutePath, Duration, Section, Whole


class Queue(Section):
    """The folder of the queue, and its rules."""

    dir: AbsolutePath = Path("/var/spool/voipmon")
    max_attempts: Whole = Field(5, ge=1, le=100)
    keep: Duration = timedelta(days=30)
    keep_archive: Duration = timedelta(days=365)
