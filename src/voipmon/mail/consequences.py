"""What follows from mails that are decided on: written down before they are marked, done afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from voipmon.clock import stamp
from voipmon.mail.ledger import Ledger

_CONSEQUENCE = (
    "CREATE TABLE IF NOT EXISTS consequence (key TEXT PRIMARY KEY, mailbox TEXT NOT NULL, generation INTEGER NOT NULL,"
    " uid INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID"
)
_THEIRS = (
    "CREATE TABLE IF NOT EXISTS theirs (mailbox TEXT, generation INTEGER, uid INTEGER, since TEXT NOT NULL,"
    " PRIMARY KEY (mailbox, generation, uid)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from the mail of *key*, which is *uid* of that *generation* of the mailbox."""

    key: str
    generation: int
    uid: int
    content: str


class Consequences:
    """What this host has still to do, in the ledger's file; and since when it sees mails in others' hands.

    Raises:
        MailboxError: on any method: the file cannot be read or written.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        for table in (_CONSEQUENCE, _THEIRS):
            ledger.change(table)

    def keep(self, mailbox: str, consequence: Consequence) -> None:
        """Write down what is to be done once the mail is marked."""
        one = consequence
        self._ledger.change(
            "INSERT OR REPLACE INTO consequence VALUES (?, ?, ?, ?, ?)",
            one.key, mailbox, one.generation, one.uid, one.content,
        )  # fmt: skip

    def kept(self, mailbox: str) -> list[Consequence]:
        """Return what was written down and is not done, in the order of the uids."""
        rows = self._ledger.rows(
            "SELECT key, generation, uid, content FROM consequence WHERE mailbox = ? ORDER BY generation, uid", mailbox
        )
        return [Consequence(*row) for row in rows]

    def done(self, keys: Iterable[str]) -> None:
        """Record that it is all done."""
        with self._ledger.batch():
            for key in keys:
                self._ledger.change("DELETE FROM consequence WHERE key = ?", key)

    def undecide(self, keys: Iterable[str]) -> None:
        """Forget what was decided of the mails: another host has them, or they are decided on anew."""
        with self._ledger.batch():
            for key in keys:
                self._ledger.change("DELETE FROM consequence WHERE key = ?", key)
                self._ledger.change("DELETE FROM verdict WHERE key = ?", key)

    def theirs(self, mailbox: str, generation: int) -> dict[int, datetime]:
        """Return since when mails are seen that another host has taken and not done, by uid."""
        rows = self._ledger.rows(
            "SELECT uid, since FROM theirs WHERE mailbox = ? AND generation = ?", mailbox, generation
        )
        return {int(uid): datetime.fromisoformat(since) for uid, since in rows}

    def note_theirs(self, mailbox: str, generation: int, uids: Iterable[int], now: datetime) -> None:
        """Record that these, and no others, are in another host's hands."""
        known, seen = self.theirs(mailbox, generation), set(uids)
        if known.keys() == seen:
            return
        with self._ledger.batch():
            for uid in known.keys() - seen:
                self._ledger.change("DELETE FROM theirs WHERE mailbox = ? AND uid = ?", mailbox, uid)
            for uid in seen - known.keys():
                values = (mailbox, generation, uid, stamp(now))
                self._ledger.change("INSERT OR REPLACE INTO theirs VALUES (?, ?, ?, ?)", *values)
