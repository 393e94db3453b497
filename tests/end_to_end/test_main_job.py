"""A subject line goes in, a mail with the recordings comes out: every command a process, every server real."""

import csv
import hashlib
import http.client
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from support.apache import Apache
from support.world import MANAGER, SUBJECT, World, html_of, links_of, members_of, text_of

_MATCHING = (
    "internal-1121-2001-20251027-080000-1761562800.1.mp3",
    "internal-2001-1122-20251027-175340-1761598420.2.mp3",
    "internal-1122-1121-20251028-180059-1761685259.3.mp3",
)
_NOT_MATCHING = (
    "internal-1121-2001-20251027-075959-1761562799.4.mp3",  # a second too early
    "internal-1121-2001-20251028-180100-1761685260.5.mp3",  # a second too late
    "internal-11210-21121-20251027-120000-1761577200.6.mp3",  # the digits within other numbers
    "external-1121-2001-20251027-120000-1761577200.7.mp3",  # another type
    "internal-1121-2001-20251027-120000-1761577200.8.txt",
)
_WRITTEN_BY_HAND = """{
  "request_id": "test_20251111_001",
  "from_email": "manager@example.com",
  "parameters": {
    "ramais": "1121,1122,1123",
    "inicio": "29/09/2025 00:00",
    "fim": "27/10/2025 23:59",
    "email": "manager@example.com"
  }
}
"""


def test_the_subject_of_the_manual_becomes_a_confirmation_and_then_the_recordings(world: World, apache: Apache) -> None:
    world.settings |= {"publish.dir": str(apache.folder), "publish.base_url": apache.url}
    contents = {world.record(name) for name in _MATCHING}
    for name in _NOT_MATCHING:
        world.record(name)
    uid = world.receive(SUBJECT, Message_ID="<request@mail.example.com>")

    world.run("monitor")

    [confirmation] = world.mails
    assert confirmation["To"].addresses[0].addr_spec == MANAGER
    assert confirmation["Cc"].addresses[0].addr_spec == "admin@example.com"
    assert confirmation["Subject"] == f"Re: {SUBJECT}"
    assert confirmation["In-Reply-To"] == "<request@mail.example.com>"
    assert confirmation["Auto-Submitted"] == "auto-replied"
    [waiting] = world.queued("pending")
    assert waiting["request_id"] in text_of(confirmation)
    assert world.mailbox is not None
    assert "\\Seen" not in world.mailbox.flags(uid)

    world.run("process-queue")

    [_, result] = world.mails
    assert not list((world.folder / "spool" / "pending").iterdir())
    [done] = world.queued("completed")
    assert done["result"]["outcome"] == "delivered"
    assert done["result"]["recordings"] == 3
    plays = [link for link in links_of(result) if link.endswith(".mp3")]
    assert {_fetch(link)[1] for link in plays} == contents
    [zip_link] = {link for link in links_of(result) if link.endswith(".zip")}
    archive = world.folder / "fetched.zip"
    archive.write_bytes(_fetch(zip_link)[1])
    members = members_of(archive)
    manifest = list(csv.DictReader(io.StringIO(members.pop("MANIFESTO.csv").decode("utf-8"))))
    assert set(members.values()) == contents
    assert {row["arquivo"]: row["sha256"] for row in manifest} == {
        name: hashlib.sha256(data).hexdigest() for name, data in members.items()
    }
    assert "2025-10-27_17-53-40_2001_para_1122.mp3" in members
    assert _fetch(plays[0], Range="bytes=5-9") == (206, _fetch(plays[0])[1][5:10])
    assert not any(name in html_of(result) for name in _MATCHING)


def test_a_file_written_by_hand_is_answered_the_same_way(slave: World) -> None:
    slave.record("internal-1123-2001-20251001-120000-1759330800.1.mp3")
    slave.record("internal-1123-2001-20251028-000000-1761620400.2.mp3")
    slave.drop("any name.json", _WRITTEN_BY_HAND)

    slave.run("process-queue")

    [done] = slave.queued("completed")
    assert done["request_id"] == "test_20251111_001"
    assert (slave.folder / "spool" / "completed" / "test_20251111_001.json").exists()
    assert done["result"]["recordings"] == 1
    [result] = slave.mails
    assert result["To"].addresses[0].addr_spec == MANAGER


def test_the_old_arguments_of_select_audios_end_with_0_1_2_and_3(slave: World) -> None:
    slave.record(_MATCHING[0])
    period = ("--inicio", "27/10/2025 08:00", "--fim", "28/10/2025 18:00", "--email", MANAGER, "--modo", "automatico")

    slave.run("select-audios", "--ramais", "1121,1122", *period)
    slave.run("select-audios", "--ramais", "1199", *period, exits=1)
    wrong = slave.run("select-audios", "--ramais", "11x", *period, exits=2)
    slave.sink.stop()
    away = slave.run("select-audios", "--ramais", "1121,1122", *period, exits=3)
    slave.sink.start()
    slave.run("process-queue")

    assert "11x" in wrong.stderr
    assert "waits in the outbox" in away.stderr
    assert "page:  http" in away.stdout
    assert [mail["To"].addresses[0].addr_spec for mail in slave.mails] == [MANAGER] * 3


def test_the_json_of_select_audios_tells_where_the_answer_is_also_where_the_mail_is_not_sent(slave: World) -> None:
    slave.record(_MATCHING[0])
    wish = ("select-audios", "--json", "--inicio", "27/10/2025", "--fim", "27/10/2025")
    slave.sink.stop()

    told = json.loads(slave.run(*wish, "--ramais", "1121", "--email", MANAGER, exits=3).stdout)
    nothing = json.loads(slave.run(*wish, "--ramais", "1199", exits=1).stdout)
    listed = json.loads(slave.run(*wish, "--ramais", "1121", "--dry-run").stdout)

    assert told["count"] == 1
    assert told["zip"].startswith(told["page"].removesuffix("index.html"))
    assert (nothing["page"], nothing["zip"], nothing["expires_at"]) == (None, None, None)
    assert "page" not in listed
    assert "takes no --json" in slave.run("select-audios", "--refresh", "--json", exits=2).stderr


def test_a_dry_run_prints_what_matches_and_leaves_everything_as_it_was(slave: World) -> None:
    for name in (*_MATCHING, *_NOT_MATCHING):
        slave.record(name)
    question = (
        "select-audios", "--ramais", "1121-1122", "--inicio", "27/10/2025 08:00", "--fim", "28/10/2025 18:00",
        "--dry-run", "--json",
    )  # fmt: skip
    slave.run(*question)  # the catalogue's index and the memory of the configuration are made
    before = _tree(slave)

    ended = slave.run(*question)

    found = json.loads(ended.stdout)
    assert found["count"] == 3
    assert [recording["path"].rpartition("/")[2] for recording in found["recordings"]] == list(_MATCHING)
    assert found["recordings"][1] | {"path": "", "bytes": 0} == {
        "path": "", "start": "2025-10-27T20:53:40Z", "origin": "2001", "destination": "1122", "bytes": 0,
    }  # fmt: skip
    assert {path: state for path, state in _tree(slave).items() if "/catalogue" not in path} == {
        path: state for path, state in before.items() if "/catalogue" not in path
    }
    assert slave.sink.connections == 0


def test_a_number_is_asked_for_by_mail_by_hand_and_on_the_command_line(world: World) -> None:
    world.settings["recordings.prefixes"] = ["*"]
    world.record("external-+5511999990000-1121-20251027-080000-1761562800.1.mp3")
    world.record("out-011999990000-1122-20251027-090000-1761566400.2.mp3")
    world.record("out-5521999990000-1122-20251027-090000-1761566400.3.mp3")
    day = ("--inicio", "27/10/2025", "--fim", "27/10/2025")

    alone = json.loads(world.run("select-audios", "--numero", "11999990000", *day, "--dry-run", "--json").stdout)
    beside = world.run("select-audios", "--ramais", "1122", "--numero", "55 11 99999-0000", *day, "--dry-run", "--json")
    world.receive('NUMERO=11999990000 MOTIVO="pedido do titular" INICIO=27/10/2025 FIM=27/10/2025')
    world.run("monitor")
    added = world.run("queue", "add", "--numero", "999990000", *day, "--email", MANAGER).stdout.strip()
    world.run("process-queue")

    assert (alone["count"], json.loads(beside.stdout)["count"]) == (2, 1)
    results = {document["request_id"]: document for document in world.queued("completed")}
    assert results[added]["result"]["recordings"] == 3
    [by_mail] = [document for name, document in results.items() if name != added]
    assert by_mail["result"]["recordings"] == 2
    assert by_mail["parameters"]["motivo"] == "pedido do titular"
    assert all("99999" not in mail["Subject"] for mail in world.mails)


def test_a_slave_touches_no_mail_server_and_works_the_queue_until_it_is_made_master(world: World) -> None:
    world.settings["mode"] = "slave"
    world.record(_MATCHING[0])
    world.receive(SUBJECT)
    world.drop("by-hand.json", _WRITTEN_BY_HAND.replace("1123", "1121"))
    assert world.mailbox is not None
    real = world.settings["imap.port"]
    world.settings["imap.port"] = world.sink.port  # a server that counts who comes

    ended = world.run("monitor")

    assert world.sink.connections == 0
    assert "slave" in ended.stderr
    world.run("process-queue")
    assert len(world.mails) == 1

    world.settings |= {"mode": "master", "imap.port": real}
    world.run("monitor")

    assert len(world.queued("pending")) == 1


def test_two_requests_at_once_never_see_each_others_files(slave: World) -> None:
    one, other = (slave.record(name) for name in _MATCHING[:2])
    for name, extension in (("one", "1121"), ("other", "1122")):
        request = json.loads(_WRITTEN_BY_HAND) | {"request_id": name}
        slave.drop(f"{name}.json", request | {"parameters": request["parameters"] | {"ramais": extension}})

    workers = [slave.start("process-queue") for _ in range(2)]
    for worker in workers:
        _, log = worker.communicate(timeout=60)
        assert worker.returncode == 0, log
    slave.run("process-queue")

    bundles = {path.name: members_of(path) for path in (slave.folder / "publish").glob("*/*.zip")}
    assert {name: len(members) for name, members in bundles.items()} == {
        "gravacoes-one.zip": 2,
        "gravacoes-other.zip": 2,
    }
    assert one in bundles["gravacoes-one.zip"].values()
    assert other in bundles["gravacoes-other.zip"].values()
    assert len(slave.published()) == 2  # and no left-over of the work
    assert len(slave.mails) == 2


def test_the_same_mail_delivered_twice_is_one_request_and_one_confirmation(world: World) -> None:
    assert world.mailbox is not None
    world.receive(SUBJECT, Message_ID="<once@mail.example.com>", Date="Tue, 28 Oct 2025 10:00:00 -0300")
    world.run("monitor")

    again = world.receive(SUBJECT, Message_ID="<once@mail.example.com>", Date="Tue, 28 Oct 2025 10:00:00 -0300")
    world.run("monitor")

    assert len(world.queued("pending")) == 1
    assert len(world.mails) == 1
    assert world.mailbox.flags(again)


def test_a_thank_you_is_no_request_and_gets_no_reply(world: World) -> None:
    world.receive(SUBJECT)
    world.run("monitor")
    [confirmation] = world.mails

    world.receive(f"Re: {confirmation['Subject']}", In_Reply_To=confirmation["Message-ID"])
    world.run("monitor")

    assert len(world.queued("pending")) == 1
    assert len(world.mails) == 1


def test_a_publication_is_gone_one_pass_after_its_time(slave: World) -> None:
    slave.settings["publish.keep"] = "1s"
    slave.record(_MATCHING[0])
    slave.run("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025")
    assert len(slave.published()) == 1

    _wait_until(datetime.now(UTC) + timedelta(seconds=1.5))
    said = slave.run("process-queue").stderr

    assert slave.published() == []
    assert "publications_expired" in said
    assert list((slave.folder / "recordings").iterdir())


def test_mail_from_before_the_first_day_is_not_answered_until_init_says_so(world: World) -> None:
    assert world.mailbox is not None
    from support.world import mail  # noqa: PLC0415 - beside the one use of it

    world.mailbox.append(mail(SUBJECT), datetime.now(UTC) - timedelta(hours=25))

    refused = world.run("monitor", exits=2)
    marked = world.run("init")
    world.receive(SUBJECT)
    world.run("monitor")

    assert "voipmon init" in refused.stderr
    assert "marked as done (1)" in marked.stdout
    assert len(world.queued("pending")) == 1


def test_a_second_monitor_on_the_same_state_steps_back(world: World) -> None:
    import fcntl  # noqa: PLC0415 - only this test holds a lock by hand

    with (world.folder / "state" / "monitor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world.receive(SUBJECT)

        ended = world.run("monitor")

    assert "another monitor" in ended.stderr
    assert not (world.folder / "spool" / "pending").exists()


def _fetch(url: str, **headers: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", parts.path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def _tree(world: World) -> dict[str, tuple[int, int]]:
    config = world.config  # written now, not between two looks
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(world.folder.rglob("*"))
        if path != config
    }


def _wait_until(moment: datetime) -> None:
    import time  # noqa: PLC0415 - the one place where a test waits for the calendar

    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
