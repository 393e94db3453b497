"""A pass that finds nothing to do starts every three minutes, on every host, for years: it loads only what it uses."""

import os
import re
import subprocess
import sys

import pytest
from support.world import World

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
