"""What becomes of mails and verdicts when the monitor is killed or refused by the disk at one of its system calls."""

import json
import shutil
import sqlite3
from contextlib import closing
from email.utils import format_datetime, localtime
from pathlib import Path

import pytest
from safety.strace import Point, Stage, points
from safety.world import World
from support.sampling import Sample

from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify
from voipmon.clock import system_clock

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

GOOD = "RAMAIS=1121 INICIO=ontem FIM=ontem"
MANAGER = "manager@example.com"
MAILS = [
    (MANAGER, GOOD, "1", ""),
    (MANAGER, "RAMAIS=11x", "2", ""),
    (MANAGER, "AJUDA", "3", ""),
    ("stranger@elsewhere.example.com", GOOD, "4", ""),
    (MANAGER, GOOD, "5", "Auto-Submitted: auto-replied\r\n"),
    (f"{MANAGER}<other@example.com>", GOOD, "6", ""),
    (MANAGER, GOOD, "1", ""),
]
VERDICTS = {
    "<1@mail.example>": ("accepted", "request"),
    "<2@mail.example>": ("rejected", None),
    "<3@mail.example>": ("guided", "no_request"),
    "<4@mail.example>": ("ignored", "stranger"),
    "<5@mail.example>": ("ignored", "automatic"),
    "<6@mail.example>": ("quarantined", "odd_from"),
}
TODAY, TOMORROW = 0, 25


@pytest.fixture
def mailbox(world: World) -> World:
    """An installation with a mailbox into which each kind of mail has come, one of them twice."""
    (world.path / "inbox").mkdir()
    date = format_datetime(localtime())
    for uid, (sender, subject, number, more) in enumerate(MAILS, 1):
        vouched = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n"
        fields = f"From: {sender}\r\nDate: {date}\r\nMessage-ID: <{number}@mail.example>\r\nSubject: {subject}\r\n"
        (world.path / "inbox" / str(uid)).write_bytes(f"{vouched}{fields}{more}\r\n".encode())
    world.begin_here()
    return world


def points_of(stage: Stage, world: World, hours: int) -> list[Point]:
    ended = stage.run("take_in", world.reset(), watch="", hours=hours)
    assert ended.code == 0, ended.said
    return points(ended.calls, world.path)


def finish(world: World, stage: Stage, hours: int) -> None:
    """Make the passes that follow, until the day after tomorrow."""
    for later in (hours, hours, TOMORROW, TOMORROW, TOMORROW + 24):
        ended = stage.run("take_in", world.path, hours=max(hours, later))
        assert ended.code == 0, ended.said


def check_each_mail_has_its_verdict_and_what_follows_once(world: World) -> None:
    assert verdicts(world.path / "state" / "ledger.sqlite3") == VERDICTS
    [request] = [path.stem for path in world.path.glob("queue/pending/*.json")]
    letters = [json.loads(path.read_bytes()) for path in world.path.glob("state/outbox/waiting/*.json")]
    names = sorted(letter["name"].rpartition(".")[2] for letter in letters)
    assert names == ["confirmation", "digest", "guide", "rejection"]
    assert f"{request}.confirmation" in [letter["name"] for letter in letters]
    assert set(world.notes("marked")) == {"1", "2", "3", "4", "5", "7"}
    assert set(world.notes("aside")) == {"6"}
    check_the_audit_has_each_verdict_once(world.path / "state" / "audit", request)


def check_the_audit_has_each_verdict_once(folder: Path, request: str) -> None:
    assert verify(folder).damages == []
    lines = list(Trail(folder, system_clock).lines())
    told = sorted((line["message_id"], line["verdict"]) for line in lines if line["event"] == "verdict")
    assert told == sorted((name, kind) for name, (kind, _) in VERDICTS.items())
    assert [line["request"] for line in lines if line["event"] == "request_taken"] == [request]


def verdicts(path: Path) -> dict[str, tuple[str, str | None]]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute("SELECT message_id, verdict, reason, reported FROM verdict").fetchall()
    assert len(rows) == len(VERDICTS)
    assert {reported for *_, reported in rows} == {1}
    return {name: (kind, None if kind == "rejected" else reason) for name, kind, reason, _ in rows}


@pytest.mark.parametrize("hours", [TODAY, TOMORROW], ids=["taking in", "reporting"])
def test_a_monitor_killed_at_any_system_call_gives_each_mail_its_verdict_once(
    mailbox: World, stage: Stage, sample: Sample, hours: int
) -> None:
    if hours:
        assert stage.run("take_in", mailbox.path, hours=TODAY).code == 0
        mailbox.begin_here()
    chosen = sample(points_of(stage, mailbox, hours), 10)
    hits = 0

    for point in chosen:
        print(point)
        ended = stage.run(
            "take_in", mailbox.reset(), watch=f"{point.name}:signal=KILL:when={point.number}", hours=hours
        )
        hits += ended.code is None

        finish(mailbox, stage, hours)

        check_each_mail_has_its_verdict_and_what_follows_once(mailbox)
    assert hits > 0.9 * len(chosen)


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO"])
def test_a_disk_that_refuses_any_system_call_of_a_monitor_is_named_and_each_mail_gets_its_verdict_once(
    mailbox: World, stage: Stage, sample: Sample, errno: str
) -> None:
    marks = ('"/marked"', '"/aside"', "/marked>", "/aside>")
    refusable = ("open", "write", "pwrite", "rename", "mkdir", "fsync", "fdatasync", "unlink", "ftruncate")
    chosen = [point for point in points_of(stage, mailbox, TODAY) if point.name.startswith(refusable)]
    chosen = sample([point for point in chosen if not any(mark in point.text for mark in marks)], 6)

    for point in chosen:
        print(point)
        refuse = f"{point.name}:error={errno}:when={point.number}"
        ended = stage.run("take_in", mailbox.reset(), watch=refuse, hours=TODAY)
        assert ended.code in (0, 3), ended.said

        finish(mailbox, stage, TODAY)

        check_each_mail_has_its_verdict_and_what_follows_once(mailbox)
