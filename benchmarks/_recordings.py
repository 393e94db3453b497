"""Made-up recordings: as large as real ones, and compressed like them, so that nothing can make them smaller."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

_POOL = 2**24
_FRAME, _HEADER = 144, b"\xff\xe3\x28\xc4"  # MPEG-2.5 layer III, 16 kbit/s, 8 kHz, mono
_LONG_AGO = 1_761_700_000.0


def name_of(number: int, origin: int, destination: int, start: datetime) -> str:
    """Return a recording's name as a telephone exchange gives it."""
    stamp = f"{start:%Y%m%d-%H%M%S}"
    return f"internal-{origin}-{destination}-{stamp}-{start.replace(tzinfo=UTC).timestamp():.0f}.{number}.mp3"


class Sound:
    """Gives bytes like those of an mp3: a frame header every 144 bytes, and chance between."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        pool = bytearray(self._random.randbytes(_POOL))
        for place, byte in enumerate(_HEADER):
            pool[place::_FRAME] = bytes([byte]) * len(range(place, _POOL, _FRAME))
        self._pool = memoryview(pool)

    def write(self, path: Path) -> int:
        """Write a recording of 100 to 500 kB, long ago; return its size."""
        size = self._random.randint(100_000, 500_000)
        start = self._random.randrange((_POOL - size) // _FRAME) * _FRAME
        path.write_bytes(self._pool[start : start + size])
        os.utime(path, (_LONG_AGO, _LONG_AGO))
        return size


def make(folder: Path, count: int) -> list[Path]:
    """Make that many recordings, a call every minute; return them in their order."""
    folder.mkdir()
    sound = Sound(7)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    paths = []
    for number in range(count):
        start = first + timedelta(minutes=number)
        paths.append(folder / name_of(number, 1000 + number % 1378, 1000 + number * 7 % 1378, start))
        sound.write(paths[-1])
    return paths
