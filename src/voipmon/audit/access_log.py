"""What a web server's access log tells of opened links (pure): combined and common formats of Apache and nginx."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote, urlsplit

_LINE = re.compile(
    r"(?:(?:[^\s:]+|\[[0-9A-Fa-f:.]+\]):\d{1,5} )?(?P<address>\S{1,255}) \S+ .{0,255}?"
    r"\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] "
    r'"(?P<method>[A-Z]{1,20}) (?P<target>[^ "]{1,8000})(?: [^"]{0,20})?" (?P<status>\d{3}) \S+'
    r'(?: "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)")?.*'
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_FOLDER = re.compile(r"[A-Za-z0-9_-]{16,80}")
_ITEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,150}")
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.)")
_OPENED = frozenset({"200", "206"})
_LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """One file of a publication that was fetched: *at* an aware moment, from *address*, by *agent*.

    *folder* is the last but one part of the path, the token if it was a publication; *item* the file in it.
    """

    at: datetime
    address: str
    agent: str
    folder: str
    item: str

    @property
    def hour(self) -> datetime:
        """The hour in which it was, in UTC: a player asks for many parts of one file."""
        return self.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hits(lines: Iterable[str]) -> Iterator[Hit]:
    """Yield what was fetched by GET with success, whole or in part; what is another line, or none, is passed over.

    A HEAD fetches nothing. An address behind a proxy is what the server wrote.
    """
    for line in lines:
        match = _LINE.fullmatch(line.rstrip("\r\n"))
        if match is None or match["method"] != "GET" or match["status"] not in _OPENED:
            continue
        place, moment = _place(match["target"]), _moment(match["time"])
        if place is not None and moment is not None:
            agent = _plain(match["agent"] or "")[:_LONGEST_AGENT]
            yield Hit(moment, _plain(match["address"]), "" if agent == "-" else agent, *place)


def _place(target: str) -> tuple[str, str] | None:
    """Return folder and item of what was asked for, or None if it can be no file of a publication."""
    try:
        parts = unquote(urlsplit(target).path).split("/")
    except ValueError:
        return None
    if len(parts) < 3 or not _FOLDER.fullmatch(parts[-2]):
        return None
    item = parts[-1] or "index.html"
    return (parts[-2], item) if _ITEM.fullmatch(item) else None


def _moment(text: str) -> datetime | None:
    """Read `11/Nov/2025:12:00:00 -0300`, whatever the locale."""
    month = _MONTHS.get(text[3:6])
    if month is None:
        return None
    hours, minutes = int(text[21:24]), int(text[21] + text[24:26])
    try:
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        day, year, clock = int(text[:2]), int(text[7:11]), text[12:20].split(":")
        return datetime(year, month, day, *map(int, clock), tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def _plain(text: str) -> str:
    """Undo what the server did to odd characters, and leave nothing that is not printable."""

    def character(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else match[2]

    shown = _ESCAPED.sub(character, text)
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in shown)
