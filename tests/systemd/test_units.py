"""The units in a real systemd, started as they will be, with the real program and with one that tries what it may."""

import base64
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.audio import mp3
from support.systemd_box import Box, missing

ROOT = Path(__file__).parents[2]
SERVICES = ("voipmon-monitor", "voipmon-process-queue", "voipmon-select-audios")
QUEUE = "/var/spool/voipmon"

# Installed as the units expect it: a virtual environment below /opt, whose Python is not under /root or /home.
PROGRAM = """\
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/voipmon/src PYTHONDONTWRITEBYTECODE=1
exec /opt/voipmon/bin/python "$@"
"""
CONFIGURATION = """\
mode = "slave"
[smtp]
host = "127.0.0.1"
port = 25
security = "plain"
sender = "voip.audios@example.com"
[access]
whitelist = ["manager@example.com"]
[publish]
base_url = "https://voip.example.com/audios"
"""
REQUEST = {
    "from_email": "manager@example.com",
    "parameters": {"ramais": "1121,1122", "inicio": "27/10/2025 00:00", "fim": "27/10/2025 23:59"},
}
QUICK = """\
[Timer]
OnBootSec=
OnActiveSec=1s
OnUnitActiveSec=2s
AccuracySec=100ms
"""
# Tries to do each thing, and says which it could.
PROBE = """\
import json, os, pathlib, socket, sys

def write(folder):
    (pathlib.Path(folder) / "probe").write_text("x")

def give_away(folder):
    write(folder)
    os.chown(pathlib.Path(folder) / "probe", -1, 33)

def connect():
    try:
        socket.create_connection(("127.0.0.1", 25)).close()
    except ConnectionRefusedError:
        pass  # nobody listens there, but asking was allowed

attempts = {
    "write the system": lambda: write("/usr/local"),
    "write the configuration": lambda: write("/etc/voipmon"),
    "write the queue": lambda: write("/var/spool/voipmon"),
    "write the state": lambda: write("/var/lib/voipmon"),
    "write the publications": lambda: write("/var/www/html/audios"),
    "write the recordings": lambda: write("/var/www/html/2p"),
    "read the recordings": lambda: next(pathlib.Path("/var/www/html/2p").glob("*.mp3")).read_bytes(),
    "read the configuration": lambda: pathlib.Path("/etc/voipmon/voipmon.toml").read_text(),
    "read the password's file": lambda: pathlib.Path("/etc/voipmon/mail-password").read_text(),
    "see the homes": lambda: next(pathlib.Path("/home").iterdir()),
    "see other processes": lambda: pathlib.Path("/proc/1/stat").read_text(),
    "connect": connect,
    "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "give a file to a group": lambda: give_away("/var/lib/voipmon"),
}
able = []
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, StopIteration):
        continue
    able.append(name)
secret = pathlib.Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere"), "mail-password")
print("able", json.dumps(able), flush=True)
print("password", secret.read_text() if secret.exists() else None, flush=True)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Box]:
    """A host on which voipmon is installed and nothing of it is enabled yet."""
    if reason := missing():
        pytest.skip(reason)
    packages = Path(sysconfig.get_path("purelib"))
    place = f"/opt/voipmon/lib/{packages.parent.name}/site-packages"
    shared = {
        "/opt/python": Path(sys.base_prefix),
        place: packages,
        "/opt/voipmon/src": ROOT / "src",
        "/opt/voipmon/systemd": ROOT / "systemd",
    }
    with Box(tmp_path, shared).running() as box:
        install(box)
        yield box


def install(box: Box) -> None:
    python = f"/opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    box.write("/opt/voipmon/pyvenv.cfg", "home = /opt/python/bin\n")
    box.run("sh", "-c", f"mkdir -p /opt/voipmon/bin && ln -s {python} /opt/voipmon/bin/python")
    box.write("/usr/bin/voipmon", PROGRAM.replace('"$@"', '-m voipmon "$@"'), mode="755")
    units = "/opt/voipmon/systemd"
    box.run("sh", "-c", f"cp {units}/voipmon-* /etc/systemd/system && systemctl daemon-reload")
    box.run("systemd-sysusers", f"{units}/sysusers.d/voipmon.conf")
    box.run("systemd-tmpfiles", "--create", f"{units}/tmpfiles.d/voipmon.conf")
    box.write("/etc/voipmon/voipmon.toml", CONFIGURATION, mode="640", owner="root:voipmon")
    box.run("sh", "-c", "mkdir -p /home/somebody /var/www/html/2p")


def enable(box: Box, *units: str) -> None:
    box.run("systemctl", "enable", "--now", *units)


def record(box: Box) -> None:
    audio = base64.b64encode(mp3(3)).decode()
    write = 'mkdir -p "${1%/*}" && base64 --decode >"$1" && touch -d 2025-10-27 "$1"'
    path = "/var/www/html/2p/internal-1121-1122-20251027-090000-1761566400.1.mp3"
    box.run("sh", "-c", write, "sh", path, given=audio)


def drop(box: Box, identity: str) -> None:
    box.write(f"{QUEUE}/pending/{identity}.json", json.dumps({"request_id": identity, **REQUEST}))


def start(box: Box, service: str) -> None:
    """Run one pass of the service to its end."""
    done = box.run("systemctl", "start", f"{service}.service", check=False)
    assert done.returncode == 0, box.journal(f"{service}.service")


def names(box: Box, folder: str) -> list[str]:
    return box.run("ls", folder, check=False).stdout.split()


def passes(box: Box, service: str) -> int:
    return box.journal(f"{service}.service").count("Deactivated successfully")


def probe(box: Box, service: str) -> tuple[set[str], str]:
    """Run the service with a program that tries everything; return what it could do, and the password it saw."""
    box.write("/opt/voipmon/probe.py", PROBE)
    box.write("/usr/bin/voipmon", PROGRAM.replace('"$@"', "/opt/voipmon/probe.py"), mode="755")
    start(box, service)
    said = box.run("journalctl", "--output=cat", f"--unit={service}.service").stdout.splitlines()
    able, password = (line.partition(" ")[2] for line in said if line.startswith(("able ", "password ")))
    return set(json.loads(able)), password


def test_enabling_the_timers_plans_their_first_pass_and_starts_nothing(machine: Box) -> None:
    timers = [f"{service}.timer" for service in SERVICES]

    enable(machine, *timers)

    listed = machine.run("systemctl", "list-timers", "--no-pager").stdout
    assert all(timer in listed for timer in timers)
    for timer, boot in zip(timers, ("1min", "2min", "2min"), strict=True):
        planned = machine.run("systemctl", "show", "--property=TimersMonotonic", timer).stdout
        assert f"OnBootUSec={boot} ;" in planned
        assert "OnUnitActiveUSec=3min ;" in planned
    assert [passes(machine, service) for service in SERVICES] == [0, 0, 0]


def test_every_timer_starts_its_pass_again_and_again(machine: Box) -> None:
    for service in SERVICES:
        machine.write(f"/etc/systemd/system/{service}.timer.d/quick.conf", QUICK)
    machine.run("systemctl", "daemon-reload")

    enable(machine, *(f"{service}.timer" for service in SERVICES))

    for service in SERVICES:
        twice = machine.wait_until(lambda service=service: passes(machine, service) >= 2, 30)
        assert twice, machine.journal(f"{service}.service")
    assert machine.run("systemctl", "is-system-running").stdout.strip() == "running"


def test_a_request_dropped_into_the_queue_is_answered_at_once(machine: Box) -> None:
    record(machine)
    enable(machine, "voipmon-process-queue.path")

    drop(machine, "test_20251111_001")

    answered = machine.wait_until(lambda: names(machine, f"{QUEUE}/completed") != [], 20)
    assert answered, machine.journal("voipmon-process-queue.service")
    assert names(machine, f"{QUEUE}/completed") == ["test_20251111_001.json"]
    assert names(machine, f"{QUEUE}/pending") == []


def test_the_web_server_can_read_a_publication_and_not_list_them(machine: Box) -> None:
    record(machine)
    drop(machine, "test_20251111_001")

    start(machine, "voipmon-process-queue")

    page = machine.run("sh", "-c", "ls /var/www/html/audios/*/index.html").stdout.strip()
    audio = page.replace("index.html", "0001.mp3")
    assert machine.run("runuser", "-u", "www-data", "--", "cat", page).stdout.startswith("<!")
    assert machine.run("runuser", "-u", "www-data", "--", "test", "-r", audio).returncode == 0
    assert machine.run("runuser", "-u", "www-data", "--", "ls", "/var/www/html/audios", check=False).returncode
    assert machine.run("runuser", "-u", "nobody", "--", "cat", page, check=False).returncode != 0


def test_many_requests_one_by_one_do_not_put_the_path_unit_out_of_service(machine: Box) -> None:
    record(machine)
    enable(machine, "voipmon-process-queue.path")

    for number in range(8):  # systemd allows five starts in ten seconds
        before = passes(machine, "voipmon-process-queue")
        drop(machine, f"test-{number:02}")
        done = machine.wait_until(lambda before=before: passes(machine, "voipmon-process-queue") > before, 10)
        assert done, machine.journal("voipmon-process-queue.service")

    assert len(names(machine, f"{QUEUE}/completed")) == 8
    assert machine.run("systemctl", "is-active", "voipmon-process-queue.path").stdout.strip() == "active"


def test_monitor_in_slave_mode_is_a_pass_that_succeeds(machine: Box) -> None:
    start(machine, "voipmon-monitor")

    assert "slave" in machine.journal("voipmon-monitor.service")


def test_the_commands_write_the_queue_the_state_and_the_publications_only(machine: Box) -> None:
    record(machine)
    drop(machine, "test_20251111_001")
    before = machine.written()

    for service in SERVICES:
        start(machine, service)

    written = [path for path, changed in machine.written().items() if before.get(path) != changed]
    allowed = (f"{QUEUE}/", "/var/lib/voipmon/", "/var/www/html/audios/")
    assert [path for path in written if not path.startswith(allowed)] == []
    assert any(path.startswith("/var/www/html/audios/") for path in written)


def test_a_pass_by_hand_as_root_leaves_nothing_that_a_unit_cannot_open(machine: Box) -> None:
    record(machine)
    drop(machine, "by-hand")
    machine.run("voipmon", "process-queue")
    drop(machine, "by-timer")

    start(machine, "voipmon-process-queue")

    assert names(machine, f"{QUEUE}/completed") == ["by-hand.json", "by-timer.json"]
    foreign = machine.run("find", QUEUE, "/var/lib/voipmon", "/var/www/html/audios", "-not", "-user", "voipmon")
    assert foreign.stdout == ""


@pytest.mark.parametrize(
    ("service", "able"),
    [
        ("voipmon-monitor", {"write the queue", "connect"}),
        (
            "voipmon-process-queue",
            {"write the queue", "write the publications", "read the recordings", "connect"},
        ),
        ("voipmon-select-audios", {"read the recordings"}),
    ],
)
def test_a_unit_can_do_what_its_pass_needs_and_nothing_else(machine: Box, service: str, able: set[str]) -> None:
    record(machine)
    machine.write("/etc/voipmon/mail-password", "secret", mode="600")

    could, _ = probe(machine, service)

    assert could == able | {"write the state", "read the configuration"}


def test_the_password_comes_from_a_file_only_root_can_read(machine: Box) -> None:
    machine.write("/etc/voipmon/mail-password", "secret", mode="600")
    hand_over_the_password(machine)

    could, password = probe(machine, "voipmon-monitor")

    assert password == "secret"
    assert "read the password's file" not in could


def test_the_password_drop_in_without_its_file_keeps_the_unit_from_starting(machine: Box) -> None:
    hand_over_the_password(machine)

    assert machine.run("systemctl", "start", "voipmon-monitor.service", check=False).returncode != 0


def hand_over_the_password(box: Box) -> None:
    folder = "/etc/systemd/system/voipmon-monitor.service.d"
    box.run("install", "-D", "-t", folder, "/opt/voipmon/systemd/drop-ins/mail-password.conf")
    box.run("systemctl", "daemon-reload")
