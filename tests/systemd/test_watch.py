"""The unit that watches the mailbox, in a real systemd, on a real Dovecot."""

import shutil

import pytest
from support.systemd_box import Box
from support.world import SUBJECT, mail
from systemd.test_units import CONFIGURATION, QUEUE, enable, machine, names, record  # noqa: F401 - `machine` is a fixture

pytestmark = [
    pytest.mark.dovecot,
    pytest.mark.skipif(
        shutil.which("dovecot") is None, reason="Dovecot is not installed (apt-get install dovecot-imapd)"
    ),
]

WATCH = "voipmon-monitor-watch.service"
TIMER = "voipmon-monitor.timer"
IMAP_SECTION = """\
[imap]
host = "127.0.0.1"
port = 143
security = "plain"
user = "voip.audios@example.com"
password = "secret"
"""
MASTER = CONFIGURATION.replace("slave", "master").replace("[access]", '[access]\nverify_sender = "off"') + IMAP_SECTION
DOVECOT = """\
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:/var/mail/requests
log_path = /dev/stderr
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/var/mail
}
"""
IMAP = """\
[Service]
ExecStart=dovecot -F -c /etc/imap.conf
"""
IMPATIENT = """\
[Service]
WatchdogSec=2s
TimeoutStopSec=1s
RestartSec=1s
"""


@pytest.fixture
def master(machine: Box) -> Box:  # noqa: F811
    """The host, in master mode, with an IMAP server on it."""
    machine.write("/etc/voipmon/voipmon.toml", MASTER, mode="640", owner="root:voipmon")
    machine.write("/etc/imap.conf", DOVECOT)
    machine.write("/etc/systemd/system/imap.service", IMAP)
    machine.run("sh", "-c", "mkdir -p /var/mail/requests && chown mail:mail /var/mail/requests")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "imap.service")
    greets = machine.wait_until(lambda: "Dovecot" in machine.journal("imap.service"), 10)
    assert greets, machine.journal("imap.service")
    return machine


def tell(box: Box, property_: str) -> str:
    return box.run("systemctl", "show", "--value", f"--property={property_}", WATCH).stdout.strip()


def is_active(box: Box, unit: str) -> str:
    return box.run("systemctl", "is-active", unit, check=False).stdout.strip()


def deliver(box: Box, raw: bytes) -> None:
    box.write("/var/mail/requests/tmp/1", raw.decode().replace("\r\n", "\n"), owner="mail:mail")
    box.run("sh", "-c", "chown -R mail:mail /var/mail/requests && mv /var/mail/requests/tmp/1 /var/mail/requests/new/1")


def test_a_mail_is_in_the_queue_and_answered_at_once(master: Box) -> None:
    record(master)
    enable(master, WATCH, "voipmon-process-queue.path")
    assert tell(master, "StatusText") == "waiting for mail", master.journal(WATCH)

    deliver(master, mail(SUBJECT))

    answered = master.wait_until(lambda: names(master, f"{QUEUE}/completed") != [], 20)
    assert answered, master.journal(WATCH) + master.journal("voipmon-process-queue.service")


def test_the_watch_and_the_timer_stop_each_other(master: Box) -> None:
    for started, stopped in ((WATCH, TIMER), (TIMER, WATCH), (WATCH, TIMER)):
        master.run("systemctl", "start", started)

        assert is_active(master, started) == "active"
        assert master.wait_until(lambda unit=stopped: is_active(master, unit) == "inactive", 10)


def test_a_stop_is_a_good_end(master: Box) -> None:
    enable(master, WATCH)

    master.run("systemctl", "stop", WATCH)

    assert (tell(master, "ActiveState"), tell(master, "Result")) == ("inactive", "success")
    assert "watch_ended" in master.journal(WATCH)


def test_a_watch_that_makes_no_progress_is_killed_and_started_again(master: Box) -> None:
    master.write(f"/etc/systemd/system/{WATCH}.d/impatient.conf", IMPATIENT)
    master.run("systemctl", "daemon-reload")
    enable(master, WATCH)

    master.run("systemctl", "kill", "--signal=STOP", WATCH)

    again = master.wait_until(lambda: tell(master, "NRestarts") == "1" and tell(master, "SubState") == "running", 30)
    assert again, master.journal(WATCH)
    assert "Watchdog timeout" in master.journal(WATCH)


def test_a_watch_that_goes_on_is_left_alone(master: Box) -> None:
    master.write(f"/etc/systemd/system/{WATCH}.d/impatient.conf", IMPATIENT)
    master.run("systemctl", "daemon-reload")
    enable(master, WATCH)

    assert master.wait_until(lambda: master.journal(WATCH).count("monitor_done") > 4, 30), master.journal(WATCH)

    assert tell(master, "NRestarts") == "0"


def test_a_slave_has_nothing_to_watch_and_is_not_started_again(machine: Box) -> None:  # noqa: F811
    machine.write(f"/etc/systemd/system/{WATCH}.d/impatient.conf", IMPATIENT)
    machine.run("systemctl", "daemon-reload")

    enable(machine, WATCH)

    ended = machine.wait_until(lambda: tell(machine, "ActiveState") == "inactive", 20)
    assert ended, machine.journal(WATCH)
    assert (tell(machine, "Result"), tell(machine, "NRestarts")) == ("success", "0")


def test_a_wrong_configuration_is_not_tried_again(master: Box) -> None:
    master.write("/etc/voipmon/voipmon.toml", "mode = 3\n", mode="640", owner="root:voipmon")

    started = master.run("systemctl", "start", WATCH, check=False)

    assert started.returncode != 0
    assert (tell(master, "ActiveState"), tell(master, "NRestarts")) == ("failed", "0")
    assert "configuration_wrong" in master.journal(WATCH)
