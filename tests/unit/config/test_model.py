"""What a configuration may say: defaults, wrong values, and the sentence for each."""

import logging
import platform
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voipmon.config.model import SECTIONS, Config
from voipmon.config.problems import checked, known_keys
from voipmon.config.sources import Loaded
from voipmon.errors import ConfigError, ExitCode

Load = Callable[..., Loaded]
Problems = Callable[..., tuple[str, ...]]


def test_what_is_left_out_has_the_default_of_the_contract(load: Load) -> None:
    config = load().config
    folder = config.access.tenants_dir

    assert config.model_dump() == {
        "mode": "slave",
        "instance": config.instance,
        "timezone": ZoneInfo("America/Sao_Paulo"),
        "language": "pt_BR",
        "admin": None,
        "state_dir": Path("/var/lib/voipmon"),
        "failover": {"peers": (), "take_over_after": timedelta(minutes=12)},
        "imap": {
            "host": "",
            "port": 993,
            "security": "tls",
            "user": "",
            "password": None,
            "password_file": None,
            "auth": "password",
            "token_command": None,
            "timeout": timedelta(seconds=60),
            "ca_file": None,
            "folder": "INBOX",
            "look_every": timedelta(minutes=3),
        },
        "smtp": {
            "host": "smtp.example.com",
            "port": 587,
            "security": "starttls",
            "user": None,
            "password": None,
            "password_file": None,
            "auth": "password",
            "token_command": None,
            "timeout": timedelta(seconds=60),
            "ca_file": None,
            "sender": "voip.audios@example.com",
        },
        "access": {
            "whitelist": (),
            "staff": (),
            "verify_sender": "require",
            "authserv_id": None,
            "tenants_dir": folder,
        },
        "limits": {
            "max_extensions": 50,
            "max_days": 90,
            "max_recordings": 10_000,
            "max_bytes": 20 * 10**9,
            "requests_per_sender_per_hour": 30,
            "recipients_per_day": None,
        },
        "queue": {
            "dir": Path("/var/spool/voipmon"),
            "max_attempts": 5,
            "keep": timedelta(days=30),
            "keep_archive": timedelta(days=365),
        },
        "recordings": {
            "dir": Path("/var/www/html/2p"),
            "pattern": "origin_dest",
            "prefixes": ("internal",),
            "min_bytes": 1000,
            "settle": timedelta(seconds=10),
            "timezone": ZoneInfo("America/Sao_Paulo"),
        },
        "publish": {
            "dir": Path("/var/www/html/audios"),
            "base_url": "https://voip.example.com/audios",
            "keep": timedelta(hours=72),
            "audio": "copy",
        },
        "tenants": (),
        "audit": {"keep": timedelta(days=1826)},
    }


def test_the_instance_is_the_host_by_default(load: Load) -> None:
    assert load().config.instance == platform.node()


def test_the_recordings_stamps_are_in_the_zone_that_people_write_in(load: Load) -> None:
    assert load('timezone = "America/Manaus"').config.recordings.timezone == ZoneInfo("America/Manaus")


def test_the_recordings_stamps_may_be_in_another_zone(load: Load) -> None:
    config = load('timezone = "America/Manaus"', 'recordings.timezone = "UTC"').config

    assert (config.timezone, config.recordings.timezone) == (ZoneInfo("America/Manaus"), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("imap.gmail.com", "mx.google.com"), ("IMAP.gmail.com", "mx.google.com"), ("imap.example.com", None)],
)
def test_gmail_is_known_by_the_name_of_its_authentication_results(load: Load, host: str, expected: str | None) -> None:
    assert load(f'imap.host = "{host}"').config.access.authserv_id == expected


def test_a_name_of_the_authentication_results_that_is_given_holds_with_gmail_too(load: Load) -> None:
    config = load('imap.host = "imap.gmail.com"', 'access.authserv_id = "mx.example.com"').config

    assert config.access.authserv_id == "mx.example.com"


@pytest.mark.parametrize(
    ("host", "sender", "expected"),
    [
        ("smtp.gmail.com", "voip.audios@gmail.com", 450),
        ("SMTP.gmail.com", "voip.audios@googlemail.com", 450),
        ("smtp.gmail.com", "voip.audios@example.com", 1_800),
        ("smtp.office365.com", "voip.audios@example.com", 9_000),
        ("smtp.example.com", "voip.audios@gmail.com", None),
    ],
)
def test_a_day_has_less_recipients_than_the_provider_allows(
    load: Load, host: str, sender: str, expected: int | None
) -> None:
    config = load(f'smtp.host = "{host}"', f'smtp.sender = "{sender}"').config

    assert config.limits.recipients_per_day == expected


def test_a_number_of_recipients_that_is_given_holds_with_gmail_too(load: Load) -> None:
    config = load('smtp.host = "smtp.gmail.com"', "limits.recipients_per_day = 100").config

    assert config.limits.recipients_per_day == 100


def test_a_configuration_does_not_change(load: Load) -> None:
    config = load().config
    with pytest.raises(ValidationError):
        config.smtp.port = 25


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ('smtp.timeout = "12m"', "smtp.timeout", timedelta(minutes=12)),
        ('publish.keep = "2 h"', "publish.keep", timedelta(hours=2)),
        ('queue.keep = " 7d "', "queue.keep", timedelta(days=7)),
        ("limits.max_bytes = 123", "limits.max_bytes", 123),
        ('limits.max_bytes = "500 kB"', "limits.max_bytes", 500_000),
        ('limits.max_bytes = "3MB"', "limits.max_bytes", 3 * 10**6),
        ('limits.max_bytes = "1TB"', "limits.max_bytes", 10**12),
        ('recordings.min_bytes = "44"', "recordings.min_bytes", 44),
        ("recordings.min_bytes = 0", "recordings.min_bytes", 0),
        ('recordings.prefixes = ["*"]', "recordings.prefixes", ("*",)),
        ('admin = "Admin@Example.com"', "admin", "admin@example.com"),
        ('smtp.sender = "Voip@Example.com"', "smtp.sender", "voip@example.com"),
        (
            'access.whitelist = ["Ana@Example.com", "@Company.Example.com"]',
            "access.whitelist",
            ("ana@example.com", "@company.example.com"),
        ),
        ('publish.base_url = "http://198.51.100.7:8080/a/b/"', "publish.base_url", "http://198.51.100.7:8080/a/b"),
        ('publish.base_url = "http://[::1]:8080"', "publish.base_url", "http://[::1]:8080"),
        ('publish.audio = "symlink"', "publish.audio", "symlink"),
        ('access.verify_sender = "warn"', "access.verify_sender", "warn"),
        ('language = "en"', "language", "en"),
        ('imap.ca_file = "/etc/ssl/private-ca.pem"', "imap.ca_file", Path("/etc/ssl/private-ca.pem")),
        ('smtp.ca_file = "/etc/ssl/private-ca.pem"', "smtp.ca_file", Path("/etc/ssl/private-ca.pem")),
        ('recordings.pattern = "dest_origin"', "recordings.pattern", "dest_origin"),
    ],
)
def test_a_value_is_read_in_the_form_people_write_it(load: Load, line: str, key: str, value: object) -> None:
    assert value_of(load(line).config, key) == value


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ('mode = "Master"', "mode", "'master' or 'slave', not 'Master'"),
        ('language = "pt"', "language", "'pt_BR' or 'en', not 'pt'"),
        ('instance = "two words"', "instance", "'two words' is no name of a host"),
        ('timezone = "America/SaoPaulo"', "timezone", "is no time zone; the nearest is America/Sao_Paulo"),
        ('timezone = "America"', "timezone", "'America' is no time zone"),
        ('timezone = "../../etc/passwd"', "timezone", "is no time zone"),
        ('timezone = "/etc/localtime"', "timezone", "is no time zone"),
        (f'timezone = "{"x" * 5000}"', "timezone", "is no time zone"),
        ("timezone = -3", "timezone", "write the name of a time zone"),
        ('recordings.timezone = "Sao Paulo"', "recordings.timezone", "the nearest is America/Sao_Paulo"),
        ('admin = "admin"', "admin", "'admin' is no address"),
        ('admin = "Admin <admin@example.com>"', "admin", "is no address: write it alone"),
        ('admin = "a@example.com\\nBcc: b@example.com"', "admin", "is no address"),
        ('state_dir = "state"', "state_dir", "'state' is no whole path"),
        ('state_dir = ""', "state_dir", "must not be empty"),
        ('state_dir = "/var/lib/voip\\u0000mon"', "state_dir", "control characters"),
        ("state_dir = 7", "state_dir", "should be a path"),
        ('smtp.host = ""', "smtp.host", "is no host"),
        ('smtp.host = "https://smtp.example.com"', "smtp.host", "is no host: write its name or address alone"),
        ('smtp.host = "smtp.example.com:587"', "smtp.host", "is no host"),
        ("smtp.port = 0", "smtp.port", "greater than or equal to 1, not 0"),
        ("smtp.port = 65536", "smtp.port", "less than or equal to 65535, not 65536"),
        ("smtp.port = true", "smtp.port", "whole number"),
        ("smtp.port = 25.5", "smtp.port", "whole number, not 25.5"),
        ('smtp.port = "smtp"', "smtp.port", "whole number, not 'smtp'"),
        ('smtp.security = "ssl"', "smtp.security", "'tls', 'starttls' or 'plain', not 'ssl'"),
        ('smtp.security = "plain"', "smtp.security", "smtp.example.com: write tls or starttls"),
        ('smtp.sender = "nobody"', "smtp.sender", "'nobody' is no address"),
        ('smtp.user = ""', "smtp.user", "must not be empty"),
        ("smtp.timeout = 60", "smtp.timeout", "write a whole number and s, m, h or d"),
        ('smtp.timeout = "0s"', "smtp.timeout", "1s to 1h"),
        ('smtp.timeout = "2h"', "smtp.timeout", "1s to 1h"),
        ('smtp.timeout = "-5s"', "smtp.timeout", "write a whole number"),
        ("imap.password = 12345", "imap.password", "should be text in quotes"),
        ('imap.folder = "IN\\rBOX"', "imap.folder", "control characters"),
        ('imap.auth = "oauth"', "imap.auth", "'password' or 'xoauth2', not 'oauth'"),
        ('imap.auth = "xoauth2"', "imap.token_command", 'auth = "xoauth2" needs it'),
        ('access.whitelist = "manager@example.com"', "access.whitelist", "should be a list"),
        ('access.whitelist = ["a@example.com", "example.com"]', "access.whitelist", "'example.com' is neither"),
        (
            'access.whitelist = ["*@example.com", "two words@example.com"]',
            "access.whitelist",
            "'two words@example.com'",
        ),
        ('access.staff = [""]', "access.staff", "is neither an address nor @"),
        ('access.verify_sender = "yes"', "access.verify_sender", "'require', 'warn' or 'off', not 'yes'"),
        ("access.verify_sender = false", "access.verify_sender", "'require', 'warn' or 'off', not False"),
        ("limits.max_extensions = 0", "limits.max_extensions", "greater than or equal to 1"),
        ("limits.max_days = 36501", "limits.max_days", "less than or equal to 36500"),
        ('limits.max_bytes = "20 gigabytes"', "limits.max_bytes", "such as 20GB"),
        ('limits.max_bytes = "1.5GB"', "limits.max_bytes", "such as 20GB"),
        ("limits.max_bytes = inf", "limits.max_bytes", "finite number"),
        ("queue.max_attempts = 101", "queue.max_attempts", "less than or equal to 100"),
        ('queue.keep = "a month"', "queue.keep", "such as 60s, 12m, 72h or 30d"),
        ('queue.keep = "999999999d"', "queue.keep", "at most 36500d"),
        ("recordings.prefixes = []", "recordings.prefixes", "must not be empty"),
        ('recordings.pattern = "("', "recordings.pattern", "not a regular expression"),
        ('recordings.pattern = "[["', "recordings.pattern", "not a regular expression"),
        ('recordings.pattern = "origin-dest"', "recordings.pattern", "did you mean 'origin_dest'"),
        ('recordings.pattern = ""', "recordings.pattern", "must not be empty"),
        ('publish.base_url = "voip.example.com/audios"', "publish.base_url", "https://voip.example.com/audios"),
        ('publish.base_url = "https://voip.example.com/audios?x=1"', "publish.base_url", "write http:// or https://"),
        ('publish.base_url = "https://voip.example.com/a b"', "publish.base_url", "write http:// or https://"),
        ('publish.keep = "0s"', "publish.keep", "greater than or equal to 1 second"),
        ('publish.audio = "hardlink"', "publish.audio", "'copy' or 'symlink', not 'hardlink'"),
        ("imap = 993", "imap", "should be a section"),
        ("imap.port.number = 993", "imap.port", "whole number"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key_alone(problems: Problems, line: str, key: str, said: str) -> None:
    (sentence,) = problems(line)

    assert sentence.startswith(f"{key}: ")
    assert said in sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('moed = "slave"', "moed: is no key; the nearest is mode"),
        ("imap.prot = 143", "imap.prot: is no key; the nearest is imap.port"),
        ("whitelist = []", "whitelist: is no key; the nearest is access.whitelist"),
        ('smpt.host = "smtp.example.com"', "smpt: is no key; the nearest is smtp"),
        ('"a\\nb" = 1', "a\\nb: is no key"),
        ('imap."" = 1', "imap.: is no key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(problems: Problems, line: str, said: str) -> None:
    (sentence,) = problems(line)

    assert sentence.startswith(said)


@pytest.mark.parametrize("key", ["smtp.host", "smtp.sender", "publish.base_url"])
def test_what_nothing_works_without_is_asked_for(problems: Problems, key: str) -> None:
    assert problems(f"{key} = ") == (f"{key}: is missing",)


@pytest.mark.parametrize("key", ["imap.host", "imap.user"])
def test_a_master_is_asked_for_its_mailbox(problems: Problems, key: str) -> None:
    assert problems(f"{key} = ", master=True) == (f"{key}: is missing, and master mode needs it",)


def test_a_slave_needs_no_mailbox(load: Load) -> None:
    config = load('mode = "slave"', 'imap.folder = "Pedidos"').config

    assert (config.imap.host, config.imap.user, config.imap.folder) == ("", "", "Pedidos")


@pytest.mark.parametrize("key", ["imap.host", "imap.user"])
def test_a_slave_that_may_take_over_is_asked_for_the_mailbox(problems: Problems, key: str) -> None:
    given = [f'{other} = "imap.example.com"' for other in ("imap.host", "imap.user") if other != key]

    assert problems('failover.peers = ["audio", "audio2"]', *given) == (f"{key}: is missing, and [failover] needs it",)


def test_a_host_has_one_name_whatever_its_case(problems: Problems) -> None:
    (sentence,) = problems('failover.peers = ["audio", "Audio"]')

    assert sentence.startswith("failover.peers: names a host twice")


@pytest.mark.parametrize(
    ("lines", "notice"),
    [
        (['instance = "audio3"'], "failover.peers: does not name this host, 'audio3'"),
        (['instance = "audio"', 'failover.take_over_after = "6m"'], "failover.take_over_after: is less than 7m"),
    ],
)
def test_a_failover_that_will_hardly_do_is_noticed(load: Load, lines: list[str], notice: str) -> None:
    mailbox = ['imap.host = "imap.example.com"', 'imap.user = "voip"', 'access.authserv_id = "mx.example.com"']
    (noticed,) = load('failover.peers = ["audio", "audio2"]', *mailbox, *lines).notices

    assert noticed.startswith(notice)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.8.7", "::1"])
@pytest.mark.parametrize("section", ["imap", "smtp"])
def test_an_unprotected_line_is_allowed_to_this_machine(load: Load, section: str, host: str) -> None:
    config = load(f'{section}.host = "{host}"', f'{section}.security = "plain"').config

    assert value_of(config, f"{section}.security") == "plain"


@pytest.mark.parametrize(
    "host", ["localhost.example.com", "128.0.0.1", "192.0.2.1", "127.example.com", "::2", "0.0.0.0"]
)
@pytest.mark.parametrize("section", ["imap", "smtp"])
def test_an_unprotected_line_to_another_machine_is_refused(problems: Problems, section: str, host: str) -> None:
    (sentence,) = problems(f'{section}.host = "{host}"', f'{section}.security = "plain"')

    assert sentence.startswith(f"{section}.security: 'plain' can be read on the way to {host}")


@pytest.mark.parametrize("section", ["imap", "smtp"])
def test_a_token_command_makes_xoauth2_whole(load: Load, section: str) -> None:
    config = load(f'{section}.auth = "xoauth2"', f'{section}.token_command = "/usr/local/bin/mail-token"').config

    assert getattr(config, section).token_command == "/usr/local/bin/mail-token"


def test_every_problem_is_reported_at_once(problems: Problems) -> None:
    found = problems(
        'timezone = "Mars"',
        "smtp.host = ",
        "smtp.port = -1",
        'imap.security = "plain"',
        "imap.host = ",
        'imap.auth = "xoauth2"',
        "imap.nonsense = 1",
        'recordings.pattern = "["',
        'queue.dir = "here"',
        "whitelist = []",
        environ={"VOIPMON_LANGUAGE": "fr", "VOIPMON_MOOD": "good"},
        master=True,
    )

    assert sorted(sentence.split(":")[0] for sentence in found) == [
        "VOIPMON_MOOD",
        "imap.host",
        "imap.nonsense",
        "imap.token_command",
        "language",
        "queue.dir",
        "recordings.pattern",
        "smtp.host",
        "smtp.port",
        "timezone",
        "whitelist",
    ]


def test_a_wrong_configuration_is_the_callers_to_mend(problems: Problems, load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load("smtp.port = 0")

    assert caught.value.exit_code is ExitCode.BAD_PARAMETERS


SECRET = "hunter2-s3cret"


@pytest.mark.parametrize(
    "line",
    [
        f'imap.pasword = "{SECRET}"',
        f'imap.password = ["{SECRET}"]',
        f'imap.password.value = "{SECRET}"',
        f'imap = "{SECRET}"',
        f'smtp.password = {{ secret = "{SECRET}" }}',
        f'publish.base_url = "https://user:{SECRET}@voip.example.com/"',
        f'imap.token_command = ["{SECRET}"]',
    ],
)
def test_no_message_and_no_traceback_shows_a_secret(load: Load, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(line)

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_printed_configuration_shows_no_secret(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    loaded = load(f'imap.password = "{SECRET}"', f'smtp.password = "{SECRET}"')

    assert SECRET not in f"{loaded!r} {loaded.config} {loaded.config.model_dump()} {caplog.text}"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(known_keys()) | st.sampled_from(sorted(SECTIONS)) | st.text(max_size=5)


@given(st.dictionaries(KEYS, JUNK | st.text(alphabet="0123456789smhd@/:.*()[]?", max_size=12), max_size=6))
def test_junk_makes_a_configuration_or_a_list_of_its_problems(junk: dict[str, Any]) -> None:
    data: dict[str, Any] = {"smtp": {"host": "smtp.example.com"}}
    for key, value in junk.items():
        section, dot, name = key.partition(".")
        place = data.setdefault(section, {}) if dot else data
        if isinstance(place, dict):
            place[name if dot else key] = value

    outcome: Config | tuple[str, ...]
    try:
        outcome = checked(data, {}, ())
    except ConfigError as error:
        outcome = error.problems

    assert isinstance(outcome, Config) or (outcome and all(problem.isprintable() for problem in outcome))


def value_of(config: Config, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return value
