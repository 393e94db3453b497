"""What follows from a mail is drafted while it is decided on, and done when the mail is marked."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Protocol

from voipmon.audit.port import Audit, Event
from voipmon.clock import Clock
from voipmon.commands.audit_events import request_taken
from voipmon.domain.request import Request
from voipmon.errors import ConflictError
from voipmon.mail.consequences import Consequence, Consequences
from voipmon.mail.outbox import Letter

_log = logging.getLogger(__name__)


class Requests(Protocol):
    """Where requests go: the part of `Queue` that deciding on a mail needs."""

    def enqueue(self, request: Request) -> bool:
        """Add the request."""
        ...

    def ahead_of(self, request_id: str) -> int:
        """Return how many requests are taken before that one."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Let what is added within the block be durable at its end."""
        ...


class Letters(Protocol):
    """Where letters go: the part of `Outbox` that deciding on a mail needs."""

    def post(self, letter: Letter, now: datetime) -> bool:
        """Keep the letter to be sent."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Let what is kept within the block be durable at its end."""
        ...


class Drafts:
    """Takes the requests and letters of one mail after the other in place of *queue* and of the outbox."""

    def __init__(self, queue: Requests) -> None:
        self._queue = queue
        self._waiting: int | None = None
        self._earlier = 0
        self._request: dict[str, Any] | None = None
        self._letters: list[dict[str, Any]] = []

    def enqueue(self, request: Request) -> bool:
        """Draft the request."""
        self._request = _written(request)
        return True

    def ahead_of(self, request_id: str) -> int:
        """Return how many requests will be taken before that one; the queue is looked at once for all drafts."""
        if self._waiting is None:
            self._waiting = self._queue.ahead_of(request_id)
        return self._waiting + self._earlier

    def post(self, letter: Letter, now: datetime) -> bool:  # noqa: ARG002 - posted in the end with the time of then
        """Draft the letter."""
        content = letter.content.decode("ascii")
        self._letters.append({"name": letter.name, "recipients": letter.recipients, "content": content})
        return True

    def together(self) -> AbstractContextManager[None]:
        """Do nothing: drafts are not durable."""
        return nullcontext()

    def close(self, told: Event, *, aside: bool) -> str:
        """Return what follows from the mail as text, and begin anew.

        The audit is *told* that; *aside*: the mail is to be put aside.
        """
        drafted = {"aside": aside, "request": self._request, "letters": self._letters, "told": _written_event(told)}
        content = json.dumps(drafted)
        self._earlier += self._request is not None
        self.discard()
        return content

    def discard(self) -> None:
        """Begin anew."""
        self._request, self._letters = None, []


def carry_out(
    consequences: Sequence[Consequence],
    kept: Consequences,
    queue: Requests,
    outbox: Letters,
    audit: Audit,
    clock: Clock,
) -> None:
    """Do what follows from mails that are marked, the lines of the audit first; twice is as good as once.

    Raises:
        ProcessingError: the queue, the outbox or the audit cannot be used; it all stays written down.
    """
    contents = [json.loads(one.content) for one in consequences]
    audit.append([event for content in contents for event in _events(content)])
    finished: list[str] = []
    with queue.together(), outbox.together():
        for one, content in zip(consequences, contents, strict=True):
            if content["request"] is not None:
                _enqueue(_read(content["request"]), queue)
            for letter in content["letters"]:
                recipients, text = tuple(letter["recipients"]), letter["content"].encode("ascii")
                outbox.post(Letter(letter["name"], recipients, text), clock())
            finished.append(one.key)
    kept.done(finished)


def _events(content: dict[str, Any]) -> Iterator[Event]:
    """Yield what the audit is told of a mail, and of the request that came by it."""
    told = content.get("told")
    if told is not None:  # none in what voipmon 0.1 wrote down
        event = Event(told["kind"], datetime.fromisoformat(told["at"]), tuple(told["what"]), told["facts"])
        yield event
        if content["request"] is not None:
            yield request_taken(_read(content["request"]), event.at)


def _written_event(event: Event) -> dict[str, Any]:
    return asdict(event) | {"at": event.at.isoformat()}


def is_aside(consequence: Consequence) -> bool:
    """Tell whether the mail is to be put aside."""
    return bool(json.loads(consequence.content)["aside"])


def _enqueue(request: Request, queue: Requests) -> None:
    try:
        queue.enqueue(request)
    except ConflictError as error:  # a file that somebody wrote by hand bears the name
        _log.error("request_conflict", extra={"request": request.id, "reason": str(error)})


def _written(request: Request) -> dict[str, Any]:
    plain = {field.name: getattr(request, field.name) for field in fields(request)}
    return plain | {"created_at": request.created_at.isoformat(), "parameters": dict(request.parameters)}


def _read(written: dict[str, Any]) -> Request:
    created_at = datetime.fromisoformat(written["created_at"])
    return Request(**written | {"created_at": created_at, "references": tuple(written["references"])})
