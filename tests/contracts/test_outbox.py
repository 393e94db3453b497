"""What every outbox does, the fake as well as the real one."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from fakes.outbox import MemoryOutbox, make_letter

from voipmon.mail.budget import Budget
from voipmon.mail.outbox import Outbox, Posted
from voipmon.mail.spool import SpoolOutbox

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class PostOffice(Protocol):
    """One outbox and as many processes as wanted."""

    def process(self) -> Outbox: ...

    def kill(self, process: Outbox) -> None: ...


class MemoryPostOffice:
    def __init__(self) -> None:
        self._first = MemoryOutbox()

    def process(self) -> Outbox:
        return self._first.rival()

    def kill(self, process: Outbox) -> None:
        assert isinstance(process, MemoryOutbox)
        process.die()


class SpoolPostOffice:
    def __init__(self, root: Path) -> None:
        self._root = root

    def process(self) -> Outbox:
        return SpoolOutbox(self._root)

    def kill(self, process: Outbox) -> None:
        """Close its files, as the system does at the end of a process."""
        assert isinstance(process, SpoolOutbox)
        for held, _ in process._held.values():
            os.close(held._descriptor)


@pytest.fixture(params=["memory", "spool"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> PostOffice:
    return MemoryPostOffice() if request.param == "memory" else SpoolPostOffice(tmp_path / "outbox")


@pytest.fixture
def outbox(office: PostOffice) -> Outbox:
    return office.process()


def take(outbox: Outbox, now: datetime = NOON) -> Posted:
    return next(iter(outbox.due(now)))


def names(outbox: Outbox, now: datetime = NOON, skip: tuple[str, ...] = ()) -> list[str]:
    """Return the names of what is due, and leave it as it was."""
    found = []
    for posted in outbox.due(now, skip):
        found.append(posted.letter.name)
        outbox.give_back(posted)
    return found


def test_a_letter_is_sent_as_it_was_posted(outbox: Outbox) -> None:
    assert outbox.post(make_letter(), NOON) is True

    assert take(outbox) == Posted(make_letter(), ("manager@example.com", "admin@example.com"), attempt=1)


def test_letters_that_are_posted_together_are_there_each_once(outbox: Outbox) -> None:
    letters = [make_letter(number) for number in range(20)]
    outbox.post(letters[3], NOON)

    with outbox.together():
        posted = [outbox.post(letter, NOON + MINUTE) for letter in letters]

    assert posted == [True, True, True, False, *[True] * 16]
    assert sorted(names(outbox, NOON + HOUR)) == sorted(letter.name for letter in letters)


def test_a_letter_is_posted_once(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    assert outbox.post(make_letter(), NOON + DAY) is False

    assert outbox.counts() == {"waiting": 1, "sent": 0, "refused": 0}


@pytest.mark.parametrize(
    "end",
    [
        lambda outbox, posted: outbox.sent(posted, NOON, refused={}),
        lambda outbox, posted: outbox.give_up(posted, NOON, "550 no such user"),
        lambda outbox, posted: outbox.give_back(posted),
    ],
)
def test_what_was_here_is_known_for_ever(outbox: Outbox, end: Callable[[Outbox, Posted], None]) -> None:
    outbox.post(make_letter(), NOON)
    end(outbox, take(outbox))

    assert outbox.has(make_letter().name)
    assert outbox.post(make_letter(), NOON) is False
    assert not outbox.has(make_letter(2).name)


def test_letters_are_sent_in_the_order_of_their_posting(outbox: Outbox) -> None:
    letters = [make_letter(2), make_letter(1, "confirmation"), make_letter(1, "result")]
    for seconds, letter in enumerate(letters):
        outbox.post(letter, NOON - HOUR + timedelta(seconds=seconds))

    assert names(outbox) == [letter.name for letter in letters]


def test_a_letter_sent_is_done_with(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.sent(take(outbox), NOON, refused={})

    assert names(outbox, NOON + 9 * DAY) == []
    assert outbox.counts() == {"waiting": 0, "sent": 1, "refused": 0}


def test_a_refused_copy_does_not_stop_the_letter(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.sent(take(outbox), NOON, refused={"admin@example.com": "550 no such user"})

    assert names(outbox, NOON + DAY) == []
    assert outbox.counts()["sent"] == 1


def test_only_those_who_do_not_have_it_yet_get_it_later(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.sent(take(outbox), NOON, refused={}, later=("admin@example.com",))

    assert take(outbox) == Posted(make_letter(), ("admin@example.com",), attempt=2)


def test_a_letter_refused_for_now_is_tried_again_with_growing_pauses(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)
    outbox.keep(take(outbox), NOON, "451 try again", uncertain=False)
    assert names(outbox, NOON) == [make_letter().name]

    outbox.keep(take(outbox), NOON, "451 try again", uncertain=False)

    assert names(outbox, NOON + 2 * MINUTE) == []
    assert names(outbox, NOON + 3 * MINUTE) == [make_letter().name]


def test_what_was_tried_in_a_pass_can_be_left_out_of_the_rest_of_it(outbox: Outbox) -> None:
    outbox.post(make_letter(1), NOON)
    outbox.post(make_letter(2), NOON)

    assert names(outbox, skip=(make_letter(1).name,)) == [make_letter(2).name]


def test_a_letter_that_may_have_been_sent_is_sent_again_with_the_same_bytes(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.keep(take(outbox), NOON, "the line broke", uncertain=True)

    assert take(outbox).letter == make_letter()


def test_an_hour_of_broken_lines_loses_no_letter(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    for now in (NOON + minutes * MINUTE for minutes in range(0, 60, 3)):
        for posted in outbox.due(now):
            outbox.keep(posted, now, "the line broke", uncertain=True)

    assert names(outbox, NOON + 2 * HOUR) == [make_letter().name]


def test_a_letter_is_not_repeated_without_end(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    sent = 0
    for hours in range(100):
        for posted in outbox.due(NOON + hours * HOUR):
            outbox.keep(posted, NOON + hours * HOUR, "the line broke", uncertain=True)
            sent += 1

    assert sent == 4
    assert outbox.counts() == {"waiting": 0, "sent": 0, "refused": 1}


def test_what_a_server_has_had_since_then_is_counted(office: PostOffice) -> None:
    outbox = office.process()
    for number in (1, 2, 3, 4, 5):
        outbox.post(make_letter(number), NOON)
    outbox.sent(take(outbox), NOON, refused={})
    outbox.sent(take(outbox), NOON + HOUR, refused={"admin@example.com": "550 no such user"})
    outbox.give_up(take(outbox), NOON + HOUR, "550 no such user")
    outbox.keep(take(outbox), NOON + HOUR, "the line broke", uncertain=True)
    outbox.sent(take(outbox, NOON + HOUR), NOON + HOUR, refused={})
    rival = office.process()

    for process in (outbox, rival):
        handed = dict(process.handed_over(NOON))
        assert {name: count for name, count in handed.items() if count} == {
            make_letter(2).name: 1,
            make_letter(4).name: 4,
        }
    in_flight = take(rival, NOON + HOUR)
    assert dict(outbox.handed_over(NOON))[in_flight.letter.name] == 2
    assert dict(outbox.handed_over(NOON + HOUR)) == {in_flight.letter.name: 2}


def test_a_budget_decides_what_goes_and_counts_what_waits(outbox: Outbox) -> None:
    outbox.post(make_letter(1, "confirmation"), NOON)
    for number in (2, 3, 4):
        outbox.post(make_letter(number), NOON + timedelta(seconds=number))
    budget = Budget(limit=12, spent=7)

    sent = []
    for posted in outbox.due(NOON + HOUR, (), budget):
        sent.append(posted.letter.name)
        outbox.sent(posted, NOON + HOUR, refused={})

    assert sent == [make_letter(2).name, make_letter(3).name]
    assert (budget.spent, budget.waiting) == (11, 2)
    assert names(outbox, NOON + HOUR) == [make_letter(1, "confirmation").name, make_letter(4).name]


def test_a_letter_that_partly_went_needs_room_only_for_the_rest(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)
    outbox.sent(take(outbox), NOON, refused={}, later=("admin@example.com",))

    [posted] = outbox.due(NOON, (), Budget(limit=10, spent=9))

    assert posted.recipients == ("admin@example.com",)


def test_the_letter_of_a_dead_process_is_sent_again_in_the_next_pass(office: PostOffice) -> None:
    dying, outbox = office.process(), office.process()
    outbox.post(make_letter(), NOON)
    take(dying)
    office.kill(dying)

    assert take(outbox).letter == make_letter()


def test_the_letter_of_a_living_process_is_left_to_it(office: PostOffice) -> None:
    sending, outbox = office.process(), office.process()
    outbox.post(make_letter(), NOON)
    posted = take(sending)

    assert names(outbox, NOON + DAY) == []

    sending.sent(posted, NOON, refused={})
    assert outbox.counts() == {"waiting": 0, "sent": 1, "refused": 0}


def test_a_letter_not_tried_is_as_it_was(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.give_back(take(outbox))

    assert take(outbox).attempt == 1


def test_a_letter_refused_for_ever_is_set_aside(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.give_up(take(outbox), NOON, "550 no such user")

    assert names(outbox, NOON + DAY) == []
    assert outbox.counts() == {"waiting": 0, "sent": 0, "refused": 1}


def test_a_letter_is_given_up_after_five_days(outbox: Outbox) -> None:
    outbox.post(make_letter(), NOON)

    outbox.keep(take(outbox, NOON + 5 * DAY), NOON + 5 * DAY, "451 try again", uncertain=False)
    assert outbox.counts()["refused"] == 0

    later = NOON + 5 * DAY + MINUTE
    outbox.keep(take(outbox, later), later, "451 try again", uncertain=False)
    assert outbox.counts()["refused"] == 1
