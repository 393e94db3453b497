"""Everything the configuration names, tried: what works, and what is to be done about what does not."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from voipmon.errors import ProcessingError, VoipmonError
from voipmon.files import try_writing


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to try. *run* returns what is well about it, and raises a VoipmonError that says what is not."""

    name: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has shown."""

    name: str
    well: bool
    sentence: str


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """Try one after the other; what fails does not keep the others from being tried."""
    for check in checks:
        try:
            yield Finding(check.name, well=True, sentence=check.run())
        except VoipmonError as error:
            yield Finding(check.name, well=False, sentence=str(error))


def writable(folder: Path) -> str:
    """Try to write in a folder.

    Raises:
        ProcessingError: it cannot be done; says the remedy.
    """
    try:
        try_writing(folder)
    except FileNotFoundError as error:
        raise ProcessingError(f"{folder} is not there: make it, or run 'voipmon init'") from error
    except OSError as error:
        raise ProcessingError(
            f"{folder} cannot be written: {error.strerror}: give this user the right, or room"
        ) from error
    return f"{folder} can be written"
