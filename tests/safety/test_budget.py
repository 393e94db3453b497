"""How often the disk is waited for, and how much is looked at: counted by strace."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from safety.actors import request_of
from safety.strace import Stage
from safety.world import DELIVERED, LETTERS, REQUESTS, World
from support.sampling import Sample

from voipmon.queue import wire

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

MOST_CALLS = 25
WRITES = re.compile(
    r"^(write|pwrite|rename|unlink|mkdir|link|symlink|chmod|fchmod|fsync|fdatasync|flock|utime)|O_CREAT|O_WRONLY|O_RDWR"
)


def flushes(calls: list[str], folder: Path) -> int:
    return sum(call.startswith(("fsync", "fdatasync")) and f"<{folder}/" in call for call in calls)


def enqueue(stage: Stage, world: World, count: int, **details: object) -> list[str]:
    requests = [(number, "1121") for number in range(count)]
    return stage.run("enqueue", world.path, requests=requests, **details).calls


def test_a_request_is_durable_after_one_flush(stage: Stage, world: World) -> None:
    assert flushes(enqueue(stage, world, 5, watch=""), world.path / "queue") == 5


def test_a_known_request_is_flushed_again_for_whoever_added_it_may_have_died(stage: Stage, world: World) -> None:
    enqueue(stage, world, 5)

    assert flushes(enqueue(stage, world, 5, watch=""), world.path / "queue") == 2 * 5


@pytest.mark.parametrize(("finish", "most"), [(False, 0), (True, 1)])
def test_a_request_is_taken_without_a_flush_and_ended_with_one(
    stage: Stage, world: World, finish: bool, most: int
) -> None:
    enqueue(stage, world, 5)

    ended = stage.run("take", world.path, watch="", count=5, finish=finish)

    assert flushes(ended.calls, world.path / "queue") == most * 5


def test_a_hand_written_request_takes_one_more_for_its_new_name(stage: Stage, world: World) -> None:
    enqueue(stage, world, 1)
    stage.run("take", world.path, count=1, finish=True)
    world.drop_files()
    (world.path / "queue/pending/bad.json").unlink()

    ended = stage.run("take", world.path, watch="", count=1, finish=True)

    assert flushes(ended.calls, world.path / "queue") == 1 + 1


def test_a_letter_is_posted_with_one_flush_and_sent_with_three(stage: Stage, world: World) -> None:
    stage.run("enqueue", world.path, requests=REQUESTS[1:])
    world.drop_files()

    ended = stage.run("process", world.path, watch="", hours=1)

    assert flushes(ended.calls, world.path / "state" / "outbox") == 4 * (len(LETTERS) - 1)
    assert len(world.notes("handled")) == len(DELIVERED)


def test_a_pass_over_an_empty_queue_makes_few_calls_and_writes_nothing(stage: Stage, world: World) -> None:
    enqueue(stage, world, 2)
    stage.run("take", world.path, count=2, finish=True)

    ended = stage.run("look", world.path, watch="", all_calls=True)

    calls = [call for call in ended.calls if str(world.path / "queue") in call]
    assert 0 < len(calls) <= MOST_CALLS, calls
    assert [call for call in calls if WRITES.search(call)] == []


def test_of_a_hundred_thousand_requests_only_those_taken_are_looked_at(
    stage: Stage, world: World, sample: Sample
) -> None:
    count = len(sample(range(100_000), 5_000))
    enqueue(stage, world, 1)
    stage.run("take", world.path, count=1, finish=True)
    now = datetime.now(UTC)
    for number in range(count):
        arrived = now - timedelta(seconds=count - number)
        name = f"{arrived:%Y%m%dT%H%M%SZ}-k7q2m9xd4t"
        document = wire.document_of(request_of(0)) | {"request_id": name}
        if number < 20:
            document["not_before"] = "2100-01-01T00:00:00Z"
        (world.path / "queue" / "pending" / f"{name}.json").write_bytes(wire.dump(document))

    ended = stage.run("take", world.path, watch="", all_calls=True, count=3, finish=True)

    assert ended.code == 0, ended.said
    touched = [re.search(r"/pending/([^/\"]+\.json)", call) for call in ended.calls]
    assert len({match[1] for match in touched if match}) == 20 + 3
