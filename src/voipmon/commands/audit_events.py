"""What the audit trail is told: the facts of each event, and which words make two of them the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from voipmon.audit.port import Event, Fact
from voipmon.clock import stamp
from voipmon.mail.subject import without_code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from voipmon.domain.outcome import Publication
    from voipmon.domain.request import Request
    from voipmon.mail.ledger import Verdict

_ASKED = ("ramais", "numero", "inicio", "fim", "servidor", "motivo")
_LONGEST = 500  # letters of what somebody wrote


def verdict_given(verdict: Verdict, now: datetime) -> Event:
    """Tell that a mail got its verdict."""
    facts = {
        "request": verdict.request_id,
        "verdict": verdict.kind.value,
        "reason": _words(verdict.reason),
        "sender": verdict.sender,
        "message_id": _words(verdict.message_id),
        "doubt": verdict.doubt,
    }
    return Event("verdict", now, (verdict.key,), _known(facts))


def request_taken(request: Request, now: datetime, by: str | None = None) -> Event:
    """Tell that a request is there: who asks for what, under whose rights; *by* whom, where it is done by hand."""
    asked = {name: _words(request.parameters.get(name)) for name in _ASKED}
    facts = {
        **_whose(request),
        "by": by,
        "type": request.kind,
        "asked": _known(asked),
        "came": stamp(request.created_at),
    }
    return Event("request_taken", now, (request.id, str(request.round)), _known(facts))


def delivered(request: Request, publication: Publication, now: datetime) -> Event:
    """Tell that recordings are published, and the letter with their link is about to be written."""
    files: list[Fact] = [
        {
            "item": item.url.rpartition("/")[2],
            "path": item.recording.path,
            "start": stamp(item.recording.start),
            "origin": item.recording.origin,
            "destination": item.recording.destination,
            "bytes": item.recording.size,
            "sha256": item.sha256,
        }
        for item in publication.items
    ]
    what = (request.id, str(request.round), request.recipient, publication.key, _digest(files))
    facts = {
        **_whose(request),
        "round": request.round,
        "publication": publication.key,
        "until": stamp(publication.expires_at),
        "zip": publication.zip_url.rpartition("/")[2],
        "left_out": len(publication.left_out),
        "files": files,
    }
    return Event("delivered", now, what, _known(facts))


def nothing_found(request: Request, now: datetime) -> Event:
    """Tell that no recording matches."""
    return Event("nothing_found", now, (request.id, str(request.round)), _known(_whose(request)))


def refused(request: Request, reason: str, now: datetime) -> Event:
    """Tell that a request may not be answered, or not as asked."""
    return _ended("refused", request, reason, now)


def failed(request: Request, reason: str, now: datetime) -> Event:
    """Tell that a request is given up."""
    return _ended("failed", request, reason, now)


def expired(request_id: str, key: str, until: datetime, now: datetime) -> Event:
    """Tell that a publication is out of reach because its time is over."""
    facts = {"request": request_id, "publication": key, "until": stamp(until)}
    return Event("expired", now, (key, stamp(until)), facts)


def revoked(request_id: str, key: str, until: datetime, by: str, now: datetime) -> Event:
    """Tell that a publication is out of reach because somebody called it back."""
    facts = {"request": request_id, "publication": key, "until": stamp(until), "by": by}
    return Event("revoked", now, (key, stamp(until)), facts)


def configured(path: str, digest: str, owner: int, changed: datetime, noticed_by: int, now: datetime) -> Event:
    """Tell that the configuration is another one: whose file, changed when, and who was at work when that was seen."""
    facts: dict[str, Fact] = {
        "file": path,
        "sha256": digest,
        "owner": owner,
        "changed": stamp(changed),
        "noticed_by": noticed_by,
    }
    return Event("configuration", now, (path, digest, stamp(changed)), facts)


def _ended(kind: str, request: Request, reason: str, now: datetime) -> Event:
    facts = {**_whose(request), "reason": _words(reason)}
    return Event(kind, now, (request.id, str(request.round), _words(reason) or ""), _known(facts))


def _whose(request: Request) -> dict[str, Fact]:
    return {
        "request": request.id,
        "tenant": request.tenant,
        "requester": request.requester,
        "recipient": request.recipient,
    }


def _words(value: object) -> str | None:
    """Return what somebody wrote, on one line, without a code, and no longer than is kept."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return without_code(str(value))[:_LONGEST]


def _known(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {})}


def _digest(facts: Fact) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
