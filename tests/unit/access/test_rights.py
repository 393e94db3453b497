"""Who may ask, and for whose calls."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.access.limits import Limits
from voipmon.access.rights import EVERYTHING, Grant, Tenant, check_ask, copies_of, granted, names_of, rights_of
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.number import Number
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.wanted import Share

ZONE = ZoneInfo("America/Sao_Paulo")
DAY = Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 27, 23, 59, 59, tzinfo=ZONE))
LIMITS = Limits(50, 90, 10_000, 20_000_000_000, 30)


def ask(*extensions: str, server: str | None = None) -> Ask:
    return Ask(tuple(map(Extension, extensions)), DAY, server)


def tenant(name: str, *extensions: str, on: str = "", **more: object) -> Tenant:
    share = Share(frozenset(extensions), frozenset(on.split()))
    return Tenant(name, frozenset({f"@{name.lower()}.example.com"}), share, **{"limits": LIMITS} | more)  # type: ignore[arg-type]


ACME = tenant("Acme", "1121", "1122")
ZENITH = tenant("Zenith", "2001", on="gv1p")
CODED = tenant("Coded", "3001", needs_code=True)
SHY = tenant("Shy", "4001", recordings=False)
RIGHTS = rights_of(["boss@example.com"], tenants=[ACME, ZENITH, CODED, SHY])


class TestWhoMayAsk:
    rights = rights_of(["Manager@Example.com", "@company.example.com"], ["noc@example.com"])

    @pytest.mark.parametrize(
        "address", ["manager@example.com", "anybody@company.example.com", "noc@example.com"], ids=str
    )
    def test_an_address_of_either_list_or_of_a_listed_domain_is_allowed(self, address: str) -> None:
        assert self.rights.allows(address)

    @pytest.mark.parametrize(
        "address",
        [
            "other@example.com",
            "manager@example.com.evil.example",
            "anybody@sub.company.example.com",
            "anybody@notcompany.example.com",
            "manager",
            "",
        ],
        ids=repr,
    )
    def test_a_domain_is_exactly_that_domain_and_an_address_the_whole_address(self, address: str) -> None:
        assert not self.rights.allows(address)

    @pytest.mark.parametrize("text", ["company.example.com", "@company.example.com"])
    def test_a_domain_alone_is_nobody(self, text: str) -> None:
        assert not self.rights.allows(text)

    def test_without_a_list_nobody_is_allowed(self) -> None:
        assert not rights_of().allows("manager@example.com")


class TestWhoseCallsOneMayAskFor:
    def test_whoever_is_in_access_may_ask_for_everything(self) -> None:
        assert RIGHTS.grant("boss@example.com") is EVERYTHING
        assert EVERYTHING.problems(ask("9999", server="anywhere")) == []

    def test_a_tenants_person_may_ask_for_the_extensions_of_the_tenant(self) -> None:
        assert RIGHTS.allows("ana@acme.example.com")
        assert RIGHTS.grant("ana@acme.example.com").problems(ask("1122", "1121")) == []

    def test_what_is_not_the_tenants_is_named_and_nothing_else(self) -> None:
        problems = RIGHTS.grant("ana@acme.example.com").problems(ask("1121", "2001", "2002", "2003", "0007"))

        assert problems == [Problem(ProblemKind.EXTENSIONS_NOT_YOURS, "2001-2003,0007")]

    def test_a_long_list_of_what_is_not_the_tenants_is_cut_at_a_comma(self) -> None:
        [problem] = granted([ACME]).problems(ask(*map(str, range(10001, 10999, 2))))

        assert problem.text.startswith("10001,10003,")
        assert problem.text.endswith(",…")
        assert len(problem.text) < 310

    def test_a_person_of_two_tenants_may_ask_for_the_extensions_of_both(self) -> None:
        both = granted([ACME, ZENITH])

        assert both.problems(ask("1121", "2001")) == []
        assert names_of(both.tenants_of(ask("1121", "2001"))) == "Acme, Zenith"
        assert names_of(both.tenants_of(ask("2001"))) == "Zenith"

    def test_a_server_of_others_is_not_the_tenants(self) -> None:
        zenith = granted([ZENITH])

        assert zenith.problems(ask("2001", server="GV1P")) == []
        assert zenith.problems(ask("2001", server="gv2p")) == [Problem(ProblemKind.SERVER_NOT_YOURS, "gv2p")]
        assert granted([ACME, ZENITH]).problems(ask("2001", server="gv2p")) == [
            Problem(ProblemKind.EXTENSIONS_NOT_YOURS, "2001")
        ]

    def test_without_the_right_to_recordings_one_is_known_and_may_ask_for_none(self) -> None:
        assert RIGHTS.allows("ana@shy.example.com")
        assert RIGHTS.grant("ana@shy.example.com").problems(ask("4001")) == [Problem(ProblemKind.RECORDINGS_NOT_YOURS)]

    def test_of_a_request_that_was_taken_only_tenants_that_need_no_code_may_have_joined(self) -> None:
        rights = rights_of(tenants=[ACME, replace(tenant("Acme2", "5001", needs_code=True), senders=ACME.senders)])

        assert len(rights.grant("ana@acme.example.com").tenants) == 2
        assert rights.grant("ana@acme.example.com", "Acme").tenants == (ACME,)
        assert len(rights.grant("ana@acme.example.com", "Acme2").tenants) == 2

    def test_every_problem_is_told_at_once(self) -> None:
        with pytest.raises(RefusedError) as caught:
            check_ask(ask("1121", "2001"), granted([ACME]), Limits(1, 90, 1, 1, 1))

        assert [problem.kind for problem in caught.value.problems] == [
            ProblemKind.EXTENSIONS_NOT_YOURS,
            ProblemKind.TOO_MANY_EXTENSIONS,
        ]

    def test_copies_go_to_whom_the_tenant_names_and_never_with_calls_of_another(self) -> None:
        copied = tenant("A", "1", copies=("dpo@example.com",))

        assert copies_of([copied]) == ("dpo@example.com",)
        assert copies_of([copied, ACME]) == copies_of([ACME, copied]) == copies_of([]) == ()

    def test_a_number_alone_is_asked_for_under_all_the_persons_tenants(self) -> None:
        asked = Ask((), DAY, number=Number("11999990000"))
        both = granted([ACME, ZENITH])

        assert both.problems(asked) == []
        assert both.nearest(asked) == asked
        assert names_of(both.tenants_of(asked)) == "Acme, Zenith"


class TestLimits:
    def test_a_tenants_own_hold_and_of_several_the_most(self) -> None:
        small, large = (tenant(name, "1", limits=Limits(*numbers)) for name, numbers in SIZES.items())

        assert granted([small]).limits(LIMITS) == small.limits
        assert granted([small, large]).limits(LIMITS) == Limits(9, 2, 9, 9, 9)

    def test_who_may_have_everything_has_those_of_all(self) -> None:
        assert EVERYTHING.limits(LIMITS) is LIMITS


SIZES = {"small": (1, 2, 3, 4, 5), "large": (9, 1, 9, 9, 9)}


class TestWhatTwoPersonsMayHave:
    def test_it_is_what_both_may_have(self) -> None:
        acme, both = granted([ACME]), granted([ACME, ZENITH])

        assert acme.common(EVERYTHING) == acme == acme.common(acme)
        assert EVERYTHING.common(acme).shares == acme.shares
        assert both.common(acme).shares == acme.shares
        assert granted([ZENITH]).common(acme).shares == ()

    def test_it_is_under_the_rights_of_the_one_who_asks(self) -> None:
        assert granted([ACME]).common(EVERYTHING).tenants == (ACME,)
        assert EVERYTHING.common(granted([ACME])).tenants == (ACME,)

    @given(st.data())
    def test_no_extension_is_in_it_that_is_not_in_both(self, data: st.DataObject) -> None:
        one, other = (granted(data.draw(st.lists(st.sampled_from([ACME, ZENITH, CODED])))) for _ in range(2))
        asked = ask(*data.draw(st.lists(st.sampled_from(["1121", "2001", "3001", "9"]), min_size=1, unique=True)))

        mine, theirs, common = (not grant.problems(asked) for grant in (one, other, one.common(other)))

        assert common is (mine and theirs)


class TestCode:
    both = granted([ACME, CODED])

    def opened(self, *given: str) -> Grant:
        return self.both.opened(given, {"Coded": "K7Q2M9XD"}.__getitem__)

    def test_without_it_only_what_needs_none_is_open(self) -> None:
        assert self.opened().tenants == (ACME,)
        assert self.opened("XXXXXXXX").tenants == (ACME,)

    @pytest.mark.parametrize("given", [("K7Q2M9XD",), ("k7q2m9xd",), ("EXTERNAL", "K7Q2M9XD")])
    def test_with_it_all_is_open_in_whatever_case(self, given: tuple[str, ...]) -> None:
        assert self.opened(*given) == self.both

    def test_so_many_codes_at_once_are_guesses(self) -> None:
        assert self.opened("A", "B", "K7Q2M9XD") == self.both
        assert self.opened("A", "B", "C", "K7Q2M9XD").tenants == (ACME,)

    def test_who_may_have_everything_needs_none(self) -> None:
        assert EVERYTHING.opened((), {}.__getitem__) is EVERYTHING


class TestTheNearestThatWouldBeTaken:
    @pytest.mark.parametrize(
        ("asked", "near"),
        [
            (ask("1121", "2001"), ask("1121")),
            (ask("9999"), ask("1121")),
            (ask("1122", server="gv1p"), ask("1122", server="gv1p")),
        ],
    )
    def test_it_is_the_own_part_or_an_own_extension(self, asked: Ask, near: Ask) -> None:
        assert granted([ACME]).nearest(asked) == near

    def test_a_server_of_others_is_left_out(self) -> None:
        assert granted([ZENITH]).nearest(ask("2001", server="gv2p")) == ask("2001")

    def test_where_nothing_is_granted_or_everything_it_is_the_same(self) -> None:
        assert Grant().nearest(ask("1")) == EVERYTHING.nearest(ask("1")) == ask("1")

    @given(
        st.lists(st.sampled_from([ACME, ZENITH, CODED]), min_size=1),
        st.lists(st.sampled_from(["1121", "2001", "9"]), min_size=1, unique=True),
        st.sampled_from([None, "gv1p", "gv2p"]),
    )
    def test_it_is_always_granted(self, tenants: list[Tenant], extensions: list[str], server: str | None) -> None:
        grant = granted(tenants)

        assert grant.problems(grant.nearest(ask(*extensions, server=server))) == []


@pytest.mark.parametrize(
    ("languages", "written"),
    [(["en"], "en"), ([None], None), (["en", "en"], "en"), (["en", "pt_BR"], None), ([], None)],
)
def test_a_person_is_written_to_in_the_language_that_all_his_companies_have(
    languages: list[str | None], written: str | None
) -> None:
    senders = frozenset({"ana@example.com"})
    companies = [
        replace(tenant(f"C{number}", "1121"), senders=senders, language=language)
        for number, language in enumerate(languages)
    ]

    assert rights_of(tenants=companies).language("ana@example.com") == written
