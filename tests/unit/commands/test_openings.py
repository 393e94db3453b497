"""Openings are read with the rights of whoever starts the command, and written with those of the trail's owner."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.ordinary_user import reachable_folder

from voipmon import user
from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.commands.openings import import_access_logs
from voipmon.delivery.records import key_of
from voipmon.errors import ParameterError

NOON = datetime(2025, 11, 11, 12, tzinfo=UTC)
TOKEN = "k3Jd8-sLwq_0PzXhB27aVnRt5yU"
_LINE = '192.0.2.7 - - [11/Nov/2025:12:{minute:02}:00 +0000] "GET /audios/{token}/{item} HTTP/1.1" 200 5 "-" "Fox"\n'


def line(item: str = "0001.mp3", minute: int = 0, token: str = TOKEN) -> str:
    return _LINE.format(item=item, minute=minute, token=token)


def begun(folder: Path) -> Trail:
    """Return a trail that knows of one publication."""
    trail = Trail(folder, lambda: NOON, months=None)
    trail.append([Event("delivered", NOON, ("r1",), {"request": "r1", "publication": key_of(TOKEN), "tenant": "acme"})])
    return trail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read what it then gives up the right to")
def test_root_may_import_a_log_that_the_owner_of_the_trail_cannot_read() -> None:
    with reachable_folder() as base:
        state = base / "state"
        state.mkdir()
        os.chown(state, 65534, 65534)
        log = base / "access.log"
        log.write_text(line())
        log.chmod(0o600)

        with user.owner_of(state):
            imported = import_access_logs([log], begun(state / "audit"))

        assert imported.openings == 1
        assert {path.stat().st_uid for path in (state / "audit").iterdir()} == {65534}


def test_an_opening_is_of_the_request_and_tenant_of_its_publication_and_of_the_first_moment(tmp_path: Path) -> None:
    trail = begun(tmp_path / "audit")
    log = tmp_path / "access.log"
    log.write_text(line(minute=5) + line(minute=50) + line("index.html") + line(token="A" * 27))

    imported = import_access_logs([log], trail)

    assert (imported.hits, imported.openings) == (3, 2)
    first = next(told for told in trail.lines() if told["event"] == "opened")
    assert (first["request"], first["tenant"], first["at"]) == ("r1", "acme", "2025-11-11T12:05:00Z")


def test_logs_in_any_order_and_overlapping_are_told_once(tmp_path: Path) -> None:
    trail = begun(tmp_path / "audit")
    first, second = tmp_path / "access.log.1", tmp_path / "access.log"
    first.write_text(line("0001.mp3") + line("0002.mp3", 1))
    second.write_text(line("0002.mp3", 2) + line("0003.mp3", 3))

    told = [import_access_logs(paths, trail).openings for paths in ([second], [first], [first, second], [second])]

    assert told == [2, 1, 0, 0]


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"the access log .* cannot be read: Is a directory: name a log"):
        import_access_logs([tmp_path], begun(tmp_path / "audit"))
