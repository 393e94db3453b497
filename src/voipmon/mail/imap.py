"""The port Inbox over IMAP: what every server can do, and the ways around what some cannot."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from voipmon.errors import MailboxError
from voipmon.mail.headers import MOST_BYTES, WANTED
from voipmon.mail.imap_claim import DONE_KEYWORD, Claims, KeywordsDroppedError
from voipmon.mail.imap_connection import ImapConnection, passes_by_itself, server_words
from voipmon.mail.imap_words import batches, ranges
from voipmon.mail.inbox import ClaimWay, Message, Standing

_log = logging.getLogger(__name__)

DONE_FOLDER = "Voipmon-Done"
QUARANTINE_FOLDER = "Voipmon-Quarantine"

_FIELDS = " ".join(WANTED).upper()
_HEADER = f"BODY.PEEK[HEADER.FIELDS ({_FIELDS})]<0.{MOST_BYTES}>"
_WINDOW = 50_000  # messages in one search: imaplib reads no line of more than 1 MB
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Marks(StrEnum):
    """How it is remembered which mail is done."""

    KEYWORD = "keyword"
    FOLDER = "folder"


@dataclass(slots=True)
class ImapInbox:
    """Inbox over IMAP.

    Where the server keeps keywords, a mail that is done stays in its place and carries `$DoneByVoipmon`; else it is
    moved to the folder `Voipmon-Done`. A *server* that is open already stays so. *instance* is this host's name among
    those that read the mailbox.
    """

    server: ImapConnection
    folder: str = "INBOX"
    instance: str = "voipmon"
    _opened: bool = field(default=False, init=False, repr=False)
    _marks: Marks = field(default=Marks.KEYWORD, init=False, repr=False)
    _claims: Claims = field(init=False, repr=False)
    _claim: ClaimWay = field(default=ClaimWay.LEASE, init=False, repr=False)
    _exists: int = field(default=0, init=False, repr=False)
    _generation: int = field(default=0, init=False, repr=False)

    @property
    def name(self) -> str:
        """Which mailbox and folder this is."""
        return f"{self.server.user}@{self.server.host}/{self.folder}"

    def __enter__(self) -> Self:
        try:
            self._opened = not self.server.is_open
            if self._opened:
                self.server.open()
            self._select()
        except BaseException:
            self._close()
            raise
        extra = {"mailbox": self.name, "marks": self._marks.value, "claim": self._claim.value}
        _log.info("inbox_opened", extra=extra)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def generation(self) -> int:
        """What changes when the server gives the messages new uids: UIDVALIDITY."""
        return self._generation

    @property
    def claim(self) -> ClaimWay:
        """What keeps a second host from a mail here."""
        return self._claim

    def waiting(self) -> list[int]:
        """Return the uids of the messages without a done mark, lowest first."""
        return sorted(self._search())

    def count_waiting_before(self, moment: datetime) -> int:
        """Return how many messages without a done mark arrived before *moment*.

        A search knows whole days only, in whatever zone (RFC 3501 section 6.4.4): those around it are looked at.
        """
        day = moment.astimezone(UTC).date()
        before = self._search("BEFORE", day - timedelta(days=1))
        around = self._search("SINCE", day - timedelta(days=1), "BEFORE", day + timedelta(days=2))
        for batch in batches(around):
            with self.server.step("looking for mail"):
                answers = self.server.client.fetch(batch, ["INTERNALDATE"])
            before |= {uid for uid, answer in answers.items() if _moment(answer.get(b"INTERNALDATE")) < moment}
        return len(before)

    def read(self, uids: Iterable[int]) -> list[Message]:
        """Return those messages in the order of their uids."""
        found: dict[int, dict[bytes, Any]] = {}
        for batch in batches(uids):
            with self.server.step("reading mail"):
                found |= self.server.client.fetch(batch, [_HEADER, "INTERNALDATE", "RFC822.SIZE"])
        messages = (_message(uid, found[uid]) for uid in sorted(found))
        return [message for message in messages if message is not None]

    def take(self, uids: Iterable[int], *, from_others: bool) -> list[int]:
        """Make the messages ours; return which are."""
        ours: list[int] = []
        for batch in batches(uids):
            try:
                with self.server.step("taking mail"):
                    keeps = self._claim is not ClaimWay.LEASE
                    ours += self._claims.take(batch, from_others=from_others) if keeps else batch
            except KeywordsDroppedError:
                self._drop_keywords()
                ours += batch
        return ours

    def standing(self, uids: Iterable[int]) -> dict[int, Standing]:
        """Return how the messages stand; without keywords, what is still here waits."""
        found: dict[int, Standing] = {}
        for batch in batches(uids):
            with self.server.step("looking for mail"):
                if self._marks is Marks.KEYWORD:
                    found |= self._claims.standing(batch)
                else:
                    found |= dict.fromkeys(self.server.client.fetch(batch, ["UID"]), Standing.WAITING)
        return found

    def acknowledge(self, uids: Iterable[int]) -> frozenset[int]:
        """Put the done mark on the messages; without keywords, what is gone has been moved by another host."""
        return frozenset().union(*(self._finish(batch, None) for batch in batches(uids)))

    def quarantine(self, uids: Iterable[int]) -> frozenset[int]:
        """Take the messages aside into `Voipmon-Quarantine`; where there are keywords, the done mark comes first.

        A server that keeps keywords and can neither move nor expunge has them in both places.
        """
        return frozenset().union(*(self._finish(batch, QUARANTINE_FOLDER) for batch in batches(uids)))

    def prepare(self) -> None:
        """Make the folders that the other methods need."""
        names = [QUARANTINE_FOLDER] if self._marks is Marks.KEYWORD else [DONE_FOLDER, QUARANTINE_FOLDER]
        for name in names:
            folder = self.server.path(name)
            with self.server.step(f"making the folder {folder}"):
                if not self.server.client.folder_exists(folder):
                    self._make(folder)

    def _select(self) -> None:
        with self.server.step(f"opening the folder {self.folder!r}"):
            try:
                answer = self.server.client.select_folder(self.folder)
            except IMAPClientReadOnlyError as error:
                raise MailboxError(
                    f"{self.server.user!r} may only look at the folder {self.folder!r} of {self.server.host}: "
                    "grant the right to change it, or check imap.folder"
                ) from error
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                words = server_words(error)
                raise MailboxError(
                    f"{self.server.host} has no folder {self.folder!r} for {self.server.user!r} ({words}): "
                    "check imap.folder",
                    retryable=passes_by_itself(words),
                ) from error
        self._exists = answer.get(b"EXISTS", 0)
        self._generation = answer.get(b"UIDVALIDITY", 0)
        conditional = self.server.can("CONDSTORE") and b"NOMODSEQ" not in answer
        self._claims = Claims(self.server, self.instance, conditional=conditional)
        kept = {flag.lower() for flag in answer.get(b"PERMANENTFLAGS", ())}
        if rb"\*" in kept:
            self._mark_by(Marks.KEYWORD, ClaimWay.CONDITIONAL if conditional else ClaimWay.KEYWORD)
        else:  # no new keywords; but perhaps there is room for no more, and ours is an old one
            old = DONE_KEYWORD.lower().encode() in kept
            self._mark_by(Marks.KEYWORD if old else Marks.FOLDER, ClaimWay.LEASE)

    def _close(self) -> None:
        if self._opened:
            self.server.close()

    # -- the done mark --

    def _mark_by(self, marks: Marks, claim: ClaimWay) -> None:
        self._marks, self._claim = marks, claim
        if marks is Marks.FOLDER and not self.server.can("MOVE") and not self.server.can("UIDPLUS"):
            raise MailboxError(
                f"{self.server.host} keeps no keywords and cannot move mail (no MOVE, no UIDPLUS): "
                "what is done cannot be marked there"
            )

    def _drop_keywords(self) -> None:
        """Go on without keywords: some servers take every one and keep none."""
        _log.warning("keywords_dropped", extra={"mailbox": self.name})
        self._mark_by(Marks.FOLDER, ClaimWay.LEASE)

    def _finish(self, uids: list[int], aside: str | None) -> frozenset[int]:
        """Mark the messages, and move them where they belong then; return those that are another host's."""
        lost: frozenset[int] = frozenset()
        if self._marks is Marks.KEYWORD:
            try:
                with self.server.step("marking mail as done"):
                    lost = self._claims.finish(uids)
            except KeywordsDroppedError:
                self._drop_keywords()
        folder = aside or DONE_FOLDER
        if self._marks is Marks.FOLDER:
            with self.server.step(f"moving mail to {self.server.path(folder)}"):
                self.server.client.noop()  # or what another host has moved would still be shown
                lost = frozenset(uids) - self.server.client.fetch(uids, ["UID"]).keys()
        if aside or self._marks is Marks.FOLDER:
            self._move([uid for uid in uids if uid not in lost], folder)
        return lost

    def _move(self, uids: list[int], name: str) -> None:
        if not uids:
            return
        folder = self.server.path(name)
        numbers = ranges(uids)
        moves, expunges = self.server.can("MOVE"), self.server.can("UIDPLUS")
        with self.server.step(f"moving mail to {folder}"):
            self._carry(numbers, folder, moves=moves)
            if expunges and not moves:
                self.server.client.add_flags(numbers, [rb"\Deleted"], silent=True)
                self.server.client.uid_expunge(numbers)

    def _carry(self, numbers: bytes, folder: str, *, moves: bool) -> None:
        carry = self.server.client.move if moves else self.server.client.copy
        try:
            carry(numbers, folder)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:  # no such folder yet, or a mail went away in the meantime
            with suppress(IMAPClientError):
                self._make(folder)
            carry(numbers, folder)

    def _make(self, folder: str) -> None:
        self.server.client.create_folder(folder)
        self.server.client.subscribe_folder(folder)  # or mail programs do not show it

    # -- searching --

    def _search(self, *criteria: object) -> set[int]:
        """Return the uids of what is not done and not deleted, and meets the *criteria*."""
        undone = ["UNDELETED"]
        if self._marks is Marks.KEYWORD:
            undone += ["UNKEYWORD", DONE_KEYWORD]
        found: set[int] = set()
        for window in self._windows():
            with self.server.step("looking for mail"):
                found.update(self.server.client.search([*window, *undone, *criteria]))
        return found

    def _windows(self) -> list[list[str]]:
        """Return criteria that part the folder into windows small enough for one search each."""
        if self._exists <= _WINDOW:
            return [[]]
        with self.server.step("looking for mail"):
            self.server.client.use_uid = False
            try:
                ends = self.server.client.fetch(list(range(_WINDOW, self._exists, _WINDOW)), ["UID"])
            finally:
                self.server.client.use_uid = True
        uids = [0, *sorted(int(each[b"UID"]) for each in ends.values())]
        return [["UID", f"{low + 1}:{high}"] for low, high in pairwise(uids)] + [["UID", f"{uids[-1] + 1}:*"]]


def _message(uid: int, answer: dict[bytes, Any]) -> Message | None:
    """Return the message, or None when the server told something else about it."""
    headers = [value for item, value in answer.items() if item.startswith(b"BODY[HEADER")]
    if not headers or b"RFC822.SIZE" not in answer:
        return None
    return Message(uid, _moment(answer.get(b"INTERNALDATE")), headers[0] or b"", int(answer[b"RFC822.SIZE"]))


def _moment(internal_date: datetime | None) -> datetime:
    """Return the server's date in UTC; where there is none that can be, the same one for ever."""
    try:
        return (internal_date or _EPOCH).astimezone(UTC)
    except OverflowError:  # in the year 1 or 9999
        return _EPOCH
