import hashlib
import os
import threading

import pytest

from voipmon.delivery.hashing import BLOCK, Hashing, Sum


def feed_whole(hashing: Hashing, content: bytes) -> Sum:
    hashing.block[: len(content)] = content
    return hashing.whole(len(content))


def feed_long(hashing: Hashing, content: bytes) -> Sum:
    made = Sum()
    pieces = range(0, len(content), BLOCK)
    for start in pieces:
        piece = content[start : start + BLOCK]
        hashing.block[: len(piece)] = piece
        hashing.feed(made, len(piece), last=start == pieces[-1])
    return made


def test_everything_is_hashed_in_its_order() -> None:
    contents = [os.urandom(size) for size in (0, 1, 100_000, BLOCK, BLOCK + 1, 5 * BLOCK, *range(50_000, 51_000, 20))]
    hashing = Hashing()

    sums = [feed_whole(hashing, one) if len(one) <= BLOCK else feed_long(hashing, one) for one in contents]
    hashing.finish()

    assert [made.sha256 for made in sums] == [hashlib.sha256(one).hexdigest() for one in contents]


def test_a_hash_that_is_not_ready_is_no_hash() -> None:
    made = Sum()
    made.take(memoryview(b"half"), last=False)

    assert made.sha256 == ""


def test_the_caller_lends_a_hand_where_the_thread_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    go, threads = threading.Event(), []
    take = Sum.take

    def slow(made: Sum, data: memoryview, *, last: bool) -> None:
        threads.append(threading.current_thread().name)
        if threads[-1] == "hashing":
            go.wait()
        take(made, data, last=last)

    monkeypatch.setattr(Sum, "take", slow)
    hashing = Hashing()

    sums = [feed_whole(hashing, b"%d" % number) for number in range(9)]
    go.set()
    hashing.finish()

    assert threads.count("hashing") < 9
    assert [made.sha256 for made in sums] == [hashlib.sha256(b"%d" % number).hexdigest() for number in range(9)]


def test_the_thread_ends_with_the_work() -> None:
    hashing = Hashing()
    hashing.finish()
    hashing.finish()

    assert "hashing" not in {thread.name for thread in threading.enumerate()}
