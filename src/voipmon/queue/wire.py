"""The JSON file of a request: its keys are the old system's, its values are checked as it is read."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from voipmon.clock import stamp
from voipmon.domain.request import RECORDINGS, Request
from voipmon.errors import ParameterError
from voipmon.files import safe_name
from voipmon.queue import keys

MOST_BYTES = 1_000_000
"""A larger file is no request; 20,000 extensions take 140 kB."""

ARRIVED, RETURNED, DIED = "arrived", "returned", "worker_died"
"""Events of a file's history that the queue itself goes by."""

_TOO_LARGE = f"larger than {MOST_BYTES:,} bytes: no request is"
_MOST_DEPTH = 50
_SMALL = MOST_BYTES // 8  # as `dump` writes it no more than allowed: numbers such as 1e15 grow most
_LONGEST_DETAIL = 1000
_json = json.JSONEncoder(ensure_ascii=False).encode

Document = dict[str, Any]
"""A request file as it was read: keys that voipmon does not know are kept as they are."""


class UnreadableError(ParameterError):
    """The file is no request. *whole* is False where it may still be being written: it is no JSON document yet."""

    def __init__(self, message: str, *, whole: bool) -> None:
        super().__init__(message)
        self.whole = whole


def read(data: bytes, stem: str) -> Document:
    """Return the document of a request file whose name is *stem* and `.json`; it has a request_id then.

    Raises:
        UnreadableError: it is no JSON object (with line and column), or one of the keys has a wrong value.
    """
    document = _parse(data)
    if document.get("request_id") is None:
        document = {"request_id": stem} | {key: value for key, value in document.items() if key != "request_id"}
    if wrong := list(keys.problems(document)):
        raise UnreadableError("; ".join(wrong), whole=True)
    if not safe_name(document["request_id"]):
        raise UnreadableError(
            f'request_id {document["request_id"][:100]!r} cannot be used: give the file a "request_id" of letters, '
            "digits, '.', '_' and '-', at most 80, not beginning with a dot",
            whole=True,
        )
    return document


def request_of(document: Document, arrived: datetime) -> Request:
    """Return the request that a document holds; *arrived* stands in where it has no created_at."""
    parameters = dict(document["parameters"])
    requester = keys.address(document["from_email"])
    recipient, tenant = parameters.get("email"), document.get("tenant")
    return Request(
        id=document["request_id"],
        kind=document.get("type", RECORDINGS),
        requester=requester,
        recipient=requester if recipient is None else keys.address(recipient),
        parameters=parameters,
        created_at=_moment(document, "created_at") or arrived,
        message_id=document.get("message_id"),
        references=tuple(document.get("references", ())),
        subject=document.get("subject"),
        site=document.get("site"),
        round=document.get("round", 1),
        tenant=None if tenant is None else keys.name(tenant),
    )


def document_of(request: Request) -> Document:
    """Return the document of a new request."""
    document: Document = {
        "request_id": request.id,
        "type": request.kind,
        "from_email": request.requester,
        "parameters": dict(request.parameters) | {"email": request.recipient},
        "created_at": stamp(request.created_at),
        "message_id": request.message_id,
        "references": list(request.references),
        "subject": request.subject,
        "site": request.site,
        "tenant": request.tenant,
        "round": request.round if request.round > 1 else None,
        "attempts": 0,
        "not_before": None,
        "history": [],
    }
    return {
        key: value for key, value in document.items() if value not in (None, []) or key in ("history", "not_before")
    }


def attempts_of(document: Document) -> int:
    """Return how many attempts ended without an answer."""
    return int(document.get("attempts", 0))


def not_before_of(document: Document) -> datetime | None:
    """Return when the request may be taken again; None: at once."""
    return _moment(document, "not_before")


def is_finished(document: Document) -> bool:
    """Tell whether the end of the request is written down, in whatever folder the file is."""
    return document.get("result") is not None


def deaths_of(document: Document) -> int:
    """Return how many of the attempts ended with the death of the worker."""
    deaths = 0
    for event in document.get("history", []):
        deaths = 0 if event.get("event") == RETURNED else deaths + (event.get("event") == DIED)
    return deaths


def arrival_of(document: Document) -> str | None:
    """Return when the file arrived, where its history says so: the system's times then tell of a later move."""
    for event in document.get("history", []):
        if event.get("event") == ARRIVED and isinstance(event.get("at"), str):
            return str(event["at"])
    return None


def completed(document: Document, arrived: datetime, by_hand_at: str | None) -> Document:
    """Return the document with the keys that voipmon adds.

    That a hand-written one *arrived* goes into its history, with the name of the host, *by_hand_at*.
    """
    added = {"type": RECORDINGS, "created_at": stamp(arrived), "attempts": 0, "not_before": None, "history": []}
    document = document | {key: value for key, value in added.items() if document.get(key) is None}
    if by_hand_at is not None and arrival_of(document) is None:
        document["history"] = [_event(by_hand_at, ARRIVED, None, arrived), *document["history"]]
    return document


def returned(document: Document, instance: str, now: datetime) -> Document:
    """Return the document of a finished request that is to be answered once more, in a new round."""
    again = {key: value for key, value in document.items() if key != "result"}
    again |= {"round": min(document.get("round", 1) + 1, keys.MOST), "attempts": 0, "not_before": None}
    return noted(again, instance, RETURNED, None, now)


def noted(document: Document, instance: str, event: str, detail: str | None, now: datetime) -> Document:
    """Return the document with one more event in its history."""
    return document | {"history": [*document.get("history", []), _event(instance, event, detail, now)]}


def _event(instance: str, event: str, detail: str | None, now: datetime) -> Document:
    return {"at": stamp(now), "instance": instance, "event": event, "detail": detail and plain(detail)}


def plain(text: str) -> str:
    """Return *text* as it can be written down: not too long, and without the halves of signs that file names have."""
    return text[:_LONGEST_DETAIL].encode("utf-8", "backslashreplace").decode("utf-8")


def same_wish(one: Document, other: Document) -> bool:
    """Tell whether two documents ask for the same on behalf of the same person."""
    return _wish(one) == _wish(other)


def dump(document: Document) -> bytes:
    """Return the bytes of a request file: UTF-8, a line for each key, parameter and event, for people who `cat` it."""
    lines = ",\n".join(f"  {_json(key)}: {_with_lines(value)}" for key, value in document.items())
    return f"{{\n{lines}\n}}\n".encode()


def _with_lines(value: object) -> str:
    """Return *value* as JSON, with a line for each thing in it; json's own `indent` takes five times as long."""
    if isinstance(value, dict) and value:
        return "{\n    " + ",\n    ".join(f"{_json(key)}: {_json(one)}" for key, one in value.items()) + "\n  }"
    if isinstance(value, list) and value:
        return "[\n    " + ",\n    ".join(map(_json, value)) + "\n  ]"
    return _json(value)


def _moment(document: Document, key: str) -> datetime | None:
    return None if document.get(key) is None else keys.moment(document[key])


def _wish(document: Document) -> tuple[object, ...]:
    parameters = document.get("parameters")
    sender = str(document.get("from_email", "")).strip().lower()
    wanted = dict(parameters) if isinstance(parameters, Mapping) else {}
    wanted["email"] = str(wanted.get("email") or sender).strip().lower()
    return document.get("type", RECORDINGS), sender, wanted


def _parse(data: bytes) -> Document:
    if len(data) > 4 * MOST_BYTES:
        raise UnreadableError(_TOO_LARGE, whole=True)
    text = _decode(data)
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        if data.count(b"{") + data.count(b"[") > _MOST_DEPTH:
            _check_depth(document)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise UnreadableError("a text in it holds half a character (a lone surrogate)", whole=True) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise UnreadableError(f"{place}: {error.msg}{_hint(text, error.pos)}", whole=False) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"no usable JSON: {error}", whole=True) from error
    if not isinstance(document, dict):
        raise UnreadableError("a request is a JSON object: it begins with { and ends with }", whole=True)
    own = bool(document.get("history"))  # with a history it is ours, and may have grown
    if not own and len(data) > _SMALL and len(dump(document)) > MOST_BYTES:
        raise UnreadableError(_TOO_LARGE, whole=True)
    return document


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise UnreadableError(f"line {line} column {column}: not UTF-8: save the file as UTF-8", whole=False) from error


def _hint(text: str, position: int) -> str:
    if not text.strip():
        return " (the file is empty)"
    if text.startswith("\ufeff"):
        return ": save the file without a byte order mark"
    if re.search(r",\s*\Z", text[: position + 1].rstrip("}]")) and re.match(r",?\s*[}\]]", text[position:]):
        return " (a comma stands before the closing bracket: take it out)"
    return ""


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    document: Document = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the key {name[:80]!r} stands more than once")
        document[name] = value
    return document


def _check_depth(document: object) -> None:
    """Refuse what can be read but not be written again, for want of stack."""
    level = [document]
    for _ in range(_MOST_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise ValueError(f"its brackets are nested deeper than {_MOST_DEPTH}")


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
