"""The JSON file of a request: its keys are the old system's, its values are checked here and trusted behind."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from voipmon.clock import stamp
from voipmon.domain.request import RECORDINGS, Request
from voipmon.errors import ParameterError
from voipmon.files import safe_name

MOST_BYTES = 1_000_000
"""A larger file is no request; 20,000 extensions take 140 kB."""

Document = dict[str, Any]
"""A request file as it was read: keys that voipmon does not know are kept as they are."""

_Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$"),
]


class UnreadableError(ParameterError):
    """The file is no request. *whole* is False where it may still be being written: it is no JSON document yet."""

    def __init__(self, message: str, *, whole: bool) -> None:
        super().__init__(message)
        self.whole = whole


class _Envelope(BaseModel):
    """The part of the document that voipmon reads."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    request_id: str
    type: str = RECORDINGS
    from_email: _Address
    parameters: dict[str, Any]
    created_at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    message_id: str | None = None
    references: tuple[str, ...] = Field(default=(), strict=False)
    subject: str | None = None
    site: str | None = None
    round: int = Field(default=1, ge=1)
    attempts: int = Field(default=0, ge=0)
    not_before: Annotated[AwareDatetime | None, Field(strict=False)] = None
    history: list[dict[str, Any]] = []


class _Recipient(BaseModel):
    model_config = ConfigDict(strict=True)

    email: _Address | None = None


def read(data: bytes, stem: str) -> Document:
    """Return the document of a request file whose name is *stem* and `.json`; it has a request_id then.

    Raises:
        UnreadableError: it is no JSON object (with line and column), or one of the keys has a wrong value.
    """
    document = _parse(data)
    document.setdefault("request_id", stem)
    try:
        _Envelope.model_validate(document)
        _Recipient.model_validate(document["parameters"])
    except ValidationError as error:
        raise UnreadableError(_sentences(error), whole=True) from error
    if not safe_name(document["request_id"]):
        raise UnreadableError(
            f'request_id {document["request_id"][:100]!r} cannot be used: give the file a "request_id" of letters, '
            "digits, '.', '_' and '-', at most 80, not beginning with a dot",
            whole=True,
        )
    return document


def request_of(document: Document, arrived: datetime) -> Request:
    """Return the request that a document holds; *arrived* stands in where it has no created_at."""
    envelope = _Envelope.model_validate(document)
    recipient = _Recipient.model_validate(envelope.parameters)
    return Request(
        id=envelope.request_id,
        kind=envelope.type,
        requester=envelope.from_email,
        recipient=recipient.email or envelope.from_email,
        parameters=envelope.parameters,
        created_at=envelope.created_at or arrived,
        message_id=envelope.message_id,
        references=envelope.references,
        subject=envelope.subject,
        site=envelope.site,
        round=envelope.round,
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
    return _Envelope.model_validate(document).not_before


def same_wish(one: Document, other: Document) -> bool:
    """Tell whether two documents ask for the same on behalf of the same person."""
    return _wish(one) == _wish(other)


def dump(document: Document) -> bytes:
    """Return the bytes of a request file: UTF-8, two spaces of indent, so that `cat` is readable."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _wish(document: Document) -> tuple[object, ...]:
    parameters = document.get("parameters")
    sender = str(document.get("from_email", "")).strip().lower()
    wanted = dict(parameters) if isinstance(parameters, Mapping) else {}
    wanted["email"] = str(wanted.get("email") or sender).strip().lower()
    return document.get("type", RECORDINGS), sender, wanted


def _parse(data: bytes) -> Document:
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"larger than {MOST_BYTES:,} bytes: no request is", whole=True)
    text = _decode(data)
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableError("a text in it holds half a character (a lone surrogate)", whole=True) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise UnreadableError(f"{place}: {error.msg}{_hint(text, error.pos)}", whole=False) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"no usable JSON: {error}", whole=True) from error
    if not isinstance(document, dict):
        raise UnreadableError("a request is a JSON object: it begins with { and ends with }", whole=True)
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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _sentences(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
        for problem in error.errors(include_url=False, include_input=False)
    )
