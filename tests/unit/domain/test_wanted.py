"""Whose calls are meant, and how much of that somebody may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.domain.number import Number
from voipmon.domain.wanted import Share, Wanted

NUMBERS = st.sampled_from(["1121", "1122", "2001", "", "anonymous"])
SERVERS = st.sampled_from([None, "gv1p", "GV1P", "gv2p"])
SHARES = st.builds(
    Share,
    st.frozensets(st.sampled_from(["1121", "1122", "2001"])),
    st.frozensets(st.sampled_from(["gv1p", "gv2p"])),
)


def share(*extensions: str, on: str = "") -> Share:
    return Share(frozenset(extensions), frozenset(on.split()))


@pytest.mark.parametrize(
    ("server", "told", "meant"),
    [(None, None, True), (None, "gv1p", True), ("gv1p", None, True), ("GV1P", "gv1p", True), ("gv1p", "gv2p", False)],
)
def test_a_call_whose_name_tells_another_server_is_not_meant(
    server: str | None, told: str | None, *, meant: bool
) -> None:
    assert Wanted(frozenset({"1121"}), server).includes(("2001", "1121"), told) is meant


@pytest.mark.parametrize(("told", "meant"), [("gv1p", True), ("GV1P", True), ("gv2p", False), (None, False)])
def test_of_a_share_on_some_servers_only_calls_that_tell_one_of_them_are_meant(
    told: str | None, *, meant: bool
) -> None:
    wanted = Wanted(frozenset({"1121"}), None, (share("1121", on="gv1p gv3p"),))

    assert wanted.includes(("1121", "2001"), told) is meant


def test_an_extension_that_is_not_asked_for_gives_no_right_to_a_call() -> None:
    wanted = Wanted(frozenset({"1121"}), None, (share("1122"),))

    assert not wanted.includes(("1121", "1122"), None)


def test_of_no_share_nothing_is_meant() -> None:
    assert not Wanted(frozenset({"1121"}), None, ()).includes(("1121", "2001"), None)


NUMBER = Number("5511999990000")


@pytest.mark.parametrize(
    ("extensions", "parties", "meant"),
    [
        ("", ("1121", "011999990000"), True),
        ("1121", ("1121", "011999990000"), True),
        ("1122", ("1121", "011999990000"), False),
        ("1121", ("1121", "2001"), False),
        ("", ("1121", "2001"), False),
    ],
)
def test_with_a_number_only_calls_with_it_are_meant(extensions: str, parties: tuple[str, str], *, meant: bool) -> None:
    wanted = Wanted(frozenset(extensions.split()), number=NUMBER)

    assert wanted.includes(parties, None) is meant


def test_a_number_alone_is_searched_for_among_the_own_calls() -> None:
    wanted = Wanted(frozenset(), None, (share("1121", on="gv1p"),), NUMBER)

    assert wanted.includes(("+5511999990000", "1121"), "gv1p")
    assert not wanted.includes(("+5511999990000", "1122"), "gv1p")
    assert not wanted.includes(("+5511999990000", "1121"), "gv2p")


@given(SHARES, SHARES, NUMBERS, SERVERS)
def test_what_two_shares_have_in_common_is_what_both_hold(
    one: Share, other: Share, party: str, server: str | None
) -> None:
    common = one.common(other)

    both = one.holds(party, server) and other.holds(party, server)
    assert (common is not None and common.holds(party, server)) is both


@given(st.frozensets(NUMBERS), st.lists(SHARES, max_size=3).map(tuple), NUMBERS, NUMBERS, SERVERS, SERVERS)
def test_a_share_never_adds_a_call(
    extensions: frozenset[str], shares: tuple[Share, ...], one: str, other: str, server: str | None, told: str | None
) -> None:
    if Wanted(extensions, server, shares).includes((one, other), told):
        assert Wanted(extensions, server).includes((one, other), told)
