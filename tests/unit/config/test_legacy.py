"""The old KEY=VALUE file, read as it is, and written as TOML."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from voipmon.config.legacy import IGNORED, SPELLINGS, complete, full_host_name, read_legacy
from voipmon.config.model import Config
from voipmon.config.secrets import secret_of
from voipmon.config.sources import Loaded, load_config, migrate
from voipmon.errors import ConfigError

Load = Callable[..., Loaded]

NEEDED = (
    "EMAIL_SERVICE=voip.audios@example.com",
    "SMTP_SERVER=smtp.example.com",
    "BASE_URL=https://voip.example.com/audios",
)


@pytest.mark.parametrize(
    "name", ["monitor_config.txt", "voipmon.env", "voipmon.conf", "MONITOR_CONFIG.TXT", "monitor_config.toml.txt"]
)
def test_an_old_file_is_known_by_its_suffix(load_old: Load, name: str) -> None:
    assert load_old(*NEEDED, name=name).config.smtp.host == "smtp.example.com"


@pytest.mark.parametrize("name", ["monitor_config.cfg", "monitor_config", "voipmon.txt.toml"])
def test_any_other_file_is_toml(load_old: Load, name: str) -> None:
    with pytest.raises(ConfigError, match="invalid value"):
        load_old(*NEEDED, name=name)


def test_every_old_key_sets_what_it_always_meant(load_old: Load) -> None:
    config = load_old(
        "MODE=MASTER",
        "EMAIL_SERVICE=Voip.Audios@example.com",
        "EMAIL_PASSWORD=abcd efgh",
        "WHITELIST=manager@example.com, @Company.example.com;ana@example.com  rui@example.com,",
        "SMTP_SERVER=smtp.example.com",
        "SMTP_PORT=465",
        "QUEUE_DIR=/srv/queue",
        "IMAP_SERVER=mail.example.com",
        "IMAP_PORT=143",
        "ADMIN_EMAIL=admin@example.com",
        "AUDIO_DIR=/srv/2p",
        "PUBLISH_DIR=/srv/www/pub",
        "BASE_URL=https://voip.example.com/pub/",
        "STATE_DIR=/srv/state",
        "TIMEZONE=America/Manaus",
    ).config

    assert (config.mode, config.admin, str(config.timezone)) == ("master", "admin@example.com", "America/Manaus")
    assert (config.imap.user, config.smtp.user, config.smtp.sender) == (
        "Voip.Audios@example.com",
        "Voip.Audios@example.com",
        "voip.audios@example.com",
    )
    assert [secret_of(server, name, {}) for server, name in ((config.imap, "imap"), (config.smtp, "smtp"))] == [
        "abcd efgh",
        "abcd efgh",
    ]
    assert config.access.whitelist == (
        "manager@example.com",
        "@company.example.com",
        "ana@example.com",
        "rui@example.com",
    )
    assert (config.smtp.host, config.smtp.port, config.smtp.security) == ("smtp.example.com", 465, "tls")
    assert (config.imap.host, config.imap.port, config.imap.security) == ("mail.example.com", 143, "starttls")
    assert [str(path) for path in (config.queue.dir, config.recordings.dir, config.publish.dir, config.state_dir)] == [
        "/srv/queue",
        "/srv/2p",
        "/srv/www/pub",
        "/srv/state",
    ]
    assert config.publish.base_url == "https://voip.example.com/pub"


def test_what_the_old_file_leaves_out_is_as_in_toml(load_old: Load, load: Load) -> None:
    old, new = load_old(*NEEDED).config, load().config

    for section in ("limits", "queue", "recordings", "publish", "access"):
        assert getattr(old, section) == getattr(new, section)
    assert (old.mode, old.imap.port, old.imap.security, old.smtp.port, old.smtp.security) == (
        "slave",
        993,
        "tls",
        587,
        "starttls",
    )


@pytest.mark.parametrize(
    ("smtp", "imap"),
    [
        ("smtp.gmail.com", "imap.gmail.com"),
        ("mail.company.example.com", "imap.company.example.com"),
        ("localhost", "localhost"),
        ("mailhost", "mailhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("2001:db8::192.0.2.7", "2001:db8::192.0.2.7"),
    ],
)
def test_the_mailbox_is_beside_the_mail_server(load_old: Load, smtp: str, imap: str) -> None:
    assert load_old(*NEEDED, f"SMTP_SERVER={smtp}").config.imap.host == imap


def test_gmail_of_an_old_file_is_verified_by_google(load_old: Load) -> None:
    assert load_old(*NEEDED, "SMTP_SERVER=smtp.gmail.com").config.access.authserv_id == "mx.google.com"


@pytest.mark.parametrize(
    ("host", "port", "security"),
    [
        ("mail.example.com", 993, "tls"),
        ("mail.example.com", 465, "tls"),
        ("mail.example.com", 143, "starttls"),
        ("mail.example.com", 25, "starttls"),
        ("mail.example.com", 587, "starttls"),
        ("mail.example.com", 2525, "tls"),
        ("127.0.0.1", 2525, "plain"),
        ("localhost", 10143, "plain"),
        ("::1", 10143, "plain"),
        ("localhost", 993, "tls"),
        ("localhost", 25, "starttls"),
    ],
)
def test_security_follows_the_port(load_old: Load, host: str, port: int, security: str) -> None:
    config = load_old(
        *NEEDED, f"SMTP_SERVER={host}", f"SMTP_PORT={port}", f"IMAP_SERVER={host}", f"IMAP_PORT={port}"
    ).config

    assert (config.smtp.port, config.smtp.security) == (port, security)
    assert (config.imap.port, config.imap.security) == (port, security)


@pytest.mark.parametrize("key", sorted(IGNORED))
def test_what_means_nothing_any_more_is_ignored_with_one_notice(load_old: Load, key: str) -> None:
    (notice,) = load_old(*NEEDED, f"{key}=/usr/local/bin/select_audios.sh", f"{key}=/again").notices

    assert notice.startswith(f"{key}: is ignored")


def test_a_missing_base_url_is_made_from_the_host_and_the_folder_with_a_warning(load_old: Load) -> None:
    loaded = load_old(*NEEDED[:2], "PUBLISH_DIR=/var/www/html/gravações/")

    assert loaded.config.publish.base_url == f"https://{full_host_name()}/grava%C3%A7%C3%B5es"
    assert [notice.split(":")[0] for notice in loaded.notices] == ["publish.base_url"]


def test_the_host_of_a_missing_base_url_has_its_full_name() -> None:
    data: dict[str, dict[str, str]] = {}

    complete(data, lambda: "audio.example.com")

    assert data["publish"]["base_url"] == "https://audio.example.com/audios"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("QUEUE_DIR=/srv/q", "/srv/q"),
        ("  QUEUE_DIR = /srv/q  ", "/srv/q"),
        ("export QUEUE_DIR=/srv/q", "/srv/q"),
        ("QUEUE_DIR='/srv/q'", "/srv/q"),
        ('QUEUE_DIR="/srv/q"', "/srv/q"),
        ('QUEUE_DIR="/srv/q" # the queue', "/srv/q"),
        ("QUEUE_DIR=/srv/q # the queue", "/srv/q"),
        ("QUEUE_DIR=/srv/q#1", "/srv/q#1"),
        ('QUEUE_DIR="/srv/q #1"', "/srv/q #1"),
        ("QUEUE_DIR=/srv/a=b", "/srv/a=b"),
        ("QUEUE_DIR=/srv/old\nQUEUE_DIR=/srv/q", "/srv/q"),
        ("QUEUE_DIR=/srv/q\r", "/srv/q"),
        ("\ufeffQUEUE_DIR=/srv/q", "/srv/q"),
        ("\n  \n# QUEUE_DIR=/no\n ; QUEUE_DIR=/no\nQUEUE_DIR=/srv/q", "/srv/q"),
    ],
)
def test_a_line_is_read_as_people_write_it(line: str, value: str) -> None:
    old = read_legacy(line)

    assert (old.data, old.problems) == ({"queue": {"dir": value}}, ())


@pytest.mark.parametrize(
    ("line", "password"),
    [
        ("EMAIL_PASSWORD=abcd efgh ijkl", "abcd efgh ijkl"),
        ("EMAIL_PASSWORD=pass # word", "pass # word"),
        ("EMAIL_PASSWORD=#pass", "#pass"),
        ("EMAIL_PASSWORD=a=b;c", "a=b;c"),
        ("EMAIL_PASSWORD='tis", "'tis"),
        ('EMAIL_PASSWORD=" pass " # a comment', " pass "),
    ],
)
def test_a_password_keeps_its_signs(line: str, password: str) -> None:
    assert read_legacy(line).data == {"imap": {"password": password}, "smtp": {"password": password}}


@pytest.mark.parametrize("line", ["ADMIN_EMAIL=", "ADMIN_EMAIL=''", "ADMIN_EMAIL= # nobody", "WHITELIST=", "LOG_FILE="])
def test_an_empty_value_says_nothing(line: str) -> None:
    old = read_legacy(line)

    assert (old.data, old.notices, old.problems) == ({}, (), ())


def test_every_problem_of_an_old_file_is_reported_at_once_with_both_names(load_old: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load_old(
            "EMAIL_PASWORD=s3cret",
            "s3cret",
            "mode=slave",
            "SMTP_SERVER=smtp.example.com",
            "SMTP_PORT=many",
            "WHITELIST=manager@example.com,nobody",
            "TIMEZONE=Brasil",
            environ={"VOIPMON_LANGUAGE": "fr"},
        )

    found = caught.value.problems
    assert found[:3] == (
        "EMAIL_PASWORD: is no key (line 1); the nearest is EMAIL_PASSWORD",
        "line 2: is not KEY=VALUE",
        "mode: is no key (line 3); the nearest is MODE",
    )
    assert [(problem.split(":")[0], problem.rsplit("(")[-1]) for problem in found[3:]] == [
        ("timezone", "TIMEZONE)"),
        ("language", "VOIPMON_LANGUAGE)"),
        ("smtp.port", "SMTP_PORT)"),
        ("smtp.sender", "EMAIL_SERVICE)"),
        ("access.whitelist", "WHITELIST)"),
    ]
    assert "s3cret" not in str(caught.value)


def test_the_environment_overrides_an_old_file(load_old: Load) -> None:
    loaded = load_old(
        *NEEDED[:2],
        "SMTP_PORT=587",
        environ={
            "VOIPMON_SMTP__PORT": "465",
            "VOIPMON_PUBLISH__BASE_URL": "https://voip.example.com",
            "VOIPMON_MODE": "slave",
        },
    )

    assert (loaded.config.smtp.port, loaded.config.smtp.security) == (465, "tls")
    assert loaded.notices == ()


def test_an_old_file_with_a_password_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "monitor_config.txt"
    path.write_text("\n".join((*NEEDED, "EMAIL_PASSWORD=s3cret")))
    path.chmod(0o644)

    (notice,) = load_config(path, {}).notices

    assert "can be read by others" in notice
    assert "s3cret" not in notice


# As TOML


def test_an_old_file_as_toml_says_where_the_password_goes(tmp_path: Path) -> None:
    path = tmp_path / "monitor_config.txt"
    path.write_text("\n".join((*NEEDED, "EMAIL_PASSWORD=s3cret", "LOG_FILE=/var/log/x")))

    toml = migrate(path)

    assert "s3cret" not in toml
    assert toml.count('password_file = "/etc/voipmon/mail-password"') == 2
    assert "alone on one line, and give the file mode 0600\npassword_file" in toml
    assert "# LOG_FILE: is ignored" in toml
    assert 'host = "smtp.example.com"  # SMTP_SERVER' in toml


def test_a_wrong_old_file_is_not_made_into_wrong_toml(tmp_path: Path) -> None:
    path = tmp_path / "monitor_config.txt"
    path.write_text("\n".join((*NEEDED, "SMTP_PORT=0", "WHITELLIST=x")))

    with pytest.raises(ConfigError) as caught:
        migrate(path)

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["WHITELLIST", "smtp.port"]


def test_any_name_may_be_migrated(tmp_path: Path) -> None:
    path = tmp_path / "monitor_config"
    path.write_text("\n".join(NEEDED))

    assert tomllib.loads(migrate(path))["smtp"]["host"] == "smtp.example.com"


HOSTS = st.sampled_from(["smtp.example.com", "mail.company.example.com", "localhost", "127.0.0.1", "192.0.2.9"])
LABELS = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
ADDRESSES = st.builds("{}@{}.example.com".format, LABELS, LABELS)
PATHS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="#"), min_size=1, max_size=12).map(
    "/srv/{}".format
)
OLD_FILES = st.fixed_dictionaries(
    {"EMAIL_SERVICE": ADDRESSES, "SMTP_SERVER": HOSTS, "BASE_URL": st.just("https://voip.example.com/audios")},
    optional={
        "MODE": st.sampled_from(["master", "SLAVE", "Master"]),
        "EMAIL_PASSWORD": st.text(st.characters(codec="ascii", exclude_categories=("C",)), max_size=12),
        "WHITELIST": st.lists(ADDRESSES | LABELS.map("@{}.example.com".format), max_size=4).map("; ".join),
        "SMTP_PORT": st.integers(1, 65535).map(str),
        "IMAP_SERVER": HOSTS,
        "IMAP_PORT": st.sampled_from(["143", "993", "0993", "1143"]),
        "ADMIN_EMAIL": ADDRESSES,
        "QUEUE_DIR": PATHS,
        "AUDIO_DIR": PATHS,
        "PUBLISH_DIR": PATHS,
        "STATE_DIR": PATHS,
        "TIMEZONE": st.sampled_from(["America/Manaus", "UTC"]),
        **dict.fromkeys(IGNORED, PATHS),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OLD_FILES)
@example(
    {
        "EMAIL_SERVICE": "a@b.example.com",
        "SMTP_SERVER": "smtp.example.com",
        "BASE_URL": "https://a",
        "QUEUE_DIR": '/srv/"\\ç',
    }
)
def test_an_old_file_and_its_toml_are_the_same_apart_from_the_secret(tmp_path: Path, values: dict[str, str]) -> None:
    old, new = tmp_path / "monitor_config.txt", tmp_path / "voipmon.toml"
    old.write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    new.write_text(migrate(old))

    assert without_secrets(load_config(new, {}).config) == without_secrets(load_config(old, {}).config)


@given(st.text() | st.lists(st.sampled_from([*SPELLINGS.values(), "=", " ", "'", '"', "#", "x", "\n"])).map("".join))
def test_no_text_stops_the_reading_of_an_old_file(text: str) -> None:
    old = read_legacy(text)
    complete(old.data, lambda: "audio.example.com")

    assert all(problem.isprintable() for problem in old.problems)
    assert old.data["publish"]["base_url"]


def without_secrets(config: Config) -> Config:
    servers = {
        name: getattr(config, name).model_copy(update={"password": None, "password_file": None})
        for name in ("imap", "smtp")
    }
    return config.model_copy(update=servers)
