"""What becomes of requests, publications and letters when a process is killed, frozen or refused by the disk.

Every point is a system call that changes something. All is real but the mail server, the clock and one fault.
"""

import random
import shutil

import pytest
from safety.actors import request_of
from safety.strace import Point, Stage, points
from safety.world import GOOD, REQUESTS, World, check_all_is_done_once
from support.sampling import Sample

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

NUMBERS = [number for number, _ in REQUESTS]
REFUSABLE = ("open", "write", "rename", "mkdir", "fsync", "unlink", "link", "utimens", "copy_file_range", "ftruncate")


@pytest.fixture
def waiting(world: World, stage: Stage) -> World:
    """An installation in which two good requests, one for nothing, one that trips over a fault, a hand-written one and
    a damaged file wait."""
    stage.run("enqueue", world.path, requests=REQUESTS)
    world.drop_files()
    world.begin_here()
    return world


def finish(world: World, stage: Stage) -> None:
    """Make passes until nothing waits any more."""
    for number in range(2, 12):
        ended = stage.run("process", world.path, hours=2 * number)
        assert ended.code == 0, ended.said
        if not world.waits():
            return
    pytest.fail("requests or letters wait for ever")


def points_of(stage: Stage, world: World, act: str, **details: object) -> list[Point]:
    ended = stage.run(act, world.reset(), watch="", **details)
    assert ended.code == 0, ended.said
    return points(ended.calls, world.path)


def refusable(whole: list[Point]) -> list[Point]:
    """Return the calls on our files that a disk can refuse."""
    notes = ('"/server"', '"/handled"', "/server>", "/handled>")
    return [point for point in whole if point.name.startswith(REFUSABLE) and not any(n in point.text for n in notes)]


def kill(stage: Stage, world: World, act: str, point: Point, **details: object) -> tuple[bool, bool]:
    """Kill an act at that point.

    Return whether it was hit (a process that looks at the clock is not the same each time), and whether the mail
    server had a letter then that was not on record as sent.
    """
    print(point)
    ended = stage.run(act, world.path, watch=f"{point.name}:signal=KILL:when={point.number}", **details)
    unrecorded = False
    for earlier in points([call for call in ended.calls if not call.endswith("= ?")], world.path):
        if earlier.name == "write" and "/server" in earlier.text:
            unrecorded = True
        if earlier.name.startswith("rename") and "/outbox/sent/" in earlier.text:
            unrecorded = False
    return ended.code is None, unrecorded


def test_a_pass_killed_at_any_system_call_loses_and_doubles_nothing(
    waiting: World, stage: Stage, sample: Sample
) -> None:
    chosen = sample(points_of(stage, waiting, "process", hours=1), 12)
    hits = 0

    for point in chosen:
        waiting.reset()
        hit, unrecorded = kill(stage, waiting, "process", point, hours=1)
        hits += hit

        finish(waiting, stage)

        check_all_is_done_once(waiting, repeated_letters=unrecorded, repeated_work=1)
        assert waiting.deaths() <= 1
    assert hits > 0.9 * len(chosen)


def test_a_recovery_killed_at_any_system_call_loses_and_doubles_nothing(
    waiting: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, waiting, "process", hours=1), 3):
        waiting.reset()
        kill(stage, waiting, "process", point, hours=1)
        recovery = points(stage.run("process", waiting.path, hours=2, watch="").calls, waiting.path)

        for second in random.Random(str(point)).sample(recovery, 3):
            waiting.reset()
            _, first_unrecorded = kill(stage, waiting, "process", point, hours=1)
            _, unrecorded = kill(stage, waiting, "process", second, hours=2)

            finish(waiting, stage)

            check_all_is_done_once(waiting, repeated_letters=first_unrecorded + unrecorded, repeated_work=2)


def test_a_monitor_killed_while_it_enqueues_enqueues_each_request_once(
    world: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, world, "enqueue", requests=REQUESTS), 5):
        world.reset()
        hit, _ = kill(stage, world, "enqueue", point, requests=REQUESTS)
        assert hit
        accepted = [int(number) for number in world.notes("accepted")]
        queued = {path.name for path in world.path.glob("queue/pending/*")}
        assert {f"{request_of(number).id}.json" for number in accepted} <= queued

        assert stage.run("enqueue", world.path, requests=REQUESTS).code == 0
        world.drop_files()
        finish(world, stage)

        check_all_is_done_once(world)


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO"])
def test_a_disk_that_refuses_any_system_call_of_a_pass_loses_and_doubles_nothing(
    waiting: World, stage: Stage, sample: Sample, errno: str
) -> None:
    chosen = sample(refusable(points_of(stage, waiting, "process", hours=1)), 6)
    hits = 0

    for point in chosen:
        print(point)
        refuse = f"{point.name}:error={errno}:when={point.number}"
        ended = stage.run("process", waiting.reset(), hours=1, watch=refuse)
        hits += any("(INJECTED)" in call for call in ended.calls)
        assert ended.code in (0, 3), ended.said

        finish(waiting, stage)

        check_all_is_done_once(waiting, repeated_work=1)
    assert hits > 0.9 * len(chosen)


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO"])
def test_a_disk_that_refuses_any_system_call_of_enqueuing_loses_and_doubles_nothing(
    world: World, stage: Stage, sample: Sample, errno: str
) -> None:
    for point in sample(refusable(points_of(stage, world, "enqueue", requests=REQUESTS)), 3):
        print(point)
        refuse = f"{point.name}:error={errno}:when={point.number}"
        stage.run("enqueue", world.reset(), requests=REQUESTS, watch=refuse)

        assert stage.run("enqueue", world.path, requests=REQUESTS).code == 0
        world.drop_files()
        finish(world, stage)

        check_all_is_done_once(world)


@pytest.mark.parametrize("rival", ["process", "enqueue"])
def test_a_pass_frozen_at_any_system_call_while_another_process_works_does_everything_once(
    waiting: World, stage: Stage, sample: Sample, rival: str
) -> None:
    details = {"process": {"hours": 1}, "enqueue": {"requests": REQUESTS}}
    chosen = sample(points_of(stage, waiting, "process", hours=1), {"process": 6, "enqueue": 3}[rival])
    hits = 0

    for point in chosen:
        print(point)
        freeze = f"{point.name}:signal=STOP:when={point.number}"
        frozen = stage.start("process", waiting.reset(), hours=1, watch=freeze)
        hits += frozen.is_frozen()

        other = stage.start(rival, waiting.path, **details[rival])
        other.has_ended(within=0.5)  # or it waits for a lock that the frozen one has
        frozen.go_on()

        for ended in (frozen.end(), other.end()):
            assert ended.code == 0, ended.said
        finish(waiting, stage)
        check_all_is_done_once(waiting)
        assert waiting.deaths() == 0
    assert hits > 0.9 * len(chosen)


def test_enqueuing_frozen_at_any_system_call_while_the_same_is_enqueued_makes_one_request(
    world: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, world, "enqueue", requests=REQUESTS), 3):
        print(point)
        freeze = f"{point.name}:signal=STOP:when={point.number}"
        frozen = stage.start("enqueue", world.reset(), requests=REQUESTS, watch=freeze)
        assert frozen.is_frozen()

        other = stage.start("enqueue", world.path, requests=REQUESTS)
        other.has_ended(within=0.5)
        frozen.go_on()

        assert (frozen.end().code, other.end().code) == (0, 0)
        assert sorted(map(int, world.notes("accepted"))) == sorted(NUMBERS * 2)
        world.drop_files()
        finish(world, stage)
        check_all_is_done_once(world)


def places(world: World, number: int) -> list[str]:
    """Return the folders in which a request lies."""
    return [path.parent.name for path in world.path.glob(f"queue/*/{request_of(number).id}.json")]


RETRY = {"how": "retry", "number": GOOD}
CANCEL = {"how": "cancel", "number": GOOD}
PURGE = {"how": "purge", "number": 0}


def letters(world: World, number: int) -> int:
    """Count the mails that the server got about a request."""
    return sum(request_of(number).id in line for line in world.notes("server"))


def check_it_is_answered_again_or_not_at_all(world: World, *, again: bool) -> None:
    assert places(world, GOOD) == ["completed"]
    assert world.document(f"completed/{request_of(GOOD).id}.json").get("round", 1) == (2 if again else 1)
    assert letters(world, GOOD) == (2 if again else 1)
    assert not list(world.path.glob("queue/.tmp/*"))


def check_it_is_cancelled_or_answered(world: World) -> None:
    (place,) = places(world, GOOD)
    document = world.document(f"{place}/{request_of(GOOD).id}.json")
    end = place, document["result"]["outcome"], letters(world, GOOD)
    assert end in (("failed", "cancelled", 0), ("completed", "delivered", 1))
    assert document.get("round", 1) == 1
    assert not list(world.path.glob("queue/.tmp/*"))


def test_an_admin_killed_while_a_request_is_sent_round_again_leaves_one_request(
    waiting: World, stage: Stage, sample: Sample
) -> None:
    finish(waiting, stage)
    waiting.begin_here()

    for point in sample(points_of(stage, waiting, "mend", **RETRY), 4):
        waiting.reset()
        kill(stage, waiting, "mend", point, **RETRY)
        again = places(waiting, GOOD) == ["pending"]

        finish(waiting, stage)

        check_it_is_answered_again_or_not_at_all(waiting, again=again)


def test_an_admin_killed_while_cancelling_leaves_a_request_cancelled_or_answered(
    waiting: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, waiting, "mend", **CANCEL), 4):
        waiting.reset()
        kill(stage, waiting, "mend", point, **CANCEL)

        finish(waiting, stage)

        check_it_is_cancelled_or_answered(waiting)


def test_an_admin_killed_while_purging_deletes_the_rest_the_next_time(
    waiting: World, stage: Stage, sample: Sample
) -> None:
    finish(waiting, stage)
    stage.run("enqueue", waiting.path, requests=[(7, "1121")])
    waiting.begin_here()

    for point in sample(points_of(stage, waiting, "mend", **PURGE), 2):
        waiting.reset()
        kill(stage, waiting, "mend", point, **PURGE)

        assert stage.run("mend", waiting.path, **PURGE).code == 0

        assert {path.name for path in waiting.path.glob("queue/*/*")} == {f"{request_of(7).id}.json"}


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("how", [RETRY, CANCEL, PURGE], ids=["retry", "cancel", "purge"])
def test_a_disk_that_refuses_any_system_call_of_an_admin_is_named_and_leaves_each_request_whole(
    waiting: World, stage: Stage, sample: Sample, errno: str, how: dict[str, object]
) -> None:
    if how is not CANCEL:
        finish(waiting, stage)
        waiting.begin_here()

    for point in sample(refusable(points_of(stage, waiting, "mend", **how)), 2):
        print(point)
        waiting.reset()
        ended = stage.run("mend", waiting.path, watch=f"{point.name}:error={errno}:when={point.number}", **how)
        assert ended.code in (0, 3), ended.said
        again = places(waiting, GOOD) == ["pending"]

        finish(waiting, stage)

        if how is PURGE:
            assert stage.run("mend", waiting.path, **PURGE).code == 0
            assert list(waiting.path.glob("queue/*/*")) == []
        elif how is CANCEL:
            check_it_is_cancelled_or_answered(waiting)
        else:
            check_it_is_answered_again_or_not_at_all(waiting, again=again)


@pytest.mark.parametrize("how", [RETRY, CANCEL, PURGE], ids=["retry", "cancel", "purge"])
def test_an_admin_frozen_at_any_system_call_while_a_worker_works_does_everything_once(
    waiting: World, stage: Stage, sample: Sample, how: dict[str, object]
) -> None:
    if how is not CANCEL:
        finish(waiting, stage)
        waiting.begin_here()

    for point in sample(points_of(stage, waiting, "mend", **how), 2):
        print(point)
        frozen = stage.start("mend", waiting.reset(), watch=f"{point.name}:signal=STOP:when={point.number}", **how)
        assert frozen.is_frozen()
        worker = stage.start("process", waiting.path, hours=1)
        worker.has_ended(within=0.5)  # or it waits for a lock that the admin has
        frozen.go_on()
        admin = frozen.end()
        assert worker.end().code == 0

        finish(waiting, stage)

        if how is PURGE:
            assert list(waiting.path.glob("queue/*/*")) == []
        elif how is CANCEL:
            check_it_is_cancelled_or_answered(waiting)
            assert places(waiting, GOOD) == (["failed"] if admin.code == 0 else ["completed"])
        else:
            check_it_is_answered_again_or_not_at_all(waiting, again=True)
