"""The units, read as files and by systemd-analyze; tests/systemd boots them."""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from voipmon.errors import ExitCode

UNITS = Path(__file__).parents[2] / "systemd"
NAMES = ("monitor", "process-queue", "select-audios")
SERVICES = [f"voipmon-{name}.service" for name in NAMES]
TIMERS = [f"voipmon-{name}.timer" for name in NAMES]
WATCH = "voipmon-monitor-watch.service"
STAYING = {"Type", "WatchdogSec", "TimeoutStopSec", "Restart", "RestartSec", "RestartPreventExitStatus"}
"""What a service that stays has of its own."""
# What a pass is for decides these; every other line of [Service] is the same in all units.
OWN = {
    "ExecStart",
    "TimeoutStartSec",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "Nice",
    "IOSchedulingPriority",
    "PrivateNetwork",
    "IPAddressDeny",
    "RestrictAddressFamilies",
}

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd"
)


def directives(unit: str, section: str) -> list[tuple[str, str]]:
    """Return the lines `Key=value` of a section, in their order."""
    text = (UNITS / unit).read_text()
    body = re.search(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE)
    lines = body[1].splitlines() if body else []
    return [(key, value) for key, sign, value in (line.partition("=") for line in lines if line[:1] != "#") if sign]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@needs_systemd
@pytest.mark.parametrize("drop_in", [False, True])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, *, drop_in: bool) -> None:
    program = tmp_path / "voipmon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS.glob("voipmon-*"):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/voipmon", str(program)))
    units = sorted(tmp_path.glob("voipmon-*"))
    if drop_in:
        for service in (*SERVICES, WATCH):
            (tmp_path / f"{service}.d").mkdir()
            shutil.copy(UNITS / "drop-ins/mail-password.conf", tmp_path / f"{service}.d")

    outcome = analyze("verify", "--recursive-errors=no", *units)

    assert outcome.returncode == 0, outcome.stderr


@needs_systemd
@pytest.mark.parametrize(("service", "tenths"), list(zip((*SERVICES, WATCH), (13, 13, 5, 13), strict=True)))
def test_a_unit_exposes_little(service: str, tenths: int) -> None:
    outcome = analyze("security", "--offline=true", f"--threshold={tenths}", "--no-pager", UNITS / service)

    assert outcome.returncode == 0, outcome.stdout


def test_every_timer_starts_the_service_of_its_name() -> None:
    assert sorted(unit.name for unit in UNITS.glob("*.timer")) == sorted(TIMERS)
    assert sorted(unit.name for unit in UNITS.glob("*.service")) == sorted([*SERVICES, WATCH])
    for timer in TIMERS:
        assert "Unit" not in dict(directives(timer, "Timer"))
        assert directives(timer, "Install") == [("WantedBy", "timers.target")]


@pytest.mark.parametrize(("timer", "boot"), list(zip(TIMERS, ("1min", "2min", "2min"), strict=True)))
def test_a_timer_runs_soon_after_boot_and_then_every_three_minutes(timer: str, boot: str) -> None:
    assert directives(timer, "Timer") == [
        ("OnBootSec", boot),
        ("OnUnitActiveSec", "3min"),
        ("AccuracySec", "1s"),
    ]


@pytest.mark.parametrize("unit", [*TIMERS, "voipmon-process-queue.path"])
def test_nothing_drags_a_service_in_at_boot(unit: str) -> None:
    assert {key for key, _ in directives(unit, "Unit")} == {"Description"}


def test_a_request_starts_a_pass_by_arriving_and_not_by_being_there() -> None:
    assert directives("voipmon-process-queue.path", "Path") == [("PathChanged", "/var/spool/voipmon/pending")]
    assert directives("voipmon-process-queue.path", "Install") == [("WantedBy", "paths.target")]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_one_pass_of_the_command_it_is_named_after(service: str) -> None:
    facts = dict(directives(service, "Service"))
    name = service.removeprefix("voipmon-").removesuffix(".service")

    assert facts["Type"] == "oneshot"
    assert facts["ExecStart"].split()[:2] == ["/usr/bin/voipmon", name]
    assert "[Install]" not in (UNITS / service).read_text()


def test_all_services_are_hardened_alike() -> None:
    monitor, *others = ([line for line in directives(unit, "Service") if line[0] not in OWN] for unit in SERVICES)

    assert others == [monitor, monitor]


def test_what_watches_the_mailbox_may_do_what_a_pass_of_monitor_may_and_no_more() -> None:
    monitor, watch = (directives(unit, "Service") for unit in ("voipmon-monitor.service", WATCH))
    own = STAYING | {"ExecStart", "TimeoutStartSec"}

    assert [line for line in watch if line[0] not in own] == [line for line in monitor if line[0] not in own]
    assert dict(watch)["ExecStart"] == f"{dict(monitor)['ExecStart']} --watch"


def test_the_watch_and_the_timer_of_monitor_are_never_at_work_together() -> None:
    assert ("Conflicts", "voipmon-monitor.timer") in directives(WATCH, "Unit")
    assert directives(WATCH, "Install") == [("WantedBy", "multi-user.target")]


def test_what_watches_the_mailbox_is_started_again_unless_somebody_has_to_mend_something() -> None:
    facts = dict(directives(WATCH, "Service"))

    assert facts["Type"] == "notify"
    assert facts["Restart"] == "on-failure"  # a slave ends well, and is not started again and again
    assert facts["RestartPreventExitStatus"] == str(int(ExitCode.BAD_PARAMETERS))


def test_only_a_unit_that_sends_mail_has_a_network() -> None:
    networks = {unit: dict(directives(unit, "Service")).get("PrivateNetwork") for unit in SERVICES}

    assert networks == dict(zip(SERVICES, (None, None, "yes"), strict=True))


@pytest.mark.parametrize("service", [*SERVICES, WATCH])
def test_a_missing_folder_does_not_keep_a_unit_from_starting(service: str) -> None:
    folders = [value for key, value in directives(service, "Service") if key.endswith("Paths")]

    assert folders
    assert all(folder.startswith("-") for value in folders for folder in value.split())


@pytest.mark.parametrize("service", [*SERVICES, WATCH])
def test_every_line_of_a_service_says_what_it_is_for(service: str) -> None:
    lines = (UNITS / service).read_text().partition("[Service]\n")[2].partition("\n[Install]\n")[0].splitlines()

    bare = [line for before, line in pairwise(["", *lines]) if line[:1] not in ("", "#") and before[:1] != "#"]

    assert bare == []


def test_a_password_file_that_is_missing_cannot_stop_the_units_as_they_are() -> None:
    assert not any("Credential" in key for unit in (*SERVICES, WATCH) for key, _ in directives(unit, "Service"))
    assert directives("drop-ins/mail-password.conf", "Service") == [
        ("LoadCredential", "mail-password:/etc/voipmon/mail-password")
    ]
