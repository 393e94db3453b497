"""What a subject line is made of: keys, and what stands behind each."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from voipmon.domain.wording import is_relative_day

_LONGEST_KEY = 20
_DIGITS = "0123456789"
_WORD = re.compile(r"\w+")
_QUOTES = {'"': '"', "“": "”"}
_QUOTE = re.compile(f" ?([{''.join(_QUOTES)}])")


class Key(StrEnum):
    """The keys of the grammar, as they are written in full."""

    EXTENSIONS = "RAMAIS"
    NUMBER = "NUMERO"
    START = "INICIO"
    END = "FIM"
    SERVER = "SERVIDOR"
    REASON = "MOTIVO"


_KEYS = {**{key.value: key for key in Key}, "RAMAL": Key.EXTENSIONS}


@dataclass(frozen=True, slots=True)
class Part:
    """A key, None where it is unknown, and the *value* behind it; *equals* tells whether its sign is there.

    The words before the first key are a part too, without a *name*.
    """

    key: Key | None
    name: str
    value: str
    equals: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a key stands, and where its value begins."""

    key: Key | None
    name: str
    start: int
    value_start: int
    equals: bool


def parts_of(line: str) -> list[Part]:
    """Take a tidy line apart; the value of MOTIVO goes to its end, whatever stands there, or is in quotes.

    A key without its sign is taken for one only where nothing else can be meant: `fim` is a word as well.
    """
    marks = _marks(line)
    ends = [mark.start for mark in marks] + [len(line)]
    parts = [Part(None, "", line[: ends[0]].strip(), equals=False)]
    for mark, end in zip(marks, ends[1:], strict=True):
        parts.append(Part(mark.key, mark.name, line[mark.value_start : end].strip(), mark.equals))
    return parts


def _marks(line: str) -> list[_Mark]:
    marks = list(_candidates(line))
    given = {mark.key for mark in marks if mark.equals and mark.key}
    kept: list[_Mark] = []
    in_reason = False
    for mark in marks:
        if mark.equals or (not in_reason and mark.key not in given and _has_value(line, mark, among_keys=bool(given))):
            kept.append(mark)
            in_reason = mark.key is Key.REASON
    return kept


def _candidates(line: str) -> Iterator[_Mark]:
    quoted_to = 0
    for word in _WORD.finditer(line):
        if word.start() < quoted_to:
            continue
        sign_at = word.end() + line.startswith(" ", word.end())
        sign = line[sign_at : sign_at + 1]
        name = word[0].lstrip(_DIGITS) if sign == "=" else word[0]  # 18:00FIM=
        key = _KEYS.get(_plain(name)) if len(name) <= _LONGEST_KEY else None
        after = sign_at + 1 if sign in {"=", ":"} else word.end()
        if name and (key or sign == "="):
            yield _Mark(key, name, word.end() - len(name), after, equals=sign == "=")
        if key is Key.REASON and sign == "=":
            quoted_to = quoted_end(line, after)
            if not quoted_to:
                return


def quoted_end(line: str, start: int) -> int:
    """Return where the text in quotes ends that begins at *start*, blanks apart; 0: none does, or it has no end."""
    begun = _QUOTE.match(line, start)
    end = line.find(_QUOTES[begun[1]], begun.end()) if begun else -1
    return end + 1


def _plain(name: str) -> str:
    """Return *name* in capitals and without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFD", name.upper()) if not unicodedata.combining(sign))


def _has_value(line: str, mark: _Mark, *, among_keys: bool) -> bool:
    """Tell whether what stands after a key without its sign is a value, and not just more words."""
    if line[mark.value_start - 1] == ":":
        return True
    if mark.key in {Key.SERVER, Key.REASON}:
        return among_keys
    following = _WORD.match(line, mark.value_start + line.startswith(" ", mark.value_start))
    return following is not None and (following[0][0] in _DIGITS or is_relative_day(following[0]))
