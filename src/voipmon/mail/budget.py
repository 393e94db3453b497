"""How many recipients may be written to in a day: providers stop an account that writes to more. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

CONFIRMATION = "confirmation"
BUDGET_SPENT = "budget-spent"
DAY = timedelta(hours=24)
"""Providers count the recipients of the last 24 hours."""

_RECIPIENTS = 2  # of a letter: a person and the admin


@dataclass(slots=True)
class Budget:
    """What is left of *limit* recipients; None: there is no limit.

    *spent* are those of the last 24 hours, *on_confirmations* is how many of these had a confirmation. Confirmations
    have no more than half, so that each can be followed by its result. *waiting* counts the letters that found nothing
    left. What tells the admin so goes out in any case.
    """

    limit: int | None = None
    spent: int = 0
    on_confirmations: int = 0
    waiting: int = 0

    def in_order(self, names: Sequence[str]) -> list[str]:
        """Return the letters in the order they are sent: oldest first, but confirmations last where not all may go."""
        if self.limit is None or _RECIPIENTS * len(names) <= self.limit - self.spent:
            return list(names)
        return sorted(names, key=lambda name: kind_of(name) == CONFIRMATION)

    def admits(self, name: str, recipients: int = 1) -> bool:
        """Tell whether the letter may go to so many; with 1, whether it is worth a look at all."""
        kind = kind_of(name)
        if self.limit is None or kind == BUDGET_SPENT:
            return True
        if kind == CONFIRMATION and self.on_confirmations + recipients > self.limit // 2:
            return False
        return self.spent + recipients <= self.limit

    def spend(self, name: str, recipients: int) -> None:
        """Count that the letter goes to so many."""
        self.spent += recipients
        if kind_of(name) == CONFIRMATION:
            self.on_confirmations += recipients


def kind_of(name: str) -> str:
    """Return which kind of letter bears that name: `<request id>.<kind>`, with `.r2` behind it in a second round."""
    return re.sub(r"\.r[0-9]+\Z", "", name).rpartition(".")[2]
