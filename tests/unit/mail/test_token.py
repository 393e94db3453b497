"""Tokens come from a command, and never show."""

import sys
from datetime import timedelta

import pytest

from voipmon.errors import MailboxError
from voipmon.mail.token import token_of

_SOON = timedelta(seconds=20)


def test_the_token_is_the_first_line_the_command_prints() -> None:
    assert token_of(f"{sys.executable} -c \"print('abc'); print('more')\"", _SOON) == "abc"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/command", "cannot be run"),
        (f"{sys.executable} -c \"import sys; print('secret'); sys.exit(4)\"", "ended with 4"),
        (f'{sys.executable} -c ""', "printed no token"),
        (f'{sys.executable} -c "import time; time.sleep(60)"', "did not end within"),
    ],
    ids=["missing", "failing", "silent", "slow"],
)
def test_a_command_that_gives_no_token_is_named_without_its_output(command: str, words: str) -> None:
    with pytest.raises(MailboxError, match=words) as caught:
        token_of(command, timedelta(seconds=2) if words.startswith("did") else _SOON)

    assert "secret" not in str(caught.value)
