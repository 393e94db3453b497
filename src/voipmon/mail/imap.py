"""The port Inbox over IMAP: what every server can do, and the ways around what some cannot."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError, LoginError

from voipmon.errors import MailboxError
from voipmon.mail.headers import MOST_BYTES
from voipmon.mail.inbox import Message
from voipmon.mail.network import Security, explain, trusting

_log = logging.getLogger(__name__)

DONE_KEYWORD = "$DoneByVoipmon"
DONE_FOLDER = "Voipmon-Done"
QUARANTINE_FOLDER = "Voipmon-Quarantine"

_FIELDS = (
    "FROM SENDER REPLY-TO SUBJECT DATE MESSAGE-ID IN-REPLY-TO REFERENCES AUTO-SUBMITTED PRECEDENCE "
    "X-AUTO-RESPONSE-SUPPRESS X-LOOP X-VOIPMON LIST-ID RETURN-PATH AUTHENTICATION-RESULTS RECEIVED"
)
_HEADER = f"BODY.PEEK[HEADER.FIELDS ({_FIELDS})]<0.{MOST_BYTES}>"
_BATCH = 500  # messages in one command: 5 kB of uids at most, and an answer well within the time-out
_WINDOW = 50_000  # messages in one search: imaplib reads no line of more than 1 MB
_CONNECT = 15.0  # seconds
_GOODBYE = 5.0  # seconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_USER = re.compile(r"[A-Za-z0-9@._+-]+")
_PASSING_CODES = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")
_ODD_ANSWERS = (ValueError, LookupError, TypeError, AttributeError, AssertionError)  # what imapclient's parsers raise
_LONGEST_WORDS = 200


class Marks(StrEnum):
    """How it is remembered which mail is done."""

    KEYWORD = "keyword"
    FOLDER = "folder"


@dataclass(slots=True, kw_only=True)
class ImapInbox:
    """Inbox over IMAP.

    Where the server keeps keywords, a mail that is done stays in its place and carries `$DoneByVoipmon`; else it is
    moved to the folder `Voipmon-Done`. *token* replaces the password, is asked once for each connection and is for
    XOAUTH2. *timeout* holds for each step.
    """

    host: str
    port: int
    security: Security
    user: str
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)
    folder: str = "INBOX"
    timeout: timedelta = timedelta(seconds=60)
    ca_file: Path | None = None
    _connected: Any = field(default=None, init=False, repr=False)  # an IMAPClient, which has no types
    _lost: bool = field(default=False, init=False, repr=False)
    _marks: Marks = field(default=Marks.KEYWORD, init=False, repr=False)
    _proved: bool = field(default=False, init=False, repr=False)
    _exists: int = field(default=0, init=False, repr=False)
    _prefix: str | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """Which mailbox and folder this is."""
        return f"{self.user}@{self.host}/{self.folder}"

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        _log.info("inbox_opened", extra={"mailbox": self.name, "marks": self._marks.value})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

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
        for batch in _batches(around):
            with self._step("looking for mail"):
                answers = self._client.fetch(batch, ["INTERNALDATE"])
            before |= {uid for uid, answer in answers.items() if _moment(answer.get(b"INTERNALDATE")) < moment}
        return len(before)

    def read(self, uids: Iterable[int]) -> list[Message]:
        """Return those messages in the order of their uids."""
        found: dict[int, dict[bytes, Any]] = {}
        for batch in _batches(uids):
            with self._step("reading mail"):
                found |= self._client.fetch(batch, [_HEADER, "INTERNALDATE", "RFC822.SIZE"])
        messages = (_message(uid, found[uid]) for uid in sorted(found))
        return [message for message in messages if message is not None]

    def acknowledge(self, uids: Iterable[int]) -> None:
        """Put the done mark on the messages."""
        for batch in _batches(uids):
            if self._marks is Marks.KEYWORD:
                self._mark(batch)
            if self._marks is Marks.FOLDER:  # which marking may have shown
                self._move(batch, DONE_FOLDER)

    def quarantine(self, uids: Iterable[int]) -> None:
        """Take the messages aside into `Voipmon-Quarantine`; where there are keywords, the done mark comes first."""
        for batch in _batches(uids):
            if self._marks is Marks.KEYWORD:
                self._mark(batch)
            self._move(batch, QUARANTINE_FOLDER)

    def prepare(self) -> None:
        """Make the folders that the other methods need."""
        names = [QUARANTINE_FOLDER] if self._marks is Marks.KEYWORD else [DONE_FOLDER, QUARANTINE_FOLDER]
        for name in names:
            folder = self._path(name)
            with self._step(f"making the folder {folder}"):
                if not self._client.folder_exists(folder):
                    self._make(folder)

    # -- the connection --

    @property
    def _client(self) -> Any:
        if self._connected is None:
            raise MailboxError(f"the mailbox {self.name} is not open")
        return self._connected

    def _open(self) -> None:
        self._lost = self._proved = False
        secret = self._secret()
        seconds = self.timeout.total_seconds()
        limit = SocketTimeout(connect=min(_CONNECT, seconds), read=seconds)
        with self._step("connecting", timedelta(seconds=limit.connect)):
            tls = trusting(self.ca_file) if self.security != "plain" else None
            direct = self.security == "tls"
            self._connected = IMAPClient(
                self.host, self.port, ssl=direct, ssl_context=tls if direct else None, timeout=limit
            )
        self._connected.normalise_times = False  # or times are local, and do not say so
        if self.security == "starttls":
            with self._step("starting TLS"):
                self._start_tls(tls)
        self._log_in(secret)
        self._select()

    def _close(self) -> None:
        client, self._connected = self._connected, None
        if client is None:
            return
        with suppress(OSError, IMAPClientError, *_ODD_ANSWERS):
            if not self._lost:
                client.socket().settimeout(min(_GOODBYE, self.timeout.total_seconds()))
                client.logout()
        with suppress(OSError):
            client.shutdown()

    def _secret(self) -> str:
        return self.token() if self.token is not None else self.password or ""

    def _start_tls(self, context: Any) -> None:
        if not self._client.has_capability("STARTTLS"):
            raise MailboxError(f"{self.host} offers no STARTTLS at port {self.port}: check imap.port and imap.security")
        self._client.starttls(context)

    def _log_in(self, secret: str) -> None:
        with self._step("logging in"):
            try:
                if self.token is not None:
                    self._present_token(secret)
                else:
                    self._present_password(secret)
                self._client.capabilities()  # often told with the answer, which SELECT makes imaplib forget
            except LoginError as error:
                cause = error.__context__ or error
                if isinstance(cause, IMAPClientAbortError):  # imapclient takes a lost line for a wrong password
                    raise self._translated(cause, "logging in", self.timeout) from error
                words = _words(cause)
                raise MailboxError(
                    f"{self.host} refused the user {self.user!r} "
                    f"({words.replace(secret, '***') if secret else words}): check imap.user and "
                    f"imap.{'token_command' if self.token is not None else 'password_file'}",
                    retryable=_passes(words),
                ) from error

    def _present_token(self, token: str) -> None:
        words = iter([f"user={self.user}\1auth=Bearer {token}\1\1", ""])  # "" is for the text of a refusal
        self._client.sasl_login("XOAUTH2", lambda _: next(words, None))

    def _present_password(self, password: str) -> None:
        plain_words = _PLAIN_USER.fullmatch(self.user) and password.isascii() and password.isprintable()
        if plain_words and not self._client.has_capability("LOGINDISABLED"):
            self._client.login(self.user, password)
        elif self._client.has_capability("AUTH=PLAIN"):
            self._client.plain_login(self.user, password)
        elif plain_words:
            raise MailboxError(f"{self.host} allows no log-in at port {self.port}: check imap.port and imap.security")
        else:
            raise MailboxError(f"{self.host} takes no user or password with letters beyond ASCII")

    def _select(self) -> None:
        with self._step(f"opening the folder {self.folder!r}"):
            try:
                answer = self._client.select_folder(self.folder)
            except IMAPClientReadOnlyError as error:
                raise MailboxError(
                    f"{self.user!r} may only look at the folder {self.folder!r} of {self.host}: "
                    "grant the right to change it, or check imap.folder"
                ) from error
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                words = _words(error)
                raise MailboxError(
                    f"{self.host} has no folder {self.folder!r} for {self.user!r} ({words}): check imap.folder",
                    retryable=_passes(words),
                ) from error
        self._exists = answer.get(b"EXISTS", 0)
        kept = {flag.lower() for flag in answer.get(b"PERMANENTFLAGS", ())}
        keywords = kept & {rb"\*", DONE_KEYWORD.lower().encode()}
        self._mark_by(Marks.KEYWORD if keywords else Marks.FOLDER)

    # -- the done mark --

    def _mark_by(self, marks: Marks) -> None:
        self._marks = marks
        if marks is Marks.FOLDER and not self._can("MOVE") and not self._can("UIDPLUS"):
            raise MailboxError(
                f"{self.host} keeps no keywords and cannot move mail (no MOVE, no UIDPLUS): "
                "what is done cannot be marked there"
            )

    def _mark(self, uids: list[int]) -> None:
        with self._step("marking mail as done"):
            self._client.add_flags(_ranges(uids), [DONE_KEYWORD], silent=True)
            if self._proved:
                return
            flags = self._client.get_flags(uids)  # some servers take every keyword and keep none
        self._proved = any(DONE_KEYWORD.lower().encode() in map(bytes.lower, each) for each in flags.values())
        if flags and not self._proved:
            _log.warning("keywords_dropped", extra={"mailbox": self.name})
            self._mark_by(Marks.FOLDER)

    def _move(self, uids: list[int], name: str) -> None:
        folder = self._path(name)
        with self._step(f"moving mail to {folder}"):
            try:
                self._transfer(_ranges(uids), folder)
            except IMAPClientAbortError:
                raise
            except IMAPClientError:  # no such folder yet, or a mail went away in the meantime
                with suppress(IMAPClientError):
                    self._make(folder)
                self._transfer(_ranges(uids), folder)

    def _transfer(self, uids: bytes, folder: str) -> None:
        if self._can("MOVE"):
            self._client.move(uids, folder)
            return
        self._client.copy(uids, folder)
        if self._can("UIDPLUS"):  # else the mail stays where it is as well, with its done mark
            self._client.add_flags(uids, [rb"\Deleted"], silent=True)
            self._client.uid_expunge(uids)

    def _make(self, folder: str) -> None:
        self._client.create_folder(folder)
        self._client.subscribe_folder(folder)  # or mail programs do not show it

    def _path(self, name: str) -> str:
        """Return the folder's whole name: some servers want all of them below INBOX."""
        if self._prefix is None:
            self._prefix = ""
            if self._can("NAMESPACE"):
                with self._step("asking where folders are"):
                    personal = self._client.namespace().personal
                self._prefix = personal[0][0] if personal else ""
        return self._prefix + name

    def _can(self, capability: str) -> bool:
        with self._step("asking what it can do"):
            return bool(self._client.has_capability(capability))

    # -- searching --

    def _search(self, *criteria: object) -> set[int]:
        """Return the uids of what is not done and not deleted, and meets the *criteria*."""
        undone = ["UNDELETED"]
        if self._marks is Marks.KEYWORD:
            undone += ["UNKEYWORD", DONE_KEYWORD]
        found: set[int] = set()
        for window in self._windows():
            with self._step("looking for mail"):
                found.update(self._client.search([*window, *undone, *criteria]))
        return found

    def _windows(self) -> list[list[str]]:
        """Return criteria that part the folder into windows small enough for one search each."""
        if self._exists <= _WINDOW:
            return [[]]
        with self._step("looking for mail"):
            self._client.use_uid = False
            try:
                ends = self._client.fetch(list(range(_WINDOW, self._exists, _WINDOW)), ["UID"])
            finally:
                self._client.use_uid = True
        uids = [0, *sorted(int(each[b"UID"]) for each in ends.values())]
        return [["UID", f"{low + 1}:{high}"] for low, high in pairwise(uids)] + [["UID", f"{uids[-1] + 1}:*"]]

    # -- what goes wrong --

    @contextmanager
    def _step(self, step: str, limit: timedelta | None = None) -> Iterator[None]:
        """Translate what imapclient and the network raise."""
        try:
            yield
        except (IMAPClientError, OSError, *_ODD_ANSWERS) as error:
            raise self._translated(error, step, limit or self.timeout) from error

    def _translated(self, error: BaseException, step: str, limit: timedelta) -> MailboxError:
        """Say what went wrong. A connection that was lost is not used any more, not even for a goodbye."""
        if isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError):
            words = _words(error)
            passes = _passes(words) or self._connected is None  # instead of a greeting: too busy, mostly
            return MailboxError(f"{self.host} refused {step}: {words}", retryable=passes)
        self._lost = True
        cause = error.__context__ if isinstance(error, IMAPClientAbortError) else error
        if isinstance(cause, OSError) or (isinstance(cause, UnicodeError) and self._connected is None):
            trouble = explain(cause, "imap", (self.host, self.port), step, limit)
            return MailboxError(trouble.sentence, retryable=trouble.passes)
        words = _words(error)
        if isinstance(error, IMAPClientAbortError):
            said = f" ({words})" if words and "EOF" not in words else ""
            return MailboxError(f"{self.host} broke the connection while {step}{said}", retryable=True)
        return MailboxError(f"{self.host} gave an answer that is no IMAP while {step}: {words}")


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


def _batches(uids: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(set(uids))
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def _ranges(uids: list[int]) -> bytes:
    """Write uids in their order as IMAP does: `1:500,502`."""
    breaks = [index for index, (one, next_one) in enumerate(pairwise(uids), 1) if next_one != one + 1]
    runs = pairwise([0, *breaks, len(uids)])
    return b",".join(
        b"%d" % uids[low] if high == low + 1 else b"%d:%d" % (uids[low], uids[high - 1]) for low, high in runs
    )


def _words(error: BaseException) -> str:
    """Return what the server said, on one line."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    for introduction in (" => ", " failed: "):
        text = text.partition(introduction)[2] or text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_WORDS]


def _passes(words: str) -> bool:
    return any(code in words.upper() for code in _PASSING_CODES)
