"""What `voipmon status` tells an admin."""

import json
import os
import re
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
    file = slave.drop("r1.json", {"from_email": MANAGER, "parameters": {}, "created_at": "2025-11-11T11:47:00Z"})
    os.utime(file, (0, 0))
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


def test_status_tells_how_old_the_catalogue_is(slave: World) -> None:
    assert "catalogue  brought up to date never" in slave.run("status").stdout
    slave.run("select-audios", "--refresh")

    told = slave.run("status").stdout

    assert re.search(r"^catalogue  brought up to date \d+ s ago$", told, re.MULTILINE)
    [index] = (slave.folder / "state" / "catalogue").glob("*.sqlite3")
    os.utime(index, (0, 0))
    slave.run("select-audios", "--refresh")
    assert json.loads(slave.run("status", "--json").stdout)["indexed_at"] > "2025"


def test_a_mail_that_lay_in_the_mailbox_is_no_request_that_has_waited(slave: World) -> None:
    wish = {"ramais": "1121", "inicio": "27/10/2025"}
    slave.drop("r1.json", {"from_email": MANAGER, "parameters": wish, "created_at": "2025-11-11T11:47:00Z"})

    slave.run("status")

    [waiting] = (slave.folder / "spool" / "pending").glob("*.json")
    hours_ago = time.time() - 7200
    os.utime(waiting, (hours_ago, hours_ago))
    assert "a request that is due has waited for 2 h 0 min" in slave.run("status", exits=3).stdout


def test_status_tells_who_leads_and_how_mails_are_taken(world: World) -> None:
    world.settings |= {"failover.peers": ["audio", "audio2"], "failover.take_over_after": "1h"}
    nobody = world.run("status", exits=3).stdout
    assert "it has not been seen yet who reads the mailbox" in nobody
    assert "lead       nobody yet" in nobody
    world.run("monitor")
    world.settings["mode"] = "slave"

    told = world.run("status").stdout.splitlines()
    facts = json.loads(world.run("status", "--json").stdout)

    assert any(re.fullmatch(r"mode +slave, mail last read \d+ s ago", line) for line in told)
    assert any(re.fullmatch(r"lead +audio, epoch 1, heartbeat \d+ s ago, seen \d+ s ago", line) for line in told)
    assert "claim      conditional" in told
    assert facts["claim"] == "conditional"
    assert facts["lead"].keys() == {"leader", "epoch", "heartbeat", "looked_at"}
    assert (facts["lead"]["leader"], facts["lead"]["epoch"]) == ("audio", 1)
    assert facts["lead"]["heartbeat"] >= facts["lead"]["looked_at"] >= "2025"


def test_status_of_a_host_that_does_not_lead_is_well_although_it_reads_no_mail(world: World) -> None:
    world.settings |= {"failover.peers": ["audio", "audio2"], "failover.take_over_after": "1h"}
    world.run("monitor")
    world.settings |= {"instance": "audio2", "state_dir": str(world.folder / "state2")}
    (world.folder / "state2").mkdir()
    world.run("init")
    world.run("monitor")

    told = world.run("status").stdout.splitlines()

    assert told[0] == "audio2: all is well"
    assert "mode       master: reads no mail" in told
    assert any(line.startswith("lead       audio, epoch 1, heartbeat ") for line in told)


def test_status_without_failover_names_no_lead(world: World) -> None:
    world.run("monitor")

    assert "\nlead " not in world.run("status").stdout
    assert json.loads(world.run("status", "--json").stdout)["lead"] is None
