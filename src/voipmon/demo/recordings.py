"""Calls that nobody made, and recordings of them that play. Needs the extra [demo]."""

import math
import os
import random
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from zoneinfo import ZoneInfo

import lameenc

from voipmon.errors import ProcessingError

_EXTENSIONS = (*map(str, range(1121, 1131)), *map(str, range(2001, 2011)))

_DAYS = 5
_CALLS_A_DAY = 60
_OPENS = time(7)
_OPEN_FOR = 13 * 3600  # seconds
_SECONDS = (3, 12)  # the shortest and the longest call
_RATE = 8000
_SYLLABLE = 0.16  # seconds
_VOICES = ((196, 220, 175), (330, 294, 349))  # the pitches in which either party speaks
_BREATH = 6  # syllables, before the other one speaks


@dataclass(frozen=True, slots=True)
class Call:
    """A call from one extension to another; *start* is aware, in the zone of the exchange."""

    number: int
    start: datetime
    seconds: int
    origin: str
    destination: str

    @property
    def file_name(self) -> str:
        """What the exchange names the recording."""
        return (
            f"internal-{self.origin}-{self.destination}-{self.start:%Y%m%d-%H%M%S}"
            f"-{int(self.start.timestamp())}.{self.number}.mp3"
        )

    def is_between(self, extensions: Collection[str], first: datetime, last: datetime) -> bool:
        """Tell whether one of *extensions* took part and the call began in the period, both ends included."""
        return first <= self.start <= last and not {self.origin, self.destination}.isdisjoint(extensions)


def make_up_calls(today: date, zone: ZoneInfo) -> tuple[Call, ...]:
    """Return the calls of the days before *today*, oldest first: the same for the same day."""
    chance = random.Random(1121)  # noqa: S311 - it guards nothing
    starts = []
    for ago in range(_DAYS, 0, -1):
        opening = datetime.combine(today - timedelta(days=ago), _OPENS, zone)
        moments = sorted(chance.sample(range(_OPEN_FOR), _CALLS_A_DAY))
        starts += [opening + timedelta(seconds=moment) for moment in moments]
    return tuple(
        Call(number, start, chance.randint(*_SECONDS), *chance.sample(_EXTENSIONS, 2))
        for number, start in enumerate(starts, start=1)
    )


def record(calls: Collection[Call], folder: Path) -> int:
    """Write each call's recording into *folder*, last changed when the call ended; return their bytes together.

    Raises:
        ProcessingError: the folder cannot be written.
    """
    written = 0
    try:
        for call in calls:
            path = folder / call.file_name
            written += path.write_bytes(_mp3(call.seconds))
            ended = call.start.timestamp() + call.seconds
            os.utime(path, (ended, ended))
    except OSError as error:
        raise ProcessingError(f"recordings cannot be written into {folder}: {error.strerror}") from error
    return written


@cache
def _mp3(seconds: int) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(_RATE)
    encoder.set_bit_rate(16)
    encoder.set_quality(7)
    return bytes(encoder.encode(_conversation(seconds).tobytes()) + encoder.flush())


def _conversation(seconds: int) -> "array[int]":
    """Return what is heard: the ringing tone, then two who hum in turns."""
    heard = _hum(425, 1.0)
    turns = [pitch for voice in _VOICES for pitch in islice(cycle(voice), _BREATH)]
    turns = turns[-seconds:] + turns[:-seconds]  # another tune for each length
    for pitch in cycle(turns):
        if len(heard) >= seconds * _RATE:
            break
        heard.extend(_hum(pitch, _SYLLABLE))
    return heard[: seconds * _RATE]


def _hum(pitch: int, seconds: float) -> "array[int]":
    length = int(seconds * _RATE)
    swing = 2 * math.pi * pitch / _RATE
    return array(
        "h",
        (
            int(7000 * math.sin(math.pi * n / length) * (math.sin(swing * n) + math.sin(2 * swing * n) / 2))
            for n in range(length)
        ),
    )
