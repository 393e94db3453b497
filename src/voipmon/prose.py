"""Words for people: where the templates of mails and pages are rendered, and how values are written in them."""

import os
import re
import textwrap
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from voipmon import __version__

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket

WIDTH = 78
"""The most columns a line of a text part has; only a link may be longer."""

_FORMULA = re.compile("(^|[,;|]) *([=+@＝＋－＠-])")  # in some languages a semicolon ends a cell, and wide signs count
_UNKNOWN = {"pt_BR": "desconhecido", "en": "unknown"}
_MARKS = {"pt_BR": (",", "."), "en": (".", ",")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = {
    "pt_BR": ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_UNITS = ("B", "kB", "MB", "GB", "TB")
_LONGEST_PARTY = 40
_LINK_LIKE = re.compile(r"[.:@/](?=[^\s0-9])")
_BREAK = "\u200b"
_SUM = 32  # bytes of a SHA-256


class Written(str):
    """Text that this module wrote: it may hold line ends and zero-width spaces, and is not cleaned again."""

    __slots__ = ()


def environment(folder: Path, language: str, zone: ZoneInfo, kept: Path | None = None) -> "Environment":
    """Return where the templates in *folder*/*language*, and those in *folder* for every language, are rendered.

    Moments are written in *zone*. A missing fact is an error. What an expression gives is escaped in HTML, and made
    harmless everywhere: a telephone number or a subject is written by strangers. Compiled templates are kept in the
    folder *kept*, where nobody else may write; without it each process compiles them anew. They are programs: a command
    that root has started takes none from where another user can put them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - not for a pass that writes nothing

    made = Environment(
        loader=FileSystemLoader([folder / language, folder]),
        autoescape=select_autoescape(enabled_extensions=["html.j2"]),
        undefined=StrictUndefined,
        finalize=_finalize,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_compiled(kept, f"{__version__} {language} {zone.key}")
        if kept and os.getuid() == os.geteuid()
        else None,
    )
    made.filters.update(_filters(language, zone))
    return made


def _compiled(folder: Path, made_for: str) -> "BytecodeCache":
    """Return what keeps compiled templates in *folder*; what is damaged there, or cannot be kept, is as if absent."""
    from jinja2 import BytecodeCache  # noqa: PLC0415 - as above

    class Kept(BytecodeCache):
        def get_source_checksum(self, source: str) -> str:
            return super().get_source_checksum(f"{made_for} {source}")

        def load_bytecode(self, bucket: "Bucket") -> None:
            with suppress(OSError):
                data = (folder / bucket.key).read_bytes()
                if sha256(data[_SUM:]).digest() == data[:_SUM]:
                    bucket.bytecode_from_string(data[_SUM:])

        def dump_bytecode(self, bucket: "Bucket") -> None:
            data = bucket.bytecode_to_string()
            with suppress(OSError):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / bucket.key).write_bytes(sha256(data).digest() + data)

    return Kept()


def harmless(text: str) -> str:
    """Return *text* on one line, without the signs that nobody sees: control, direction, zero width, surrogate."""
    if text.isprintable():
        return text.strip(" ")
    return " ".join("".join(map(_visible, text)).split())


def cell(text: str) -> str:
    """Return *text* so that no spreadsheet takes it for a formula, whatever it takes for the end of a cell."""
    return _FORMULA.sub(r"\1'\2", text)


def _visible(sign: str) -> str:
    if sign.isprintable():
        return sign
    kind = unicodedata.category(sign)
    if kind == "Cf":
        return ""
    return " " if kind in {"Cc", "Zl", "Zp", "Zs"} else "\N{REPLACEMENT CHARACTER}"


def _finalize(value: object) -> object:
    written = isinstance(value, Written) or hasattr(value, "__html__")
    return harmless(value) if isinstance(value, str) and not written else value


def _filters(language: str, zone: ZoneInfo) -> dict[str, Callable[..., str]]:
    def day(value: date) -> str:
        if isinstance(value, datetime):
            value = value.astimezone(zone)
        return f"{value:%d/%m/%Y}" if language == "pt_BR" else f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def clock(value: datetime, whole: int | None = None) -> str:
        value = value.astimezone(zone)
        return f"{value:%H:%M}" if value.second == whole else f"{value:%H:%M:%S}"

    def number(value: float, decimals: int = 0) -> str:
        decimal, thousand = _MARKS[language]
        return f"{value:,.{decimals}f}".translate({ord(","): thousand, ord("."): decimal})

    return {
        "day": day,
        "moment": lambda value: f"{day(value)} {clock(value)}",
        "start": lambda value: f"{day(value)} {clock(value, 0)}",  # 08:00 begins at 08:00:00 ...
        "end": lambda value: f"{day(value)} {clock(value, 59)}",  # ... and 18:00 ends at 18:00:59
        "minute": lambda value: f"{value.astimezone(zone):%H:%M}",
        "weekday": lambda value: _WEEKDAYS[language][value.weekday()],
        "number": number,
        "size": lambda value: _size(value, number),
        "duration": _duration,
        "party": lambda value: _party(value) or _UNKNOWN[language],
        "column": lambda value, width: Written(harmless(value).ljust(width)),
        "wrap": _wrap,
    }


def _size(value: int, number: Callable[[float, int], str]) -> str:
    amount, unit = float(value), 0
    while round(amount) >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{number(amount, int(unit > 1))} {_UNITS[unit]}"


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _party(text: str) -> str:
    """Write a number or name as a caller sent it; one that looks like a link is kept from becoming one."""
    shown = harmless(text)
    if len(shown) > _LONGEST_PARTY:
        shown = shown[: _LONGEST_PARTY - 1] + "…"
    return Written(_LINK_LIKE.sub(rf"\g<0>{_BREAK}", shown))


def _wrap(text: str, label: str = "", column: int = 0) -> str:
    """Fill lines of WIDTH: *label* stands before the first one, the text begins at *column* in each.

    A list too long for a line is broken after its commas: the subject grammar reads it the same.
    """
    words = harmless(text)
    if max(map(len, words.split()), default=0) > WIDTH - column:
        words = words.replace(",", ", ")
    if len(words) <= WIDTH - max(column, len(label)):
        return Written(label.ljust(column) + words)
    indent = " " * column
    filled = textwrap.fill(
        words, WIDTH, initial_indent=label.ljust(column), subsequent_indent=indent, break_on_hyphens=False
    )
    return Written(filled)
