"""A connection to an IMAP server, from the first byte to the log-in, and what goes wrong with it in sentences."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from voipmon.errors import MailboxError
from voipmon.mail.network import Security, explain, trusting
from voipmon.mail.token import mechanisms

_CONNECT = 15.0  # seconds
_GOODBYE = 5.0  # seconds
_PLAIN_USER = re.compile(r"[A-Za-z0-9@._+-]+")
_PASSING_CODES = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")
_ODD_ANSWERS = (ValueError, LookupError, TypeError, AttributeError, AssertionError)  # what imapclient's parsers raise
_LONGEST_WORDS = 200


@dataclass(slots=True, kw_only=True)
class ImapConnection:
    """One log-in at one server; may be opened again once it is closed.

    *token* replaces the password, is asked once for each connection, and presented by XOAUTH2 or
    OAUTHBEARER. *timeout* holds for each step.

    Raises:
        MailboxError: on any method but `close`.
    """

    host: str
    port: int
    security: Security
    user: str
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)
    timeout: timedelta
    ca_file: Path | None = None
    _client: Any = field(default=None, init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)
    _prefix: str | None = field(default=None, init=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Tell whether the connection is open, as far as we know."""
        return self._client is not None

    @property
    def client(self) -> Any:
        """The IMAPClient, which has no types; to be used within a `step`."""
        if self._client is None:
            raise MailboxError(f"the mailbox of {self.user!r} at {self.host} is not open")
        return self._client

    def open(self) -> None:
        """Connect and log in."""
        self._lost = False
        secret = self.token() if self.token is not None else self.password or ""
        seconds = self.timeout.total_seconds()
        limit = SocketTimeout(connect=min(_CONNECT, seconds), read=seconds)
        with self.step("connecting", timedelta(seconds=limit.connect)):
            tls = trusting(self.ca_file) if self.security != "plain" else None
            direct = self.security == "tls"
            self._client = IMAPClient(
                self.host, self.port, ssl=direct, ssl_context=tls if direct else None, timeout=limit
            )
        self._client.normalise_times = False  # or times are local, and do not say so
        if self.security == "starttls":
            with self.step("starting TLS"):
                self._start_tls(tls)
        self._log_in(secret)

    def close(self) -> None:
        """Say goodbye, if the line still holds, and disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(OSError, IMAPClientError, *_ODD_ANSWERS):
            if not self._lost:
                client.socket().settimeout(min(_GOODBYE, self.timeout.total_seconds()))
                client.logout()
        with suppress(OSError):
            client.shutdown()

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def path(self, name: str) -> str:
        """Return the whole name of a folder of ours: some servers want all of them below INBOX."""
        if self._prefix is None:
            self._prefix = ""
            if self.can("NAMESPACE"):
                with self.step("asking where folders are"):
                    personal = self.client.namespace().personal
                self._prefix = personal[0][0] if personal else ""
        return self._prefix + name

    def can(self, capability: str) -> bool:
        """Tell whether the server has that capability, as it says after the log-in."""
        with self.step("asking what it can do"):
            return bool(self.client.has_capability(capability))

    @contextmanager
    def step(self, step: str, limit: timedelta | None = None) -> Iterator[None]:
        """Do *step* (`reading mail`) and translate what imapclient and the network raise."""
        try:
            yield
        except (IMAPClientError, OSError, *_ODD_ANSWERS) as error:
            raise self._translated(error, step, limit or self.timeout) from error

    def _start_tls(self, context: Any) -> None:
        if not self.client.has_capability("STARTTLS"):
            raise MailboxError(f"{self.host} offers no STARTTLS at port {self.port}: check imap.port and imap.security")
        self.client.starttls(context)

    def _log_in(self, secret: str) -> None:
        with self.step("logging in"):
            try:
                if self.token is not None:
                    self._present_token(secret)
                else:
                    self._present_password(secret)
                self.client.capabilities()  # often told with the answer, which SELECT makes imaplib forget
            except LoginError as error:
                cause = error.__context__ or error
                if isinstance(cause, IMAPClientAbortError):  # imapclient takes a lost line for a wrong password
                    raise self._translated(cause, "logging in", self.timeout) from error
                words = server_words(cause)
                raise MailboxError(
                    f"{self.host} refused the user {self.user!r} "
                    f"({words.replace(secret, '***') if secret else words}): check imap.user and "
                    f"imap.{'token_command' if self.token is not None else 'password_file'}",
                    retryable=passes_by_itself(words),
                ) from error

    def _present_token(self, token: str) -> None:
        ways = mechanisms(self.user, token, self.host, self.port)
        mechanism = next((way for way in ways if self.client.has_capability(f"AUTH={way}")), "XOAUTH2")
        words = iter(ways[mechanism])
        self.client.sasl_login(mechanism, lambda _: next(words, None))

    def _present_password(self, password: str) -> None:
        plain_words = _PLAIN_USER.fullmatch(self.user) and password.isascii() and password.isprintable()
        if plain_words and not self.client.has_capability("LOGINDISABLED"):
            self.client.login(self.user, password)
        elif self.client.has_capability("AUTH=PLAIN"):
            self.client.plain_login(self.user, password)
        elif plain_words:
            raise MailboxError(f"{self.host} allows no log-in at port {self.port}: check imap.port and imap.security")
        else:
            raise MailboxError(f"{self.host} takes no user or password with letters beyond ASCII")

    def _translated(self, error: BaseException, step: str, limit: timedelta) -> MailboxError:
        """Say what went wrong. A connection that was lost is not used any more, not even for a goodbye."""
        if isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError):
            words = server_words(error)
            passes = passes_by_itself(words) or self._client is None  # instead of a greeting: too busy, mostly
            return MailboxError(f"{self.host} refused {step}: {words}", retryable=passes)
        self._lost = True
        cause = error.__context__ if isinstance(error, IMAPClientAbortError) else error
        if isinstance(cause, OSError) or (isinstance(cause, UnicodeError) and self._client is None):
            trouble = explain(cause, "imap", (self.host, self.port), step, limit)
            return MailboxError(trouble.sentence, retryable=trouble.passes)
        words = server_words(error)
        if isinstance(error, IMAPClientAbortError):
            said = f" ({words})" if words and "EOF" not in words else ""
            return MailboxError(f"{self.host} broke the connection while {step}{said}", retryable=True)
        return MailboxError(f"{self.host} gave an answer that is no IMAP while {step}: {words}")


def server_words(error: BaseException) -> str:
    """Return what the server said in an error of imapclient's, on one line."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    for introduction in (" => ", " failed: "):
        text = text.partition(introduction)[2] or text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_WORDS]


def passes_by_itself(words: str) -> bool:
    """Tell whether a refusal in these words may well be none later."""
    return any(code in words.upper() for code in _PASSING_CODES)
