"""The keyword of a host: one atom that every server takes, another for every host, and never the done mark."""

import re

from hypothesis import given
from hypothesis import strategies as st

from voipmon.mail.imap_claim import CLAIM_PREFIX, DONE_KEYWORD, claim_keyword

HOSTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)


@given(HOSTS)
def test_the_keyword_of_a_host_is_an_atom_that_dovecot_takes(host: str) -> None:
    keyword = claim_keyword(host)

    assert re.fullmatch(r"\$[A-Za-z0-9._-]{1,49}", keyword)
    assert keyword.startswith(CLAIM_PREFIX)


@given(HOSTS, HOSTS)
def test_two_hosts_never_share_a_keyword(one: str, other: str) -> None:
    assert (claim_keyword(one) == claim_keyword(other)) == (one == other)


def test_long_names_that_begin_alike_are_told_apart() -> None:
    assert claim_keyword("a" * 60 + "1") != claim_keyword("a" * 60 + "2")


def test_the_done_mark_is_no_hosts_keyword() -> None:
    assert not DONE_KEYWORD.lower().startswith(CLAIM_PREFIX.lower())
