import os
from collections.abc import Callable
from pathlib import Path

import pytest

from voipmon.statefolders.folders import OddFileError, StateFolders
from voipmon.statefolders.held import Held, Known, MovedError

STATES = ("new", "busy", "done", "bad")


def folders_of(root: Path) -> StateFolders:
    return StateFolders(root, STATES, lambda data: data.startswith(b"ours"))


@pytest.fixture
def folders(tmp_path: Path) -> StateFolders:
    return folders_of(tmp_path / "root")


def hold(folders: StateFolders, state: str, name: str) -> Held:
    held = folders.hold(state, name)
    assert held is not None
    return held


def content(folders: StateFolders) -> dict[str, bytes]:
    """Return every file."""
    paths = [path for path in folders.root.rglob("*") if path.is_file()]
    return {str(path.relative_to(folders.root)): path.read_bytes() for path in paths}


def test_what_was_added_is_there_and_free(folders: StateFolders) -> None:
    assert folders.add("new", "a.json", b"one") is None

    assert content(folders) == {"new/a.json": b"one"}
    assert hold(folders, "new", "a.json").read() == b"one"


@pytest.mark.parametrize("state", STATES)
def test_a_name_is_added_once_whatever_state_it_is_in(folders: StateFolders, state: str) -> None:
    folders.add(state, "a.json", b"ours, one")

    assert folders.add("new", "a.json", b"two") == Known(state, b"ours, one")

    assert content(folders) == {f"{state}/a.json": b"ours, one"}


def test_the_name_of_what_was_set_aside_is_free(folders: StateFolders) -> None:
    folders.add("bad", "a.json", b"somebody's")

    assert folders.find("a.json") is None
    assert folders.add("new", "a.json", b"one") is None


@pytest.mark.parametrize("state", STATES)
def test_an_empty_file_as_a_power_cut_leaves_it_bears_no_name(folders: StateFolders, state: str) -> None:
    folders.add(state, "a.json", b"")

    assert folders.find("a.json") is None
    assert folders.add("new", "a.json", b"one") is None
    assert folders.path("new", "a.json").read_bytes() == b"one"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_a_name_is_taken_by_whatever_bears_it(folders: StateFolders, make: Callable[[Path], None]) -> None:
    folders.add("new", "b.json", b"")
    make(folders.path("busy", "a.json"))

    assert folders.add("new", "a.json", b"one") == Known("busy", b"")
    with pytest.raises(OddFileError):
        folders.hold("busy", "a.json")


def test_a_file_is_held_by_one(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"one")
    held = hold(folders, "new", "a.json")

    assert folders_of(folders.root).hold("new", "a.json") is None
    held.release()

    assert folders_of(folders.root).hold("new", "a.json") is not None


def test_a_file_that_changes_and_moves_stays_held(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"one")
    held = hold(folders, "new", "a.json")

    for state, data in (("busy", None), ("done", b"two"), ("new", b"three"), ("bad", b"four"), ("busy", None)):
        held.move(state, data)
        assert folders_of(folders.root).hold(state, "a.json") is None

    assert content(folders) == {"busy/a.json": b"four"}
    assert held.read() == b"four"


def test_a_file_that_was_replaced_meanwhile_is_not_mistaken_for_the_old_one(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.add("new", "a.json", b"one")
    rival = hold(folders_of(folders.root), "new", "a.json")
    real = Held.lock

    def lock(held: Held) -> bool:
        monkeypatch.undo()
        rival.move("busy", b"two")
        rival.release()
        return real(held)

    monkeypatch.setattr(Held, "lock", lock)

    assert folders.hold("new", "a.json") is None


def test_a_file_that_comes_back_keeps_its_modification_time(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"one")
    os.utime(folders.path("new", "a.json"), (1_700_000_000, 1_700_000_000))
    held = hold(folders, "new", "a.json")

    held.move("busy")
    held.move("new", b"two")

    assert folders.path("new", "a.json").stat().st_mtime == 1_700_000_000


def test_a_file_is_claimed_under_a_name_that_is_free(folders: StateFolders) -> None:
    folders.add("done", "b.json", b"two")
    folders.add("new", "a.json", b"one")
    held = hold(folders, "new", "a.json")

    assert held.claim("busy", "b.json", b"new words") == Known("done", b"two")
    assert content(folders) == {"new/a.json": b"one", "done/b.json": b"two"}

    assert held.claim("busy", "c.json", b"new words") is None
    assert content(folders) == {"busy/c.json": b"new words", "done/b.json": b"two"}


@pytest.mark.parametrize("meddle", [Path.unlink, lambda path: path.rename(path.with_name("b.json"))])
def test_what_was_moved_by_hand_is_not_moved_again(folders: StateFolders, meddle: Callable[[Path], None]) -> None:
    folders.add("new", "a.json", b"one")
    held = hold(folders, "new", "a.json")
    meddle(folders.path("new", "a.json"))
    before = content(folders)

    for move in (lambda: held.move("busy", b"two"), lambda: held.move("busy"), lambda: held.claim("busy", "a.json")):
        with pytest.raises(MovedError):
            move()

    assert content(folders) == before


def test_what_stands_in_the_way_gets_a_number(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"ours")
    held = hold(folders, "new", "a.json")
    for name in ("a.json", "a.2.json", "a.json.error.txt"):
        folders.path("bad", name).write_bytes(name.encode())

    held.move("bad")

    assert content(folders) == {
        "bad/a.json": b"ours",
        "bad/a.2.json": b"a.2.json",
        "bad/a.3.json": b"a.json",
        "bad/a.3.json.error.txt": b"a.json.error.txt",
    }


@pytest.mark.parametrize("data", [None, b"later"])
def test_an_earlier_name_of_the_file_that_a_power_cut_brought_back_goes(
    folders: StateFolders, data: bytes | None
) -> None:
    folders.add("busy", "a.json", b"one")
    os.link(folders.path("busy", "a.json"), folders.path("new", "a.json"))

    with hold(folders, "busy", "a.json") as held:
        held.move("new", data)

    assert content(folders) == {"new/a.json": data or b"one"}


def test_a_reason_left_alone_by_a_crash_is_not_taken_for_that_of_a_later_file(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"ours")
    folders.path("bad", "a.json.error.txt").write_text("a comma is missing")

    hold(folders, "new", "a.json").move("bad")

    assert content(folders) == {"bad/a.json": b"ours"}


def test_a_reason_left_alone_by_a_crash_is_replaced_when_the_file_follows(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"theirs")
    folders.path("bad", "a.json.error.txt").write_text("half a rea")

    folders.set_aside("new", "a.json", "a comma is missing")

    assert content(folders) == {"bad/a.json": b"theirs", "bad/a.json.error.txt": b"a comma is missing\n"}


def test_setting_aside_what_is_gone_leaves_nothing(folders: StateFolders) -> None:
    folders.set_aside("new", "a.json", "a comma is missing")

    assert content(folders) == {}


def test_the_temporary_files_of_the_dead_are_swept_and_those_of_the_living_are_not(folders: StateFolders) -> None:
    with folders.draft(b"mine"):
        dead = folders.path(".tmp", "123-dead")
        dead.write_bytes(b"half")
        folders.path(".tmp", "folder").mkdir()

        folders_of(folders.root).sweep()

        assert list(content(folders).values()) == [b"mine"]
    assert content(folders) == {}


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="No space left"):
        folders.add("new", "a.json", b"one")

    assert content(folders) == {}


def test_what_somebody_took_before_the_disk_refused_it_stays_his(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Held] = []
    folders.add("new", "b.json", b"two")

    def fsync(_descriptor: int) -> None:
        taken.append(hold(folders_of(folders.root), "new", "a.json"))
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="Input/output error"):
        folders.add("new", "a.json", b"one")

    assert taken[0].still_there()
    assert content(folders)["new/a.json"] == b"one"


@pytest.mark.parametrize("count", [3, 40, 450])
def test_what_is_added_together_is_on_the_disk_at_the_end_each_file_once(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    folders.add("new", "first.json", b"one")
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers
    flushed: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}")))  # noqa: PTH115 - as above

    with folders.together():
        for number in range(count):
            assert folders.add("new", f"{number}.json", b"one") is None
        assert folders.add("new", "0.json", b"two") == Known("new", b"one")
    folders.add("new", "last.json", b"one")

    once = {str(folders.path("new", f"{number}.json")) for number in range(count)}
    assert once <= set(flushed)
    assert flushed[-1] == str(folders.path("new", "last.json"))
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("count", [3, 40])
def test_of_what_is_added_together_the_disk_may_refuse_some_which_is_taken_back(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    folders.add("new", "first.json", b"one")

    def fsync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("/1.json"):  # noqa: PTH115 - a number
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    def add_all() -> None:
        with folders.together():
            for number in range(count):
                folders.add("new", f"{number}.json", b"one")

    with pytest.raises(OSError, match="No space left"):
        add_all()

    assert content(folders).keys() == {"new/first.json", *(f"new/{number}.json" for number in range(count))} - {
        "new/1.json"
    }


def test_many_short_writes_make_one_file(folders: StateFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))

    folders.add("new", "a.json", b"one two three")

    assert content(folders) == {"new/a.json": b"one two three"}


def test_an_open_file_is_not_left_behind(folders: StateFolders) -> None:
    folders.add("new", "a.json", b"one")
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers

    folders.add("new", "a.json", b"two")
    with hold(folders, "new", "a.json") as held:
        assert folders.hold("new", "a.json") is None
        held.move("busy", b"two")
        held.move("new", b"three")
    folders.set_aside("new", "a.json", "no")
    folders.sweep()

    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
