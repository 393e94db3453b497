"""What was decided of each mail: so that none is answered twice, and so that anybody can ask why."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from voipmon.clock import stamp
from voipmon.errors import MailboxError
from voipmon.mail.headers import name_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mailbox (name TEXT PRIMARY KEY, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdict (
    key TEXT PRIMARY KEY, request_id TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    message_id TEXT, sender TEXT, subject TEXT, arrived_at TEXT NOT NULL, decided_at TEXT NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0, doubt TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdict_answered ON verdict (sender, decided_at)
    WHERE verdict IN ('accepted', 'rejected', 'guided');
CREATE INDEX IF NOT EXISTS verdict_by_message ON verdict (message_id);
CREATE INDEX IF NOT EXISTS verdict_to_report ON verdict (reported, decided_at) WHERE reported = 0;
CREATE TABLE IF NOT EXISTS failure (key TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS report (day TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS = "key, request_id, verdict, reason, arrived_at, message_id, sender, subject, doubt, decided_at"
_KEEP = timedelta(days=90)
_LONGEST = 200  # bytes
LONGEST_SUBJECT = 390
"""The most bytes of a subject that are kept."""


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

    *reason* is a `Reason`, or of a rejected mail what is wrong with it. *doubt* is the `Reason` for which its sender is
    not verified, where that did not decide. *message_id* is what the mail calls itself, well formed or not.
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
    doubt: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreported:
    """How many mails stand in no report yet, by reason: that got no reply, were put aside, were taken in doubt."""

    ignored: tuple[tuple[str, int], ...] = ()
    quarantined: tuple[tuple[str, int], ...] = ()
    doubtful: tuple[tuple[str, int], ...] = ()


class _Database(sqlite3.Connection):
    """Commits at the end of each `with`, but for while it is *held*."""

    held = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        return False if self.held else super().__exit__(kind, error, trace)


class Ledger:
    """The verdicts of the last 90 days, in an SQLite file; a row is durable when `record` returns.

    Raises:
        MailboxError: on any method: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: _Database | None = None

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make all that is recorded within the block durable at its end: all of it together, or none."""
        with self._opened() as database:
            database.held = True
        try:
            yield
        except BaseException:
            with self._opened() as database:
                database.held = False
                database.rollback()
            raise
        with self._opened() as database:
            database.held = False
            database.commit()

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what another table of this file holds (`mail.consequences`)."""
        return self._all(statement, *values)

    def change(self, statement: str, *values: object) -> None:
        """Change another table of this file."""
        self._run(statement, *values)

    def knows_mailbox(self, name: str) -> bool:
        """Tell whether that mailbox has been read, or prepared by `init`, before."""
        return self._one("SELECT 1 FROM mailbox WHERE name = ?", name) is not None

    def remember_mailbox(self, name: str, now: datetime) -> None:
        """Record that the mailbox is in use from now on. May be called again."""
        self._run("INSERT OR IGNORE INTO mailbox VALUES (?, ?)", name, stamp(now))

    def verdict(self, key: str) -> Verdict | None:
        """Return what was decided of the mail of that key."""
        verdicts = self._verdicts("key = ?", key)
        return verdicts[0] if verdicts else None

    def verdict_of_request(self, request_id: str) -> Verdict | None:
        """Return what was decided of the mail that the request came by."""
        verdict = self.verdict(request_id.rpartition("-")[2])
        return verdict if verdict is not None and verdict.request_id == request_id else None

    def verdicts_of_message(self, message_id: str) -> list[Verdict]:
        """Return what was decided of the mails that call themselves so, brackets or not, the first one first."""
        given = name_of(message_id)
        bare = given.strip("<>")
        names = (_beginning(name) or "" for name in (given, f"<{bare}>", bare))
        return self._verdicts("message_id IN (?, ?, ?) AND message_id <> ''", *names)

    def record(self, verdict: Verdict, now: datetime) -> None:
        """Keep the verdict. The first one of a key stays. Long texts are cut."""
        reason, message_id = _beginning(verdict.reason), _beginning(verdict.message_id)
        subject = _beginning(verdict.subject, LONGEST_SUBJECT)
        values = (
            verdict.key, verdict.request_id, verdict.kind.value, reason, message_id, verdict.sender, subject,
            stamp(verdict.arrived_at), stamp(now), verdict.doubt,
        )  # fmt: skip
        with self._opened() as database, database:
            database.execute("INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)", values)
            database.execute("DELETE FROM failure WHERE key = ?", (verdict.key,))

    def count_since(self, sender: str, moment: datetime, *kinds: VerdictKind) -> int:
        """Return how many mails of *sender* got one of these verdicts, each of them a reply, since *moment*."""
        row = self._one(
            "SELECT count(*) FROM verdict WHERE sender = ? AND decided_at >= ?"
            " AND verdict IN ('accepted', 'rejected', 'guided') AND verdict IN (SELECT value FROM json_each(?))",
            sender, stamp(moment), json.dumps(kinds),
        )  # fmt: skip
        return int(row[0]) if row else 0

    def count_rejected_since(self, sender: str, moment: datetime, reason: str) -> int:
        """Return how many mails of *sender* were rejected for that reason since *moment*."""
        row = self._one(
            "SELECT count(*) FROM verdict WHERE sender = ? AND decided_at >= ?"
            " AND verdict IN ('accepted', 'rejected', 'guided') AND verdict = 'rejected' AND reason = ?",
            sender, stamp(moment), reason,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def count_failure(self, key: str) -> int:
        """Count one more time that the mail could not be decided on; return how often that was."""
        self._run("INSERT INTO failure VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1", key)
        row = self._one("SELECT times FROM failure WHERE key = ?", key)
        return int(row[0]) if row else 1

    def is_reported(self, today: date) -> bool:
        """Tell whether `mark_reported` was called today."""
        return self._one("SELECT 1 FROM report WHERE day >= ?", today.isoformat()) is not None

    def unreported(self, today: date) -> Unreported:
        """Return what the admin has not been told of the days before *today* (UTC)."""
        rows = self._all(
            "SELECT verdict, coalesce(doubt, reason), count(*) FROM verdict WHERE reported = 0 AND decided_at < ?"
            " AND verdict NOT IN ('ignored', 'quarantined') AND doubt IS NOT NULL GROUP BY 2"
            " UNION ALL SELECT verdict, reason, count(*) FROM verdict WHERE reported = 0 AND decided_at < ?"
            " AND verdict IN ('ignored', 'quarantined') GROUP BY 1, 2 ORDER BY 2",
            today.isoformat(), today.isoformat(),
        )  # fmt: skip
        found: dict[str, list[tuple[str, int]]] = {"ignored": [], "quarantined": [], "doubtful": []}
        for kind, reason, count in rows:
            found[kind if kind in found else "doubtful"].append((str(reason), int(count)))
        return Unreported(**{name: tuple(counts) for name, counts in found.items()})

    def mark_reported(self, today: date, now: datetime) -> None:
        """Record that all before *today* stand in a report, and forget what is older than 90 days."""
        with self._opened() as database, database:
            day, oldest = today.isoformat(), stamp(now - _KEEP)
            database.execute("UPDATE verdict SET reported = 1 WHERE reported = 0 AND decided_at < ?", (day,))
            database.execute("DELETE FROM verdict WHERE decided_at < ?", (oldest,))
            database.execute("DELETE FROM failure")  # of mails that were decided on after all, or went away
            database.execute("DELETE FROM report")
            database.execute("INSERT INTO report VALUES (?)", (day,))

    def count_old(self, now: datetime) -> int:
        """Return how many verdicts `forget` would delete."""
        row = self._one("SELECT count(*) FROM verdict WHERE decided_at < ?", stamp(now - _KEEP))
        return int(row[0]) if row else 0

    def forget(self, now: datetime) -> None:
        """Delete the verdicts that are older than 90 days."""
        self._run("DELETE FROM verdict WHERE decided_at < ?", stamp(now - _KEEP))

    def _verdicts(self, condition: str, *values: str) -> list[Verdict]:
        rows = self._all(f"SELECT {_COLUMNS} FROM verdict WHERE {condition} ORDER BY decided_at, key", *values)  # noqa: S608 - no value of a stranger
        return list(map(_read, rows))

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
    def _opened(self) -> Iterator[_Database]:
        try:
            if self._database is None:
                self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._database = sqlite3.connect(self._path, timeout=30, factory=_Database)
                self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)
                _modernise(self._database)
            yield self._database
        except (sqlite3.Error, OSError) as error:
            raise MailboxError(
                f"the ledger {self._path} cannot be used: {error}: check its rights and its disk", retryable=True
            ) from error


def _beginning(text: str | None, most: int = _LONGEST) -> str | None:
    """Return as much of a text as is kept."""
    return text and text.encode()[:most].decode("utf-8", "ignore")


def _modernise(database: sqlite3.Connection) -> None:
    """Bring a file of voipmon 0.1 up to date."""
    if not any(column[1] == "doubt" for column in database.execute("PRAGMA table_info(verdict)")):
        database.executescript(
            "ALTER TABLE verdict ADD COLUMN doubt TEXT;"
            "DROP INDEX IF EXISTS verdict_by_sender; DROP INDEX IF EXISTS verdict_by_request"
        )


def _read(row: tuple[Any, ...]) -> Verdict:
    key, request_id, kind, reason, arrived, message_id, sender, subject, doubt, decided = row
    arrived_at, decided_at = datetime.fromisoformat(arrived), datetime.fromisoformat(decided)
    return Verdict(
        key, request_id, VerdictKind(kind), reason, arrived_at, message_id, sender, subject, doubt, decided_at
    )
