"""One number in the many ways in which people and exchanges write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.domain.number import Number, key_of, read_number
from voipmon.domain.problem import ProblemKind, RefusedError

MOBILE = [
    "5511999990000", "+5511999990000", "11999990000", "011999990000", "999990000", "0041511999990000", "04111999990000",
    "+55 (11) 99999-0000", "005511999990000", "0005511999990000",
]  # fmt: skip
OTHERS = [
    "21999990000",
    "5521999990000",
    "11999990001",
    "1199999000",
    "anonymous",
    "",
    "1121",
    "99990000x",
    "Bob 999990000",
]


@pytest.mark.parametrize("asked", MOBILE)
@pytest.mark.parametrize("party", MOBILE)
def test_every_way_to_write_a_number_finds_every_other(asked: str, party: str) -> None:
    if "41" in asked[:4] and "41" in party[:4] and asked != party:
        return  # two codes of an operator, in front of different zeros
    assert read_number(asked).matches(party)


@pytest.mark.parametrize("asked", MOBILE)
@pytest.mark.parametrize("party", OTHERS)
def test_another_number_is_another(asked: str, party: str) -> None:
    if not (asked == "999990000" and party.endswith("21999990000"[2:])):
        assert not read_number(asked).matches(party)


def test_without_its_area_code_a_number_is_that_of_every_area() -> None:
    assert read_number("99999-0000").matches("5521999990000")


@pytest.mark.parametrize(
    ("asked", "party"),
    [
        ("5533334444", "33334444"),  # 55 is the area code of Santa Maria, too
        ("555533334444", "5533334444"),
        ("+12125550100", "0012125550100"),
        ("08005550100", "8005550100"),
        ("40045555", "4004-5555"),
        ("11999990000", "99990000"),  # as mobile numbers were until 2016
        ("11999990000", "0 15 11 99999 0000"),
    ],
)
def test_odd_ways_are_found(asked: str, party: str) -> None:
    assert read_number(asked).matches(party)
    assert read_number(party).matches(asked)


@pytest.mark.parametrize(
    "text", ["", "1121", "1234567", "00001121", "1" * 21, "55 1199x990000", "١١٩٩٩٩٩٠٠٠٠", "nobody"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_number(text)

    assert [problem.kind for problem in caught.value.problems] == [ProblemKind.NUMBER_MALFORMED]


@given(st.from_regex(r"[1-9][0-9]{7,19}", fullmatch=True), st.from_regex(r"\+?[0-9 ().-]{0,25}", fullmatch=True))
def test_whatever_matches_has_the_same_key(digits: str, party: str) -> None:
    number = Number(digits)

    for other in (party, digits, f"+{digits}", digits[-8:], f"0{digits}"):
        if number.matches(other):
            assert key_of(other) == number.key


@given(st.text(max_size=20), st.from_regex(r"[1-9][0-9]{7,19}", fullmatch=True))
def test_any_party_can_be_compared(party: str, digits: str) -> None:
    assert Number(digits).matches(party) in (True, False)
    assert key_of(party).isdigit() or key_of(party) == ""
