"""What becomes of the audit trail when a process is killed or refused by the disk in an append, or is not alone."""

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from safety.strace import Point, Stage, points
from safety.world import World
from support.sampling import Sample

from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

REFUSABLE = ("open", "write", "pwrite", "fsync", "mkdir")


def told(world: World) -> list[str]:
    return [line["request"] for line in Trail(world.path / "audit", lambda: datetime.now(UTC)).lines()]


def flushes(calls: list[str], folder: Path) -> int:
    return sum(call.startswith(("fsync", "fdatasync")) and f"<{folder}" in call for call in calls)


@pytest.fixture(params=["the first", "a later"])
def begun(request: pytest.FixtureRequest, world: World, stage: Stage) -> World:
    """An installation whose trail has no line yet, or some."""
    if request.param == "a later":
        stage.run("tell", world.path, numbers=[90, 91])
    world.begin_here()
    return world


def points_of(stage: Stage, world: World, numbers: list[int]) -> list[Point]:
    ended = stage.run("tell", world.reset(), watch="", numbers=numbers)
    assert ended.code == 0, ended.said
    return [point for point in points(ended.calls, world.path) if "/told" not in point.text]


@pytest.mark.parametrize("numbers", [[1], [1, 2, 3]])
def test_an_append_killed_at_any_system_call_leaves_a_trail_that_verifies(
    begun: World, stage: Stage, sample: Sample, numbers: list[int]
) -> None:
    before = told(begun)

    for point in sample(points_of(stage, begun, numbers), 6):
        begun.reset()
        ended = stage.run("tell", begun.path, watch=f"{point.name}:signal=KILL:when={point.number}", numbers=numbers)
        assert ended.code is None, point
        assert verify(begun.path / "audit").damages == [], point

        assert stage.run("tell", begun.path, numbers=[4]).code == 0
        assert stage.run("tell", begun.path, numbers=numbers).code == 0

        assert verify(begun.path / "audit").damages == [], point
        assert Counter(told(begun)) == Counter([*before, *(f"r{number}" for number in (*numbers, 4))]), point


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_append_refused_by_the_disk_at_any_system_call_is_said_and_leaves_a_trail_that_verifies(
    begun: World, stage: Stage, sample: Sample, error: str
) -> None:
    before = told(begun)
    whole = [point for point in points_of(stage, begun, [1, 2]) if point.name.startswith(REFUSABLE)]
    whole = [point for point in whole if "EEXIST" not in point.text]  # the folder is there: no need to make it

    for point in sample(whole, 5):
        begun.reset()
        ended = stage.run("tell", begun.path, watch=f"{point.name}:error={error}:when={point.number}", numbers=[1, 2])
        assert ended.code == 3, (point, ended.said)
        assert "AuditError: the audit trail" in ended.said
        assert begun.notes("told") == (["90,91"] if before else [])
        assert verify(begun.path / "audit").damages == [], point

        assert stage.run("tell", begun.path, numbers=[1, 2]).code == 0

        assert verify(begun.path / "audit").damages == [], point
        assert told(begun) == [*before, "r1", "r2"], point


def test_a_line_is_durable_after_two_flushes_and_several_after_three(world: World, stage: Stage) -> None:
    stage.run("tell", world.path, numbers=[1])

    assert flushes(stage.run("tell", world.path, watch="", numbers=[2]).calls, world.path / "audit") == 2
    assert flushes(stage.run("tell", world.path, watch="", numbers=[3, 4, 5]).calls, world.path / "audit") == 3


def test_what_is_known_already_is_not_written_and_not_flushed(world: World, stage: Stage) -> None:
    stage.run("tell", world.path, numbers=[1, 2])

    ended = stage.run("tell", world.path, watch="", numbers=[1, 2])

    assert ended.code == 0
    assert [
        call for call in ended.calls if f"{world.path}/audit" in call and call.startswith(("write", "pwrite", "fsync"))
    ] == []


def test_lines_of_several_processes_at_once_are_one_chain(world: World, stage: Stage) -> None:
    running = [
        stage.start("tell", world.path, numbers=[process, 100 + number]) for number in range(10) for process in range(4)
    ]
    for process in running:
        assert process.end().code == 0

    assert verify(world.path / "audit").damages == []
    assert Counter(told(world)) == Counter(f"r{number}" for number in (*range(4), *range(100, 110)))
