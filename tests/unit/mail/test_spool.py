"""Letters as files: what lies on the disk, and what people do to it."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.outbox import make_letter

from voipmon.errors import OutboxError
from voipmon.mail.outbox import Posted
from voipmon.mail.spool import SpoolOutbox

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = f"{make_letter().name}.json"


@pytest.fixture
def outbox(tmp_path: Path) -> SpoolOutbox:
    return SpoolOutbox(tmp_path / "outbox")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def files(root: Path) -> list[str]:
    paths = (path.relative_to(root) for path in root.rglob("*") if not path.is_dir())
    return sorted(map(str, paths))


def take(outbox: SpoolOutbox, now: datetime = NOON) -> Posted:
    return next(iter(outbox.due(now)))


def kill(outbox: SpoolOutbox) -> None:
    for held, _ in outbox._held.values():
        os.close(held._descriptor)


def test_a_letter_goes_from_folder_to_folder(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    assert files(root) == [f"waiting/{NAME}"]

    posted = take(outbox)
    assert files(root) == [f"sending/{NAME}"]

    outbox.sent(posted, NOON, refused={"admin@example.com": "550 no such user"})
    assert files(root) == [f"sent/{NAME}"]


def test_of_a_sent_letter_stays_that_it_was_sent_and_to_whom_but_not_the_link(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    outbox.sent(take(outbox), NOON + MINUTE, refused={"admin@example.com": "550 no such user"})

    text = (root / "sent" / NAME).read_text()

    assert "https://" not in text
    document = json.loads(text)
    assert document["sent_at"] == "2025-11-11T12:01:00Z"
    assert document["recipients"] == ["manager@example.com", "admin@example.com"]
    assert document["refused"] == {"admin@example.com": "550 no such user"}


def test_that_a_letter_was_sent_is_recorded_also_on_a_full_disk(
    outbox: SpoolOutbox, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.post(make_letter(), NOON)
    posted = take(outbox)

    def write(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        outbox.sent(posted, NOON, refused={})

    assert files(root) == [f"sent/{NAME}"]
    assert list(SpoolOutbox(root).due(NOON)) == []


def test_what_was_sent_and_filed_before_the_process_died_is_not_sent_again(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    outbox.sent(take(outbox), NOON, refused={})
    (root / "sent" / NAME).rename(root / "sending" / NAME)

    assert list(SpoolOutbox(root).due(NOON)) == []

    assert files(root) == [f"sent/{NAME}"]


@pytest.mark.parametrize("filed", [True, False])
def test_a_letter_that_a_power_cut_brought_back_after_its_end_is_removed(
    outbox: SpoolOutbox, root: Path, filed: bool
) -> None:
    outbox.post(make_letter(), NOON)
    brought_back = root / "brought-back"
    os.link(root / "waiting" / NAME, brought_back)
    outbox.sent(take(outbox), NOON, refused={})
    brought_back.rename(root / "waiting" / NAME)
    sent, back = root / "sent" / NAME, root / "waiting" / NAME
    if not filed:
        sent.rename(root / "sending" / NAME)
    while filed and sent.stat().st_ctime_ns <= back.stat().st_ctime_ns:
        sent.chmod(0o600)  # as if it had come there later than the one that is back, as it has

    for _ in range(2):
        assert list(SpoolOutbox(root).due(NOON)) == []

    assert files(root) == [f"sent/{NAME}"]


def damage(**changes: Any) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return apply


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text("{}"),
        damage(name="another"),
        damage(recipients=None),
        damage(recipients=[1]),
        damage(message=None),
        damage(message="não"),
        damage(attempts="1"),
        damage(not_before="tomorrow"),
        damage(created_at=7),
        replace_by_folder,
    ],
)
@pytest.mark.parametrize("state", ["waiting", "sending"])
def test_a_damaged_letter_is_set_aside_and_the_others_are_sent(
    outbox: SpoolOutbox, root: Path, state: str, meddle: Callable[[Path], None]
) -> None:
    outbox.post(make_letter(1), NOON)
    if state == "sending":
        take(outbox)
        kill(outbox)
    outbox.post(make_letter(2), NOON)
    meddle(root / state / NAME)

    outbox = SpoolOutbox(root)
    for posted in outbox.due(NOON):
        outbox.sent(posted, NOON, refused={})

    assert (root / "sent" / f"{make_letter(2).name}.json").exists()
    assert (root / "refused" / NAME).exists()
    assert (root / "refused" / f"{NAME}.error.txt").read_text()
    assert not list(outbox.due(NOON + 9 * MINUTE))


def test_a_letter_that_was_damaged_can_be_written_anew(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    (root / "waiting" / NAME).write_text("")
    assert list(outbox.due(NOON)) == []

    assert not outbox.has(make_letter().name)
    assert outbox.post(make_letter(), NOON) is True


def test_a_sent_letter_put_back_by_hand_is_not_sent_without_its_text(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    outbox.sent(take(outbox), NOON, refused={})
    (root / "sent" / NAME).rename(root / "waiting" / NAME)

    assert list(outbox.due(NOON)) == []

    assert (root / "refused" / f"{NAME}.error.txt").read_text() == "it was sent, and its text is gone\n"


@pytest.mark.parametrize(
    "end",
    [
        lambda outbox, posted: outbox.sent(posted, NOON, refused={}),
        lambda outbox, posted: outbox.keep(posted, NOON, "451 try again", uncertain=False),
        lambda outbox, posted: outbox.give_up(posted, NOON, "550 no such user"),
        lambda outbox, posted: outbox.give_back(posted),
    ],
)
def test_a_letter_removed_by_hand_while_it_is_sent_is_gone(
    outbox: SpoolOutbox, root: Path, end: Callable[[SpoolOutbox, Posted], None]
) -> None:
    outbox.post(make_letter(), NOON)
    posted = take(outbox)
    (root / "sending" / NAME).unlink()

    end(outbox, posted)

    assert files(root) == []


def test_other_files_in_the_folders_are_left_alone(outbox: SpoolOutbox, root: Path) -> None:
    outbox.post(make_letter(), NOON)
    (root / "waiting" / ".notes.json").touch()
    (root / "sending" / "notes.txt").touch()

    assert [posted.letter for posted in outbox.due(NOON)] == [make_letter()]

    assert (root / "waiting" / ".notes.json").exists()
    assert outbox.counts() == {"waiting": 1, "sent": 0, "refused": 0}


def test_letters_keep_their_order_over_a_refusal_for_now(outbox: SpoolOutbox) -> None:
    for minutes, number in enumerate((2, 3, 1)):
        outbox.post(make_letter(number), NOON - 9 * MINUTE + minutes * MINUTE)
    outbox.keep(take(outbox), NOON, "451 try again", uncertain=False)

    order = []
    for posted in outbox.due(NOON):
        order.append(posted.letter)
        outbox.give_back(posted)

    assert order == [make_letter(2), make_letter(3), make_letter(1)]


def test_an_outbox_that_cannot_be_written_to_says_so(outbox: SpoolOutbox, root: Path) -> None:
    root.write_text("a file where the folder should be")

    with pytest.raises(OutboxError, match=r"the outbox in .* cannot be used") as caught:
        outbox.post(make_letter(), NOON)

    assert caught.value.retryable


def test_an_empty_outbox_is_not_written_to(outbox: SpoolOutbox, root: Path) -> None:
    assert list(outbox.due(NOON)) == []
    assert outbox.counts() == {"waiting": 0, "sent": 0, "refused": 0}

    assert not root.exists()
