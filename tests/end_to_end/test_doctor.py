"""What `voipmon doctor` tells an admin."""

import json
import shutil
from collections.abc import Mapping

from support.apache import Apache
from support.canary import secret
from support.world import World

_RECORDING = "internal-1121-2001-20251027-080000-1761562800.1.mp3"


def by_name(told: str) -> Mapping[str, tuple[bool, str]]:
    return {check["name"]: (check["well"], check["sentence"]) for check in json.loads(told)["checks"]}


def test_doctor_finds_an_installation_well_and_sends_a_letter(world: World, apache: Apache) -> None:
    world.record(_RECORDING)
    world.settings |= {"publish.dir": str(apache.folder), "publish.base_url": apache.url}

    told = world.run("doctor", "--send-to", "admin@example.com").stdout.splitlines()

    folders = ["state_dir", "queue.dir", "recordings.dir", "publish.dir"]
    tried = ["imap", "smtp", *folders, "publish.base_url", "letter"]
    assert [line.split()[:2] for line in told] == [["good", f"{name}:"] for name in tried]
    [letter] = world.mails
    assert letter["To"] == "admin@example.com"
    assert list(apache.folder.iterdir()) == []


def test_doctor_names_everything_that_is_wrong_at_once_with_the_remedy(world: World) -> None:
    world.settings["imap.password"] = secret("wrong imap")
    world.sink.stop()
    shutil.rmtree(world.folder / "spool")
    shutil.rmtree(world.folder / "recordings")

    found = by_name(world.run("doctor", "--json", exits=3).stdout)

    assert {name for name, (well, _) in found.items() if well} == {"state_dir", "publish.dir"}
    assert "imap.password_file" in found["imap"][1]
    assert "refuses connections" in found["smtp"][1]
    assert "run 'voipmon init'" in found["queue.dir"][1]
    assert "mount it" in found["recordings.dir"][1]
    assert "correct publish.base_url" in found["publish.base_url"][1]
    assert "wrong" not in "".join(sentence for _, sentence in found.values()).replace("is wrong", "")


def test_a_slave_needs_no_mailbox(slave: World) -> None:
    found = by_name(slave.run("doctor", "--json", exits=3).stdout)

    assert "imap" not in found
    assert found["smtp"][0] is True


def test_a_slave_that_may_take_the_lead_needs_the_mailbox(world: World) -> None:
    world.settings |= {"mode": "slave", "failover.peers": ["audio", "audio2"]}

    found = by_name(world.run("doctor", "--json", exits=3).stdout)

    assert found["imap"][0] is True
