"""How long a recording plays, where that is known without reading much of it."""

import io
import math

_MOST_BYTES = 2**20
_MOST_READS = 5000


class _TooDearError(OSError):
    """Knowing it would take too long."""


class _Frugal(io.BufferedReader):
    """A file that may be read a little, in not too many steps: a parser can be led round in a broken one for hours."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(io.FileIO(descriptor, closefd=False))
        self._reads = 0
        self._bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        room = _MOST_BYTES - self._bytes
        if self._reads > _MOST_READS or room <= 0:
            raise _TooDearError
        data = super().read(room if size is None or size < 0 else min(size, room))
        self._bytes += len(data)
        return data


def play_time(descriptor: int) -> float | None:
    """Return how many seconds the audio file open at *descriptor* plays, or None where that is not cheaply known.

    The descriptor stays open; where it stands in the file is not kept.
    """
    from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - only where something is published

    try:
        with _Frugal(descriptor) as file:
            file.seek(0)
            seconds = TinyTag.get(file_obj=file, tags=False).duration
    except (TinyTagException, OSError):
        return None
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None
