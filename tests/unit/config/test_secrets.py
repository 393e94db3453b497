"""Where a password comes from."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from voipmon.config.secrets import secret_of
from voipmon.config.sources import Loaded
from voipmon.errors import ConfigError
from voipmon.mail.settings import Imap, Smtp

Load = Callable[..., Loaded]


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets" / "mail-password"
    path.parent.mkdir()
    path.write_text("from the file\n")
    return path


@pytest.fixture
def credentials(tmp_path: Path) -> Mapping[str, str]:
    """Return the environment of a unit with a credential of the same base name."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "mail-password").write_text("from the credential")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def imap(password_file: Path | None = None, **more: object) -> Imap:
    return Imap.model_validate({"user": "voip.audios@example.com", "password_file": password_file, **more})


def test_the_environments_password_comes_first(password_file: Path, credentials: Mapping[str, str]) -> None:
    environ = {"VOIPMON_IMAP__PASSWORD": "from the environment", **credentials}

    assert secret_of(imap(password_file, password="inline"), "imap", environ) == "from the environment"


def test_each_server_has_its_own_password_in_the_environment(password_file: Path) -> None:
    environ = {"VOIPMON_SMTP__PASSWORD": "for sending"}
    smtp = Smtp(host="smtp.example.com", sender="a@example.com", user="a", password_file=password_file)

    assert secret_of(smtp, "smtp", environ) == "for sending"
    assert secret_of(imap(password_file), "imap", environ) == "from the file"


def test_a_credential_comes_before_the_file(password_file: Path, credentials: Mapping[str, str]) -> None:
    assert secret_of(imap(password_file, password="inline"), "imap", credentials) == "from the credential"


def test_a_credential_is_enough_where_the_file_may_not_be_read(tmp_path: Path, credentials: Mapping[str, str]) -> None:
    assert secret_of(imap(tmp_path / "away" / "mail-password"), "imap", credentials) == "from the credential"


def test_the_file_comes_before_the_configuration(password_file: Path, tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "empty"), "VOIPMON_IMAP__PASSWORD": ""}

    assert secret_of(imap(password_file, password="inline"), "imap", environ) == "from the file"


def test_the_configurations_own_password_is_the_last(tmp_path: Path) -> None:
    assert secret_of(imap(tmp_path / "away", password=" inline "), "imap", {}) == " inline "


@pytest.mark.parametrize("written", ["pässword 1", "pässword 1\n", "pässword 1\r\n"])
def test_a_password_is_a_line(password_file: Path, written: str) -> None:
    password_file.write_text(written, newline="")

    assert secret_of(imap(password_file), "imap", {}) == "pässword 1"


def test_the_file_of_a_password_is_read_only_when_the_password_is_needed(load: Load) -> None:
    config = load('imap.password_file = "/nowhere/mail-password"', 'imap.user = "voip.audios@example.com"').config

    with pytest.raises(ConfigError) as caught:
        secret_of(config.imap, "imap", {})

    (sentence,) = caught.value.problems
    assert sentence.startswith(
        "imap.password_file: there is no /nowhere/mail-password: put the password of 'voip.audios@"
    )
    assert sentence.endswith("there, alone on one line, mode 0600")


def test_a_user_without_any_password_is_told_what_to_write() -> None:
    with pytest.raises(ConfigError) as caught:
        secret_of(imap(), "imap", {})

    assert caught.value.problems[0].startswith(
        "imap.password_file: is missing: name a file that holds the password of 'voip"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"a\x00b"])
def test_a_file_without_one_line_of_text_is_no_password(password_file: Path, content: bytes) -> None:
    password_file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        secret_of(imap(password_file, password="inline"), "imap", {})

    assert caught.value.problems[0].startswith(f"imap.password_file: {password_file} ")


def test_a_password_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        secret_of(imap(tmp_path, password="inline"), "imap", {})

    assert caught.value.problems[0].startswith(f"imap.password_file: cannot read {tmp_path}: Is a directory: the user")


def test_without_a_user_there_is_no_log_in(password_file: Path) -> None:
    smtp = Smtp(host="smtp.example.com", sender="a@example.com", password_file=password_file)

    assert secret_of(smtp, "smtp", {"VOIPMON_SMTP__PASSWORD": "x"}) is None


def test_a_token_replaces_the_password() -> None:
    assert secret_of(imap(auth="xoauth2", token_command="mail-token"), "imap", {}) is None
