"""Headers and two parts, as the bytes that SMTP takes: CR LF, 7 bits, no line over 998."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.header import Header
from email.quoprimime import body_encode
from email.utils import format_datetime, formataddr

_SHORT = 74  # letters that fit on a line with `: ` between them


def compose(headers: Mapping[str, str], text: str, html: str) -> bytes:
    """Return a mail of two parts. The headers' values are ASCII, and folded where they are to be folded.

    It is what the standard library makes of them by its old policy, at a quarter of the cost. By its new one (Python
    3.11 to 3.13) a long id in References becomes an encoded word, and no mail program finds the thread again.
    """
    boundary = "=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:32]  # quoted-printable never holds `=_`
    lines = [
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "MIME-Version: 1.0",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
    ]
    for part, kind in ((text, "plain"), (html, "html")):
        lines += [
            f"--{boundary}",
            f'Content-Type: text/{kind}; charset="utf-8"',
            "MIME-Version: 1.0",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            body_encode(part.encode().decode("latin-1")),  # the library's word for bytes
        ]
    lines += [f"--{boundary}--", ""]
    return "\n".join(lines).replace("\n", "\r\n").encode("ascii")


def unstructured(name: str, text: str) -> str:
    """Return *text* as the header *name* holds it: ASCII as it is, anything else in encoded words."""
    plain = text.isascii() and "=?" not in text
    if plain and len(name) + len(text) < _SHORT and text.isprintable() and text == text.strip():
        return text  # as the line below would, which takes much longer
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode()


def mailbox(name: str, address: str) -> str:
    """Return an address with the name of the one it belongs to."""
    return formataddr((name, address))


def date_time(moment: datetime) -> str:
    """Return a moment as the header Date holds it, in UTC."""
    return format_datetime(moment.astimezone(UTC))
