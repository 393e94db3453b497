import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sampling import Sample

from voipmon.audit.chain import chain_of, tail_of
from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
LINES = 8
Lines = list[bytes]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    for number in range(LINES):
        event = Event("opened", NOON, (str(number),), {"request": f"r{number}"})
        Trail(tmp_path, lambda: NOON).append([event])
    return tmp_path / "2025-11.jsonl"


def found(page: Path) -> list[str]:
    return [str(damage).removeprefix("2025-11.jsonl, ") for damage in verify(page.parent).damages]


def change(page: Path, how: Callable[[Lines], Lines]) -> list[str]:
    page.write_bytes(b"".join(how(page.read_bytes().splitlines(keepends=True))))
    return found(page)


def test_a_trail_nobody_touched_is_whole(page: Path) -> None:
    assert found(page) == []
    assert verify(page.parent).lines == LINES


def test_a_trail_that_was_never_written_is_whole(tmp_path: Path) -> None:
    assert verify(tmp_path / "audit").damages == []


def test_one_byte_changed_anywhere_is_named_with_its_line(page: Path, sample: Sample) -> None:
    whole = page.read_bytes()
    for position in sample(range(len(whole)), 120):
        for bit in (1, 0x20):
            page.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
            line = whole[:position].count(b"\n") + 1

            damages = verify(page.parent).damages

            if whole[position : position + 1] == b"\n":
                assert damages, position
            else:
                assert [str(damage) for damage in damages] == [f"2025-11.jsonl, line {line}: altered"], position


@pytest.mark.parametrize("number", [b"9", b"7", b"1", b"999999999999999999"])
def test_a_number_that_is_changed_is_one_damage_however_large_it_is(page: Path, number: bytes) -> None:
    odd = b'{"n":%b,' % number

    assert change(page, lambda lines: [*lines[:3], lines[3].replace(b'{"n":4,', odd), *lines[4:]]) == [
        "line 4: altered"
    ]


@pytest.mark.parametrize("line", range(1, LINES))
def test_a_line_removed_is_named(page: Path, line: int) -> None:
    assert change(page, lambda lines: lines[: line - 1] + lines[line:]) == [
        f"line {line}: removed: 1 line before it, number {line}"
    ]


@pytest.mark.parametrize("gone", [1, 3, LINES])
def test_the_last_lines_removed_are_named(page: Path, gone: int) -> None:
    first = LINES - gone + 1
    numbers = f"1 line, number {first}" if gone == 1 else f"{gone} lines, numbers {first} to {LINES}"

    assert change(page, lambda lines: lines[:-gone]) == [f"line {first}: removed: the last {numbers}"]


@pytest.mark.parametrize("first", range(1, LINES))
def test_two_lines_swapped_are_named(page: Path, first: int) -> None:
    [damage] = change(page, lambda lines: [*lines[: first - 1], lines[first], lines[first - 1], *lines[first + 1 :]])

    assert damage == f"line {first + 1}: swapped: line number {first} stands here, after number {first + 1}"


def test_two_lines_swapped_over_others_are_both_named(page: Path) -> None:
    damages = change(page, lambda lines: [lines[0], lines[5], *lines[2:5], lines[1], *lines[6:]])

    assert "line 6: swapped: line number 2 stands here, after number 6" in damages
    assert [damage.partition(":")[0] for damage in damages] == ["line 3", "line 4", "line 5", "line 6"]


def test_a_line_copied_is_named(page: Path) -> None:
    assert change(page, lambda lines: [*lines[:3], lines[2], *lines[3:]]) == [
        "line 4: added: there is a line of number 3 before it"
    ]


def test_a_line_forged_with_a_chain_of_its_own_is_named(page: Path) -> None:
    def forge(lines: Lines) -> Lines:
        before = json.loads(lines[3])["chain"].encode()
        own = lines[4][:-77].replace(b"r4", b"r9")
        return [*lines[:4], own + tail_of(chain_of(before, own)), *lines[5:]]

    assert change(page, forge) == ["line 6: altered"]


def test_the_last_line_forged_with_its_chain_is_named(page: Path) -> None:
    def forge(lines: Lines) -> Lines:
        before = json.loads(lines[-2])["chain"].encode()
        own = lines[-1][:-77].replace(b"r7", b"r9")
        return [*lines[:-1], own + tail_of(chain_of(before, own))]

    assert change(page, forge) == [f"line {LINES}: altered, with its chain"]


def test_one_line_more_than_the_head_is_a_crash_and_two_are_not(page: Path) -> None:
    head = page.with_suffix(".head")
    Trail(page.parent, lambda: NOON).append([])
    heads = [head.read_bytes()]
    for number in (100, 101):
        Trail(page.parent, lambda: NOON).append([Event("opened", NOON, (str(number),))])
        heads.append(head.read_bytes())

    head.write_bytes(heads[1])
    assert found(page) == []
    assert verify(page.parent).notes == ["2025-11.head: 1 line behind, as a crash leaves it: the next line mends it"]

    head.write_bytes(heads[0])
    assert found(page) == [f"line {LINES + 1}: added: 2 lines that its head does not know"]


def test_what_a_crash_left_of_a_line_is_no_damage(page: Path) -> None:
    page.write_bytes(page.read_bytes() + b'{"n":9,"id":"ab')

    assert found(page) == []
    [note] = verify(page.parent).notes
    assert note.startswith(f"2025-11.jsonl, line {LINES + 1}: unfinished")


def test_a_month_taken_away_is_named(page: Path) -> None:
    december = datetime(2025, 12, 11, tzinfo=UTC)
    Trail(page.parent, lambda: december).append([Event("opened", december, ("x",))])
    page.unlink()

    assert found(page) == ["2025-11.jsonl: the month is removed, and no line tells of it"]

    page.with_suffix(".head").unlink()
    assert [damage.split(", ")[0] for damage in found(page)] == ["2025-12.jsonl"]


def test_the_newest_month_taken_away_is_named(page: Path) -> None:
    page.unlink()

    assert found(page) == ["2025-11.jsonl: the month is removed"]


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_whatever_stands_in_the_files_is_a_finding_and_no_failure(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    (folder / "2025-11.jsonl").write_bytes(data)
    (folder / "2025-11.head").write_bytes(data)

    verify(folder)
    Trail(folder, lambda: NOON).append([Event("opened", NOON, ("x",))])

    assert [line for line in Trail(folder, lambda: NOON).lines() if line["event"] == "opened"]
