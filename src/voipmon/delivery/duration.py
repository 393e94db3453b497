"""How long a recording plays, where that is known without reading much of it."""

import io
import math
from typing import Any, BinaryIO, cast

_MOST_BYTES = 2**20
_MOST_READS = 5000


class _TooDearError(OSError):
    """Knowing it would take too long."""


class _Frugal:
    """What may be read a little, in not too many steps: a parser can be led round in a broken file for hours."""

    def __init__(self, file: Any) -> None:
        self._read = file.read
        self.seek = file.seek
        self.tell = file.tell
        self._reads = 0
        self._bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        self._reads += 1
        room = _MOST_BYTES - self._bytes
        if self._reads > _MOST_READS or room <= 0:
            raise _TooDearError
        data: bytes = self._read(room if size < 0 else min(size, room))
        self._bytes += len(data)
        return data

    def close(self) -> None:
        """Leave it open."""


class _Memory:
    """Bytes as a file, without copying them."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def read(self, size: int) -> bytes:
        data = bytes(self._content[self._at : self._at + size])
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, len(self._content))[whence])
        return self._at

    def tell(self) -> int:
        return self._at


def play_time(sound: int | memoryview) -> float | None:
    """Return how many seconds an audio file plays, or None where that is not cheaply known.

    *sound* is all that it holds, or a descriptor that it is open at, and stays so; where that stands is not kept.
    """
    from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - only where something is published

    try:
        file = _Memory(sound) if isinstance(sound, memoryview) else io.FileIO(sound, closefd=False)
        file.seek(0)
        seconds = TinyTag.get(file_obj=cast("BinaryIO", _Frugal(file)), tags=False).duration
    except (TinyTagException, OSError):
        return None
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None
