"""What a pass learned of the mailbox is there for those who may not ask the server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voipmon.mail.inbox import ClaimWay
from voipmon.mail.lead import Leadership
from voipmon.mail.noted import Noted, note, read_noted

NOON = datetime(2025, 10, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "noted",
    [
        Noted(),
        Noted(ClaimWay.CONDITIONAL),
        Noted(ClaimWay.LEASE, Leadership("audio", 7, NOON, timedelta(seconds=40), was_read=True), NOON),
        Noted(None, Leadership(None, 0, None), NOON),
    ],
)
def test_what_was_noted_is_read(tmp_path: Path, noted: Noted) -> None:
    note(tmp_path / "mailbox.json", noted)

    assert read_noted(tmp_path / "mailbox.json") == noted


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"claim": 7, "leadership": null, "led_at": null}', b"7"]
)
def test_a_file_that_is_not_ours_says_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mailbox.json"
    path.write_bytes(content)

    assert read_noted(path) == Noted()


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "mailbox.json"
    note(path, Noted(ClaimWay.KEYWORD))
    before = path.stat().st_ino

    note(path, Noted(ClaimWay.KEYWORD))

    assert path.stat().st_ino == before
