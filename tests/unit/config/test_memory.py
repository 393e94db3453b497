"""A configuration that is remembered is the one that would be read, and it is forgotten as soon as anything changes."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.canary import own, secret

from voipmon.config import memory
from voipmon.config.memory import recall, remember
from voipmon.config.model import Config
from voipmon.config.sources import Loaded, load_config

Recall = Callable[..., Config | None]
PASSWORD = secret("remembered")
EXAMPLE = Path(__file__).parents[3] / "config" / "voipmon.example.toml"
NEEDED = f"""
smtp.host = "smtp.example.com"
smtp.sender = "voip.audios@example.com"
smtp.password = "{PASSWORD}"
publish.base_url = "https://voip.example.com/audios"
recordings.settle = "90s"
recordings.timezone = "Europe/Lisbon"
access.whitelist = ["manager@example.com", "@company.example.com"]
"""


def never() -> Config:
    raise AssertionError("it is checked again")


class Machine:
    """A configuration file and its state folder."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.tenants = folder / "tenants.d"
        self.tenants.mkdir()
        self.tenant("acme", 2000)
        self.path = own(folder / "voipmon.toml")
        self.path.write_text(f'state_dir = "{self.state}"{NEEDED}')
        self.path.chmod(0o600)
        self.environ: dict[str, str] = {}

    def tenant(self, name: str, extension: int) -> Path:
        file = self.tenants / f"{name}.toml"
        file.write_text(f'name = "{name}"\nsenders = ["@{name}.example.com"]\nextensions = [{extension}]\n')
        return file

    def check(self) -> Loaded:
        loaded = load_config(self.path, self.environ)
        remember(self.path, self.environ, loaded)
        return loaded

    def recall(self) -> Config | None:
        recalled = recall(self.path, self.environ, never)
        return recalled and recalled[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def plain(config: object) -> dict[str, object]:
    """Return what a configuration says but for the servers: by section and key, with the types of its values."""
    found = {}
    tenants = [dict(vars(tenant)) | {"limits": dict(vars(tenant.limits))} for tenant in getattr(config, "tenants")]  # noqa: B009
    for name in Config.model_fields.keys() - {"imap", "smtp", "tenants"}:
        value = getattr(config, name)
        names = {"mode", "instance", "timezone", "language", "admin", "state_dir"}
        found[name] = value if name in names else dict(vars(value))
    return found | {"tenants": tenants}


@pytest.mark.parametrize("example", [False, True])
def test_what_is_remembered_is_what_was_checked(machine: Machine, example: bool) -> None:
    if example:
        text = EXAMPLE.read_text().replace('state_dir = "/var/lib/voipmon"', f'state_dir = "{machine.state}"')
        machine.path.write_text(text)
        shutil.copy(EXAMPLE.parent / "tenant.example.toml", machine.tenants / "example.toml")
    checked = machine.check().config

    recalled = machine.recall()

    assert recalled is not None
    assert plain(recalled) == plain(checked)


def test_who_may_lead_is_remembered(machine: Machine) -> None:
    with machine.path.open("a") as file:
        file.write('instance = "audio"\n[imap]\nhost = "imap.example.com"\nuser = "voip"\n')
        file.write(f'password = "{PASSWORD}"\n')
        file.write('[failover]\npeers = ["audio", "audio2"]\ntake_over_after = "20m"\n')
    machine.check()

    recalled = machine.recall()

    assert recalled is not None
    assert recalled.failover.peers == ("audio", "audio2")
    assert recalled.failover.take_over_after == timedelta(minutes=20)


def test_notices_are_given_again(machine: Machine) -> None:
    machine.path.chmod(0o644)
    notices = machine.check().notices

    recalled = recall(machine.path, machine.environ, never)

    assert recalled is not None
    assert recalled[1] == notices
    assert len(notices) == 1


def test_no_secret_is_written_and_a_section_that_holds_one_is_read_when_it_is_asked_for(machine: Machine) -> None:
    loaded = machine.check()

    recalled = recall(machine.path, machine.environ, lambda: loaded.config)

    assert PASSWORD not in (machine.state / "configuration.json").read_text()
    assert recalled is not None
    assert recalled[0].smtp is loaded.config.smtp


def test_a_server_whose_password_lies_elsewhere_is_remembered(machine: Machine) -> None:
    machine.path.write_text(machine.path.read_text().replace(f'password = "{PASSWORD}"', 'password_file = "/etc/word"'))
    checked = machine.check().config

    recalled = machine.recall()

    assert recalled is not None
    assert vars(recalled.smtp) == dict(checked.smtp)
    assert vars(recalled.imap) == dict(checked.imap)


def test_both_servers_come_from_one_reading(machine: Machine) -> None:
    with machine.path.open("a") as file:
        file.write(f'[imap]\nhost = "imap.example.com"\nuser = "voip"\npassword = "{PASSWORD}"\n')
    loaded = machine.check()
    readings = []

    recalled = recall(machine.path, machine.environ, lambda: readings.append(1) or loaded.config)  # type: ignore[func-returns-value]

    assert recalled is not None
    assert recalled[0].imap is loaded.config.imap
    assert recalled[0].smtp is loaded.config.smtp
    assert readings == [1]


def test_a_command_that_gives_a_token_is_not_written(machine: Machine) -> None:
    with machine.path.open("a") as file:
        file.write('[imap]\nauth = "xoauth2"\ntoken_command = "/usr/local/bin/token"\n')
    loaded = machine.check()

    recalled = recall(machine.path, machine.environ, lambda: loaded.config)

    assert "bin/token" not in (machine.state / "configuration.json").read_text()
    assert recalled is not None
    assert recalled[0].imap is loaded.config.imap


def test_what_there_is_not_is_an_error_and_nothing_can_be_changed(machine: Machine) -> None:
    machine.check()
    config = machine.recall()

    with pytest.raises(AttributeError):
        config.telephony  # type: ignore[union-attr]  # noqa: B018
    with pytest.raises(AttributeError):
        config.mode = "master"  # type: ignore[union-attr, misc]


def _edit(machine: Machine) -> None:
    machine.path.write_text(machine.path.read_text().replace("90s", "91s"))


def _set_in_the_environment(machine: Machine) -> None:
    machine.environ["VOIPMON_LIMITS__MAX_DAYS"] = "3"


def _open_to_others(machine: Machine) -> None:
    machine.path.chmod(0o644)


def _add_a_tenant(machine: Machine) -> None:
    machine.tenant("zenith", 2001)


def _change_a_tenant(machine: Machine) -> None:
    machine.tenant("acme", 1122)


def _replace_a_tenant_and_keep_its_time(machine: Machine) -> None:
    file = machine.tenants / "acme.toml"
    before = file.stat()
    machine.tenant("new", 1122).rename(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _remove_a_tenant(machine: Machine) -> None:
    (machine.tenants / "acme.toml").unlink()


def _remove_all_tenants(machine: Machine) -> None:
    shutil.rmtree(machine.tenants)


def _garble(machine: Machine) -> None:
    (machine.state / "configuration.json").write_text('{"of": 1')


def _empty(machine: Machine) -> None:
    (machine.state / "configuration.json").write_text("{}")


def _let_others_write(machine: Machine) -> None:
    (machine.state / "configuration.json").chmod(0o666)


def _replace_by_a_link(machine: Machine) -> None:
    file = machine.state / "configuration.json"
    file.rename(machine.state / "elsewhere")
    file.symlink_to("elsewhere")


def _lose(machine: Machine) -> None:
    shutil.rmtree(machine.state)


def _name_a_zone_that_is_gone(machine: Machine) -> None:
    file = machine.state / "configuration.json"
    file.write_text(file.read_text().replace("Europe/Lisbon", "Europe/Atlantis"))


@pytest.mark.parametrize(
    "change",
    [
        _edit, _set_in_the_environment, _add_a_tenant, _change_a_tenant, _replace_a_tenant_and_keep_its_time,
        _remove_a_tenant, _remove_all_tenants, _open_to_others, _garble, _empty, _let_others_write,
        _replace_by_a_link, _lose, _name_a_zone_that_is_gone,
    ],
)  # fmt: skip
def test_whatever_changes_is_checked_again(machine: Machine, change: Callable[[Machine], None]) -> None:
    machine.check()
    assert machine.recall() is not None

    change(machine)

    assert machine.recall() is None


def test_a_tenant_that_changes_while_it_is_read_is_checked_again(machine: Machine) -> None:
    loaded = load_config(machine.path, machine.environ)
    _change_a_tenant(machine)

    remember(machine.path, machine.environ, loaded)

    assert machine.recall() is None


def test_another_version_of_the_program_checks_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.check()

    monkeypatch.setattr(memory.voipmon, "__version__", "9.9.9")

    assert machine.recall() is None


def test_what_another_user_wrote_is_not_believed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.check()

    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    assert machine.recall() is None


def test_in_the_folder_of_another_user_nothing_is_left(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    machine.check()

    assert list(machine.state.iterdir()) == []


def test_without_a_state_folder_nothing_is_remembered_and_nothing_fails(machine: Machine) -> None:
    machine.state.rmdir()

    machine.check()

    assert machine.recall() is None
    assert not machine.state.exists()


def test_a_state_folder_that_is_named_in_the_environment_is_found(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    machine.environ["VOIPMON_STATE_DIR"] = str(tmp_path / "other")

    machine.check()

    config = machine.recall()
    assert config is not None
    assert config.state_dir == tmp_path / "other"


def test_an_old_file_is_read_each_time(machine: Machine, tmp_path: Path) -> None:
    machine.environ["VOIPMON_STATE_DIR"] = str(machine.state)
    machine.path = tmp_path / "monitor_config.txt"
    machine.path.write_text(
        "EMAIL_SERVICE=voip@example.com\nSMTP_SERVER=smtp.example.com\nBASE_URL=https://x.example.com"
    )

    machine.check()

    assert machine.recall() is None


def test_the_memory_can_be_read_by_its_owner_alone(machine: Machine) -> None:
    machine.check()

    file = machine.state / "configuration.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["values"]["state_dir"] == {"path": str(machine.state)}
