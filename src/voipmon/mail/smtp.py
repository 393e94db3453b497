"""The port Transport over SMTP, with the conversation in our own hands: smtplib's cannot tell sent from not sent."""

import re
import smtplib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from voipmon.errors import LetterRefusedError, MailboxError, ServerAwayError, UncertainError
from voipmon.mail.network import Security, Trouble, explain, trusting
from voipmon.mail.outbox import Receipt
from voipmon.mail.token import mechanisms

_GOODBYE = 5.0  # seconds to wait for the answer to QUIT
_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # no space, no <>, nothing beyond ASCII
_LONGEST_REPLY = 200


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def for_now(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


@dataclass(slots=True, kw_only=True)
class SmtpTransport:
    """Transport over SMTP; the envelope sender of every letter is *sender*.

    Without *user* there is no log-in. *token* replaces the password, is asked once for each connection, and
    presented by XOAUTH2 or OAUTHBEARER. *timeout* holds for each step.
    """

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)
    timeout: timedelta = timedelta(seconds=60)
    ca_file: Path | None = None
    _smtp: smtplib.SMTP | None = field(default=None, init=False, repr=False)

    def send(self, content: bytes, recipients: tuple[str, ...]) -> Receipt:
        """Hand one letter to the server."""
        lines = _crlf(content)
        try:
            smtp = self._connection()
            self._name_sender(smtp, lines)
            receipt = self._name_recipients(smtp, recipients)
            self._announce_content(smtp)
            self._hand_over(smtp, lines)
        except LetterRefusedError:
            raise  # the connection is as good as before
        except BaseException:
            self._drop()
            raise
        return receipt

    def greet(self) -> None:
        """Connect and log in, as for a letter. Raises ServerAwayError."""
        self._connection()

    def close(self) -> None:
        """End the connection, if there is one."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        with suppress(OSError):
            if smtp.sock is not None:
                smtp.sock.settimeout(min(_GOODBYE, self.timeout.total_seconds()))
            smtp.quit()
        with suppress(OSError):
            smtp.close()

    def _connection(self) -> smtplib.SMTP:
        """Return the connection, made anew when the server has ended it between two letters."""
        if self._smtp is not None:
            with suppress(OSError):
                if self._smtp.rset()[0] == 250:
                    return self._smtp
            self._drop()
        if not _ADDRESS.fullmatch(self.sender):
            raise ServerAwayError(f"nothing can be sent from {self.sender!r}: check smtp.sender")
        login = self._ways_to_log_in(self.user) if self.user is not None else None
        with self._step("connecting"):
            self._smtp = self._open()
        with self._step("greeting it"):
            self._smtp.ehlo_or_helo_if_needed()
        if self.security == "starttls":
            with self._step("starting TLS"):
                self._start_tls(self._smtp)
        if login is not None:
            self._log_in(self._smtp, login)
        return self._smtp

    def _open(self) -> smtplib.SMTP:
        seconds = self.timeout.total_seconds()
        ours = self.sender.rpartition("@")[2]  # smtplib would look up this host's name, and wait for it
        if self.security == "tls":
            context = trusting(self.ca_file)
            return smtplib.SMTP_SSL(self.host, self.port, ours, timeout=seconds, context=context)
        return smtplib.SMTP(self.host, self.port, ours, timeout=seconds)

    def _start_tls(self, smtp: smtplib.SMTP) -> None:
        if not smtp.has_extn("starttls"):
            raise ServerAwayError(
                f"{self.host} offers no STARTTLS at port {self.port}: check smtp.port and smtp.security"
            )
        smtp.starttls(context=trusting(self.ca_file))
        smtp.ehlo_or_helo_if_needed()

    def _ways_to_log_in(self, user: str) -> dict[str, tuple[str, ...]]:
        """Return the mechanisms, the best first, each with what is said."""
        if self.token is not None:
            ways = mechanisms(user, _had(self.token), self.host, self.port)
            return {mechanism: tuple(map(_base64, words)) for mechanism, words in ways.items()}
        password = self.password or ""
        return {
            "PLAIN": (_base64(f"\0{user}\0{password}"),),
            "LOGIN": ("", _base64(user), _base64(password)),
        }

    def _log_in(self, smtp: smtplib.SMTP, ways: dict[str, tuple[str, ...]]) -> None:
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        mechanism = next((way for way in ways if way in offered), None)
        if mechanism is None:
            what = f"no {' or '.join(ways)} to log in, only {' '.join(offered)}," if offered else "no log-in"
            raise ServerAwayError(
                f"{self.host} offers {what} at port {self.port}: check smtp.port and smtp.security, "
                "or leave smtp.user out"
            )
        first, *others = ways[mechanism]
        reply = self._command(smtp, "logging in", "AUTH", f"{mechanism} {first}".strip())
        for words in others:
            if reply.code == 334:
                reply = self._command(smtp, "logging in", words)
        if not reply.good:
            raise ServerAwayError(
                f"{self.host} refused the user {self.user!r} ({reply}): check smtp.user and "
                f"smtp.{'token_command' if self.token is not None else 'password_file'}",
                retryable=reply.for_now,
            )

    def _name_sender(self, smtp: smtplib.SMTP, lines: bytes) -> None:
        size = f" SIZE={len(lines)}" if smtp.has_extn("size") else ""
        body = " BODY=8BITMIME" if not lines.isascii() and smtp.has_extn("8bitmime") else ""
        reply = self._command(smtp, "naming the sender", "MAIL", f"FROM:<{self.sender}>{size}{body}")
        if reply.good:
            return
        if reply.for_now or reply.code == 552:  # the only thing known of the letter by now is its size
            raise self._refused(reply)
        raise ServerAwayError(
            f"{self.host} lets nothing be sent from {self.sender} ({reply}): "
            "check smtp.sender, smtp.user and smtp.password_file"
        )

    def _name_recipients(self, smtp: smtplib.SMTP, recipients: tuple[str, ...]) -> Receipt:
        refused: dict[str, str] = {}
        later: dict[str, str] = {}
        for recipient in recipients:
            if not _ADDRESS.fullmatch(recipient):
                refused[recipient] = "not an address that mail can be sent to"
                continue
            reply = self._command(smtp, "naming the recipients", "RCPT", f"TO:<{recipient}>")
            if not reply.good:
                (later if reply.for_now else refused)[recipient] = str(reply)
        if len(refused) + len(later) == len(set(recipients)):
            reasons = "; ".join(f"{recipient}: {reason}" for recipient, reason in (later | refused).items())
            raise LetterRefusedError(f"{self.host} takes no recipient ({reasons})", retryable=bool(later))
        return Receipt(refused, tuple(later))

    def _announce_content(self, smtp: smtplib.SMTP) -> None:
        reply = self._command(smtp, "announcing the content", "DATA")
        if reply.code != 354:
            raise self._refused(reply)

    def _hand_over(self, smtp: smtplib.SMTP, lines: bytes) -> None:
        """Send the content; from the first byte to the final reply nobody knows whether it counts as sent."""
        try:
            smtp.send(re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n")
            reply = _reply(*smtp.getreply())
        except OSError as error:  # smtplib's are OSErrors
            why = self._explain(_root(error), "taking the content").sentence
            raise UncertainError(f"{why}: it may have been sent", retryable=True) from error
        if reply.good:
            return
        if reply.code == 421:
            raise self._gone(reply)
        if not 400 <= reply.code < 600:
            raise UncertainError(f"{self.host} answered the content with {str(reply)!r}", retryable=True)
        raise self._refused(reply)

    def _command(self, smtp: smtplib.SMTP, step: str, name: str, argument: str = "") -> _Reply:
        with self._step(step):
            reply = _reply(*smtp.docmd(name, argument))
        if reply.code == 421:
            raise self._gone(reply)
        return reply

    @contextmanager
    def _step(self, step: str) -> Iterator[None]:
        """Translate what smtplib and the network raise: nothing has been sent, nothing can be."""
        try:
            yield
        except smtplib.SMTPResponseException as error:  # also SMTPConnectError, SMTPHeloError
            reply = _reply(error.smtp_code, error.smtp_error)
            text = f"{self.host} takes no mail now ({reply}, while {step})"
            raise ServerAwayError(text, retryable=reply.code < 500) from error
        except (OSError, UnicodeError) as error:
            trouble = self._explain(_root(error), step)
            raise ServerAwayError(trouble.sentence, retryable=trouble.passes) from error

    def _explain(self, error: OSError | UnicodeError, step: str) -> Trouble:
        return explain(error, "smtp", (self.host, self.port), step, self.timeout)

    def _gone(self, reply: _Reply) -> ServerAwayError:
        return ServerAwayError(f"{self.host} ends the connection ({reply})", retryable=True)

    def _refused(self, reply: _Reply) -> LetterRefusedError:
        return LetterRefusedError(f"{self.host} refuses the letter ({reply})", retryable=reply.for_now)

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError):
                smtp.close()


def _had(token: Callable[[], str]) -> str:
    try:
        return token()
    except MailboxError as error:
        raise ServerAwayError(str(error), retryable=error.retryable) from error


def _root(error: OSError | UnicodeError) -> OSError | UnicodeError:
    """Return what lies under an exception of smtplib, which says of every loss only that the line is closed."""
    if isinstance(error, smtplib.SMTPException):
        return error.__context__ if isinstance(error.__context__, OSError) else ConnectionError(str(error))
    return error


def _reply(code: int, text: bytes | str) -> _Reply:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return _Reply(code, clean[:_LONGEST_REPLY])


def _crlf(content: bytes) -> bytes:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
