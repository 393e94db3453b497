"""What was given to whom and opened from where: the lines of the audit trail, joined."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voipmon.clock import stamp

_RANGE = re.compile(r"([0-9]{1,6})-([0-9]{1,6})")

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are wanted: of that *tenant*, alone or among others; of calls of that *extension*; of that period.

    *first* and *last* are included.
    """

    tenant: str | None = None
    extension: str | None = None
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A file that was fetched, or the ZIP it is in: when first in that hour, from where, by what."""

    at: str
    address: str
    agent: str
    item: str


@dataclass(slots=True)
class Row:
    """One file that was given, with its openings; or one other event. Facts that there are none of are empty."""

    at: str
    event: str
    request: str = ""
    tenant: str = ""
    who: str = ""
    to: str = ""
    call: str = ""
    origin: str = ""
    destination: str = ""
    file: str = ""
    bytes: int | None = None
    sha256: str = ""
    opened: list[Opening] = field(default_factory=list)
    detail: str = ""


def report(lines: Iterable[Line], question: Question) -> list[Row]:
    """Return what *question* asks for, in the order of the trail.

    A file counts by when it was given and by when it was opened; its row has all openings.
    """
    return _Reading(question).of(lines)


class _Reading:
    def __init__(self, question: Question) -> None:
        self._question = question
        self._first = stamp(question.first) if question.first else ""
        self._last = stamp(question.last) if question.last else "~"  # stands behind every moment
        self._asked: dict[str, Line] = {}
        self._given: dict[str, _Given] = {}
        self._rows: list[tuple[Row, str]] = []
        self._touched: set[str] = set()

    def of(self, lines: Iterable[Line]) -> list[Row]:
        for line in lines:
            match line["event"]:
                case "delivered":
                    self._delivered(line)
                case "opened":
                    self._opened(line)
                case "request_taken":
                    self._asked[line["request"]] = line
                    self._other(line)
                case _:
                    self._other(line)
        return [row for row, key in self._rows if not key or key in self._touched]

    def _delivered(self, line: Line) -> None:
        if not self._is_of_tenant(line):
            return
        files = [
            file for file in line["files"] if self._question.extension in (None, file["origin"], file["destination"])
        ]
        if not files:
            return
        key = line["publication"]
        given = self._given.setdefault(key, _Given(line))
        if self._covers(line):
            self._touched.add(key)
        for file in files:
            row = Row(
                at=line["at"],
                event="delivered",
                request=line["request"],
                tenant=line.get("tenant", ""),
                who=line.get("requester", ""),
                to=line.get("recipient", ""),
                call=file["start"],
                origin=file["origin"],
                destination=file["destination"],
                file=file["path"],
                bytes=file["bytes"],
                sha256=file["sha256"],
                detail=f"until {line['until']}",
            )
            given.rows.setdefault(file["item"], []).append(row)
            self._rows.append((row, key))

    def _opened(self, line: Line) -> None:
        given = self._given.get(line["publication"])
        if given is None:
            return
        opening = Opening(line["at"], line["address"], line.get("agent", ""), line["item"])
        rows = list(given.of(line["item"]))
        for row in rows:
            row.opened.append(opening)
        if not self._covers(line):
            return
        if rows:
            self._touched.add(line["publication"])
        elif line["item"].endswith(".html"):
            detail = f"the page, from {line['address']} {line.get('agent', '')}".rstrip()
            self._rows.append((_row(line, given.line, detail), ""))

    def _other(self, line: Line) -> None:
        asked = self._asked.get(line.get("request", ""), line)
        if self._covers(line) and self._is_of_tenant(asked) and self._is_of_extension(asked):
            self._rows.append((_row(line, asked, _detail(line)), ""))

    def _covers(self, line: Line) -> bool:
        return self._first <= str(line["at"]) <= self._last  # as text, for moments are written so that they sort

    def _is_of_tenant(self, line: Line) -> bool:
        wanted = self._question.tenant
        return wanted is None or wanted.casefold() in line.get("tenant", "").casefold().split(", ")

    def _is_of_extension(self, line: Line) -> bool:
        wanted = self._question.extension
        return wanted is None or wanted in _extensions(line.get("asked", {}).get("ramais", ""), wanted)


@dataclass(slots=True)
class _Given:
    """A publication: the line of it, and the rows of its files that are wanted, by item."""

    line: Line
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def of(self, item: str) -> Iterator[Row]:
        """Yield the rows of what was fetched with *item*: with the ZIP all."""
        for name, rows in self.rows.items():
            if item in (name, self.line.get("zip")):
                yield from rows


def _row(line: Line, known: Line, detail: str) -> Row:
    return Row(
        at=line["at"],
        event=line["event"],
        request=line.get("request", ""),
        tenant=line.get("tenant") or known.get("tenant", ""),
        who=line.get("requester") or line.get("sender") or line.get("by") or known.get("requester", ""),
        to=line.get("recipient", ""),
        detail=detail,
    )


def _detail(line: Line) -> str:
    """Return the facts of an event in words."""
    match line["event"]:
        case "request_taken":
            return " ".join(f"{name.upper()}={value}" for name, value in line.get("asked", {}).items())
        case "verdict":
            return f"{line.get('verdict')}: {line.get('reason', '')}"
        case "configuration":
            return f"{line.get('file')} of uid {line.get('owner')}, SHA-256 {line.get('sha256')}"
        case "expired" | "revoked":
            return f"until {line.get('until')}"
        case "months_removed":
            return ", ".join(line.get("months", []))
        case _:
            return str(line.get("reason", ""))


def _extensions(ramais: str, wanted: str) -> Iterator[str]:
    """Yield the extensions that a request names, of a range only *wanted*, if it is in there."""
    for part in re.split(r"[,;\s]+", ramais):
        match = _RANGE.fullmatch(part)
        if match is None:
            yield part
        elif len(match[1]) == len(match[2]) == len(wanted) and match[1] <= wanted <= match[2]:
            yield wanted
