"""A year of recordings by name alone: the same for the same count, and nothing in the files.

python _corpus.py FOLDER COUNT flat|tree: makes them
"""

import bisect
import itertools
import os
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

EXTENSIONS = 1378
START = datetime(2024, 11, 1)  # noqa: DTZ001 - wall time, as in the names
DAYS = 365
_UTC_OFFSET = 3 * 3600
_WEEKEND = 0.2  # of the calls of a working day
_HOURS = [1] * 5 + [2, 5, 20, 60, 90, 95, 85, 50, 70, 90, 95, 85, 60, 25, 10, 5, 3, 2, 1]  # of an office's day


class Call(NamedTuple):
    """One call by the exchange's wall clock, and the number that makes its name unlike any other."""

    start: datetime
    origin: str
    destination: str
    number: int

    @property
    def name(self) -> str:
        """The recording's file name."""
        epoch = int((self.start - datetime(1970, 1, 1)).total_seconds()) + _UTC_OFFSET  # noqa: DTZ001
        stamp = f"{self.start:%Y%m%d-%H%M%S}-{epoch}.{self.number}"
        return f"internal-{self.origin}-{self.destination}-{stamp}.mp3"

    @property
    def day_folder(self) -> str:
        """The folder it lies in where there is one for each day."""
        return f"{self.start:%Y/%m/%d}"


def calls(count: int, first: int = 0, day: datetime | None = None) -> Iterator[Call]:
    """Yield *count* calls, oldest first, numbered from *first*: of the whole year, or of one *day*."""
    luck = random.Random(f"{count} {first}")
    days = [day] if day else [START + timedelta(days=number) for number in range(DAYS)]
    share_of_day = list(itertools.accumulate(_WEEKEND if one.weekday() >= 5 else 1 for one in days))
    share_of_hour = list(itertools.accumulate(_HOURS))
    share_of_extension = list(itertools.accumulate(1 / (number % 400 + 10) ** 0.5 for number in range(EXTENSIONS)))
    seconds = []
    for _ in range(count):
        one = bisect.bisect(share_of_day, luck.random() * share_of_day[-1])
        hour = bisect.bisect(share_of_hour, luck.random() * share_of_hour[-1])
        seconds.append(one * 86400 + hour * 3600 + int(luck.random() * 3600))
    for number, second in enumerate(sorted(seconds), first):
        one, other = (
            str(1000 + bisect.bisect(share_of_extension, luck.random() * share_of_extension[-1])) for _ in "ab"
        )
        yield Call(days[0] + timedelta(seconds=second), one, other, number)


def record(root: Path, made: Iterator[Call], *, by_day: bool) -> None:
    """Make the files, in one folder or in one for each day."""
    folder, descriptor = "", -1
    root.mkdir(parents=True, exist_ok=True)
    for call in made:
        wanted = call.day_folder if by_day else "."
        if wanted != folder:
            if descriptor >= 0:
                os.close(descriptor)
            folder = wanted
            (root / folder).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(root / folder, os.O_RDONLY | os.O_DIRECTORY)
        os.close(os.open(call.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=descriptor))
    if descriptor >= 0:
        os.close(descriptor)


def main() -> None:
    folder, count, layout = sys.argv[1:]
    record(Path(folder), calls(int(count)), by_day=layout == "tree")


if __name__ == "__main__":
    main()
