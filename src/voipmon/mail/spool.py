"""The outbox as JSON files in waiting/, sending/, sent/ and refused/ below the state folder."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from voipmon.clock import stamp
from voipmon.errors import OutboxError
from voipmon.mail.outbox import Letter, Posted
from voipmon.statefolders import Held, StateFolders

_log = logging.getLogger(__name__)

_WAITING, _SENDING, _SENT, _REFUSED = _STATES = ("waiting", "sending", "sent", "refused")
_MOST_BYTES = 4_000_000
_MOST_UNCERTAIN = 3
_GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321 section 4.5.4.1
_FIRST_PAUSE = timedelta(minutes=3)
_LONGEST_PAUSE = timedelta(hours=1)


class SpoolOutbox:
    """The outbox in the folders below *root*."""

    def __init__(self, root: Path) -> None:
        self._folders = StateFolders(root, _STATES)
        self._held: dict[str, tuple[Held, dict[str, Any]]] = {}

    def post(self, letter: Letter, now: datetime) -> bool:
        """Keep the letter to be sent; see the port."""
        document = {
            "name": letter.name,
            "recipients": list(letter.recipients),
            "created_at": stamp(now),
            "attempts": 0,
            "uncertain": 0,
            "not_before": None,
            "message": letter.content.decode("ascii"),
        }
        with self._translated():
            return self._folders.add(_WAITING, _file_name(letter.name), _dump(document)) is None

    def has(self, name: str) -> bool:
        """Tell whether a letter of that name is or was here; see the port."""
        with self._translated():
            return self._folders.find(_file_name(name)) is not None

    def due(self, now: datetime) -> Iterator[Posted]:
        """Take the letters whose time has come; see the port."""
        with self._translated():
            self._recover(now)
            names = sorted(filter(_is_letter, self._folders.names(_WAITING)))
        for name in names:
            with self._translated():
                posted = self._take(name, now)
            if posted is not None:
                yield posted

    def sent(self, posted: Posted, now: datetime, *, refused: dict[str, str], later: tuple[str, ...] = ()) -> None:
        """Record that the server took it; see the port."""
        with self._translated(), self._taken(posted) as (held, document):
            document["refused"] = document.get("refused", {}) | refused
            if later:
                document |= {"remaining": list(later), "attempts": posted.attempt}
                document["not_before"] = stamp(now + _pause(posted.attempt))
                self._move(held, document, _WAITING)
                return
            document["sent_at"] = stamp(now)
            del document["message"]  # it holds the link; what remains tells that it was sent, and to whom
            self._move(held, document, _SENT)

    def keep(self, posted: Posted, now: datetime, reason: str, *, uncertain: bool) -> None:
        """Record that it was not sent, or that nobody knows; see the port."""
        with self._translated(), self._taken(posted) as (held, document):
            document |= {"attempts": posted.attempt, "reason": reason}
            document["not_before"] = None if uncertain else stamp(now + _pause(posted.attempt))
            document["uncertain"] += uncertain
            self._keep(held, document, now)

    def give_back(self, posted: Posted) -> None:
        """Leave it as it was; see the port."""
        with self._translated(), self._taken(posted) as (held, _):
            held.move(_WAITING)

    def give_up(self, posted: Posted, now: datetime, reason: str) -> None:
        """Set it aside for ever; see the port."""
        with self._translated(), self._taken(posted) as (held, document):
            document |= {"attempts": posted.attempt, "reason": reason, "refused_at": stamp(now)}
            self._move(held, document, _REFUSED)

    def counts(self) -> dict[str, int]:
        """Count the letters; see the port."""
        with self._translated():
            found = {state: sum(map(_is_letter, self._folders.names(state))) for state in _STATES}
        return {_WAITING: found[_WAITING] + found[_SENDING], _SENT: found[_SENT], _REFUSED: found[_REFUSED]}

    def _take(self, name: str, now: datetime) -> Posted | None:
        held = self._folders.hold(_WAITING, name)
        if held is None:
            return None  # another process sends it
        try:
            document = _load(held)
            due = document["not_before"]
            if due is not None and datetime.fromisoformat(due) > now:
                held.release()
                return None
            held.move(_SENDING)
        except BaseException:
            held.release()
            raise
        letter = Letter(document["name"], tuple(document["recipients"]), document["message"].encode("ascii"))
        self._held[letter.name] = held, document
        return Posted(letter, tuple(document.get("remaining", letter.recipients)), document["attempts"] + 1)

    def _recover(self, now: datetime) -> None:
        """Take back what lies in sending/ and nobody holds: its process died, and nobody knows whether it was sent."""
        for name in filter(_is_letter, self._folders.names(_SENDING)):
            held = self._folders.hold(_SENDING, name)
            if held is None:
                continue
            with held:
                document = _load(held)
                if "sent_at" in document:
                    held.move(_SENT)
                    continue
                document["uncertain"] += 1
                document["reason"] = "the process that sent it died"
                self._keep(held, document, now)
        self._folders.sweep()

    def _keep(self, held: Held, document: dict[str, Any], now: datetime) -> None:
        too_old = now - datetime.fromisoformat(document["created_at"]) > _GIVE_UP_AFTER
        if too_old or document["uncertain"] > _MOST_UNCERTAIN:
            document["refused_at"] = stamp(now)
            _log.error("letter_given_up", extra={"letter": document["name"], "reason": document["reason"]})
            self._move(held, document, _REFUSED)
        else:
            self._move(held, document, _WAITING)

    def _move(self, held: Held, document: dict[str, Any], state: str) -> None:
        held.rewrite(_dump(document))
        held.move(state)

    @contextmanager
    def _taken(self, posted: Posted) -> Iterator[tuple[Held, dict[str, Any]]]:
        held, document = self._held.pop(posted.letter.name)
        with held:
            yield held, document

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError) as error:
            raise OutboxError(f"the outbox in {self._folders.root} cannot be used: {error}", retryable=True) from error


def _pause(attempt: int) -> timedelta:
    """Return how long to wait: the first new try comes with the next pass, then the pauses double."""
    return timedelta(0) if attempt == 1 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt - 2, 16))


def _load(held: Held) -> dict[str, Any]:
    document = json.loads(held.read(_MOST_BYTES))
    if not isinstance(document, dict):
        raise ValueError(f"{held.path} is no letter")  # noqa: TRY004 - as json.loads says it
    return document


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode("ascii") + b"\n"


def _file_name(name: str) -> str:
    return f"{name}.json"


def _is_letter(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")
