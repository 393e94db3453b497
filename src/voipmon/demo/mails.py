"""The mails of the demo: those that three people write, and those that voipmon sends."""

import email
import email.policy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from voipmon.errors import ProcessingError

MAILBOX = "voip.audios@example.com"
PASSWORD = "demo"  # noqa: S105 - of a mailbox that lives for seconds, on loopback
MANAGER = "manager@company.example.com"
SUPERVISOR = "supervisor@company.example.com"
STRANGER = "stranger@elsewhere.example.com"

_LINK = re.compile(r"https?://\S+")
_TIMEOUT = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to MAILBOX."""

    sender: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A mail that voipmon sent: the *file* it lies in, its *kind*, to whom it goes, and the *links* of its text."""

    file: Path
    kind: str
    recipient: str
    links: tuple[str, ...]


def three_mails(extensions: Iterable[str], first: datetime, last: datetime) -> tuple[Mail, Mail, Mail]:
    """Return a good request for that period, one with a typo, and a good one from somebody who may not ask."""
    wish = f"RAMAIS={','.join(extensions)} INICIO={first:%d/%m/%Y %H:%M} FIM={last:%d/%m/%Y %H:%M}"
    typo = f"RAMAIS=1125 INICIO=31/02/{last:%Y} 08:00 FIM={last:%d/%m/%Y %H:%M}"
    return (
        Mail(MANAGER, wish, "Bom dia! Preciso ouvir estas ligações. Obrigada."),
        Mail(SUPERVISOR, typo, "Por favor, as gravações do ramal 1125."),
        Mail(STRANGER, wish, "Quero ouvir as ligações dos outros."),
    )


def deliver(mails: Iterable[Mail], host: str, port: int, now: datetime) -> None:
    """Put the mails into the mailbox, as if they had arrived at *now*.

    Raises:
        ProcessingError: the mailbox does not take them.
    """
    try:
        with IMAPClient(host, port, ssl=False, timeout=_TIMEOUT) as client:
            client.login(MAILBOX, PASSWORD)
            for mail in mails:
                client.append("INBOX", _written(mail, now), msg_time=now)
    except (IMAPClientError, OSError) as error:
        raise ProcessingError(f"the demo's mailbox does not take mail: {error}") from error


def _written(mail: Mail, now: datetime) -> bytes:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = MAILBOX
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=mail.sender.partition("@")[2])
    message.set_content(mail.text)
    return message.as_bytes(policy=email.policy.SMTP)


def answers_in(folder: Path) -> list[Answer]:
    """Return the mails that were sent, in their order; *folder* is that of the demo's mail server."""
    return [_answer(file) for file in sorted(folder.glob("*.eml"))]


def text_of(file: Path) -> str:
    """Return the text part of a mail that was sent."""
    text = _message(file).get_body(("plain",))
    return str(text.get_content()) if text else ""


def _answer(file: Path) -> Answer:
    links = _LINK.findall(text_of(file))
    return Answer(file, file.stem.partition("-")[2], str(_message(file)["To"]), tuple(links))


def _message(file: Path) -> EmailMessage:
    return email.message_from_bytes(file.read_bytes(), EmailMessage, policy=email.policy.default)
