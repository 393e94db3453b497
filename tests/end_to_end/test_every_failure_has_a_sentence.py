"""What goes wrong is said in a sentence with its remedy; nothing is lost and no traceback is shown."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.canary import secret
from support.world import MANAGER, SUBJECT, World, text_of

_RECORDING = "internal-1121-2001-20251027-080000-1761562800.1.mp3"
_LIKE_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
_REQUEST = {
    "from_email": MANAGER,
    "parameters": {"ramais": "1121", "inicio": "27/10/2025 00:00", "fim": "27/10/2025 23:59"},
}


def test_a_wrong_mailbox_password_names_the_user_and_the_remedy(world: World) -> None:
    world.settings["imap.password"] = secret("wrong imap")

    ended = world.run("monitor", exits=3)

    assert world.settings["imap.user"] in ended.stderr
    assert "password" in ended.stderr
    assert "wrong-one" not in ended.stderr


def test_a_mailbox_server_that_is_away_is_named(world: World) -> None:
    world.settings["imap.port"] = 1

    ended = world.run("monitor", exits=3)

    assert "127.0.0.1 refuses connections at port 1" in ended.stderr


def test_a_reply_waits_while_the_mail_server_is_away_and_is_sent_later(world: World) -> None:
    world.receive(SUBJECT)
    world.sink.stop()

    ended = world.run("monitor")

    assert "mail_server_away" in ended.stderr
    assert len(world.queued("pending")) == 1
    world.sink.start()
    world.run("monitor")
    [confirmation] = world.mails
    assert confirmation["To"].addresses[0].addr_spec == MANAGER


def test_an_answer_waits_while_the_mail_server_is_away_and_is_sent_once(slave: World) -> None:
    slave.record(_RECORDING)
    slave.drop("one.json", _REQUEST)
    slave.sink.stop()

    slave.run("process-queue")

    assert len(slave.queued("completed")) == 1
    slave.sink.start()
    slave.run("process-queue")
    slave.run("process-queue")
    assert len(slave.mails) == 1


def test_a_missing_recordings_folder_is_named_and_the_request_waits_for_it(slave: World) -> None:
    (slave.folder / "recordings").rmdir()
    slave.drop("one.json", _REQUEST)

    ended = slave.run("process-queue")

    assert str(slave.folder / "recordings") in ended.stderr
    [waiting] = slave.queued("pending")
    assert waiting["attempts"] == 1
    assert waiting["not_before"] is not None
    assert str(slave.folder / "recordings") in waiting["history"][-1]["detail"]


def test_an_unreadable_recordings_folder_is_named(slave: World) -> None:
    folder = slave.folder / "recordings"
    folder.chmod(0)

    ended = slave.run(
        "select-audios", "--ramais", "1121", "--inicio", "hoje", "--dry-run", exits=3, prefix=_LIKE_ANYBODY
    )

    assert str(folder) in ended.stderr
    folder.chmod(0o700)


def test_a_full_publishing_folder_is_named_and_the_request_waits(slave: World, full_folder: Path) -> None:
    slave.settings["publish.dir"] = str(full_folder)
    slave.record(_RECORDING, b"\0" * 2_000_000)
    slave.drop("one.json", _REQUEST)

    ended = slave.run("process-queue")

    assert str(full_folder) in ended.stderr
    [waiting] = slave.queued("pending")
    assert waiting["attempts"] == 1
    assert list(full_folder.iterdir()) == []


def test_a_json_file_with_a_trailing_comma_ends_in_failed_with_its_line(slave: World) -> None:
    text = json.dumps(_REQUEST, indent=2)[:-2] + ",\n}\n"
    slave.drop("comma.json", text)

    slave.run("process-queue")
    assert (slave.folder / "spool" / "pending" / "comma.json").exists()  # it may still be being written
    time.sleep(31)
    slave.run("process-queue")

    failed = slave.folder / "spool" / "failed"
    assert (failed / "comma.json").read_text() == text
    assert "line" in (failed / "comma.json.error.txt").read_text()
    assert "comma" in (failed / "comma.json.error.txt").read_text()


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("RAMAIS=1121 INICIO=31/02/2025 FIM=01/03/2025", "31/02/2025"),
        (f"RAMAIS={','.join(map(str, range(1100, 1151)))} INICIO=27/10/2025 FIM=28/10/2025", "51"),
        ("RAMAIS=1121 INICIO=01/01/2025 00:00 FIM=02/04/2025 00:00", "91"),
    ],
    ids=["a day that does not exist", "51 extensions", "91 days"],
)
def test_a_subject_that_cannot_be_answered_gets_one_reply_that_says_why(world: World, subject: str, words: str) -> None:
    world.receive(subject)

    world.run("monitor")

    [rejection] = world.mails
    assert words in text_of(rejection)
    assert "RAMAIS=11" in text_of(rejection)  # the corrected example
    assert not (world.folder / "spool" / "pending").exists()


def test_nonsense_gets_the_guide_and_a_stranger_nothing(world: World) -> None:
    world.receive("oi, tudo bem?")
    world.receive(SUBJECT, sender="stranger@elsewhere.example.com")

    world.run("monitor")

    [guide] = world.mails
    assert "RAMAIS=" in text_of(guide)
    assert guide["To"].addresses[0].addr_spec == MANAGER


def test_a_request_over_the_number_of_recordings_is_refused_and_nothing_is_published(slave: World) -> None:
    slave.settings["limits.max_recordings"] = 1
    slave.record(_RECORDING)
    slave.record(_RECORDING.replace("080000", "090000"))
    slave.drop("many.json", _REQUEST)

    slave.run("process-queue")

    [failed] = slave.queued("failed")
    assert failed["result"]["outcome"] == "failed"
    assert "2 recordings" in failed["result"]["error"]
    [rejection] = slave.mails
    assert "2" in text_of(rejection)
    assert slave.published() == []


def test_a_configuration_that_is_wrong_says_every_problem_with_its_key(slave: World) -> None:
    slave.settings |= {"imap.prot": 993, "queue.max_attempts": 0, "mode": "salve"}

    checked = slave.run("check-config", exits=2)
    ended = slave.run("process-queue", exits=2)

    for output in (checked.stdout, ended.stderr):
        assert "imap.prot" in output
        assert "port" in output
        assert "queue.max_attempts" in output
        assert "mode" in output


@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB that is nearly full."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_missing_password_for_sending_keeps_the_answer_and_names_the_file(slave: World) -> None:
    secret = slave.folder / "smtp-password"
    slave.settings |= {"smtp.user": "voip.audios@example.com", "smtp.password_file": str(secret)}
    slave.record(_RECORDING)
    slave.drop("one.json", _REQUEST)

    ended = slave.run("process-queue")

    assert str(secret) in ended.stderr
    assert len(slave.queued("completed")) == 1
    assert len(list((slave.folder / "state" / "outbox" / "waiting").iterdir())) == 1


def test_a_recipient_who_will_never_be_taken_is_told_from_one_who_waits(slave: World) -> None:
    slave.record(_RECORDING)
    slave.settings["admin"] = "gone@example.com"
    command = ("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025", "--email")
    slave.sink.refused["gone@example.com"] = "550 5.1.1 no such user"

    never = slave.run(*command, "gone@example.com", exits=3)
    slave.sink.refused["gone@example.com"] = "450 4.2.0 greylisted"
    later = slave.run(*command, "gone@example.com", exits=3)

    assert "will never be taken" in never.stderr
    assert "no such user" in never.stderr
    assert "waits in the outbox" in later.stderr
    assert "greylisted" in later.stderr


def test_the_example_for_too_many_recordings_asks_for_less(slave: World) -> None:
    slave.settings["limits.max_recordings"] = 2
    for hour in range(10, 20):
        slave.record(f"internal-1121-2001-20251027-{hour}0000-17615628{hour}.1.mp3")
    slave.drop("many.json", _REQUEST)

    slave.run("process-queue")

    [rejection] = slave.mails
    assert "FIM=27/10/2025 23:59" not in text_of(rejection)
    assert "INICIO=27/10/2025 00:00" in " ".join(text_of(rejection).split())


@pytest.mark.parametrize("arguments", [("--help",), ("queue", "list"), ("check-config",)])
def test_output_for_which_there_is_no_room_is_a_failure_in_one_sentence(
    slave: World, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        process = slave.start(*arguments, stdout=full.fileno())
    said = process.communicate()[1]

    assert process.returncode == 3
    [line] = said.splitlines()
    assert "the output cannot be written (No space left on device)" in line
