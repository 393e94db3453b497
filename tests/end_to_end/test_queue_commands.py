"""What an admin does with the queue, and what he is told."""

import json
import os
import re
from typing import Any

from support.world import MANAGER, SUBJECT, World

_RECORDING = "internal-1121-2001-20251027-080000-1761562800.1.mp3"
_WISH = ("--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025")


def test_a_request_is_added_listed_shown_answered_and_answered_again_with_a_mail_of_its_own(slave: World) -> None:
    slave.record(_RECORDING)
    name = slave.run("queue", "add", *_WISH, "--email", MANAGER).stdout.strip()

    [listed] = json.loads(slave.run("queue", "list", "--json").stdout)
    assert listed | {"created_at": ""} == {
        "request_id": name, "type": "RAMAIS", "state": "pending", "created_at": "", "attempts": 0, "not_before": None,
    }  # fmt: skip
    slave.run("process-queue")
    assert json.loads(slave.run("queue", "show", name).stdout)["result"]["outcome"] == "delivered"

    slave.run("queue", "retry", name)
    slave.run("process-queue")

    first, second = slave.mails
    assert first["Message-ID"] != second["Message-ID"]
    assert len(slave.published()) == 1
    [again] = slave.queued("completed")
    assert again["attempts"] == 1


def test_a_waiting_request_can_be_cancelled_and_a_finished_one_not(slave: World) -> None:
    name = slave.run("queue", "add", *_WISH, "--email", MANAGER).stdout.strip()

    slave.run("queue", "cancel", name)
    refused = slave.run("queue", "cancel", name, exits=2)
    slave.run("process-queue")

    assert "failed/" in refused.stderr
    [cancelled] = slave.queued("failed")
    assert cancelled["result"]["outcome"] == "cancelled"
    assert slave.mails == []


def test_an_unknown_id_is_named(slave: World) -> None:
    for command in ("show", "retry", "cancel"):
        assert "no-such-id" in slave.run("queue", command, "no-such-id", exits=2).stderr
    assert "no-such-id" in slave.run("explain", "no-such-id", exits=2).stderr
    assert "../../etc" in slave.run("queue", "show", "../../etc", exits=2).stderr


def test_what_would_be_refused_later_is_not_put_in_the_queue(slave: World) -> None:
    def refusal(*wish: str) -> str:
        return slave.run("queue", "add", *wish, exits=2).stderr

    assert "not allowed by [access]" in refusal(*_WISH, "--email", "stranger@elsewhere.example.com")
    assert "90 are allowed" in refusal("--ramais", "1121", "--inicio", "01/01/2025", "--email", MANAGER)
    assert "'11x'" in refusal("--ramais", "11x", "--inicio", "27/10/2025", "--email", MANAGER)
    assert slave.queued("pending") == []


def test_an_unknown_id_among_others_is_named_before_anything_is_done(slave: World) -> None:
    name = slave.run("queue", "add", *_WISH, "--email", MANAGER).stdout.strip()

    for command in ("retry", "cancel"):
        assert "no-such-id" in slave.run("queue", command, name, "no-such-id", exits=2).stderr

    [waiting] = slave.queued("pending")
    assert waiting["history"] == []


def test_every_queue_command_speaks_json(slave: World) -> None:
    def told(*words: str) -> Any:
        return json.loads(slave.run("queue", *words, "--json").stdout)

    one = told("add", *_WISH, "--email", MANAGER)["request_id"]
    other = told("add", *_WISH, "--email", MANAGER, "--modo", "automatico")["request_id"]
    shown = told("show", one)

    assert (shown["request_id"], shown["state"]) == (one, "pending")
    assert shown["document"]["from_email"] == MANAGER
    assert told("cancel", one, other) == {"request_ids": [one, other]}
    assert told("retry", other, one) == {"request_ids": [other, one]}
    assert told("recover") == {"recovered": 0}
    assert told("purge", "--older-than", "0s") == {"deleted": 0}
    assert {entry["request_id"] for entry in told("list")} == {one, other}


def test_all_that_failed_is_tried_again_at_once(slave: World) -> None:
    for number in range(3):
        slave.drop(f"r{number}.json", {"from_email": "stranger@elsewhere.example.com", "parameters": {}})
    slave.run("process-queue")
    assert len(slave.queued("failed")) == 3

    slave.run("queue", "retry", "--failed")

    assert len(slave.queued("pending")) == 3


def test_what_was_set_aside_is_counted_and_does_not_have_another_request_answered_again(slave: World) -> None:
    slave.record(_RECORDING)
    wish = {
        "request_id": "one",
        "from_email": MANAGER,
        "parameters": {"ramais": "1121", "inicio": "27/10/2025", "fim": "27/10/2025"},
    }
    slave.drop("one.json", wish)
    slave.run("process-queue")
    slave.drop("other.json", wish | {"parameters": {"ramais": "1122", "inicio": "27/10/2025"}})
    slave.drop("none.json", "[1]")
    slave.run("process-queue")

    assert slave.run("queue", "retry", "--failed").stdout == ""

    slave.run("process-queue")
    assert len(slave.mails) == 1
    assert [entry["state"] for entry in json.loads(slave.run("queue", "list", "--json").stdout)] == ["completed"]
    *_, last = slave.run("queue", "list").stdout.splitlines()
    assert last.startswith("set aside: 2, each with the reason beside it: ")
    assert last.endswith("/failed/*.error.txt")


def test_the_table_fits_a_hundred_columns_and_has_no_colours_in_a_file(slave: World) -> None:
    slave.drop(f"{'x' * 80}.json", {"from_email": MANAGER, "parameters": {}})

    table = slave.run("queue", "list").stdout

    assert max(map(len, table.splitlines())) <= 100
    assert "\x1b" not in table
    assert re.search(r"pending +x+… +- +0", table)


def test_purge_deletes_what_ended_long_ago_and_nothing_that_waits(slave: World) -> None:
    slave.drop("ended.json", {"from_email": "stranger@elsewhere.example.com", "parameters": {}})
    slave.run("process-queue")
    slave.run("queue", "add", *_WISH, "--email", MANAGER)

    kept = slave.run("queue", "purge", "--older-than", "1h")
    gone = slave.run("queue", "purge", "--older-than", "0s")

    assert "0" in kept.stdout
    assert "1" in gone.stdout
    assert slave.queued("failed") == []
    assert len(slave.queued("pending")) == 1


def test_once_a_day_old_requests_go_to_the_archive_where_they_are_still_known(slave: World) -> None:
    slave.settings["queue.keep"] = "0s"
    slave.record(_RECORDING)
    name = slave.run("queue", "add", *_WISH, "--email", MANAGER).stdout.strip()
    slave.run("process-queue")
    assert not (slave.folder / "spool" / "completed" / f"{name}.json").exists()

    [archived] = (slave.folder / "spool" / "archive").glob("*/*.json")
    shown = slave.run("queue", "show", name)
    slave.drop(f"{name}.json", archived.read_text())
    slave.run("process-queue")

    assert archived.name == f"{name}.json"
    assert f"archive/{archived.parent.name}" in shown.stderr
    assert len(slave.mails) == 1


def test_explain_tells_the_story_of_a_mail_by_its_message_id_and_by_the_request(world: World) -> None:
    world.record(_RECORDING)
    world.receive(SUBJECT, Message_ID="<story@mail.example.com>")
    world.run("monitor")
    world.run("process-queue")
    [done] = world.queued("completed")

    by_mail = world.run("explain", "story@mail.example.com").stdout
    by_request = json.loads(world.run("explain", done["request_id"], "--json").stdout)

    for words in (MANAGER, SUBJECT, "accepted", "completed", "delivered", "confirmation", "result"):
        assert words in by_mail
    assert by_request["mail"]["verdict"] == "accepted"
    assert by_request["state"] == "completed"
    assert [letter["state"] for letter in by_request["letters"]] == ["sent", "sent"]
    token = world.published()[0].name
    assert token not in by_mail + json.dumps(by_request)


def test_explain_tells_why_a_mail_was_ignored(world: World) -> None:
    world.receive(SUBJECT, sender="stranger@elsewhere.example.com", Message_ID="<odd@mail.example.com>")
    world.run("monitor")

    told = world.run("explain", "<odd@mail.example.com>").stdout

    assert "ignored: stranger" in told


def test_a_command_whose_reader_goes_away_ends_without_a_traceback(slave: World) -> None:
    for number in range(300):
        slave.drop(f"request-{number:04}.json", {"from_email": MANAGER, "parameters": {}})
    reader, writer = os.pipe()
    os.close(reader)

    process = slave.start("queue", "list", stdout=writer)
    _, log = process.communicate(timeout=60)
    os.close(writer)

    assert "Traceback" not in log
