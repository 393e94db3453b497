"""Long sweeps: every point under --full, else a sample that --seed repeats; Hypothesis likewise."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import hypothesis
import pytest

Point = TypeVar("Point")

_COUNTS = pytest.StashKey[dict[str, tuple[int, int]]]()


@dataclass(frozen=True, slots=True)
class Sample:
    """Chooses which points of a sweep a test visits."""

    full: bool
    seed: int
    test: str
    counts: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False)

    def __call__(self, points: Iterable[Point], few: int) -> list[Point]:
        """Return *points* in their order: all of them under --full, else *few* drawn at random.

        The draw depends on the seed and the name of the test only, so that it is the same whichever
        other tests run.
        """
        points = list(points)
        visited, whole = self.counts.get(self.test, (0, 0))
        self.counts[self.test] = visited + (len(points) if self.full else min(few, len(points))), whole + len(points)
        if self.full or len(points) <= few:
            return points
        drawn = random.Random(f"{self.seed} {self.test}").sample(range(len(points)), few)
        return [points[index] for index in sorted(drawn)]


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    """Give the test its way to choose points; with this fixture it counts as marked `full`."""
    full, seed = request.config.getoption("--full"), request.config.getoption("--seed")
    return Sample(full, seed, request.node.nodeid, request.config.stash[_COUNTS])


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("voipmon")
    group.addoption("--full", action="store_true", help="run every point of the long sweeps")
    group.addoption("--seed", type=int, help="repeat the sample of an earlier run")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = {}
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(10**6)
    quiet = {"deadline": None, "print_blob": True, "derandomize": False}  # a busy machine is no failure
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("modest", max_examples=100, suppress_health_check=slow, **quiet)
    hypothesis.settings.register_profile("full", max_examples=2000, suppress_health_check=slow, **quiet)
    hypothesis.settings.load_profile("full" if config.option.full else "modest")


def pytest_report_header(config: pytest.Config) -> str:
    if config.option.full:
        return "sweeps: every point"
    return f"sweeps: a sample; the same again with --seed {config.option.seed}, every point with --full"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "sample" in getattr(item, "fixturenames", ()):
            item.add_marker("full")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many points each long sweep visited."""
    counts = config.stash[_COUNTS]
    if counts:
        terminalreporter.section("points of the sweeps: visited, all")
        for test, (visited, whole) in counts.items():
            terminalreporter.line(f"{visited:6} {whole:6}  {test}")
