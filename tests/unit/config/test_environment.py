"""What the environment says about a key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from voipmon.config.sources import Loaded, load_config

Load = Callable[..., Loaded]
Problems = Callable[..., tuple[str, ...]]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("VOIPMON_MODE", "slave", 'mode = "slave"'),
        ("VOIPMON_STATE_DIR", "/srv/state", 'state_dir = "/srv/state"'),
        ("VOIPMON_SMTP__PORT", "465", "smtp.port = 465"),
        ("VOIPMON_SMTP__PASSWORD_FILE", "/run/p", 'smtp.password_file = "/run/p"'),
        ("VOIPMON_LIMITS__MAX_BYTES", "1GB", 'limits.max_bytes = "1GB"'),
        ("VOIPMON_LIMITS__REQUESTS_PER_SENDER_PER_HOUR", "7", "limits.requests_per_sender_per_hour = 7"),
        ("VOIPMON_PUBLISH__KEEP", "1d", 'publish.keep = "1d"'),
        (
            "VOIPMON_ACCESS__WHITELIST",
            "a@example.com, @b.example.com,",
            'access.whitelist = ["a@example.com", "@b.example.com"]',
        ),
        ("VOIPMON_ACCESS__WHITELIST", ' ["a@example.com"]', 'access.whitelist = ["a@example.com"]'),
        ("VOIPMON_ACCESS__STAFF", "", "access.staff = []"),
        ("VOIPMON_RECORDINGS__PREFIXES", "internal,out", 'recordings.prefixes = ["internal", "out"]'),
    ],
)
def test_a_key_in_the_environment_is_as_one_in_the_file(load: Load, name: str, value: str, line: str) -> None:
    assert load(environ={name: value}).config == load(line).config


def test_the_environment_lies_over_the_file(load: Load) -> None:
    loaded = load("smtp.port = 25", 'access.whitelist = ["a@example.com"]', environ={"VOIPMON_SMTP__PORT": "465"})

    assert (loaded.config.smtp.port, loaded.config.access.whitelist) == (465, ("a@example.com",))


def test_the_environment_alone_can_say_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "voipmon.toml"
    path.write_text("")
    environ = {
        "VOIPMON_SMTP__HOST": "smtp.example.com",
        "VOIPMON_SMTP__SENDER": "voip.audios@example.com",
        "VOIPMON_PUBLISH__BASE_URL": "https://voip.example.com",
    }

    assert load_config(path, environ).config.publish.base_url == "https://voip.example.com"


def test_names_of_other_programs_and_of_the_file_are_left_alone(load: Load) -> None:
    assert load(environ={"VOIPMON_CONFIG": "/etc/x.toml", "VOIPMONITOR": "1", "PATH": "/bin"}).config == load().config


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("VOIPMON_IMAP__PROT", "VOIPMON_IMAP__PORT"),
        ("VOIPMON_IMAP_PORT", "VOIPMON_IMAP__PORT"),
        ("VOIPMON_imap__port", "VOIPMON_IMAP__PORT"),
        ("VOIPMON_FOLDER", "VOIPMON_IMAP__FOLDER"),
        ("VOIPMON_MODES", "VOIPMON_MODE"),
    ],
)
def test_a_name_that_is_no_key_is_refused(problems: Problems, name: str, nearest: str) -> None:
    assert problems(environ={name: "1"}) == (f"{name}: is no key; the nearest is {nearest}",)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("VOIPMON_SMTP__PORT", "many", "smtp.port"),
        ("VOIPMON_SMTP__PORT", "", "smtp.port"),
        ("VOIPMON_ADMIN", "", "admin"),
        ("VOIPMON_ACCESS__WHITELIST", "[not json", "access.whitelist"),
        ("VOIPMON_ACCESS__WHITELIST", "[" * 100_000, "access.whitelist"),
        ("VOIPMON_ACCESS__WHITELIST", "[1]", "access.whitelist"),
        ("VOIPMON_INSTANCE", "\udcff", "instance"),
    ],
)
def test_a_wrong_value_in_the_environment_says_where_it_was_written(
    problems: Problems, name: str, value: str, key: str
) -> None:
    (sentence,) = problems(environ={name: value})

    assert sentence.startswith(f"{key}: ")
    assert sentence.endswith(f"({name})")


def test_a_section_that_is_none_is_the_only_problem(problems: Problems) -> None:
    assert problems("imap = 3", environ={"VOIPMON_IMAP__PORT": "993"}) == ("imap: should be a section",)
