"""Headers and two parts, as the bytes that SMTP takes: CR LF, 7 bits, no line over 998."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr

# The old policy, on purpose: the new one (Python 3.11 to 3.13) writes a long id in References and In-Reply-To as an
# encoded word, and no mail program finds the thread again.
_SMTP = policy.compat32.clone(linesep="\r\n", max_line_length=998)
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


def compose(headers: Mapping[str, str], text: str, html: str) -> bytes:
    """Return a mail of two parts. The headers' values are ASCII, and folded where they are to be folded."""
    boundary = "=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:32]  # quoted-printable never holds `=_`
    message = MIMEMultipart("alternative", boundary=boundary)
    for name, value in headers.items():
        message[name] = value
    for part, kind in ((text, "plain"), (html, "html")):
        message.attach(MIMEText(part, kind, _UTF8))  # type: ignore[arg-type]  # typeshed knows only names of charsets
    return message.as_bytes(policy=_SMTP)


def unstructured(name: str, text: str) -> str:
    """Return *text* as the header *name* holds it: ASCII as it is, anything else in encoded words."""
    plain = text.isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode()


def mailbox(name: str, address: str) -> str:
    """Return an address with the name of the one it belongs to."""
    return formataddr((name, address))


def date_time(moment: datetime) -> str:
    """Return a moment as the header Date holds it, in UTC."""
    return format_datetime(moment.astimezone(UTC))
