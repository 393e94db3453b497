"""A token instead of a password, from a command of the admin's, and what is said with it."""

import json
import re
import shlex
import subprocess
from datetime import timedelta

from voipmon.errors import MailboxError

_CODE = re.compile(r"[a-z_]{1,60}")


def token_of(section: str, command: str, timeout: timedelta) -> str:
    """Run *command*, without a shell, and return the OAuth2 access token it prints.

    That is the first line, or `access_token` of the answer of a token endpoint (RFC 6749 section 5.1), as curl prints
    it. *section* is that of the configuration (`imap`, `smtp`).

    Raises:
        MailboxError: it is not there, fails, prints none or takes longer than *timeout*; never holds its output, but
            the endpoint's code for what is wrong (section 5.2).
    """
    key = f"{section}.token_command"
    words = shlex.split(command)
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout.total_seconds())  # noqa: S603 - the admin's own command
    except (OSError, UnicodeError) as error:
        raise MailboxError(f"{key} {words[0]!r} cannot be run: {error}") from error
    except subprocess.TimeoutExpired as error:
        waited = f"{timeout.total_seconds():g} s"
        raise MailboxError(f"{key} {words[0]!r} did not end within {waited}", retryable=True) from error
    token, refusal = _token_in(ended.stdout.strip())
    if ended.returncode != 0 or not token:
        what = f"ended with {ended.returncode}" if ended.returncode else f"printed no token{refusal}"
        raise MailboxError(f"{key} {words[0]!r} {what}: run it by hand to see why", retryable=True)
    return token


def mechanisms(user: str, token: str, host: str, port: int) -> dict[str, tuple[str, ...]]:
    """Return the SASL mechanisms that take a token, the better known first, each with what is said, in turn.

    The last word is for a server that refuses: it tells why and waits to be answered before it says no.
    """
    return {
        "XOAUTH2": (f"user={user}\1auth=Bearer {token}\1\1", ""),
        # RFC 7628 section 3.1, with the user as RFC 5801 section 4 writes it
        "OAUTHBEARER": (f"n,a={_saslname(user)},\1host={host}\1port={port}\1auth=Bearer {token}\1\1", "\1"),
    }


def _token_in(output: str) -> tuple[str, str]:
    """Return the token, and what the endpoint says instead of one."""
    if not output.startswith("{"):
        return output.partition("\n")[0].strip(), ""
    try:
        answer = json.loads(output)
    except ValueError:
        return "", ""
    code = answer.get("error")
    return str(answer.get("access_token", "")), f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _saslname(user: str) -> str:
    return user.replace("=", "=3D").replace(",", "=2C")
