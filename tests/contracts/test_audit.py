from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.audit import MemoryAudit

from voipmon.audit.port import Audit, Event
from voipmon.audit.trail import Trail

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)


class Stage:
    """An audit, and the ids of what it has."""

    def __init__(self, folder: Path | None) -> None:
        self._trail = Trail(folder, lambda: NOON) if folder else None
        self._memory = MemoryAudit()
        self.audit: Audit = self._trail or self._memory

    def ids(self) -> list[str]:
        if self._trail is None:
            return [event.id for event in self._memory.events]
        return [line["id"] for line in self._trail.lines()]


@pytest.fixture(params=["memory", "trail"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path / "audit" if request.param == "trail" else None)


def event(*what: str, kind: str = "opened") -> Event:
    return Event(kind, NOON, what, {"request": "r1"})


def test_what_is_told_is_kept_in_its_order(stage: Stage) -> None:
    told = [event("c"), event("a"), event("b")]

    assert stage.audit.append(told) == 3

    assert stage.ids() == [one.id for one in told]


def test_the_same_event_is_kept_once_however_often_it_is_told(stage: Stage) -> None:
    stage.audit.append([event("a")])

    assert stage.audit.append([event("a"), event("b"), event("b")]) == 1
    assert stage.audit.append([event("b")]) == 0

    assert stage.ids() == [event("a").id, event("b").id]


def test_the_same_words_of_two_kinds_are_two_events(stage: Stage) -> None:
    assert stage.audit.append([event("a"), event("a", kind="revoked"), event("a", "")]) == 3


def test_telling_nothing_writes_nothing(stage: Stage) -> None:
    assert stage.audit.append([]) == 0

    assert stage.ids() == []


def test_many_events_at_once_are_each_kept_once(stage: Stage) -> None:
    stage.audit.append([event(str(number)) for number in range(0, 100, 2)])

    assert stage.audit.append([event(str(number)) for number in range(100)]) == 50

    assert len(set(stage.ids())) == len(stage.ids()) == 100
