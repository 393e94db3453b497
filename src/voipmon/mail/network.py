"""What the mailbox and SMTP have in common: whom to trust, and what a failed connection means in a sentence."""

import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

Security = Literal["tls", "starttls", "plain"]
"""From the first byte, after a word in the clear, or never."""


class CaFileError(OSError):
    """The file with the authorities to trust cannot be used."""


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return what checks a server's certificate and name: against *ca_file* alone, or the system's authorities.

    Raises:
        CaFileError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise CaFileError(f"{ca_file} cannot be used: {reason}") from error


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failed connection in a *sentence*, with its remedy; *passes* when it may well pass by itself."""

    sentence: str
    passes: bool


def explain(
    error: OSError | UnicodeError, section: str, where: tuple[str, int], step: str, timeout: timedelta
) -> Trouble:
    """Say what went wrong at the server *where* (host, port), and what to do.

    *section* is that of the configuration (`imap`, `smtp`), *step* what was being done (`logging in`), *timeout* how
    long an answer was waited for.
    """
    host, port = where
    passes = True
    match error:
        case CaFileError():
            text = f"{section}.ca_file {error}"
            passes = False
        case TimeoutError():
            text = f"{host} did not answer within {timeout.total_seconds():g} s while {step}"
        case socket.gaierror(errno=socket.EAI_AGAIN):
            text = f"the name {host} cannot be looked up now: check the network"
        case socket.gaierror() | UnicodeError():  # a label longer than 63 letters, or empty
            text = f"there is no host {host!r}: check {section}.host"
            passes = False
        case ssl.SSLCertVerificationError():
            text = (
                f"the certificate of {host} is not trusted ({error.verify_message}): name its authority "
                f"in {section}.ca_file, and the host in {section}.host as the certificate does"
            )
            passes = False
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ssl.SSLSyscallError():
            text = f"{host} broke the connection while {step}"
        case ssl.SSLError():
            reason = error.reason or "no reason given"
            text = f"no TLS with {host} at port {port} ({reason}): check {section}.port and {section}.security"
            passes = False
        case ConnectionRefusedError():
            text = f"{host} refuses connections at port {port}: it is away, or {section}.port is wrong"
        case ConnectionError():
            text = f"{host} broke the connection while {step}"
        case _:
            text = f"{host} cannot be reached: {error.strerror or error}"
    return Trouble(text, passes)
