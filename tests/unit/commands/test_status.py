"""What is a reason to get up at night, and what is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from voipmon.commands.status import Disk, Facts, problems
from voipmon.mail.inbox import ClaimWay
from voipmon.mail.lead import Leadership

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WELL = Facts(
    instance="audio",
    mode="master",
    mail_read_at=NOON - 3 * MINUTE,
    claim=ClaimWay.CONDITIONAL,
    leadership=None,
    looked_at=None,
    queue={"pending": 1, "processing": 0, "completed": 7, "failed": 2},
    waiting_since=NOON - 3 * MINUTE,
    outbox={"waiting": 1, "sent": 7, "refused": 1},
    letter_since=NOON - 3 * MINUTE,
    indexed_at=NOON - 3 * MINUTE,
    disks={"queue.dir": Disk(free=50, total=100)},
)
WATCHED = Leadership("audio2", 8, NOON - 3 * MINUTE)
BUSY = {**WELL.queue, "processing": 1}


def test_a_host_at_work_is_well() -> None:
    assert problems(WELL, NOON) == []


def test_a_host_with_nothing_to_do_is_well() -> None:
    assert problems(replace(WELL, mode="slave", mail_read_at=None, waiting_since=None, letter_since=None), NOON) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mail_read_at": None}, "no mail has been read yet"),
        ({"mail_read_at": NOON - 16 * MINUTE}, "no mail has been read for 16 min"),
        ({"leadership": WATCHED, "looked_at": NOON - 16 * MINUTE}, "not been seen for 16 min who reads the mailbox"),
        ({"leadership": Leadership(None, 0, None)}, "it has not been seen yet who reads the mailbox"),
        ({"waiting_since": NOON - 16 * MINUTE}, "has waited for 16 min: see whether voipmon-process-queue.timer runs"),
        ({"waiting_since": NOON - 121 * MINUTE, "queue": BUSY}, "has waited for 2 h 1 min: see 'voipmon queue list'"),
        ({"letter_since": NOON - 61 * MINUTE}, "a letter has waited for 1 h 1 min"),
        ({"disks": {"queue.dir": None}}, "queue.dir is not there"),
        ({"disks": {"queue.dir": Disk(4, 100)}}, "nearly full (4% free)"),
    ],
)
def test_what_somebody_has_to_look_after_is_said_with_the_remedy(changes: dict[str, object], words: str) -> None:
    [sentence] = problems(replace(WELL, **changes), NOON)  # type: ignore[arg-type]

    assert words in sentence
    assert ": " in sentence


def test_a_queue_is_not_stuck_while_a_worker_is_busy() -> None:
    assert problems(replace(WELL, waiting_since=NOON - 119 * MINUTE, queue=BUSY), NOON) == []


@pytest.mark.parametrize("mode", ["master", "slave"])
def test_with_failover_it_is_the_leader_that_has_to_read_mail_whatever_its_mode(mode: str) -> None:
    watching = replace(WELL, mode=mode, mail_read_at=None, leadership=WATCHED, looked_at=NOON)  # type: ignore[arg-type]
    leading = replace(watching, instance="audio2")

    assert problems(watching, NOON) == []
    assert ["no mail has been read yet" in sentence for sentence in problems(leading, NOON)] == [True]
