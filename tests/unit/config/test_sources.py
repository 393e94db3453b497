"""How a configuration file is read, and what is noticed about it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voipmon.config.sources import Loaded, load_config
from voipmon.errors import ConfigError

Load = Callable[..., Loaded]

MINIMAL = """
smtp.host = "smtp.example.com"
smtp.sender = "voip.audios@example.com"
publish.base_url = "https://voip.example.com/audios"
"""


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "explicit.toml"

    assert refusal(path) == f"cannot read {path}: No such file or directory"


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"cannot read {tmp_path}: Is a directory"


def test_a_file_in_latin_1_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_bytes(b'mode = "slave"\n# configura\xe7\xe3o\n')

    assert refusal(path) == f"{path}: line 2 is not UTF-8: save the file in UTF-8"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('mode = "slave"\nlanguage = pt_BR\n', "(at line 2, column 12)"),
        ('mode = "slave"\n\nmode = "master"\n', "(at line 3, column 16)"),
        ('[imap\nhost = "a"\n', "(at line 1, column 6)"),
        ('mode = "slave"\nadmin = """never closed\n', "(at line 3, column 1, the end of the file)"),
    ],
)
def test_wrong_toml_is_refused_with_line_and_column(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text(text)

    sentence = refusal(path)

    assert sentence.startswith(f"{path}: ")
    assert where in sentence


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "1" * 5000])
def test_toml_beyond_all_measure_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text(text)

    assert refusal(path).startswith(f"{path}: ")


def test_wrong_toml_shows_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text("[imap]\npassword = hunter2\n")

    assert "hunter2" not in refusal(path)


@pytest.mark.parametrize("start", ["\ufeff", "\n"])
def test_a_file_from_another_system_is_read(tmp_path: Path, start: str) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text(start + MINIMAL, newline="\r\n")

    assert load_config(path, {}).config.smtp.host == "smtp.example.com"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text(alphabet="[]={}\"'\n.#ab1-:", max_size=40).map(str.encode))
def test_no_file_raises_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError):
        load_config(path, {})


@pytest.mark.parametrize(("mode", "noticed"), [(0o600, False), (0o640, True), (0o604, True)])
@pytest.mark.parametrize("section", ["imap", "smtp"])
def test_a_password_that_others_can_read_is_noticed(tmp_path: Path, section: str, mode: int, noticed: bool) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text(f'{section}.password = "s3cret"\n' + MINIMAL)
    path.chmod(mode)

    loaded = load_config(path, {})

    assert any("can be read by others" in notice for notice in loaded.notices) is noticed


def test_a_file_without_a_password_may_be_read_by_all(tmp_path: Path) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text(MINIMAL)
    path.chmod(0o644)

    assert load_config(path, {"VOIPMON_IMAP__PASSWORD": "x"}).notices == ()


def test_a_master_that_can_verify_nobody_is_told_so(load: Load) -> None:
    (notice,) = load(master=True).notices

    assert notice.startswith("access.authserv_id: is not set, so that no sender can be verified")


@pytest.mark.parametrize(
    "line", ['access.verify_sender = "off"', 'access.authserv_id = "mx.example.com"', 'mode = "slave"']
)
def test_who_verifies_or_does_not_want_to_is_told_nothing(load: Load, line: str) -> None:
    assert load(line, master=True).notices == ()


def refusal(path: Path) -> str:
    """Return the one sentence that refuses *path*."""
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    (sentence,) = caught.value.problems
    return sentence


def test_folders_that_the_web_server_would_give_out_are_noticed(load: Load) -> None:
    notices = load('recordings.dir = "/srv/www/2p"', 'publish.dir = "/srv/www"').notices

    assert [notice.partition(":")[0] for notice in notices] == ["recordings.dir"]
