"""Tokens come from a command, and never show."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from voipmon.errors import MailboxError
from voipmon.mail.token import mechanisms, token_of

_SOON = timedelta(seconds=20)


def test_the_token_is_the_first_line_the_command_prints() -> None:
    assert token_of("imap", f"{sys.executable} -c \"print('abc'); print('more')\"", _SOON) == "abc"


def test_the_answer_of_a_token_endpoint_will_do(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{\n  "access_token": "abc",\n  "expires_in": 3599,\n  "token_type": "Bearer"\n}\n')

    assert token_of("imap", f"cat {answer}", _SOON) == "abc"


def test_what_a_token_endpoint_refuses_is_told_by_its_code_alone(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"error": "invalid_grant", "error_description": "the secret has expired"}')

    with pytest.raises(MailboxError, match=r"smtp.token_command 'cat' printed no token \(invalid_grant\)") as caught:
        token_of("smtp", f"cat {answer}", _SOON)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/command", "cannot be run"),
        (f"{sys.executable} -c \"import sys; print('secret'); sys.exit(4)\"", "ended with 4"),
        (f'{sys.executable} -c ""', "printed no token"),
        (f"{sys.executable} -c \"print('{{secret')\"", "printed no token"),
        (f'{sys.executable} -c "import time; time.sleep(60)"', "did not end within"),
    ],
    ids=["missing", "failing", "silent", "garbage", "slow"],
)
def test_a_command_that_gives_no_token_is_named_without_its_output(command: str, words: str) -> None:
    with pytest.raises(MailboxError, match=words) as caught:
        token_of("imap", command, timedelta(seconds=2) if words.startswith("did") else _SOON)

    assert "secret" not in str(caught.value)


def test_a_user_is_written_as_the_mechanism_wants_it() -> None:
    ways = mechanisms("ana=1,2@example.com", "abc", "imap.example.com", 993)

    assert list(ways) == ["XOAUTH2", "OAUTHBEARER"]
    assert ways["XOAUTH2"][0] == "user=ana=1,2@example.com\1auth=Bearer abc\1\1"
    assert ways["OAUTHBEARER"][0].startswith("n,a=ana=3D1=2C2@example.com,\1host=imap.example.com\1port=993\1")
