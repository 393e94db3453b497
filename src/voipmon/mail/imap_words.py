"""How numbers of messages are written in IMAP."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

BATCH = 500
"""Messages in one command: 5 kB of uids at most, and an answer well within the time-out."""


def batches(uids: Iterable[int]) -> Iterator[list[int]]:
    """Yield the uids in order, each once, so many as go into one command."""
    ordered = sorted(set(uids))
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def ranges(uids: list[int]) -> bytes:
    """Write uids in their order as IMAP does: `1:500,502`."""
    breaks = [index for index, (one, next_one) in enumerate(pairwise(uids), 1) if next_one != one + 1]
    runs = pairwise([0, *breaks, len(uids)])
    return b",".join(
        b"%d" % uids[low] if high == low + 1 else b"%d:%d" % (uids[low], uids[high - 1]) for low, high in runs
    )


def uids_of(words: bytes) -> set[int]:
    """Read what `ranges` writes."""
    found = set[int]()
    for part in words.split(b","):
        low, _, high = part.partition(b":")
        ends = sorted((int(low), int(high or low)))
        found.update(range(ends[0], ends[1] + 1))
    return found
