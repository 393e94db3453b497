import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify
from voipmon.errors import AuditError

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)


def event(number: int, kind: str = "opened") -> Event:
    return Event(kind, NOON, (str(number),), {"request": "r1", "reason": 'a "line"\n\u202e\udce9'})


def trail(folder: Path, now: datetime = NOON, months: int | None = 2) -> Trail:
    return Trail(folder, lambda: now, months)


def test_each_line_carries_the_hash_of_the_one_before_and_of_its_own_bytes(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])

    before = b"0" * 64
    for number, line in enumerate((tmp_path / "2025-11.jsonl").read_bytes().splitlines(), 1):
        own, _, chain = line.partition(b',"chain":"')
        assert json.loads(line)["n"] == number
        assert chain == sha256(before + own).hexdigest().encode() + b'"}'
        before = chain[:64]


def test_a_new_month_goes_on_with_the_chain_of_the_old_one(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1)])
    trail(tmp_path, NOON + timedelta(days=31)).append([event(2)])

    found = verify(tmp_path)

    assert (found.lines, found.months, found.damages) == (2, ["2025-11", "2025-12"], [])
    assert json.loads((tmp_path / "2025-12.jsonl").read_bytes())["n"] == 2


def test_a_clock_that_goes_back_over_the_end_of_a_month_begins_no_old_one(tmp_path: Path) -> None:
    trail(tmp_path, NOON + timedelta(days=31)).append([event(1)])
    trail(tmp_path).append([event(2)])

    assert verify(tmp_path).months == ["2025-12"]


def test_an_event_of_the_month_before_is_known(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1)])

    assert trail(tmp_path, NOON + timedelta(days=31)).append([event(1)]) == 0


def test_an_event_of_years_ago_is_known_where_all_months_are_searched(tmp_path: Path) -> None:
    for month in range(6):
        trail(tmp_path, NOON + timedelta(days=31 * month)).append([event(month)])
    now = NOON + timedelta(days=31 * 6)

    assert trail(tmp_path, now, months=None).append([event(0)]) == 0
    assert trail(tmp_path, now, months=2).append([event(0)]) == 1


def test_ids_that_are_lost_are_read_from_the_lines(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])
    (tmp_path / "2025-11.ids").write_bytes(b"")

    assert trail(tmp_path).append([event(2)]) == 0

    (tmp_path / "2025-11.ids").unlink()
    assert trail(tmp_path).append([event(1), event(3)]) == 1


@pytest.mark.parametrize(
    "rest",
    [b"\0" * 600, b'{"n":2,"id":"5f' + b"\0" * 300, b'{"n"' + b"\0" * 300, b"\0" * 90 + b'"chain":"00"}\n'],
    ids=["nothing", "a part", "a small part", "only the end"],
)
def test_zeros_that_a_power_cut_left_in_place_of_a_line_are_no_damage_and_go(tmp_path: Path, rest: bytes) -> None:
    trail(tmp_path).append([event(1)])
    with (tmp_path / "2025-11.jsonl").open("ab") as file:
        file.write(rest)

    assert verify(tmp_path).damages == []
    trail(tmp_path).append([event(2)])

    assert verify(tmp_path).damages == []
    assert [line["n"] for line in trail(tmp_path).lines()] == [1, 2]
    assert b"\0" not in (tmp_path / "2025-11.jsonl").read_bytes()


def test_zeros_that_a_power_cut_left_in_place_of_ids_hide_no_event(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])
    ids = tmp_path / "2025-11.ids"
    ids.write_bytes(ids.read_bytes()[:12] + bytes(12))

    assert trail(tmp_path).append([event(2), event(1)]) == 0


def test_an_id_that_stands_across_two_others_is_none(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])
    ids = (tmp_path / "2025-11.ids").read_bytes()

    class Odd(Event):
        @property
        def id(self) -> str:
            return ids[6:18].hex()

    assert trail(tmp_path).append([Odd("opened", NOON, ())]) == 1


def test_whole_months_go_after_their_time_and_what_is_left_verifies(tmp_path: Path) -> None:
    for month in range(4):
        trail(tmp_path, NOON + timedelta(days=31 * month)).append([event(month)])
    now = NOON + timedelta(days=31 * 3)

    gone = trail(tmp_path, now).remove_before(NOON + timedelta(days=31 * 2))

    assert gone == ["2025-11", "2025-12"]
    found = verify(tmp_path)
    assert found.damages == []
    assert found.months == ["2026-01", "2026-02"]
    assert found.notes == ["2025-12 and what was before is removed: begins with line 3"]
    assert sorted(path.name for path in tmp_path.glob("2025*")) == ["2025-12.head"]
    assert trail(tmp_path, now).remove_before(NOON + timedelta(days=31 * 2)) == []


def test_the_newest_month_is_never_removed(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1)])

    assert trail(tmp_path).remove_before(NOON + timedelta(days=3650)) == []

    assert verify(tmp_path).lines == 1


def test_a_head_that_is_lost_is_made_anew_and_a_line_tells_of_it(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])
    (tmp_path / "2025-11.head").unlink()
    assert [str(damage) for damage in verify(tmp_path).damages] == ["2025-11.head: missing or damaged"]

    trail(tmp_path).append([event(3)])

    assert verify(tmp_path).damages == []
    assert [line["event"] for line in trail(tmp_path).lines()] == ["opened", "opened", "head_rebuilt", "opened"]


def test_a_damaged_trail_is_written_on_and_keeps_the_traces(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2), event(3)])
    path = tmp_path / "2025-11.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))

    assert trail(tmp_path).append([event(4)]) == 1

    [damage] = verify(tmp_path).damages
    assert str(damage) == "2025-11.jsonl, line 3: removed: 1 line before it, number 3"


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")

    with pytest.raises(
        AuditError, match=f"the audit trail {tmp_path}/audit cannot be used .*: give this user the right"
    ):
        trail(tmp_path / "audit").append([event(1)])


def test_the_lines_of_shell_in_the_manual_find_a_trail_whole_and_name_what_is_not(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
    script = "\n".join(re.findall(r"^    (.+)$", manual[manual.index("nothing but a shell:") :], re.MULTILINE)[:3])
    trail(tmp_path).append([event(1), event(2), event(3)])

    def said() -> str:
        return subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert "sha256sum" in script
    assert said() == ""
    path = tmp_path / "2025-11.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"n":2', b'"n":7'))
    assert said().startswith('broken: {"n":7,')


def test_a_line_whose_end_is_missing_is_not_told(tmp_path: Path) -> None:
    trail(tmp_path).append([event(1), event(2)])
    path = tmp_path / "2025-11.jsonl"
    path.write_bytes(path.read_bytes()[:-1])

    assert [line["id"] for line in trail(tmp_path).lines()] == [event(1).id]


class DeathError(BaseException):
    """The process is dead: nothing of it goes on."""


def die_after(calls: int, part: float, patch: pytest.MonkeyPatch) -> None:
    """Let the call after so many of those that change something be the last; of a write, *part* is done."""
    left = [calls]

    def deadly(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] >= 0:
                return real(*arguments, **options)
            if left[0] == -1 and name == "write":
                real(arguments[0], arguments[1][: int(len(arguments[1]) * part)])
            raise DeathError

        return call

    for name in ("open", "write", "pwrite", "fsync", "ftruncate"):
        patch.setattr(os, name, deadly(name))


class Walk(RuleBasedStateMachine):
    """Appends, months that pass, and crashes at every point between two system calls, in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(mkdtemp(prefix="voipmon-audit-"))
        self.now = NOON
        self.told: dict[str, None] = {}
        self.number = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new(self, count: int) -> list[Event]:
        self.number += count
        return [event(number) for number in range(self.number - count, self.number)]

    @rule(count=st.integers(1, 30), again=st.integers(0, 3))
    def append(self, count: int, again: int) -> None:
        events = [*self._new(count), *(event(number) for number in range(max(0, self.number - again), self.number))]
        trail(self.folder, self.now).append(events)
        self.told |= dict.fromkeys(one.id for one in events)

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(count=st.integers(1, 4), calls=st.integers(0, 12), part=st.floats(0, 1), repeat=st.booleans())
    def crash(self, count: int, calls: int, part: float, repeat: bool) -> None:
        """Be killed in an append after so many calls, in the middle of the next; perhaps tell all again."""
        events = self._new(count)
        before = set(self.told)
        with pytest.MonkeyPatch.context() as patch:
            die_after(calls, part, patch)
            with suppress(DeathError):
                trail(self.folder, self.now).append(events)
        assert verify(self.folder).damages == []
        if repeat:
            trail(self.folder, self.now).append(events)
        ids = [line["id"] for line in trail(self.folder, self.now).lines()]
        self.told |= dict.fromkeys(ids)
        new = set(self.told) - before
        assert new <= {one.id for one in events}
        assert not repeat or len(new) == count

    @invariant()
    def is_whole_and_has_each_event_once(self) -> None:
        assert verify(self.folder).damages == []
        ids = [line["id"] for line in trail(self.folder, self.now).lines()]
        assert ids == list(self.told)


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
