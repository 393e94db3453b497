"""What `voipmon status` tells an admin."""

import json
import os
import shutil
import time

from support.world import MANAGER, SUBJECT, World

_RECORDING = "internal-1121-2001-20251027-080000-1761562800.1.mp3"


def test_status_says_first_whether_all_is_well(slave: World) -> None:
    told = slave.run("status").stdout.splitlines()

    assert told[0] == "audio: all is well"
    assert "\x1b" not in "".join(told)
    assert max(map(len, told)) <= 100


def test_status_names_what_waits_too_long_and_what_is_missing(slave: World) -> None:
    slave.drop("r1.json", {"from_email": MANAGER, "parameters": {}, "created_at": "2025-11-11T11:47:00Z"})
    shutil.rmtree(slave.folder / "recordings")

    told = slave.run("status", exits=3).stdout.splitlines()
    facts = json.loads(slave.run("status", "--json", exits=3).stdout)

    assert told[0] == "audio needs a look:"
    assert "a request that is due has waited for" in told[1]
    assert "recordings.dir is not there" in told[2]
    assert facts["healthy"] is False
    assert len(facts["problems"]) == 2
    assert facts["queue"] == {"pending": 1, "processing": 0, "completed": 0, "failed": 0}
    assert facts["disks"]["recordings.dir"] is None


def test_status_tells_when_mail_was_last_read_and_that_a_letter_waits(world: World) -> None:
    assert "no mail has been read yet" in world.run("status", exits=3).stdout
    world.record(_RECORDING)
    world.receive(SUBJECT)
    world.sink.stop()
    world.run("monitor")

    facts = json.loads(world.run("status", "--json").stdout)

    assert facts["healthy"] is True
    assert facts["mode"] == "master"
    assert facts["mail_read_at"] >= "2025"
    assert facts["outbox"] == {"waiting": 1, "sent": 0, "refused": 0}
    [letter] = (world.folder / "state" / "outbox" / "waiting").glob("*.json")
    hours_ago = time.time() - 7200
    os.utime(letter, (hours_ago, hours_ago))
    assert "a letter has waited for 2 h 0 min" in world.run("status", exits=3).stdout
