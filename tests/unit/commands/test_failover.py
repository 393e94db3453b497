"""Who leads is decided from what the mailbox tells, and from nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from fakes.lead import Board, MemoryLead
from hypothesis import given
from hypothesis import strategies as st

from voipmon.commands.failover import Part, find_part, part_of, take_lead
from voipmon.mail.lead import Leadership

NOON = datetime(2025, 10, 27, 12, tzinfo=UTC)
SILENCE = timedelta(minutes=12)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "mode", "part"),
    [
        (Leadership("audio", 3, NOON), "slave", Part.LEAD),
        (Leadership("audio", 3, NOON, timedelta(days=9)), "slave", Part.LEAD),
        (Leadership("audio2", 3, NOON, SILENCE), "master", Part.WATCH),
        (Leadership("audio2", 3, NOON, SILENCE + SECOND), "slave", Part.TAKE),
        (Leadership("audio2", 3, None), "master", Part.WATCH),
        (Leadership(None, 0, None), "master", Part.TAKE),
        (Leadership(None, 0, None), "slave", Part.WATCH),
        (Leadership(None, 0, NOON, SILENCE + SECOND), "slave", Part.TAKE),
    ],
)
def test_a_host_leads_watches_or_takes_the_lead(seen: Leadership, mode: str, part: Part) -> None:
    assert part_of("audio", seen, mode, SILENCE) is part  # type: ignore[arg-type]  # a literal, as written above


HOSTS = st.sampled_from(["audio", "audio2", "audio3"])
STEPS = st.lists(st.tuples(st.sampled_from(["pass", "wait", "take"]), HOSTS), max_size=40)


@given(STEPS)
def test_whatever_hosts_do_one_leads_at_most_and_a_leader_that_reads_in_time_is_never_replaced_unasked(
    steps: list[tuple[str, str]],
) -> None:
    board, epochs = Board(), [0]
    heard: dict[str, datetime] = {}
    for what, host in steps:
        lead = MemoryLead(board, host)
        before, leader = board.epoch, board.leader
        if what == "wait":
            board.now += timedelta(minutes=5)
        elif what == "take":
            take_lead(lead, host)
            assert board.leader == host
        elif find_part(lead, host, "slave", SILENCE).leader == host:
            lead.beat()
            heard[host] = board.now
        if what == "pass" and board.epoch > before and leader in heard:
            assert board.now - heard[leader] > SILENCE
        epochs.append(board.epoch)

    assert epochs == sorted(epochs)


def test_a_host_that_takes_the_lead_is_told_who_led_before() -> None:
    board = Board()
    assert take_lead(MemoryLead(board, "audio"), "audio").leader is None
    assert take_lead(MemoryLead(board, "audio2"), "audio2").leader == "audio"
    assert take_lead(MemoryLead(board, "audio2"), "audio2").leader == "audio2"
    assert board.epoch == 2
