"""Whether there is anything to do at all: asked of the folders, before a single backend is imported."""

import os
from datetime import datetime
from pathlib import Path

from voipmon.commands.tidy import is_due

_QUEUE = ("pending", "processing", ".tmp")
_OUTBOX = ("waiting", "sending", ".tmp")


def nothing_to_do(queue_dir: Path, state_dir: Path, publish_dir: Path, now: datetime) -> bool:
    """Tell whether a pass of `process-queue` at *now* would find nothing; a few listings.

    True only where all is at rest; what cannot be read is left to the pass itself, which knows the sentence for it.
    """
    outbox, records = state_dir / "outbox", state_dir / "publications"
    folders = [queue_dir / name for name in _QUEUE] + [outbox / name for name in _OUTBOX]
    try:
        return (
            not any(map(_entries, folders))
            and not any(name.startswith(".work-") for name in _entries(publish_dir))
            and not any(_over(records / name, now) for name in _entries(records))
            and not is_due(state_dir, now)
        )
    except OSError:
        return False


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return []


def _over(record: Path, now: datetime) -> bool:
    """Tell whether a publication is over: its record bears its end as its time of change."""
    return record.suffix == ".json" and record.stat().st_mtime <= now.timestamp()
