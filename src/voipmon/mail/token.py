"""A token instead of a password, from a command of the admin's."""

import shlex
import subprocess
from datetime import timedelta

from voipmon.errors import MailboxError


def token_of(command: str, timeout: timedelta) -> str:
    """Run *command*, without a shell, and return the first line it prints: an OAuth2 access token (RFC 6749).

    Raises:
        MailboxError: it is not there, fails, prints nothing or takes longer than *timeout*; never holds its output.
    """
    words = shlex.split(command)
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout.total_seconds())  # noqa: S603 - the admin's own command
    except (OSError, UnicodeError) as error:
        raise MailboxError(f"imap.token_command {words[0]!r} cannot be run: {error}") from error
    except subprocess.TimeoutExpired as error:
        waited = f"{timeout.total_seconds():g} s"
        raise MailboxError(f"imap.token_command {words[0]!r} did not end within {waited}", retryable=True) from error
    token = ended.stdout.partition("\n")[0].strip()
    if ended.returncode != 0 or not token:
        what = f"ended with {ended.returncode}" if ended.returncode else "printed no token"
        raise MailboxError(f"imap.token_command {words[0]!r} {what}: run it by hand to see why", retryable=True)
    return token
