"""Which letters go when not all may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.mail.budget import Budget, kind_of

NAMES = [f"20251111T1147{n:02}Z-k7q2m9xd4t.{kind}" for n in range(4) for kind in ("confirmation", "result")]
KINDS = ["confirmation", "result", "rejection", "guide", "nothing-found", "failure", "digest"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("20251111T114700Z-k7q2m9xd4t.result", "result"),
        ("20251111T114700Z-k7q2m9xd4t.nothing-found.r12", "nothing-found"),
        ("my.confirmation.request.result", "result"),
        ("x.r2.confirmation", "confirmation"),
        ("2025-11-11-audio.budget-spent", "budget-spent"),
    ],
)
def test_the_kind_of_a_letter_is_the_end_of_its_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_where_there_is_room_for_all_the_oldest_goes_first() -> None:
    assert Budget().in_order(NAMES) == NAMES
    assert Budget(limit=16).in_order(NAMES) == NAMES


def test_where_there_is_not_room_for_all_confirmations_go_last() -> None:
    assert Budget(limit=16, spent=1).in_order(NAMES) == NAMES[1::2] + NAMES[::2]


def test_confirmations_leave_room_for_as_many_results() -> None:
    budget = Budget(limit=10)
    budget.spend(NAMES[0], 2)
    budget.spend(NAMES[2], 2)

    assert not budget.admits(NAMES[4], 2)
    assert budget.admits(NAMES[4], 1)
    assert budget.admits(NAMES[1], 2)


def test_what_tells_that_nothing_is_left_is_sent_with_nothing_left() -> None:
    budget = Budget(limit=10, spent=10)

    assert not budget.admits(NAMES[1])
    assert budget.admits("2025-11-11-audio.budget-spent")


@given(
    st.integers(10, 60), st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 2)), max_size=60), st.integers(0, 60)
)
def test_the_limit_is_never_passed_and_a_result_is_never_left_for_a_confirmation(
    limit: int, letters: list[tuple[str, int]], spent: int
) -> None:
    budget = Budget(limit, spent)
    names = {f"{number}.{kind}": recipients for number, (kind, recipients) in enumerate(letters)}

    gone = []
    for name in budget.in_order(list(names)):
        if budget.admits(name, names[name]):
            budget.spend(name, names[name])
            gone.append(name)

    assert spent + sum(names[name] for name in gone) <= max(limit, spent)
    confirmations = [name for name in gone if kind_of(name) == "confirmation"]
    assert sum(names[name] for name in confirmations) <= limit // 2
    for kept in set(names) - set(gone):
        if kind_of(kept) != "confirmation":
            room = limit - spent - sum(names[name] for name in gone if name not in confirmations)
            assert room < names[kept]
