"""A pass that finds nothing to do starts every three minutes, on every host, for years: it loads only what it uses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.canary import own
from support.world import MANAGER, World

_VENDORS = {
    "asyncio", "authres", "imapclient", "imaplib", "jinja2", "markupsafe", "sqlite3", "smtplib", "ssl", "tinytag",
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "used"),
    [("process-queue", set()), ("monitor", set()), ("select-audios --refresh", {"sqlite3"}), ("check-config", set())],
)
def test_an_idle_command_imports_no_vendor_it_does_not_use(slave: World, command: str, used: set[str]) -> None:
    assert imported(slave, *command.split()) & {*_VENDORS, "voipmon"} == {*used, "voipmon"}


@pytest.mark.parametrize(
    "command",
    ["process-queue", "select-audios --refresh", "select-audios --dry-run --ramais 1121 --inicio ontem"],
)
def test_a_configuration_that_was_checked_before_is_not_checked_again(slave: World, command: str) -> None:
    slave.record("internal-1121-1122-20251027-175340-1761598420.123.mp3")
    assert "pydantic" in imported(slave, *command.split())

    assert "pydantic" not in imported(slave, *command.split())


def test_a_pass_that_answers_a_request_builds_no_models_either(slave: World) -> None:
    slave.record("internal-1121-1122-20251027-175340-1761598420.123.mp3")
    slave.run("queue", "add", "--ramais=1121", "--inicio=27/10/2025", "--fim=27/10/2025", f"--email={MANAGER}")

    loaded = imported(slave, "process-queue")

    assert len(slave.mails) == 1
    assert "jinja2" in loaded
    assert "pydantic" not in loaded


def test_nor_does_a_pass_over_a_mailbox_whose_password_lies_in_a_file(world: World, tmp_path: Path) -> None:
    word = own(tmp_path / "word")
    word.write_text(str(world.settings.pop("imap.password")))
    word.chmod(0o600)
    world.settings["imap.password_file"] = str(word)
    world.run("init")

    loaded = imported(world, "monitor")

    assert "imapclient" in loaded
    assert "pydantic" not in loaded


def imported(world: World, *command: str) -> set[str]:
    """Return the packages that a command imports."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "voipmon", "--config", str(world.config), *command],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "COVERAGE_PROCESS_START"},
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return {name.partition(".")[0] for name in re.findall(r"\|\s+(\S+)$", ended.stderr, re.MULTILINE)}


def test_help_reads_no_configuration_and_loads_no_models() -> None:
    program = "import sys; from voipmon.cli import run; run(['--version']); print('pydantic' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "False"
