"""Files that people put into the queue's folders, move about and take away."""

import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.queue import make_request
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.clock import system_clock
from voipmon.domain.outcome import NothingFound
from voipmon.errors import LeaseLostError, QueueError
from voipmon.queue import wire
from voipmon.queue.port import Lease, State
from voipmon.queue.spool import SpoolQueue
from voipmon.statefolders.folders import StateFolders

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FOREIGN = {
    "request_id": "test_001",
    "from_email": "manager@example.com",
    "parameters": {"ramais": "1121", "inicio": "27/10/2025 08:00"},
}
FOLDERS = ("pending", "processing", "completed", "failed")


class Spool:
    """A queue, its folders as an admin sees them, and the time that passes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.queue = self.worker()
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)

    def worker(self) -> SpoolQueue:
        return SpoolQueue(self.root, instance="pbx")

    def path(self, place: str) -> Path:
        return self.root / place

    def drop(self, name: str, **changes: Any) -> bytes:
        return self.drop_bytes(name, json.dumps({**FOREIGN, **changes}).encode())

    def drop_bytes(self, name: str, data: bytes) -> bytes:
        time.sleep(0.01)  # longer than a tick of the clock that files are stamped by
        (self.root / "pending" / name).write_bytes(data)
        return data

    def lease(self, later: timedelta = timedelta(0)) -> Lease | None:
        return self.queue.lease(system_clock() + later)

    def take(self, later: timedelta = timedelta(0)) -> Lease:
        leased = self.lease(later)
        assert leased is not None
        return leased

    def answer(self, later: timedelta = timedelta(0)) -> str:
        leased = self.take(later)
        self.queue.complete(leased, NothingFound(), system_clock() + later)
        return leased.request.id

    def kill(self) -> None:
        for held, _ in self.queue._held.values():
            os.close(held._descriptor)
        self.queue = self.worker()

    def files(self) -> list[str]:
        """Return everything that lies in the folders."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*"))
        return sorted(str(path) for path in found if str(path) not in {*FOLDERS, ".tmp"})

    def document(self, place: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / place).read_bytes())
        return document

    def reason(self, name: str) -> str:
        return (self.root / "failed" / f"{name}.error.txt").read_text()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "queue")


@pytest.fixture
def shared_spool() -> Iterator[Spool]:
    """A spool that belongs to an ordinary user, also where the tests run as root."""
    with reachable_folder() as folder:
        folder.chmod(0o777)
        with ordinary_user():
            yield Spool(folder / "queue")


@contextmanager
def whoever_runs_the_tests() -> Iterator[None]:
    """Be root again for the length of a block, where the tests run as root."""
    ordinary = os.geteuid()
    os.seteuid(os.getuid())
    yield
    os.seteuid(ordinary)


def test_a_dropped_file_is_a_request(spool: Spool) -> None:
    spool.drop("any name.json")

    assert spool.answer() == "test_001"

    assert spool.files() == ["completed/test_001.json"]


def test_what_voipmon_adds_to_a_dropped_file_is_added_and_the_rest_is_kept(spool: Spool) -> None:
    spool.drop("a.json", motivo="conferência", from_email="manager@example.com")

    spool.answer()

    document = spool.document("completed/test_001.json")
    assert {key: document.pop(key) for key in ("created_at", "history", "result")}.keys() == {
        "created_at",
        "history",
        "result",
    }
    assert document == {**FOREIGN, "motivo": "conferência", "type": "RAMAIS", "attempts": 1, "not_before": None}


def test_the_story_of_a_request_stands_in_its_file(spool: Spool) -> None:
    spool.drop("a.json")
    spool.queue.retry(spool.take(), system_clock(), "the disk is full", system_clock())
    spool.queue.fail(spool.take(), "the disk is full", system_clock())

    document = spool.document("failed/test_001.json")

    assert [event["event"] for event in document["history"]] == ["arrived", "retry", "failed"]
    assert document["history"][1]["instance"] == "pbx"
    assert document["result"] == {"outcome": "failed", "error": "the disk is full"}


DAMAGED = {
    "empty": b"",
    "BOM": b"\xef\xbb\xbf{}",
    "latin-1": '{"motivo": "reunião"}'.encode("latin-1"),
    "trailing comma": b'{"from_email": "a@example.com",}',
    "array": b"[]",
    "10 MB": b'{"a": "' + b"x" * 10_000_000 + b'"}',
    "duplicate keys": b'{"request_id": "a", "request_id": "b"}',
    "no parameters": b'{"from_email": "a@example.com"}',
    "no text": b"\x00\xff\xfe",
    "climbing id": json.dumps({**FOREIGN, "request_id": "../../up"}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_no_request_is_set_aside_unchanged_with_the_reason_and_the_others_go_on(
    spool: Spool, damage: str
) -> None:
    spool.drop_bytes("a.json", DAMAGED[damage])
    spool.drop("b.json")

    assert spool.answer(MINUTE) == "test_001"
    assert spool.lease(MINUTE) is None

    assert spool.files() == ["completed/test_001.json", "failed/a.json", "failed/a.json.error.txt"]
    assert spool.path("failed/a.json").read_bytes() == DAMAGED[damage]
    assert len(spool.reason("a.json").splitlines()) == 1


NAMES = {
    "spaces": "a request of mine.json",
    "quotes": '"it\'s" `mine` $(id).json',
    "newline": "two\nlines.json",
    "255 bytes": "é" * 125 + ".json",
    "no UTF-8": os.fsdecode(b"caf\xe9.json"),
    "stars": "*.json",
    "a dash": "-rf.json",
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_file_may_have_any_name_if_it_has_an_id(spool: Spool, kind: str) -> None:
    spool.drop(NAMES[kind])

    assert spool.answer() == "test_001"

    assert spool.files() == ["completed/test_001.json"]


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "a dash"])
def test_a_name_that_is_no_id_is_set_aside(spool: Spool, kind: str) -> None:
    data = spool.drop(NAMES[kind], request_id=None)

    assert spool.lease() is None

    moved, reason = sorted(os.listdir(spool.path("failed")), key=len)  # noqa: PTH208 - names that are no UTF-8
    assert reason == f"{moved}.error.txt"
    assert moved == NAMES[kind] or len(os.fsencode(NAMES[kind])) == 255
    assert spool.path(f"failed/{moved}").read_bytes() == data
    assert 'give the file a "request_id"' in spool.reason(moved)


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("kept")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket is at most 108 bytes long
        end.bind(path.name)
        os.chdir(here)


@pytest.mark.parametrize(
    "make",
    [
        make_folder,
        make_socket,
        os.mkfifo,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path),
    ],
    ids=["folder", "socket", "FIFO", "link", "dangling link", "link to itself"],
)
def test_what_is_no_regular_file_is_set_aside(spool: Spool, make: Callable[[Path], None]) -> None:
    make(spool.path("pending/a.json"))
    kind = stat.S_IFMT(spool.path("pending/a.json").lstat().st_mode)
    spool.drop("b.json")

    assert spool.answer() == "test_001"

    assert stat.S_IFMT(spool.path("failed/a.json").lstat().st_mode) == kind
    assert spool.reason("a.json") == "a.json is not a regular file: only regular files are requests\n"
    assert list(spool.queue.entries(State.FAILED)) == []


def test_a_file_that_may_not_be_read_is_set_aside_after_a_while(shared_spool: Spool) -> None:
    data = shared_spool.drop("a.json")
    shared_spool.path("pending/a.json").chmod(0)
    shared_spool.drop("b.json", request_id="test_002")

    assert shared_spool.answer() == "test_002"
    assert shared_spool.lease() is None
    assert shared_spool.files() == ["completed/test_002.json", "pending/a.json"]

    assert shared_spool.lease(MINUTE) is None
    assert "its mode or owner keeps voipmon out" in shared_spool.reason("a.json")
    shared_spool.path("failed/a.json").chmod(0o600)
    assert shared_spool.path("failed/a.json").read_bytes() == data


def test_the_file_of_another_user_is_a_request(shared_spool: Spool) -> None:
    with whoever_runs_the_tests():
        shared_spool.drop("a.json")
        shared_spool.path("pending/a.json").chmod(0o444)

    assert shared_spool.answer() == "test_001"

    assert shared_spool.path("completed/test_001.json").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("name", [".a.json.swp", ".a.json", "a.json~", "a.json.part", "a.txt", "README"])
def test_what_is_called_otherwise_is_left_alone(spool: Spool, name: str) -> None:
    spool.drop(name)

    assert spool.lease(MINUTE) is None

    assert spool.files() == [f"pending/{name}"]


def test_a_file_may_be_written_slowly(spool: Spool) -> None:
    data = json.dumps(FOREIGN).encode()
    with spool.path("pending/a.json").open("wb", buffering=0) as file:
        for byte in data[:-1]:
            file.write(bytes([byte]))
            assert spool.lease() is None
        assert spool.files() == ["pending/a.json"]
        file.write(data[-1:])

    assert spool.answer() == "test_001"


def test_a_file_that_stays_half_written_is_set_aside_after_30_seconds(spool: Spool) -> None:
    spool.drop_bytes("a.json", b'{"from_email": ')

    assert spool.lease(timedelta(seconds=25)) is None
    assert spool.files() == ["pending/a.json"]

    assert spool.lease(timedelta(seconds=31)) is None
    assert spool.files() == ["failed/a.json", "failed/a.json.error.txt"]
    assert "line 1 column 16" in spool.reason("a.json")


def test_files_are_taken_in_the_order_they_were_dropped(spool: Spool) -> None:
    for name in ("c", "a", "d", "b"):
        spool.drop(f"{name}.json", request_id=name)

    assert [spool.answer() for _ in range(4)] == ["c", "a", "d", "b"]


def test_dropped_files_and_mails_are_taken_by_arrival(spool: Spool) -> None:
    spool.drop("a.json")
    soon = system_clock() + HOUR
    for moment in (soon, system_clock() - HOUR):
        spool.queue.enqueue(make_request(id=f"{moment:%Y%m%dT%H%M%SZ}-k7q2m9xd4t", created_at=moment))

    taken = [spool.answer() for _ in range(3)]

    assert taken[1] == "test_001"


@pytest.mark.parametrize("age", [-400 * 24 * HOUR, 400 * 24 * HOUR], ids=["old", "in the future"])
def test_the_modification_time_of_a_copied_file_does_not_matter(spool: Spool, age: timedelta) -> None:
    for name in ("b", "a", "c"):
        spool.drop(f"{name}.json", request_id=name)
        if name == "a":
            moment = (system_clock() + age).timestamp()
            os.utime(spool.path("pending/a.json"), (moment, moment))

    assert [spool.answer() for _ in range(3)] == ["b", "a", "c"]


@pytest.mark.parametrize("way", ["retry", "release", "death"])
def test_a_dropped_file_keeps_its_place_when_it_comes_back(spool: Spool, way: str) -> None:
    for name, age in (("b", HOUR), ("c", MINUTE)):
        spool.drop(f"{name}.json", request_id=name)
        old = (system_clock() - age).timestamp()
        os.utime(spool.path(f"pending/{name}.json"), (old, old))  # as after an hour of waiting
    leased = spool.take()
    if way == "retry":
        spool.queue.retry(leased, system_clock(), "the disk is full", system_clock())
    elif way == "release":
        spool.queue.release(leased)
    else:
        spool.kill()
        spool.queue.recover(system_clock())
    spool.drop("a.json", request_id="a")

    spool.queue = spool.worker()
    assert [spool.queue.ahead_of(name) for name in "bca"] == [0, 1, 2]
    again = spool.take()
    assert again.request.id == "b"
    assert again.request.created_at == leased.request.created_at.replace(microsecond=0)


def test_dropped_twice_on_two_days_is_answered_once(spool: Spool) -> None:
    spool.drop("a.json")
    spool.answer()
    spool.drop("a.json")
    again = spool.drop("test_001.json")

    assert spool.lease() is None

    assert "request_id test_001 is in completed/ already, with the same content" in spool.reason("test_001.json")
    assert spool.path("failed/test_001.json").read_bytes() == again
    assert len(spool.files()) == 5


def test_two_files_with_one_id_are_one_request(spool: Spool) -> None:
    spool.drop("a.json")
    spool.drop("b.json", parameters={"ramais": "9999"})

    spool.take()
    assert spool.lease() is None

    assert spool.reason("b.json") == (
        "request_id test_001 is in processing/ already, with other content: give this one a request_id of its own\n"
    )


def test_a_name_that_was_refused_may_be_used_again(spool: Spool) -> None:
    spool.drop_bytes("test_001.json", b"[]")
    assert spool.lease() is None
    spool.drop("test_001.json")

    assert spool.answer() == "test_001"

    assert spool.path("failed/test_001.json").read_bytes() == b"[]"


def test_a_mail_is_not_mistaken_for_a_damaged_file_of_its_name(spool: Spool) -> None:
    name = f"{make_request().id}.json"
    spool.drop_bytes(name, b"[]")
    assert spool.lease() is None

    assert spool.queue.enqueue(make_request()) is True

    assert spool.answer() == make_request().id


def test_a_request_that_fails_does_not_bury_what_was_set_aside_under_its_name(spool: Spool) -> None:
    spool.drop_bytes("test_001.json", b"[]")
    assert spool.lease() is None
    spool.drop("test_001.json")

    spool.queue.fail(spool.take(), "no such recording", system_clock())

    assert spool.files() == [
        "failed/test_001.2.json",
        "failed/test_001.2.json.error.txt",
        "failed/test_001.json",
    ]
    assert spool.path("failed/test_001.2.json").read_bytes() == b"[]"
    assert spool.document("failed/test_001.json")["result"]["outcome"] == "failed"


def test_many_bad_files_of_one_name_are_all_kept(spool: Spool) -> None:
    for number in range(3):
        spool.drop_bytes("a.json", b"[%d]" % number)
        assert spool.lease() is None

    kept = {spool.path(f"failed/{name}").read_bytes() for name in ("a.json", "a.2.json", "a.3.json")}
    assert kept == {b"[0]", b"[1]", b"[2]"}
    assert len(spool.files()) == 6


def test_a_copy_of_an_answered_request_is_refused(spool: Spool) -> None:
    spool.drop("a.json")
    spool.answer()
    shutil.copy(spool.path("completed/test_001.json"), spool.path("pending"))

    assert spool.lease() is None

    assert "is in completed/ already, with the same content" in spool.reason("test_001.json")


@pytest.mark.parametrize("state", ["pending", "processing"])
def test_what_a_power_cut_brings_back_after_the_end_of_a_request_is_removed(spool: Spool, state: str) -> None:
    spool.queue.enqueue(make_request(1))
    name = f"{make_request(1).id}.json"
    leased = spool.take()
    shutil.copy(spool.path(f"processing/{name}"), spool.path("shadow"))
    time.sleep(0.01)
    spool.queue.complete(leased, NothingFound(), system_clock())
    younger_end = spool.path(f"completed/{name}").rename(spool.path("end"))
    spool.path("shadow").rename(spool.path(f"{state}/{name}"))
    time.sleep(0.01)
    younger_end.rename(spool.path(f"completed/{name}"))

    spool.queue.recover(system_clock())

    assert spool.lease() is None
    assert [path.name for path in spool.root.glob("*/*.json*")] == [name]
    assert spool.path(f"completed/{name}").exists()


def test_a_request_is_not_mistaken_for_the_shadow_of_another_of_its_name(spool: Spool) -> None:
    spool.queue.enqueue(make_request(1))
    name = f"{make_request(1).id}.json"
    leased = spool.take()
    spool.drop(name, request_id=make_request(1).id)
    time.sleep(0.01)
    spool.queue.complete(leased, NothingFound(), system_clock())

    assert spool.lease() is None

    assert "already, with other content" in spool.reason(name)


@pytest.mark.parametrize("end", [State.COMPLETED, State.FAILED])
def test_an_ended_request_moved_back_is_answered_once_more_in_a_new_round(spool: Spool, end: State) -> None:
    spool.drop("a.json", attempts=4)
    leased = spool.take()
    if end is State.COMPLETED:
        spool.queue.complete(leased, NothingFound(), system_clock())
    else:
        spool.queue.fail(leased, "the disk is full", system_clock())
    spool.path(f"{end}/test_001.json").rename(spool.path("pending/test_001.json"))

    again = spool.take()

    assert (again.attempt, again.deaths, again.request.round) == (1, 0, 2)
    assert again.request.created_at == leased.request.created_at.replace(microsecond=0)
    spool.kill()
    assert spool.queue.recover(system_clock()) == 1
    assert (spool.take().attempt, spool.files()) == (2, ["processing/test_001.json"])


def test_a_copy_of_a_request_in_work_does_not_disturb_it(spool: Spool) -> None:
    spool.drop("a.json")
    leased = spool.take()
    shutil.copy(spool.path("processing/test_001.json"), spool.path("pending"))

    spool.queue.retry(leased, system_clock() + HOUR, "the disk is full", system_clock())
    assert spool.lease() is None

    assert spool.document("pending/test_001.json")["attempts"] == 1
    assert "is in pending/ already, with the same content" in spool.reason("test_001.2.json")


@pytest.mark.parametrize("state", ["pending", "completed", "failed"])
def test_a_request_in_work_that_is_moved_by_hand_is_lost_to_its_worker_only(spool: Spool, state: str) -> None:
    spool.drop("a.json")
    leased = spool.take()
    spool.path("processing/test_001.json").rename(spool.path(f"{state}/test_001.json"))
    assert spool.worker().lease(system_clock()) is None

    with pytest.raises(LeaseLostError, match="moved, replaced or removed by hand"):
        spool.queue.complete(leased, NothingFound(), system_clock())

    assert spool.files() == [f"{state}/test_001.json"]
    if state == "pending":
        assert spool.answer() == "test_001"


def test_a_request_in_work_that_is_removed_by_hand_is_gone(spool: Spool) -> None:
    spool.drop("a.json")
    leased = spool.take()
    spool.path("processing/test_001.json").unlink()

    with pytest.raises(LeaseLostError):
        spool.queue.retry(leased, system_clock(), "the disk is full", system_clock())

    assert spool.files() == []


def test_a_request_moved_to_processing_by_hand_is_taken_back(spool: Spool) -> None:
    spool.drop("a.json")
    spool.path("pending/a.json").rename(spool.path("processing/a.json"))
    spool.drop_bytes("b.json", b"[]")
    spool.path("pending/b.json").rename(spool.path("processing/b.json"))
    spool.path("processing/.notes.swp").touch()

    spool.queue.recover(system_clock())

    assert spool.answer() == "test_001"
    assert spool.path("failed/b.json").read_bytes() == b"[]"
    assert spool.path("processing/.notes.swp").exists()


def test_what_was_ended_before_its_worker_died_is_not_answered_again(spool: Spool) -> None:
    for number, (outcome, state) in enumerate(
        [("delivered", "completed"), ("nothing_found", "completed"), ("handed_over", "completed"), ("failed", "failed")]
    ):
        spool.drop(f"{number}.json", request_id=str(number), result={"outcome": outcome})
        spool.path(f"pending/{number}.json").rename(spool.path(f"processing/{number}.json"))

        spool.queue.recover(system_clock())

        assert spool.path(f"{state}/{number}.json").exists()


def test_a_request_that_is_locked_by_an_admin_is_left_alone(spool: Spool) -> None:
    held = spool.worker()._folders
    spool.drop("a.json")
    lock = held.hold("pending", "a.json")
    assert lock is not None

    assert spool.lease() is None
    lock.release()

    assert spool.answer() == "test_001"


def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "queue")
    for folder in FOLDERS[1:]:
        spool.path(folder).rmdir()
    spool.drop("a.json")

    assert spool.answer() == "test_001"


def test_an_empty_queue_is_not_written_to(tmp_path: Path) -> None:
    queue = SpoolQueue(tmp_path / "queue", instance="pbx")

    assert queue.recover(system_clock()) == 0
    assert queue.lease(system_clock()) is None

    assert not (tmp_path / "queue").exists()


def test_a_queue_that_cannot_be_written_to_says_so(shared_spool: Spool) -> None:
    shared_spool.drop("a.json")
    shared_spool.path("processing").rmdir()
    shared_spool.root.chmod(0o500)

    with pytest.raises(QueueError, match=r"the queue in .* cannot be used") as caught:
        shared_spool.lease()

    assert caught.value.retryable
    shared_spool.root.chmod(0o700)
    shared_spool.queue = shared_spool.worker()
    assert shared_spool.answer() == "test_001"


def test_one_file_that_the_disk_refuses_does_not_hold_up_the_others(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        spool.drop(f"{name}.json", request_id=name)
    real = os.pread
    bad = spool.path("pending/a.json").stat().st_ino

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(5, "Input/output error")
        return real(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", pread)

    assert spool.answer() == "b"
    with pytest.raises(QueueError, match="Input/output error"):
        spool.lease()
    assert spool.files() == ["completed/b.json", "pending/a.json"]


def test_listing_shows_requests_only(spool: Spool) -> None:
    spool.drop("a.json", not_before="2030-01-01T00:00:00Z", attempts=2)
    spool.drop_bytes("b.json", b"[]")
    os.mkfifo(spool.path("pending/c.json"))

    (entry,) = spool.queue.entries(State.PENDING)

    assert (entry.request_id, entry.created_at, entry.attempts) == ("test_001", None, 2)
    assert entry.not_before == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_request_that_waits_is_read_once_in_a_pass(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.drop("a.json", not_before="2030-01-01T00:00:00Z")
    reads = []
    real = wire.read
    monkeypatch.setattr(wire, "read", lambda data, stem: reads.append(stem) or real(data, stem))

    assert [spool.lease() for _ in range(5)] == [None] * 5

    assert reads == ["a"]


def test_a_busy_machine_keeps_no_request_from_coming_back_to_its_place(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(folders: StateFolders, state: str) -> list[str]:
        time.sleep(0.05)  # by the clock the list would be good for a second
        return names(folders, state)

    names = StateFolders.names
    monkeypatch.setattr(StateFolders, "names", slow)
    for number in (1, 2):
        spool.queue.enqueue(make_request(number))
    first = spool.lease()
    assert first is not None

    spool.queue.retry(first, system_clock(), "the disk is full", system_clock())

    again = spool.lease()
    assert again is not None
    assert again.request == first.request
