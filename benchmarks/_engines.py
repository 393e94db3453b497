"""Queues with the same two verbs: put a document, take the oldest and be done with it."""

# ruff: noqa: PTH103, PTH104, PTH208 - the yardstick is the system calls, and a Path takes longer than some of them

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from dirq.QueueSimple import QueueSimple
from huey.storage import FileStorage, SqliteStorage
from litequeue import LiteQueue

from voipmon.domain.outcome import Delivered
from voipmon.domain.request import Request
from voipmon.queue import wire
from voipmon.queue.spool import SpoolQueue

_BUSY_SECONDS = 60
_ARRIVED = 1_762_861_620  # 11/11/2025 11:47:00 UTC
_ENDS = datetime(2100, 1, 1, tzinfo=UTC)


class Wish(NamedTuple):
    """A request, and the document that voipmon makes of it: what the other engines are given."""

    request: Request
    document: bytes


def wishes(count: int, mark: str) -> list[Wish]:
    """Return *count* requests as they come by mail, a second apart; *mark*, of four letters, tells them from others."""
    return [_wish(number, mark) for number in range(count)]


def _wish(number: int, mark: str) -> Wish:
    arrived = datetime.fromtimestamp(_ARRIVED + number, UTC)
    key = f"{mark}{number:06d}"
    request = Request(
        id=f"{arrived:%Y%m%dT%H%M%SZ}-{key}",
        requester="manager@example.com",
        recipient="manager@example.com",
        parameters={"ramais": ["1121", "1122"], "inicio": "27/10/2025 08:00", "fim": "28/10/2025 18:00"},
        created_at=arrived,
        message_id=f"<{key}@mail.example.com>",
    )
    return Wish(request, wire.dump(wire.document_of(request)))


class Engine(Protocol):
    def put(self, wish: Wish) -> None: ...

    def take(self) -> str | bytes | None:
        """Return something that tells the one taken from all others; None: there is nothing (left) to take."""
        ...


class Raw:
    """What a durable file costs at least: open, write, fsync, rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"

    def put(self, wish: Wish) -> None:
        descriptor = _write(f"{self._folder}{wish.request.id}.tmp", wish.document)
        os.fsync(descriptor)
        os.close(descriptor)
        os.rename(f"{self._folder}{wish.request.id}.tmp", f"{self._folder}{wish.request.id}.json")

    def take(self) -> None:
        return None


class Bare:
    """voipmon's durable steps without its locks, look-ups and checks: what its protocol costs at least."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self._pending, self._processing, self._completed = states = [
            f"{folder}/{state}/" for state in ("pending", "processing", "completed")
        ]
        self._names: list[str] = []
        for state in states:
            os.makedirs(state, exist_ok=True)

    def put(self, wish: Wish) -> None:
        name = f"{wish.request.id}.json"
        descriptor = _write(f"{self._folder}{name}", wish.document)
        os.rename(f"{self._folder}{name}", self._pending + name)
        os.fsync(descriptor)
        os.close(descriptor)

    def take(self) -> str | None:
        self._names = self._names or sorted(os.listdir(self._pending), reverse=True)
        while self._names:
            name = self._names.pop()
            try:
                os.rename(self._pending + name, self._processing + name)
            except FileNotFoundError:
                continue  # another process was faster
            self._end(name)
            return name
        return None

    def _end(self, name: str) -> None:
        descriptor = os.open(self._processing + name, os.O_RDONLY)
        document = os.read(descriptor, 4096)
        os.close(descriptor)
        result = document + document  # about as long as one with history and result
        descriptor = _write(f"{self._folder}{name}", result)
        os.fsync(descriptor)
        os.close(descriptor)
        os.rename(f"{self._folder}{name}", self._processing + name)
        os.rename(self._processing + name, self._completed + name)


def _write(place: str, data: bytes) -> int:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, data)
    return descriptor


class Voipmon:
    def __init__(self, folder: Path) -> None:
        self.queue = SpoolQueue(folder, instance="benchmark")

    def put(self, wish: Wish) -> None:
        self.queue.enqueue(wish.request)

    def take(self) -> str | None:
        now = datetime.now(UTC)
        lease = self.queue.lease(now)
        if lease is None:
            return None
        self.queue.complete(lease, Delivered(recordings=12, size=3_456_789, left_out=0, expires_at=_ENDS), now)
        return lease.request.id


class Dirq:
    def __init__(self, folder: Path) -> None:
        self._queue = QueueSimple(str(folder))

    def put(self, wish: Wish) -> None:
        self._queue.add(wish.document)

    def take(self) -> bytes | None:
        name = self._queue.next() or self._queue.first()
        while name:
            if self._queue.lock(name):
                document: bytes = self._queue.get(name)
                self._queue.remove(name)
                return document
            name = self._queue.next()
        return None


class Huey:
    def __init__(self, storage: FileStorage | SqliteStorage) -> None:
        self._storage = storage

    def put(self, wish: Wish) -> None:
        self._storage.enqueue(wish.document)

    def take(self) -> bytes | None:
        document: bytes | None = self._storage.dequeue()
        return document


def _huey_sqlite(folder: Path) -> Huey:
    return Huey(SqliteStorage(filename=str(folder / "huey.db"), fsync=True, timeout=_BUSY_SECONDS))


class Litequeue:
    def __init__(self, folder: Path) -> None:
        self._queue = LiteQueue(sqlite3.connect(folder / "litequeue.db", timeout=_BUSY_SECONDS))
        self._queue.conn.execute("pragma synchronous = full")

    def put(self, wish: Wish) -> None:
        self._queue.put(wish.document.decode())

    def take(self) -> str | None:
        message = self._queue.pop()
        if message is None:
            return None
        self._queue.done(message.message_id)
        return str(message.data)


@dataclass(frozen=True, slots=True)
class Kind:
    """How an engine is made in a folder, and what the table calls it."""

    label: str
    make: Callable[[Path], Engine]
    takes: bool = True


RAW = "raw"
BARE = "bare"
VOIPMON = "voipmon"
KINDS = {
    RAW: Kind("raw: open, write, fsync, rename", Raw, takes=False),
    BARE: Kind("voipmon's writes, fsyncs and renames alone", Bare),
    VOIPMON: Kind("**voipmon**", Voipmon),
    "dirq": Kind("dirq QueueSimple (no fsync)", Dirq),
    "huey-file": Kind("huey FileStorage (no fsync)", lambda folder: Huey(FileStorage("huey", str(folder)))),
    "huey-sqlite": Kind("huey SqliteStorage, fsync on", _huey_sqlite),
    "litequeue": Kind("litequeue, synchronous = full", Litequeue),
}
