"""The outbox as JSON files in waiting/, sending/, sent/ and refused/. The protocol: docs/queue.md."""

import json
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from voipmon.clock import stamp
from voipmon.errors import OutboxError
from voipmon.mail.budget import Budget
from voipmon.mail.outbox import Letter, Posted
from voipmon.retention import Amount, amount_before, remove_before
from voipmon.statefolders.folders import OddFileError, StateFolders
from voipmon.statefolders.held import Held, MovedError

_log = logging.getLogger(__name__)

_WAITING, _SENDING, _SENT, _REFUSED = _STATES = ("waiting", "sending", "sent", "refused")
_GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321 section 4.5.4.1
_FIRST_PAUSE = timedelta(minutes=3)
_LONGEST_PAUSE = timedelta(hours=1)
_UNCERTAIN_PAUSES = (timedelta(0), timedelta(minutes=10), timedelta(hours=1))
"""How long to wait after each time that the line broke: a server with such an hour gets the letter after it."""
_SLACK = timedelta(days=1)  # between a file's time and the clock that is written in it


class SpoolOutbox:
    """The outbox in the folders below *root*."""

    def __init__(self, root: Path) -> None:
        self._folders = StateFolders(root, _STATES, _is_letter)
        self._held: dict[str, tuple[Held, dict[str, Any]]] = {}
        self._ended: dict[str, tuple[datetime, int] | None] = {}

    def prepare(self) -> None:
        """Make the folders that are missing."""
        with self._translated(), self._folders.locked():
            pass

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
            modified = round(now.timestamp() * 1_000_000) * 1000
            return self._folders.add(_WAITING, _file_name(letter.name), _dump(document), modified) is None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the disk once for all that is posted within the block; see the port."""
        with self._translated(), self._folders.together():
            yield

    def has(self, name: str) -> bool:
        """Tell whether a letter of that name is or was here; see the port."""
        with self._translated():
            return self._folders.find(_file_name(name)) is not None

    def due(self, now: datetime, skip: Collection[str] = (), budget: Budget | None = None) -> Iterator[Posted]:
        """Take the letters whose time has come; see the port. A file that cannot be taken holds up no other."""
        with self._translated():
            for name in filter(_is_name, self._folders.names(_SENDING)):
                self._with(_SENDING, name, self._recover, now)
            self._folders.sweep()
            names = self._in_order()
        budget = budget or Budget()
        for name in budget.in_order([name for name in names if name not in skip]):
            if not budget.admits(name):
                budget.waiting += 1
            elif (posted := self._with(_WAITING, _file_name(name), partial(self._take, budget), now)) is not None:
                yield posted

    def sent(self, posted: Posted, now: datetime, *, refused: dict[str, str], later: tuple[str, ...] = ()) -> None:
        """Record that the server took it; see the port."""
        with self._taken(posted) as (held, document):
            document["refused"] = document.get("refused", {}) | refused
            if later:
                document |= {"remaining": list(later), "attempts": posted.attempt}
                document["not_before"] = stamp(now + _pause(posted.attempt))
                held.move(_WAITING, _dump(document))
            else:
                _record_sent(held, document, now)

    def keep(self, posted: Posted, now: datetime, reason: str, *, uncertain: bool) -> None:
        """Record that it was not sent, or that nobody knows; see the port."""
        with self._taken(posted) as (held, document):
            document |= {"attempts": posted.attempt, "reason": reason}
            document["uncertain"] += uncertain
            pause = _uncertain_pause(document["uncertain"]) if uncertain else _pause(posted.attempt)
            document["not_before"] = stamp(now + pause)
            _keep(held, document, now)

    def give_back(self, posted: Posted) -> None:
        """Leave it as it was; see the port."""
        with self._taken(posted) as (held, _):
            held.move(_WAITING)

    def give_up(self, posted: Posted, now: datetime, reason: str) -> None:
        """Set it aside for ever; see the port."""
        with self._taken(posted) as (held, document):
            document |= {"attempts": posted.attempt, "reason": reason, "refused_at": stamp(now)}
            held.move(_REFUSED, _dump(document))

    def counts(self) -> dict[str, int]:
        """Count the letters; see the port."""
        with self._translated():
            found = {state: sum(map(_is_name, self._folders.names(state))) for state in _STATES}
        return {_WAITING: found[_WAITING] + found[_SENDING], _SENT: found[_SENT], _REFUSED: found[_REFUSED]}

    def waiting_since(self) -> datetime | None:
        """Return when the oldest letter that waits was posted; None where none does."""
        with self._translated():
            posted = min(self._posted().values(), default=None)
        return datetime.fromtimestamp(posted / 1e9, UTC) if posted is not None else None

    def handed_over(self, since: datetime) -> list[tuple[str, int]]:
        """Return the letters that a server has had since then; see the port."""
        found = []
        with self._translated():
            for name in filter(_is_name, self._folders.names(_SENDING)):
                found += [(name, len(told["recipients"])) for told in [self._told(_SENDING, name)] if told]
            for state in (_SENT, _REFUSED):
                for name in filter(_is_name, self._folders.names(state)):
                    if name not in self._ended:
                        self._ended[name] = self._handed(state, name, since)
                    moment, count = self._ended[name] or (since, 0)
                    found += [(name, count)] if moment > since else []
        return [(name.removesuffix(".json"), count) for name, count in found]

    def _handed(self, state: str, name: str, since: datetime) -> tuple[datetime, int] | None:
        """Return when a letter ended and for how many a server has had it; None where that is long ago."""
        try:
            if self._folders.path(state, name).lstat().st_mtime < (since - _SLACK).timestamp():
                return None
        except FileNotFoundError:
            return None
        told = self._told(state, name)
        if told is None:
            return None
        ended = told.get("sent_at") or told.get("refused_at") or told["created_at"]
        times = told["uncertain"] + (state == _SENT)
        return datetime.fromisoformat(ended), times * len(told["recipients"]) - len(told.get("refused", ()))

    def letters_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return what is known of a request's letters, oldest first: each with its `state`, without its text."""
        found = []
        with self._translated():
            for state in _STATES:
                names = filter(_is_name, self._folders.names(state))
                found += [self._told(state, name) for name in names if name.startswith(f"{request_id}.")]
        return sorted(filter(None, found), key=lambda letter: (str(letter["created_at"]), str(letter["name"])))

    def purge(self, older_than: timedelta, now: datetime) -> int:
        """Delete the letters that were sent or refused longer ago than that; return how many files that were."""
        with self._translated():
            return remove_before(self._folders, (_SENT, _REFUSED), now - older_than)

    def old(self, older_than: timedelta, now: datetime) -> Amount:
        """Return how much `purge` would delete."""
        with self._translated():
            return amount_before(self._folders, (_SENT, _REFUSED), now - older_than)

    def _told(self, state: str, name: str) -> dict[str, Any] | None:
        try:
            document = _parse(self._folders.read(state, name))
        except (OSError, _DamagedError):
            return None  # on its way to another state, or no letter
        return {key: value for key, value in document.items() if key != "message"} | {"state": state}

    def _in_order(self) -> list[str]:
        """Return the names of those that wait, oldest first."""
        posted = self._posted()
        return [name.removesuffix(".json") for name in sorted(posted, key=lambda name: (posted[name], name))]

    def _posted(self) -> dict[str, int]:
        """Return when each that waits was posted: a file's modification time stays that."""
        posted = {}
        for name in filter(_is_name, self._folders.names(_WAITING)):
            try:
                posted[name] = self._folders.path(_WAITING, name).lstat().st_mtime_ns
            except FileNotFoundError:
                continue  # another process has taken it
        return posted

    def _take(self, budget: Budget, held: Held, now: datetime) -> Posted | None:
        document = _load(held)
        due = document["not_before"]
        if due is not None and datetime.fromisoformat(due) > now:
            return None
        if "message" not in document:
            raise _DamagedError("it was sent, and its text is gone")
        remaining = tuple(document.get("remaining", document["recipients"]))
        if not budget.admits(document["name"], len(remaining)):
            budget.waiting += 1
            return None
        budget.spend(document["name"], len(remaining))
        held.move(_SENDING)
        letter = Letter(document["name"], tuple(document["recipients"]), document["message"].encode("ascii"))
        self._held[letter.name] = held, document
        return Posted(letter, remaining, document["attempts"] + 1)

    def _recover(self, held: Held, now: datetime) -> None:
        """Take back a letter whose process died while it was being sent: whether it was, nobody knows."""
        document = _load(held)
        if "sent_at" in document:
            held.move(_SENT)
            return
        document["uncertain"] += 1
        document |= {"reason": "the process that sent it died", "not_before": None}
        _keep(held, document, now)

    def _with(
        self, state: str, name: str, step: Callable[[Held, datetime], Posted | None], now: datetime
    ) -> Posted | None:
        """Do one step with one letter, if it is free. What is wrong with it is its own trouble, not that of others."""
        posted = None
        try:
            held = self._folders.hold(state, name)
            if held is None:
                return None  # another process has it
            try:
                if not self._remove_shadow(held):
                    posted = step(held, now)
            finally:
                if posted is None:
                    held.release()
        except MovedError:
            return None  # by hand, in this very moment
        except (OddFileError, _DamagedError) as error:
            self._set_aside(state, name, str(error))
        except OSError as error:
            _log.error("letter_stuck", extra={"letter": name, "reason": str(error)})
        return posted

    def _remove_shadow(self, held: Held) -> bool:
        """Remove a letter that a power cut on btrfs brought back after its end; False if it is none."""
        if not any(held.is_older_than(state, held.name) for state in (_SENT, _REFUSED)):
            return False
        held.remove()
        _log.warning("letter_shadow_removed", extra={"letter": held.name})
        return True

    def _set_aside(self, state: str, name: str, reason: str) -> None:
        _log.error("letter_damaged", extra={"letter": name, "reason": reason})
        try:
            self._folders.set_aside(state, name, reason)
        except OSError as error:
            _log.error("letter_stuck", extra={"letter": name, "reason": str(error)})

    @contextmanager
    def _taken(self, posted: Posted) -> Iterator[tuple[Held, dict[str, Any]]]:
        held, document = self._held.pop(posted.letter.name)
        with self._translated(), held:
            try:
                yield held, document
            except MovedError as error:
                _log.warning("letter_moved", extra={"letter": posted.letter.name, "reason": str(error)})

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutboxError(
                f"the outbox in {self._folders.root} cannot be used: {error}: check its rights and its disk",
                retryable=True,
            ) from error


class _DamagedError(ValueError):
    """What is in the file is no letter."""


def _keep(held: Held, document: dict[str, Any], now: datetime) -> None:
    too_old = now - datetime.fromisoformat(document["created_at"]) > _GIVE_UP_AFTER
    if too_old or document["uncertain"] > len(_UNCERTAIN_PAUSES):
        document["refused_at"] = stamp(now)
        _log.error("letter_given_up", extra={"letter": document["name"], "reason": document["reason"]})
        held.move(_REFUSED, _dump(document))
    else:
        held.move(_WAITING, _dump(document))


def _record_sent(held: Held, document: dict[str, Any], now: datetime) -> None:
    """File the letter as sent. That it was must not be forgotten for want of room on the disk: the move needs none."""
    document["sent_at"] = stamp(now)
    del document["message"]  # it holds the link; what remains tells that it was sent, and to whom
    try:
        held.move(_SENT, _dump(document))
    except MovedError:
        raise
    except OSError as error:
        held.move(_SENT)
        _log.error("letter_stuck", extra={"letter": document["name"], "reason": str(error)})


def _pause(attempt: int) -> timedelta:
    """Return how long to wait: the first new try comes with the next pass, then the pauses double."""
    return timedelta(0) if attempt == 1 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt - 2, 16))


def _uncertain_pause(times: int) -> timedelta:
    return _UNCERTAIN_PAUSES[min(times, len(_UNCERTAIN_PAUSES)) - 1]


def _load(held: Held) -> dict[str, Any]:
    document = _parse(held.read())
    if document["name"] != held.name.removesuffix(".json"):
        raise _DamagedError("its name is another")
    return document


def _parse(data: bytes) -> dict[str, Any]:
    """Return the document of a letter's file; one that was sent has no message any more."""
    try:
        document = json.loads(data)
        datetime.fromisoformat(document["created_at"])
        if document["not_before"] is not None:
            datetime.fromisoformat(document["not_before"])
        document.get("message", "").encode("ascii")
        whole = (
            isinstance(document["name"], str)
            and all(isinstance(item, str) for item in [*document["recipients"], *document.get("remaining", [])])
            and isinstance(document["attempts"], int)
            and isinstance(document["uncertain"], int)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _DamagedError(str(error)) from error
    if not whole:
        raise _DamagedError("a value has the wrong type")
    return document  # type: ignore[no-any-return]  # a list has no keys


def _is_letter(data: bytes) -> bool:
    try:
        _parse(data)
    except _DamagedError:
        return False
    return True


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode("ascii") + b"\n"


def _file_name(name: str) -> str:
    return f"{name}.json"


def _is_name(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")
