"""Every nasty mail gets the verdict it must get."""

from collections import Counter

import pytest
from corpus.cases import CASES, CATEGORIES, Case
from corpus.intake import wrong_with


def test_every_category_has_three_cases_at_least_and_no_name_stands_twice() -> None:
    counts = Counter(case.category for case in CASES)

    assert set(counts) == set(CATEGORIES)
    assert min(counts.values()) >= 3
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_nasty_mail_gets_its_verdict(case: Case) -> None:
    assert wrong_with(case) == []
