"""The grammar of the subject line: `RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00`."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TypeVar, assert_never

from voipmon.domain.ask import SERVER_NAME, Ask, Extension
from voipmon.domain.number import SHORTEST, Number, read_number
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.wording import (
    LAST_YEAR,
    WrittenEnd,
    excerpt,
    extensions_in,
    is_relative_day,
    missing,
    period_between,
    read_end,
    read_reason,
    read_start,
    tidy,
    write_extensions,
)
from voipmon.mail.subject_parts import Key, Part, parts_of, quoted_end

LONGEST_SUBJECT = 200_000
"""The most characters that are read; 20,000 extensions need 140,000."""

_MOST_IN_EXAMPLE = 20_000  # an example is always short enough to be read
_DAYS_SINCE_WORK = {0: 3, 6: 2}  # on a Monday and a Sunday; else yesterday

_CODE = re.compile(r"\[([A-Za-z0-9]{8})\]")
_NEARLY_CODE = re.compile(r"\[[A-Za-z0-9 ._-]{5,12}\]")

CODE_HERE = "[CODIGO]"
"""Stands in an example where its reader writes the code of his company."""

_PREFIXES = re.compile(r"\A(?:(?:re|res|rv|enc|fw|fwd|aw|wg|tr) ?(?:\[[0-9]+\]|\([0-9]+\))? ?: ?)+", re.IGNORECASE)
_SEPARATORS = " ,;"

_Moment = TypeVar("_Moment")


@dataclass(frozen=True, slots=True)
class Help:
    """The subject asks for nothing in particular: its writer wants the guide."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What could be read of a refused subject; *start* and *end* are the period's, aware."""

    extensions: tuple[Extension, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    server: str | None = None
    reason: str | None = None
    number: Number | None = None


class SubjectError(RefusedError):
    """A subject cannot be taken: *problems* has everything that is wrong, *understood* what is right."""

    def __init__(self, problems: Iterable[Problem], understood: Understood) -> None:
        super().__init__(problems)
        self.understood = understood


def read_subject(text: str, arrived: datetime, zone: tzinfo) -> Ask | Help:
    """Read what a subject line asks for.

    Days run from midnight to their last second in *zone*; `hoje`, days without a year and a missing end count from
    *arrived*, so that reading again gives the same. A code in brackets is passed over, and is in no problem's text.

    Raises:
        SubjectError: with every problem, in the order of the subject, and what was understood.
    """
    if len(text) > LONGEST_SUBJECT:
        raise SubjectError([Problem(ProblemKind.SUBJECT_TOO_LONG, limit=LONGEST_SUBJECT)], Understood())
    line = strip_prefixes(without_code(text))
    parts = parts_of(line)
    if not any(part.key for part in parts):
        return Help()
    reader = _Reader(arrived, zone)
    for part in parts:
        reader.take(part)
    return reader.ask()


def strip_prefixes(text: str) -> str:
    """Return the subject on one line without `Re:`, `Enc:` and their like: what a thread has in common."""
    return _PREFIXES.sub("", tidy(text))


def without_number(text: str) -> str:
    """Return *text* on one line without the telephone number behind NUMERO: a mail's subject is read by many."""
    line = tidy(text)
    for part in parts_of(line):
        if part.key is Key.NUMBER and sum(map(str.isdigit, part.value)) >= SHORTEST - 1:
            line = line.replace(part.value, "…")
    return line


def codes_in(text: str) -> list[str]:
    """Return the codes in brackets."""
    return _CODE.findall(tidy(text))


def without_code(text: str, secrets: Collection[str] = ()) -> str:
    """Return *text* on one line without the code in brackets.

    The real codes, where they are known as *secrets*, go without brackets too, and with them what nearly is a code.
    """
    line = _CODE.sub(" ", tidy(text).replace(CODE_HERE, " "))
    for secret in secrets:
        line = re.sub(re.escape(secret), "…", _NEARLY_CODE.sub("[…]", line), flags=re.IGNORECASE)
    return tidy(line)


class _Reader:
    """Takes the parts of one subject, and keeps what they say and what is wrong with them."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self._now = now
        self._zone = zone
        self._today = now.astimezone(zone).date()
        self._problems: dict[Problem, None] = {}  # each once, in order
        self._given: set[Key] = set()
        self._extensions: tuple[Extension, ...] = ()
        self._start: datetime | None = None
        self._end: WrittenEnd | None = None
        self._server: str | None = None
        self._reason: str | None = None
        self._number: Number | None = None

    def take(self, part: Part) -> None:
        key = part.key
        if key is None:
            self._take_unknown(part)
        elif key in self._given and part.equals:
            self._complain([Problem(ProblemKind.KEY_TWICE, key.value)])
        elif key not in self._given:
            self._given.add(key)
            problems = self._read(key, part.value)
            self._complain(problems if part.equals else [Problem(ProblemKind.EQUALS_MISSING, key.value)])

    def ask(self) -> Ask:
        """Return what all parts together ask for, or raise SubjectError."""
        needed = (Key.START,) if Key.NUMBER in self._given else (Key.EXTENSIONS, Key.START)
        self._complain(missing(key.value) for key in needed if key not in self._given)
        period = self._period()
        if self._problems or period is None:
            raise SubjectError(self._problems, self._understood(period))
        return Ask(self._extensions, period, self._server, self._reason, self._number)

    def _complain(self, problems: Iterable[Problem]) -> None:
        self._problems.update(dict.fromkeys(problems))

    def _take_unknown(self, part: Part) -> None:
        if part.name:
            self._complain([Problem(ProblemKind.UNKNOWN_KEY, excerpt(part.name))])
        else:
            self._complain(_strays([part.value]))

    def _read(self, key: Key, text: str) -> list[Problem]:
        """Keep what the value says, as far as it can be read, and return what is wrong with it."""
        value = text if key is Key.REASON else text.strip(_SEPARATORS)
        if not value:
            return [missing(key.value)]
        match key:
            case Key.EXTENSIONS:
                core, strays = _trim(value)
                self._extensions, wrong = extensions_in(core)
                problems = [*strays, *wrong]
            case Key.START:
                self._start, problems = _read_moment(read_start, value, self._today)
            case Key.END:
                self._end, problems = _read_moment(read_end, value, self._today)
            case Key.SERVER:
                problems = self._read_server(value)
            case Key.NUMBER:
                problems = self._read_number(value)
            case Key.REASON:
                problems = self._read_reason(value)
            case _:
                assert_never(key)
        return problems

    def _read_server(self, value: str) -> list[Problem]:
        name, _, rest = value.partition(" ")
        name = name.strip(_SEPARATORS)
        if not SERVER_NAME.fullmatch(name):
            return [Problem(ProblemKind.SERVER_MALFORMED, excerpt(value))]
        self._server = name
        return _strays([rest])

    def _read_number(self, value: str) -> list[Problem]:
        core, problems = _trim(value)
        try:
            self._number = read_number(core)
        except RefusedError:
            return [*problems, Problem(ProblemKind.NUMBER_MALFORMED, excerpt(core))]
        return problems

    def _read_reason(self, value: str) -> list[Problem]:
        end = quoted_end(value, 0)
        self._reason = read_reason(value[1 : end - 1].strip()) if end else read_reason(value)
        return _strays([value[end:]]) if end else []

    def _period(self) -> Period | None:
        if self._start is None or (self._end is None and Key.END in self._given):
            return None
        try:
            return period_between(self._start, self._end, self._now, self._zone)
        except RefusedError as error:
            self._complain(error.problems)
            return None

    def _understood(self, period: Period | None) -> Understood:
        start, end = (period.first, period.last) if period else self._ends()
        if end and Key.END not in self._given:
            end = end.replace(second=59)  # until now, as people write it
        return Understood(self._extensions, start, end, self._server, self._reason, self._number)

    def _ends(self) -> tuple[datetime | None, datetime | None]:
        start, end = self._start, self._end
        if end is None and Key.END not in self._given:
            return None, None  # a start that is still to come
        day = end.day or (start.date() if start else None) if end else None
        return (
            start.replace(tzinfo=self._zone) if start else None,
            datetime.combine(day, end.time, self._zone) if end and day else None,
        )


def _strays(texts: Iterable[str]) -> list[Problem]:
    stripped = (text.strip(_SEPARATORS) for text in texts)
    return [Problem(ProblemKind.UNKNOWN_WORD, excerpt(text)) for text in stripped if text]


def _trim(value: str) -> tuple[str, list[Problem]]:
    """Return *value* without the words at its ends that cannot belong to it, and a problem for each run of them."""
    words = value.split(" ")
    telling = [place for place, word in enumerate(words) if _is_telling(word)]
    if not telling:
        return value, []
    first, last = telling[0], telling[-1] + 1
    core = " ".join(words[first:last]).strip(_SEPARATORS)
    return core, _strays([" ".join(words[:first]), " ".join(words[last:])])


def _is_telling(word: str) -> bool:
    return any(sign.isdigit() for sign in word) or is_relative_day(word.strip(_SEPARATORS))


def _read_moment(read: Callable[[str, date], _Moment], value: str, today: date) -> tuple[_Moment | None, list[Problem]]:
    """Return what *read* makes of the value, or of the words in it that it can be made of, and what is wrong."""
    core, problems = _trim(value)
    try:
        return read(core, today), problems
    except RefusedError as error:
        problems += error.problems
    words = [word.strip(_SEPARATORS) for word in core.split(" ") if _is_telling(word)]
    for count in (2, 1):
        try:
            return read(" ".join(words[:count]), today), problems
        except RefusedError:
            continue
    return None, problems


# Writing subjects


def canonical_subject(ask: Ask) -> str:
    """Return the subject that asks for *ask*; in the period's own zone it is read as the same again."""
    first, last = ask.period.first, ask.period.last
    words = [f"RAMAIS={write_extensions(extension.digits for extension in ask.extensions)}"] if ask.extensions else []
    words += [f"{Key.NUMBER}={ask.number}"] if ask.number else []
    words += [
        f"INICIO={first:%d/%m/%Y %H:%M}" + (f"{first::%S}" if first.second else ""),
        f"FIM={last:%d/%m/%Y %H:%M}" + (f"{last::%S}" if last.second != 59 else ""),
    ]
    words += [f"{Key.SERVER}={ask.server}"] if ask.server else []
    words += [f"{Key.REASON}={ask.reason}"] if ask.reason else []
    return " ".join(words)


def example_ask(understood: Understood, now: datetime, zone: tzinfo) -> Ask:
    """Return a wish made from what was understood; what is missing is filled in: two extensions, the last work day."""
    extensions = understood.extensions[:_MOST_IN_EXAMPLE]
    if not extensions and understood.number is None:
        extensions = (Extension("1121"), Extension("1122"))
    first, last = _example_ends(understood, now.astimezone(zone).date(), zone)
    return Ask(extensions, Period(first, last), understood.server, understood.reason, understood.number)


def _example_ends(understood: Understood, today: date, zone: tzinfo) -> tuple[datetime, datetime]:
    start, end = understood.start, understood.end
    if start and end:
        return (start, end) if start <= end else _mended(start, end)
    if start:
        return start, _day_end(start)
    if end:
        return datetime.combine(end.date(), time.min, end.tzinfo), end
    day = today - timedelta(days=_DAYS_SINCE_WORK.get(today.weekday(), 1))
    return datetime.combine(day, time(8), zone), datetime.combine(day, time(18, 0, 59), zone)


def _mended(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return what was meant by a period that ends before it starts: the night shift, or the ends swapped."""
    next_day = end + timedelta(days=1)
    if start.date() == end.date() and next_day.year <= LAST_YEAR:
        return start, next_day
    whole_day = end.time() == time(23, 59, 59)
    first = datetime.combine(end.date(), time.min, end.tzinfo) if whole_day else end.replace(second=0)
    return first, _day_end(start) if start.time() == time.min else start.replace(second=59)


def _day_end(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(23, 59, 59), moment.tzinfo)
