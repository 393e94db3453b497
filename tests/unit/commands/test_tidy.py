"""What is kept for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from voipmon.commands.tidy import tidy

NOON = datetime(2025, 11, 11, 12, tzinfo=UTC)


class Kept:
    """Requests and letters, which note for how long they are kept."""

    def __init__(self) -> None:
        self.requests = self.archive_of = self.letters = timedelta(0)

    def archive(self, keep: timedelta, keep_archive: timedelta, _now: datetime) -> int:
        self.requests, self.archive_of = keep, keep_archive
        return 0

    def purge(self, older_than: timedelta, _now: datetime) -> int:
        self.letters = older_than
        return 0


@pytest.mark.parametrize(
    ("keep", "letters"),
    [(timedelta(days=30), timedelta(days=30)), (timedelta(minutes=1), timedelta(days=1))],
)
def test_letters_are_kept_as_long_as_requests_but_a_day_at_least_for_the_budget(
    keep: timedelta, letters: timedelta
) -> None:
    kept = Kept()

    tidy(kept, kept, keep, timedelta(days=365), NOON)

    assert (kept.requests, kept.letters, kept.archive_of) == (keep, letters, timedelta(days=365))
