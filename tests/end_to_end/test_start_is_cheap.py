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
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "voipmon", "--config", str(slave.config), *command.split()],
        capture_output=True,
        text=True,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "COVERAGE_PROCESS_START"},
    )

    imported = {name.partition(".")[0] for name in re.findall(r"\|\s+(\S+)$", ended.stderr, re.MULTILINE)}
    assert "voipmon" in imported
    assert imported & _VENDORS == used


def test_help_reads_no_configuration_and_loads_no_models() -> None:
    program = "import sys; from voipmon.cli import run; run(['--version']); print('pydantic' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "False"
