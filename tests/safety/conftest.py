import compileall
from collections.abc import Iterator
from pathlib import Path

import pytest
from safety.strace import Stage
from safety.world import World

import voipmon


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where processes are started; none of them writes byte code, or the first one would make other calls."""
    compileall.compile_dir(Path(voipmon.__file__).parent, quiet=1)
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An installation into which nobody has sent anything yet."""
    world = World(tmp_path)
    world.begin_here()
    return world
