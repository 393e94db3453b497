"""Numbers of the outside world, which people and exchanges write in many ways."""

import re
from dataclasses import dataclass

from voipmon.domain.problem import Problem, ProblemKind, RefusedError

SHORTEST, LONGEST = 8, 20
"""The digits of a number that can be searched for: a local one, and one with all that may stand in front of it."""

_NUMBER = re.compile(r"\+?[0-9 ().-]+")
_NOT_DIGITS = re.compile(r"[^0-9]")
_COUNTRY = "55"
_NATIONAL = (10, 11)  # digits of a Brazilian number with its area code


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number outside, by its *digits* as written: `5511999990000`, `011999990000`, `99999-0000`.

    Two numbers are the same when the digits of one are the end of the other's, at least 8 of them; zeros in front, and
    Brazil's 55 in front of a whole number, do not count. So the number is found with and without its area code, the
    codes of a country or of an operator, and a digit for an outside line.

    Raises:
        RefusedError: it has fewer than 8 digits or more than 20, or other signs than `+ ( ) . -` and blanks.
    """

    digits: str

    def __post_init__(self) -> None:
        if not (len(_core(self.digits)) >= SHORTEST and len(self.digits) <= LONGEST and self.digits.isdigit()):
            raise RefusedError([Problem(ProblemKind.NUMBER_MALFORMED, self.digits)])

    def __str__(self) -> str:
        return self.digits

    @property
    def key(self) -> str:
        """What all ways to write the number have in common: `key_of` each of them."""
        return _core(self.digits)[-SHORTEST:]

    def matches(self, party: str) -> bool:
        """Tell whether a party of a call, as a name has it, is this number."""
        short, long = sorted((_core(self.digits), _core(party)), key=len)
        return len(short) >= SHORTEST and long.endswith(short)


def read_number(text: str) -> Number:
    """Return the number that *text* is.

    Raises:
        RefusedError: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise RefusedError([Problem(ProblemKind.NUMBER_MALFORMED, text)])
    return Number(_NOT_DIGITS.sub("", text))


def key_of(party: str) -> str:
    """Return the key under which a party of a call is found as a number; empty where it is none."""
    core = _core(party)
    return core[-SHORTEST:] if len(core) >= SHORTEST else ""


def _core(text: str) -> str:
    """Return the digits of a number that tell it from others, or nothing where *text* is no number."""
    digits = _NOT_DIGITS.sub("", text).lstrip("0") if _NUMBER.fullmatch(text) else ""
    country = digits.startswith(_COUNTRY) and len(digits) - len(_COUNTRY) in _NATIONAL
    return digits.removeprefix(_COUNTRY) if country else digits
