"""Short recordings that really play."""

import io
import math
import os
import time
import wave
from array import array
from datetime import timedelta
from functools import cache
from pathlib import Path

import lameenc

_RATE = 8000
_LONG_AGO = timedelta(hours=1)


def make_recording(folder: Path, name: str, seconds: float = 1.0, *, age: timedelta = _LONG_AGO) -> Path:
    """Make a recording of that length, mp3 or wav by its name, below *folder*; last changed *age* ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(seconds) if path.suffix.lower() == ".wav" else mp3(seconds))
    moment = time.time() - age.total_seconds()
    os.utime(path, (moment, moment))
    return path


@cache
def mp3(seconds: float) -> bytes:
    """Return a tone as a telephone exchange keeps it: mono, 8 kHz, 16 kbit/s."""
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(_RATE)
    encoder.set_bit_rate(16)
    encoder.set_quality(7)
    return bytes(encoder.encode(_tone(seconds)) + encoder.flush())


@cache
def wav(seconds: float) -> bytes:
    """Return the same tone uncompressed, 16 bit."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(_RATE)
        audio.writeframes(_tone(seconds))
    return file.getvalue()


def _tone(seconds: float) -> bytes:
    swing = 2 * math.pi * 440 / _RATE
    return array("h", (int(8000 * math.sin(swing * n)) for n in range(int(seconds * _RATE)))).tobytes()
