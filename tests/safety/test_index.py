"""The catalogue's index after its process was killed, frozen or refused by the disk: no answer is ever wrong."""

import os
import shutil
from pathlib import Path

import pytest
from safety.strace import Point, Stage, points
from safety.world import World
from support.sampling import Sample

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

REFUSABLE = ("open", "write", "pwrite", "rename", "mkdir", "fsync", "fdatasync", "unlink", "ftruncate", "fallocate")


def record(world: World, *names: str) -> None:
    """Let the exchange have recorded calls long ago."""
    for number, name in enumerate(names):
        path = world.path / "recordings" / name / f"internal-1121-{number}-20251027-120000-1761566400.9.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(2000))
        os.utime(path, (1_761_700_000, 1_761_700_000))


@pytest.fixture
def unknown(world: World) -> World:
    """An installation whose recordings no index knows yet."""
    record(world, "", "2025/10/26", "2025/10/27")
    world.begin_here()
    return world


@pytest.fixture
def known(unknown: World, stage: Stage) -> World:
    """An installation with an index that knows some recordings, has been told of others, and not of the last ones."""
    assert stage.run("refresh", unknown.path).code == 0
    record(unknown, "2025/10/28")
    assert stage.run("refresh", unknown.path).code == 0
    record(unknown, "2025/10/28", "2025/10/29", "2025/10/30")
    unknown.begin_here()
    return unknown


@pytest.fixture(params=["build", "refresh"])
def begun(request: pytest.FixtureRequest) -> World:
    """An installation where a refresh has something to do."""
    world: World = request.getfixturevalue({"build": "unknown", "refresh": "known"}[request.param])
    return world


def points_of(stage: Stage, world: World) -> list[Point]:
    ended = stage.run("refresh", world.reset(), watch="")
    assert ended.code == 0, ended.said
    return [point for point in points(ended.calls, world.path) if "/catalogue" in point.text]


def check_the_answer(world: World, stage: Stage) -> None:
    """Check that all recordings are found, and that afterwards nothing is left over but one index."""
    (world.path / "found").unlink(missing_ok=True)
    ended = stage.run("find", world.path)
    assert ended.code == 0, ended.said
    there = world.path / "recordings"
    assert sorted(world.notes("found")) == sorted(str(path.relative_to(there)) for path in there.rglob("*.mp3"))


def check_the_rest(world: World, stage: Stage) -> None:
    assert stage.run("refresh", world.path).code == 0
    folder = world.path / "state" / "catalogue"
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    assert names in ({"building.lock", "index-000001.sqlite3"}, {"building.lock", "index-000001.sqlite3", *_OLDER})


_OLDER = {"index-000002.sqlite3"}  # goes after ten minutes


def test_a_refresh_killed_at_any_system_call_leaves_an_index_that_heals(
    begun: World, stage: Stage, sample: Sample
) -> None:
    chosen = sample(points_of(stage, begun), 12)
    hits = 0

    for point in chosen:
        print(point)
        begun.reset()
        ended = stage.run("refresh", begun.path, watch=f"{point.name}:signal=KILL:when={point.number}")
        hits += ended.code is None

        check_the_answer(begun, stage)
        check_the_rest(begun, stage)
    assert hits > 0.8 * len(chosen)


def test_a_question_killed_at_any_system_call_leaves_an_index_that_heals(
    begun: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, begun), 4):
        print(point)
        begun.reset()
        stage.run("find", begun.path, watch=f"{point.name}:signal=KILL:when={point.number}")

        check_the_answer(begun, stage)
        check_the_rest(begun, stage)


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO"])
def test_a_disk_that_refuses_any_system_call_keeps_nobody_from_an_answer(
    begun: World, stage: Stage, sample: Sample, errno: str
) -> None:
    chosen = [point for point in points_of(stage, begun) if point.name.startswith(REFUSABLE)]

    for point in sample(chosen, 8):
        print(point)
        begun.reset()
        ended = stage.run("find", begun.path, watch=f"{point.name}:error={errno}:when={point.number}")
        assert ended.code == 0, ended.said
        there = begun.path / "recordings"
        assert len(begun.notes("found")) == len(list(there.rglob("*.mp3")))

        check_the_answer(begun, stage)


def test_while_a_refresh_is_frozen_at_any_system_call_others_find_everything(
    begun: World, stage: Stage, sample: Sample
) -> None:
    for point in sample(points_of(stage, begun), 6):
        print(point)
        frozen = stage.start("refresh", begun.reset(), watch=f"{point.name}:signal=STOP:when={point.number}")
        frozen.is_frozen()

        check_the_answer(begun, stage)
        frozen.go_on()

        ended = frozen.end()
        assert ended.code == 0, ended.said
        check_the_answer(begun, stage)
        check_the_rest(begun, stage)


def test_what_a_killed_refresh_left_is_never_named_where_it_is_gone(known: World, stage: Stage, sample: Sample) -> None:
    for point in sample(points_of(stage, known), 4):
        print(point)
        known.reset()
        stage.run("refresh", known.path, watch=f"{point.name}:signal=KILL:when={point.number}")
        for folder in ("2025/10/26", "2025/10/30"):
            shutil.rmtree(Path(known.path, "recordings", folder))

        check_the_answer(known, stage)
