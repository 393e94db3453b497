"""What each key of a request file may hold. No model does it: a pass that works imports no library for it."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3
_LONGEST_NAME = 1000
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt _]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?[0-5]\d)?)", re.ASCII
)  # RFC 3339 and a little more; what Pythons read beyond it differs, and is none of what people mean

MOST = 1000
"""Of rounds and of attempts."""


def problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each key that is missing or has a wrong value."""
    for key, check in _CHECKS.items():
        if key in document:
            yield from _problem(key, check, document[key])
        elif key in _NEEDED:
            yield f"{key}: is missing"
    parameters = document.get("parameters")
    if isinstance(parameters, dict):
        yield from _problem("parameters.email", _or_null(address), parameters.get("email"))


def address(value: object) -> str:
    """Return an address as it is compared: in lower case, without blanks around it. Raises ValueError: it is none."""
    found = text(value).strip().lower()
    if len(found) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(found):
        raise ValueError(f"{found[:100]!r} is no address: write it alone, such as manager@example.com")
    return found


def moment(value: object) -> datetime:
    """Return a moment in UTC. Raises ValueError: it is none, or one without its time zone."""
    written = text(value)
    with suppress(ValueError, OverflowError):
        if _MOMENT.fullmatch(written):
            return datetime.fromisoformat(written.upper()).astimezone(UTC)
    raise ValueError("must be a moment with its time zone, such as 2025-11-11T12:00:00Z")


def name(value: object) -> str:
    """Return a name without the blanks around it. Raises ValueError: it is empty or too long."""
    found = text(value).strip()
    if not 0 < len(found) <= _LONGEST_NAME:
        raise ValueError(f"must have 1 to {_LONGEST_NAME} letters")
    return found


def text(value: object) -> str:
    """Return *value*. Raises ValueError: it is no text."""
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")  # noqa: TRY004 - what is wrong with a value is one kind of error
    return value


def _texts(value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("must be a list of texts in quotes")


def _object(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("must be an object in braces: { … }")  # noqa: TRY004 - as above


def _objects(value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("must be a list of objects in braces: [{ … }]")


def _number(least: int) -> Callable[[object], None]:
    def check(value: object) -> None:
        if type(value) is not int or not least <= value <= MOST:
            raise ValueError(f"must be a whole number from {least} to {MOST}")

    return check


def _or_null(check: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else check(value)


def _problem(key: str, check: Callable[[object], object], value: object) -> Iterator[str]:
    try:
        check(value)
    except ValueError as error:
        yield f"{key}: {error}"


_NEEDED = ("request_id", "from_email", "parameters")
_CHECKS: Mapping[str, Callable[[object], object]] = {
    "request_id": text,
    "type": text,
    "from_email": address,
    "parameters": _object,
    "created_at": _or_null(moment),
    "message_id": _or_null(text),
    "references": _texts,
    "subject": _or_null(text),
    "site": _or_null(text),
    "tenant": _or_null(name),
    "round": _number(1),
    "attempts": _number(0),
    "not_before": _or_null(moment),
    "history": _objects,
    "result": _or_null(_object),
}
