"""The commands that show an admin what voipmon sees."""

import json
from pathlib import Path

import pytest
from support.canary import own, secret
from support.world import SUBJECT, World

_SECRET = secret("old file")
_OLD_FILE = f"""\
# monitor_config.txt
EMAIL_SERVICE=voip.audios@example.com
EMAIL_PASSWORD={_SECRET}
WHITELIST=manager@example.com, other@example.com
SMTP_SERVER=smtp.example.com
SMTP_PORT=587
BASE_URL=https://voip.example.com/audios
QUEUE_DIR=/var/spool/voipmon
PROCESSOR_SCRIPT=/opt/old/queue_processor.py
MODE=master
"""


def test_a_subject_is_shown_as_it_is_read(slave: World) -> None:
    shown = slave.run("subject", SUBJECT)
    as_json = json.loads(slave.run("subject", SUBJECT, "--json").stdout)

    assert "1121, 1122" in shown.stdout
    assert as_json == {
        "ramais": ["1121", "1122"],
        "inicio": "2025-10-27T08:00:00-03:00",
        "fim": "2025-10-28T18:00:59-03:00",
        "problems": [],
    }


def test_relative_days_of_a_subject_are_counted_from_the_time_given(slave: World) -> None:
    command = ("subject", "RAMAIS=1121 INICIO=ontem FIM=hoje", "--json", "--at")

    read = json.loads(slave.run(*command, "2025-11-11 10:00:00").stdout)

    assert (read["inicio"][:10], read["fim"][:10]) == ("2025-11-10", "2025-11-11")


@pytest.mark.parametrize(
    "subject", ["RAMAIS=1121 INICIO=31/02/2025", "RAMAIS=1121 INICIO=01/01/2025 FIM=31/12/2025", "RAMAIS=x"]
)
def test_a_subject_that_would_be_refused_is_refused_with_its_sentences(slave: World, subject: str) -> None:
    ended = slave.run("subject", subject, "--json", exits=2)

    assert json.loads(ended.stdout)["problems"]


def test_a_subject_without_a_wish_gets_the_guide(slave: World) -> None:
    assert json.loads(slave.run("subject", "AJUDA", "--json").stdout) == {"guide": True, "problems": []}


def test_an_old_file_is_printed_as_a_new_one_without_its_password(slave: World) -> None:
    old = slave.folder / "monitor_config.txt"
    own(old).write_text(_OLD_FILE)

    migrated = slave.run("check-config", "--migrate", str(old)).stdout

    assert _SECRET not in migrated
    new = slave.folder / "new.toml"
    new.write_text(migrated)
    assert _checked(slave, new) == f"{new}: good, mode master\n"
    assert _checked(slave, old) == f"{old}: good, mode master\n"


def test_an_old_file_that_is_wrong_is_migrated_into_its_problems(slave: World) -> None:
    old = slave.folder / "old.txt"
    own(old).write_text(_OLD_FILE + "SMTP_PROT=25\n")

    ended = slave.run("check-config", "--migrate", str(old), exits=2)

    assert "SMTP_PROT" in ended.stdout


def _checked(world: World, config: Path) -> str:
    process = world.start("check-config", config=config)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stdout + stderr
    assert _SECRET not in stderr
    return stdout
