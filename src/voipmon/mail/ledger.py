"""What was decided of each mail: so that none is answered twice, and so that anybody can ask why."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from voipmon.clock import stamp
from voipmon.errors import MailboxError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mailbox (name TEXT PRIMARY KEY, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdict (
    key TEXT PRIMARY KEY, request_id TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    message_id TEXT, sender TEXT, subject TEXT, arrived_at TEXT NOT NULL, decided_at TEXT NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdict_by_sender ON verdict (sender, decided_at);
CREATE INDEX IF NOT EXISTS verdict_by_request ON verdict (request_id);
CREATE INDEX IF NOT EXISTS verdict_by_message ON verdict (message_id);
CREATE INDEX IF NOT EXISTS verdict_to_report ON verdict (reported, decided_at) WHERE reported = 0;
CREATE TABLE IF NOT EXISTS failure (key TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
"""
_KEEP = timedelta(days=90)


class VerdictKind(StrEnum):
    """What a mail got."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    GUIDED = "guided"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of one mail, and why. *key* is made from the mail's own words (`domain.request.mail_key`).

    *decided_at* is when that was recorded; None before.
    """

    key: str
    request_id: str
    kind: VerdictKind
    reason: str
    arrived_at: datetime
    message_id: str | None = None
    sender: str | None = None
    subject: str | None = None
    decided_at: datetime | None = None


class Ledger:
    """The verdicts of the last 90 days, in an SQLite file; a row is durable when `record` returns.

    Raises:
        MailboxError: on any method: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def knows_mailbox(self, name: str) -> bool:
        """Tell whether that mailbox has been read, or prepared by `init`, before."""
        return self._one("SELECT 1 FROM mailbox WHERE name = ?", name) is not None

    def remember_mailbox(self, name: str, now: datetime) -> None:
        """Record that the mailbox is in use from now on. May be called again."""
        self._run("INSERT OR IGNORE INTO mailbox VALUES (?, ?)", name, stamp(now))

    def verdict(self, key: str) -> Verdict | None:
        """Return what was decided of the mail of that key."""
        return self._verdict("key", key)

    def verdict_of_request(self, request_id: str) -> Verdict | None:
        """Return what was decided of the mail that the request came by."""
        return self._verdict("request_id", request_id)

    def verdict_of_message(self, message_id: str) -> Verdict | None:
        """Return what was decided of the mail with that Message-ID, its angle brackets or not; the first of several."""
        return self._verdict("message_id", f"<{message_id.strip().strip('<>')}>")

    def record(self, verdict: Verdict, now: datetime) -> None:
        """Keep the verdict. The first one of a key stays."""
        values = (
            verdict.key, verdict.request_id, verdict.kind.value, verdict.reason, verdict.message_id, verdict.sender,
            verdict.subject, stamp(verdict.arrived_at), stamp(now),
        )  # fmt: skip
        self._run("INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", *values)
        self._run("DELETE FROM failure WHERE key = ?", verdict.key)

    def count_since(self, sender: str, moment: datetime, *kinds: VerdictKind) -> int:
        """Return how many mails of *sender* got one of these verdicts since *moment*."""
        row = self._one(
            "SELECT count(*) FROM verdict WHERE sender = ? AND decided_at >= ?"
            " AND verdict IN (SELECT value FROM json_each(?))",
            sender, stamp(moment), json.dumps(kinds),
        )  # fmt: skip
        return int(row[0]) if row else 0

    def count_failure(self, key: str) -> int:
        """Count one more time that the mail could not be decided on; return how often that was."""
        self._run("INSERT INTO failure VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1", key)
        row = self._one("SELECT times FROM failure WHERE key = ?", key)
        return int(row[0]) if row else 1

    def unreported(self, today: date) -> dict[str, int]:
        """Return, by reason, how many mails got no reply on days before *today* (UTC) and stand in no report yet."""
        rows = self._all(
            "SELECT reason, count(*) FROM verdict WHERE reported = 0 AND decided_at < ?"
            " AND verdict IN ('ignored', 'quarantined') GROUP BY reason ORDER BY reason",
            today.isoformat(),
        )
        return {str(reason): int(count) for reason, count in rows}

    def mark_reported(self, today: date, now: datetime) -> None:
        """Record that all before *today* stand in a report, and forget what is older than 90 days."""
        self._run("UPDATE verdict SET reported = 1 WHERE reported = 0 AND decided_at < ?", today.isoformat())
        self._run("DELETE FROM verdict WHERE decided_at < ?", stamp(now - _KEEP))

    def _verdict(self, column: Literal["key", "request_id", "message_id"], value: str) -> Verdict | None:
        columns = "key, request_id, verdict, reason, arrived_at, message_id, sender, subject, decided_at"
        row = self._one(f"SELECT {columns} FROM verdict WHERE {column} = ? ORDER BY decided_at", value)  # noqa: S608 - no value of a stranger
        if row is None:
            return None
        key, request_id, kind, reason, arrived_at, *rest, decided_at = row
        moments = datetime.fromisoformat(arrived_at), datetime.fromisoformat(decided_at)
        message_id, sender, subject = rest
        return Verdict(key, request_id, VerdictKind(kind), reason, moments[0], message_id, sender, subject, moments[1])

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        rows = self._all(statement, *values)
        return rows[0] if rows else None

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._opened() as database, closing(database.execute(statement, values)) as cursor:
            return cursor.fetchall()

    def _run(self, statement: str, *values: object) -> None:
        with self._opened() as database, database:
            database.execute(statement, values)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._database = sqlite3.connect(self._path, timeout=30)
                self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)
            yield self._database
        except (sqlite3.Error, OSError) as error:
            raise MailboxError(
                f"the ledger {self._path} cannot be used: {error}: check its rights and its disk", retryable=True
            ) from error
