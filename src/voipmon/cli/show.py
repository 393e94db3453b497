"""How things look on a terminal: tables, ages, and what strangers wrote."""

import json
from collections.abc import Sequence
from datetime import datetime

import click

WIDTH = 100
"""The most columns a table has."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines with the columns below their heads, at most 100 wide: the widest column is cut."""
    lines = [heads, *rows]
    widths = [max(len(click.unstyle(line[column])) for line in lines) for column in range(len(heads))]
    widest = widths.index(max(widths))
    widths[widest] -= max(0, sum(widths) + 2 * (len(widths) - 1) - WIDTH)
    return "\n".join("  ".join(map(_fit, line, widths)).rstrip() for line in lines)


def size(count: int) -> str:
    """Return a number of bytes in words: `512 B`, `20 kB`, `1.5 GB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plain(text: str) -> str:
    """Return *text* as it may stand on a line of a terminal, whoever wrote it: nothing that steers it is left."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def json_text(facts: object) -> str:
    """Return *facts* as JSON for people and programs: what would steer a terminal is written as its number."""
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


def age(moment: datetime | None, now: datetime | None) -> str:
    """Return how long before *now* that was, in words: `40 s`, `3 min`, `2 h`, `5 d`."""
    if moment is None or now is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _fit(text: str, width: int) -> str:
    shown = click.unstyle(text)
    if len(shown) > width:
        return f"{shown[: width - 1]}…"
    return text + " " * (width - len(shown))
