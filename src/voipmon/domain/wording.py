"""How people write extensions, moments and periods: in a subject, in a queue file, as an option."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar

from voipmon.domain.ask import SERVER_NAME, Ask, Extension
from voipmon.domain.number import Number, read_number
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError

MOST_EXTENSIONS = 100_000
"""The most extensions that a list is spread to; what one request may ask for is less, and configured."""

LONGEST_REASON = 500
"""The most letters of a MOTIVO that are kept."""

FIRST_YEAR, LAST_YEAR = 1990, 2999

_LONGEST_EXCERPT = 40
_DAY_END = time(23, 59, 59)
_LEAP_GAP = 8  # years between 29/02/1896 and 29/02/1904, the longest there is

_DASH = "[-‐‑‒–—−]"
_ACCENTED = re.compile("[A-Za-z][\u0300-\u036f]")
_ITEM = re.compile(rf"([0-9]{{1,6}})(?: ?{_DASH} ?([0-9]{{1,6}}))?")
_RANGE_LIKE = re.compile(rf"[0-9 ]*{_DASH}(?:[0-9 ]|{_DASH})*")
_DAY = re.compile(r"(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})(?:/(?P<year>[0-9]{4}|[0-9]{2}))?")
_ISO_DAY = re.compile(rf"(?P<year>[0-9]{{4}}){_DASH}(?P<month>[0-9]{{2}}){_DASH}(?P<day>[0-9]{{2}})")
_ISO_MOMENT = re.compile(rf"({_ISO_DAY.pattern})T(?=[0-9])", re.IGNORECASE)
_TIME = re.compile(r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?|[hH](?P<rest>[0-9]{2})?)")
_DAYS_AGO = {"hoje": 0, "ontem": 1}
_NEEDED = {"RAMAIS": ProblemKind.EXTENSIONS_MISSING, "INICIO": ProblemKind.START_MISSING}

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class WrittenEnd:
    """The end of a period as written, with the last second that it includes; without a *day* it is the start's."""

    day: date | None
    time: time


def tidy(text: str) -> str:
    """Return *text* on one line, as it looks to the one who wrote it.

    Any run of white space becomes one space, what is invisible goes, wide and narrow signs become plain ones, and a
    letter and its accent one sign. Signs that only resemble others stay: `¹` is no 1, and Arabic digits are Arabic.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = text.translate({ord(sign): _plain(sign) for sign in set(text)})
    composed = _ACCENTED.sub(lambda pair: unicodedata.normalize("NFC", pair[0]), plain)
    return " ".join(composed.split())


def _plain(sign: str) -> str:
    kind = unicodedata.category(sign)
    if kind in {"Cc", "Zs", "Zl", "Zp"}:
        return " "
    if kind == "Cf":
        return ""
    if kind == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    if unicodedata.decomposition(sign).startswith(("<wide>", "<narrow>")):
        return unicodedata.normalize("NFKC", sign)
    return sign


def excerpt(text: str) -> str:
    """Return the beginning of *text*, enough to recognise it."""
    return text if len(text) <= _LONGEST_EXCERPT else text[: _LONGEST_EXCERPT - 1] + "…"


def missing(key: str) -> Problem:
    """Return what is wrong when *key*, one of the subject's, has no value."""
    return Problem(_NEEDED[key]) if key in _NEEDED else Problem(ProblemKind.VALUE_MISSING, key)


def read_reason(text: str) -> str:
    """Return a reason as it is kept: without a quotation mark in front, and cut after LONGEST_REASON letters."""
    text = text.lstrip('"“ ') or text
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def is_relative_day(word: str) -> bool:
    """Tell whether *word* names a day counted from today: `hoje` or `ontem`."""
    return word.lower() in _DAYS_AGO


# Extensions


def read_extensions(text: str) -> tuple[Extension, ...]:
    """Read a list such as `1121, 1125-1130`: in the order written, each once, leading zeros kept.

    Both ends of a range have equally many digits (`0098-0102`), or no leading zeros (`98-102`).

    Raises:
        RefusedError: with every problem.
    """
    extensions, problems = extensions_in(text)
    if problems:
        raise RefusedError(problems)
    return extensions


def write_extensions(extensions: Iterable[str]) -> str:
    """Return the list as people write it: three or more that follow each other are a range."""
    runs: list[list[str]] = []
    for digits in extensions:
        if runs and _follows(digits, runs[-1][-1]):
            runs[-1].append(digits)
        else:
            runs.append([digits])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(run) for run in runs)


def _follows(digits: str, before: str) -> bool:
    return len(digits) == len(before) and int(digits) == int(before) + 1


def extensions_in(text: str) -> tuple[tuple[Extension, ...], tuple[Problem, ...]]:
    """Return what `read_extensions` can read of *text*, and every problem with the rest, each once."""
    found: dict[str, None] = {}
    problems: dict[Problem, None] = {}
    count = 0
    for piece in re.split("[,;]", tidy(text)):
        spans, problem = _spans(piece.strip())
        if problem is not None:
            problems[problem] = None
        for span in spans:
            count += span.size
            if count <= MOST_EXTENSIONS:
                found.update(span.spread())
    if count > MOST_EXTENSIONS:
        problems[Problem(ProblemKind.TOO_MANY_EXTENSIONS, count=count, limit=MOST_EXTENSIONS)] = None
    elif not found and not problems:
        problems[missing("RAMAIS")] = None
    return tuple(map(Extension, found)), tuple(problems)


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    last: int
    width: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def spread(self) -> dict[str, None]:
        return dict.fromkeys(str(number).zfill(self.width) for number in range(self.first, self.last + 1))


def _spans(piece: str) -> tuple[list[_Span], Problem | None]:
    """Return what one piece between commas means, as far as it can be read, and what is wrong with it."""
    if not piece:
        return [], None  # a comma too many names nothing and hides nothing
    whole = _span(piece)
    if isinstance(whole, _Span):
        return [whole], None
    words = piece.split(" ")
    readable = [span for span in map(_span, words) if isinstance(span, _Span)]
    kind = ProblemKind.COMMA_MISSING if len(readable) == len(words) else whole
    return readable, Problem(kind, excerpt(piece))


def _span(text: str) -> _Span | ProblemKind:
    item = _ITEM.fullmatch(text)
    if item is None:
        return ProblemKind.RANGE_MALFORMED if _RANGE_LIKE.fullmatch(text) else ProblemKind.EXTENSION_MALFORMED
    first, last = item[1], item[2] or item[1]
    if len(first) != len(last) and (_is_padded(first) or _is_padded(last)):
        return ProblemKind.RANGE_MALFORMED
    if int(first) > int(last):
        return ProblemKind.RANGE_BACKWARDS
    return _Span(int(first), int(last), len(first) if len(first) == len(last) else 1)


def _is_padded(digits: str) -> bool:
    return len(digits) > 1 and digits.startswith("0")


# Moments


def read_start(text: str, today: date) -> datetime:
    """Return the first moment of a period that is written as *text*: by the wall clock, without a zone.

    Raises:
        RefusedError: with every problem; a time without its day is one.
    """
    day, clock, _ = _moment(text, today)
    if day is None:
        raise RefusedError([Problem(ProblemKind.DAY_MISSING, excerpt(tidy(text)))])
    return datetime.combine(day, clock or time.min)


def read_end(text: str, today: date) -> WrittenEnd:
    """Return the end of a period that is written as *text*: of a whole day, of a whole minute, or to the second.

    Raises:
        RefusedError: with every problem.
    """
    day, clock, exact = _moment(text, today)
    if clock is None:
        return WrittenEnd(day, _DAY_END)
    return WrittenEnd(day, clock if exact else clock.replace(second=59))


def _moment(text: str, today: date) -> tuple[date | None, time | None, bool]:
    """Return the day, the time, and whether the time has its seconds; at least one of the two is there."""
    text = tidy(text)
    iso = _ISO_MOMENT.match(text)
    day_text, _, clock_text = (iso[1], "T", text[iso.end() :]) if iso else text.partition(" ")
    if not clock_text and _TIME.fullmatch(day_text):
        day_text, clock_text = "", day_text
    day = _day(day_text, today) if day_text or not clock_text else None
    clock = _time(clock_text) if clock_text else None
    if isinstance(day, ProblemKind) or isinstance(clock, ProblemKind):
        if ProblemKind.DATE_MALFORMED in {day, clock}:
            raise RefusedError([Problem(ProblemKind.DATE_MALFORMED, excerpt(text))])
        parts = ((day, day_text), (clock, clock_text))
        raise RefusedError(Problem(kind, part) for kind, part in parts if isinstance(kind, ProblemKind))
    return day, clock, clock_text.count(":") == 2


def _day(text: str, today: date) -> date | ProblemKind:
    written = _DAY.fullmatch(text) or _ISO_DAY.fullmatch(text)
    if is_relative_day(text):
        found: date | None = today - timedelta(days=_DAYS_AGO[text.lower()])
    elif written is None:
        return ProblemKind.DATE_MALFORMED
    elif written["year"] is None:
        found = _latest(int(written["month"]), int(written["day"]), today)
    else:
        year = int(written["year"]) + (2000 if len(written["year"]) == 2 else 0)
        found = _calendar_day(year, int(written["month"]), int(written["day"]))
    if found is None:
        return ProblemKind.DATE_IMPOSSIBLE
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else ProblemKind.YEAR_OUT_OF_RANGE


def _latest(month: int, day: int, today: date) -> date | None:
    """Return the most recent such day that is not after *today*, or None where no year has it."""
    days = (_calendar_day(today.year - ago, month, day) for ago in range(_LEAP_GAP + 1))
    return next((found for found in days if found is not None and found <= today), None)


def _calendar_day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _time(text: str) -> time | ProblemKind:
    written = _TIME.fullmatch(text)
    if written is None:
        return ProblemKind.DATE_MALFORMED
    try:
        return time(int(written["hour"]), int(written["minute"] or written["rest"] or 0), int(written["second"] or 0))
    except ValueError:
        return ProblemKind.TIME_IMPOSSIBLE


# Periods


def read_period(start: object, end: object, now: datetime, zone: tzinfo) -> Period:
    """Read a period from its two ends, which are text; an *end* of None is *now*, to the second.

    Words such as `hoje`, and days without a year, count from *now* in *zone*; the period is of that zone's wall clock.

    Raises:
        RefusedError: with every problem; that an end is no text is one.
    """
    problems: list[Problem] = []
    today = now.astimezone(zone).date()
    first = _attempt(problems, lambda: read_start(_text("" if start is None else start, "INICIO"), today))
    last = _attempt(problems, lambda: None if end is None else read_end(_text(end, "FIM"), today))
    if problems or first is None:
        raise RefusedError(problems)
    return period_between(first, last, now, zone)


def period_between(start: datetime, end: WrittenEnd | None, now: datetime, zone: tzinfo) -> Period:
    """Return the period from *start*, a wall time in *zone*, to *end*, or to *now* where there is none.

    Where the clock was set back, an hour is there twice: it counts from its first time to its second.

    Raises:
        RefusedError: it ends before it starts.
    """
    first = min(_readings(start, zone), key=_instant)
    if end is not None:
        return Period(first, max(_readings(datetime.combine(end.day or start.date(), end.time), zone), key=_instant))
    last = now.astimezone(zone).replace(microsecond=0)
    if last < first:
        raise RefusedError([Problem(ProblemKind.START_IN_FUTURE, f"{first:%d/%m/%Y %H:%M}")])
    return Period(first, last)


def _readings(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return both moments that *wall* can mean: they differ where the clock is set back or forward."""
    return wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)


def _instant(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def write_moment(moment: datetime) -> str:
    """Return *moment* as people write it, by its own wall clock and to the second: `27/10/2025 08:00:00`."""
    return f"{moment:%d/%m/%Y %H:%M:%S}"


# Whole wishes


def read_ask(parameters: Mapping[str, object], now: datetime, zone: tzinfo) -> Ask:
    """Read a wish from `ramais` (text, number or a list of them), `numero`, `inicio`, `fim`, `servidor` and `motivo`.

    `ramais` may be left out where there is a `numero`. A key that is absent or None is not given; other keys are
    somebody else's. *now* and *zone* as in `read_period`.

    Raises:
        RefusedError: with every problem, in the order of the keys.
    """
    problems: list[Problem] = []
    given = parameters.get
    number = _attempt(problems, lambda: _number(given("numero")))
    alone = given("numero") is not None and given("ramais") is None
    extensions = () if alone else _attempt(problems, lambda: read_extensions(_list(given("ramais"))))
    period = _attempt(problems, lambda: read_period(given("inicio"), given("fim"), now, zone))
    server = _attempt(problems, lambda: _server(given("servidor")))
    reason = _attempt(
        problems, lambda: None if given("motivo") is None else read_reason(_text(given("motivo"), "MOTIVO"))
    )
    if problems or extensions is None or period is None:
        raise RefusedError(problems)
    return Ask(extensions, period, server, reason, number)


def write_parameters(ask: Ask) -> dict[str, str]:
    """Return what `read_ask` reads as *ask* in the period's own zone, whenever it does; absent values have no key."""
    written = {
        "ramais": ",".join(extension.digits for extension in ask.extensions) or None,
        "numero": None if ask.number is None else ask.number.digits,
        "inicio": write_moment(ask.period.first),
        "fim": write_moment(ask.period.last),
        "servidor": ask.server,
        "motivo": ask.reason,
    }
    return {key: value for key, value in written.items() if value is not None}


def _attempt(problems: list[Problem], read: Callable[[], _Read]) -> _Read | None:
    try:
        return read()
    except RefusedError as error:
        problems.extend(error.problems)
        return None


def _list(value: object) -> str:
    if value is None:
        return ""
    items = value if isinstance(value, list | tuple) else [value]
    return ",".join(_item(item) for item in items)


def _item(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RefusedError([Problem(ProblemKind.TEXT_EXPECTED, "RAMAIS")])


def _text(value: object, key: str) -> str:
    """Return the text that was given for *key*, on one line."""
    if not isinstance(value, str):
        raise RefusedError([Problem(ProblemKind.TEXT_EXPECTED, key)])
    text = tidy(value)
    if not text:
        raise RefusedError([missing(key)])
    return text


def _number(value: object) -> Number | None:
    if value is None:
        return None
    return read_number(_text(str(value) if type(value) is int else value, "NUMERO"))


def _server(value: object) -> str | None:
    name = None if value is None else _text(value, "SERVIDOR")
    if name is not None and not SERVER_NAME.fullmatch(name):
        raise RefusedError([Problem(ProblemKind.SERVER_MALFORMED, excerpt(name))])
    return name
