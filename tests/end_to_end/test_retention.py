"""Every kind of file that the product writes is in docs/retention.md, and has the end that stands there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from support.world import MANAGER, SUBJECT, World

from voipmon import wiring
from voipmon.clock import Clock, system_clock
from voipmon.commands.tidy import tidy
from voipmon.config.sources import load_config

_TABLE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text()
RULES = dict(re.findall(r"^\| `([^`]+)` \| .+ \| (.+) \|$", _TABLE, re.MULTILINE))
_CALL = "internal-1121-2001-20251027-080000-1761562800.1.mp3"
_ROOTS = {"state_dir": "state", "queue.dir": "spool", "publish.dir": "publish"}


@pytest.fixture
def used(world: World) -> World:
    """An installation in which everything was done that writes a file."""
    world.record(_CALL)
    world.run("init")
    world.receive(SUBJECT)
    world.receive("RAMAIS=1121 INICIO=amanha2")
    world.receive(SUBJECT, "stranger@elsewhere.example.com")
    world.run("monitor")
    world.drop("bad.json", {"from_email": 7})
    world.drop("hand.json", {"from_email": MANAGER, "parameters": {"ramais": "9999", "inicio": "ontem"}})
    world.run("process-queue")
    world.run("select-audios", "--refresh")
    world.run("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "28/10/2025", "--email", MANAGER)
    world.run("doctor", exits=3)
    world.run("status", exits=0)
    world.run("queue", "add", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "28/10/2025", "--email", MANAGER)
    world.run("process-queue")
    [first, *_] = json.loads(world.run("publication", "list", "--json").stdout)
    world.run("publication", "revoke", first["publication"])
    world.run("queue", "purge", "--older-than", "30d")
    world.run("audit", "verify")
    world.run("purge")
    return world


def files(world: World) -> Iterator[str]:
    for root, folder in _ROOTS.items():
        for path in (world.folder / folder).rglob("*"):
            if not path.is_dir():
                yield f"{root}/{path.relative_to(world.folder / folder)}"


def rule_of(name: str) -> str | None:
    """Return the pattern that names a file: the longest of those that do."""
    parts = name.split("/")
    fitting = [
        pattern
        for pattern in RULES
        if pattern.count("/") == len(parts) - 1
        and all(fnmatchcase(part, wanted) for part, wanted in zip(parts, pattern.split("/"), strict=True))
    ]
    return max(fitting, key=len, default=None)


def test_every_file_that_is_written_has_an_end(used: World) -> None:
    found = list(files(used))

    assert [name for name in found if rule_of(name) is None] == []
    for pattern in ("publish.dir/*/*", "state_dir/audit/*.head", "queue.dir/completed/*", "state_dir/ledger.sqlite3*"):
        assert pattern in {rule_of(name) for name in found}


def set_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    for module in ("answers", "care"):
        monkeypatch.setattr(f"voipmon.wiring.{module}.system_clock", clock)


def test_ten_years_later_only_what_stays_is_there(used: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("state/.try-1", "spool/.try-1", "publish/.try-1", "state/.x.tmp", "state/publications/.x.tmp"):
        (used.folder / name).write_text("a crash")
    config = load_config(used.folder / "voipmon.toml", {}).config
    set_clock(monkeypatch, lambda: system_clock() + timedelta(days=3653))

    for _ in range(2):
        tidy(wiring.ending(config))

    left = {rule_of(name) for name in files(used)}
    assert {rule for rule in left if rule is None or "stay" not in RULES[rule]} <= {"state_dir/audit/*.ids"}
    assert (used.folder / "recordings" / _CALL).exists()
    assert wiring.ledger(config).count_old(system_clock() + timedelta(days=3653)) == 0


def test_the_audit_ends_by_whole_months_and_what_is_left_verifies(used: World, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(used.folder / "voipmon.toml", {}).config
    later = system_clock() + timedelta(days=1900)
    set_clock(monkeypatch, lambda: later)

    done = tidy(wiring.ending(config))

    assert done["publications"].files > 0  # their end is told in a month of its own
    assert done["audit_deleted"].files == 2
    assert tidy(wiring.ending(config))["audit_deleted"].files == 0
    assert ": whole, " in used.run("audit", "verify").stdout
