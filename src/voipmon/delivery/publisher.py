"""The port to the place where answers can be fetched."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication
from voipmon.domain.recording import Findings

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, as the work goes on."""


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


Tell = Callable[[str, str, datetime], None]
"""Called with request id, key and end of each publication that is out of reach now, before it is forgotten."""


def tell_nobody(_request_id: str, _key: str, _until: datetime) -> None:
    """Keep it to yourself."""


class Publisher(Protocol):
    """Makes the answer to one request available under a link nobody can guess, for a time."""

    def publish(
        self,
        request_id: str,
        ask: Ask,
        findings: Findings,
        now: datetime,
        progress: Progress = no_progress,
        language: str | None = None,
    ) -> Publication:
        """Publish the recordings, one ZIP of them and the page that plays them, in that language; return where.

        Complete or absent: nothing is visible before everything is there. May be called again for the same request:
        the link stays the same and one publication is left. A recording that vanished, changed or cannot be read
        meanwhile is in `left_out` with its reason. The originals are never moved, changed or deleted.

        Raises:
            PublishError: the place cannot be written (retryable: a full disk may be emptied); nothing is left of the
                attempt.
            BundleError: every recording is gone (retryable).
        """
        ...

    def published(self, request_id: str, now: datetime) -> Publication | None:
        """Return the publication of that request if it is complete and its time is not over, else None.

        Its `items` are empty, unlike those that `publish` returns; everything else is as it was then.
        """
        ...

    def expire(self, now: datetime, tell: Tell = tell_nobody) -> int:
        """Remove the publications whose time is over and what crashed attempts left; return how many were removed.

        Cheap when there is nothing to do: one listing. What *tell* raises keeps the publication from being forgotten:
        it is told of again.

        Raises:
            PublishError: some of them cannot be removed (retryable); the others are.
        """
        ...

    def revoke(self, request_id: str, tell: Tell = tell_nobody) -> bool:
        """Remove the publication of that request, whatever its time; False if there is none. Out of reach on return.

        Raises:
            PublishError: it cannot be removed (retryable).
        """
        ...
