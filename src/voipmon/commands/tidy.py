"""Everything comes to its end: what is over, old or left by a crash is removed, once a day and on demand."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from voipmon.errors import VoipmonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from voipmon.retention import Amount  # an idle pass asks only whether it is time

_log = logging.getLogger(__name__)

DAILY = timedelta(days=1)
MARK = "tidied"
"""The file in the state folder whose time tells when that was last done."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that ends: its *name*, *old* returns how much is due, *end* brings that to its end."""

    name: str
    old: Callable[[], Amount]
    end: Callable[[], object]


def is_due(state_dir: Path, now: datetime) -> bool:
    """Tell whether the last time is a day ago."""
    try:
        last = (state_dir / MARK).stat().st_mtime
    except FileNotFoundError:
        return state_dir.exists()  # a host that has never had anything to do has nothing to tidy
    return now.timestamp() - last >= DAILY.total_seconds()


def tidy(kinds: Iterable[Kind], *, dry_run: bool = False) -> dict[str, Amount]:
    """Bring what is due to its end, and return how much of each kind that was; with *dry_run* only say so.

    Raises:
        VoipmonError: the first thing that went wrong; the other kinds were tidied all the same.
    """
    done: dict[str, Amount] = {}
    problems: list[VoipmonError] = []
    for kind in kinds:
        try:
            amount = kind.old()
            if not dry_run:
                kind.end()
        except VoipmonError as error:
            problems.append(error)
        else:
            done[kind.name] = amount
    if not dry_run:
        _log.info("tidied", extra={name: amount.files for name, amount in done.items()})
    if problems:
        raise problems[0]
    return done
