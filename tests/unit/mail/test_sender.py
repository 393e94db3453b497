"""Who is believed, who is not, and who gets no answer at all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import policy
from email.utils import format_datetime
from typing import Any

import authres
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.cost import costs_at_most

from voipmon.mail.headers import MOST_BYTES, read_header
from voipmon.mail.reason import Reason
from voipmon.mail.sender import Ignored, Quarantined, Sender, _Results, judge

OURS = "mx.example.com"
OWN = frozenset({"voip.audios@example.com"})
PASSED = "Authentication-Results: mx.example.com; dmarc=pass header.from=company.example.com"
FROM = "From: Ana <manager@company.example.com>"
MANAGER = "manager@company.example.com"
VERIFIED = Sender(MANAGER, verified=True)
IN = "Received: from mail.company.example.com by mx.example.com with ESMTPS id 1; Mon, 27 Oct 2025 08:00:00 -0300"
ARRIVED = datetime(2025, 10, 27, 11, 0, 3, tzinfo=UTC)
DATE = "Date: Mon, 27 Oct 2025 08:00:00 -0300"
FOREIGN = "Received: from [192.0.2.7] by mail.company.example.com; Mon, 27 Oct 2025 07:59:58 -0300"


def judged(
    *lines: str | bytes, verify: str = "require", authserv_id: str | None = OURS, date: str = DATE
) -> Sender | Ignored | Quarantined:
    """Judge a mail of these header lines and a date of its own."""
    return judged_as_it_is(*lines, date, verify=verify, authserv_id=authserv_id)


def judged_as_it_is(
    *lines: str | bytes, verify: str = "require", authserv_id: str | None = OURS
) -> Sender | Ignored | Quarantined:
    raw = b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\r\n\r\n"
    return judge(read_header(raw), ARRIVED, own_addresses=OWN, verify=verify, authserv_id=authserv_id)


def claims_to_be(field: str | bytes) -> Sender | Ignored | Quarantined:
    """Judge a mail of that From field where nobody is asked."""
    return judged(b"From: " + (field.encode() if isinstance(field, str) else field), verify="off", authserv_id=None)


# -- the From field -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    [
        "manager@company.example.com",
        "<manager@company.example.com>",
        "Ana <manager@company.example.com>",
        "Ana<manager@company.example.com>",
        "Maria J. Silva <manager@company.example.com>",
        '"Silva, Ana" <manager@company.example.com>',
        '"other@example.com" <manager@company.example.com>',
        '"Ana \\"RH\\" <other@example.com>" <manager@company.example.com>',
        "(other@example.com) manager@company.example.com",
        "manager@company.example.com (Ana)",
        "Ana (RH) <manager@company.example.com> (Silva)",
        "Ana [RH] <manager@company.example.com>",
        "=?utf-8?Q?Jos=C3=A9?= <manager@company.example.com>",
        "=?utf-8?Q?other=40example.com_=3C?= <manager@company.example.com>",
        "José <manager@company.example.com>",
        "José <manager@company.example.com>".encode("latin-1"),
        "Ana < Manager@Company.EXAMPLE.com >",
        " \tAna\r\n <manager@company.example.com>",
    ],
)
def test_one_ordinary_address_is_read(field: str | bytes) -> None:
    assert claims_to_be(field) == Sender(MANAGER, verified=False)


@pytest.mark.parametrize(
    "address", ["o'neil@example.com", "a.b+c_d=e@example.com", "root@localhost", "a@xn--exmple-cua.com"]
)
def test_every_ordinary_address_is_an_address(address: str) -> None:
    assert claims_to_be(address) == Sender(address, verified=False)


@pytest.mark.parametrize(
    "field",
    [
        "manager@company.example.com<other@example.com>",
        "<manager@company.example.com>other@example.com",
        "Ana <manager@company.example.com> <other@example.com>",
        "manager@company.example.com)<other@example.com",
        "manager@company.example.com, other@example.com",
        "lista: manager@company.example.com;",
        "undisclosed-recipients:;",
        "Ana: RH <manager@company.example.com>",
        "Ana, RH <manager@company.example.com>",
        "Ana @ RH <manager@company.example.com>",
        "<@relay.example.com:manager@company.example.com>",
        "manager@company.example.com@example.com",
        "manager@company..example.com",
        "manager@company.example.com.",
        ".manager@company.example.com",
        "manager@-company.example.com",
        "manager@[192.0.2.1]",
        '"the manager"@company.example.com',
        "manager @ company.example.com",
        "manager@comp\u0430ny.example.com",
        b"manager@company.example.com\xe9",
        "manag\u00e9r@company.example.com",
        "manager@company.example.com\x00",
        "Ana\x0b<manager@company.example.com>",
        "manager@company.example.com\r<other@example.com>",
        '"Ana <manager@company.example.com>',
        "(Ana <manager@company.example.com>",
        "((Ana)) <manager@company.example.com>",
        "Ana <manager@company.example.com>;",
        "=?utf-8?q?other=40example.org=3E?=@company.example.com",
        "Ana <x=?utf-8?q?y?=@company.example.com>",
        "Ana <>",
        "<>",
        "",
        "manager",
        "Ana" * 330 + " <manager@company.example.com>",
        "a" * 255 + "@example.com",
        '"' * 20_000,
        "(" * 3_000 + ")" * 3_000,
    ],
)
def test_a_from_field_that_can_be_read_in_two_ways_is_not_read(field: str | bytes) -> None:
    assert claims_to_be(field) == Quarantined(Reason.ODD_FROM)


def test_one_from_field_there_must_be() -> None:
    assert judged("Subject: RAMAIS=1121") == Quarantined(Reason.NO_FROM)
    assert judged(FROM, FROM) == Quarantined(Reason.SEVERAL_FROM)


def test_a_second_from_field_may_hide_behind_what_was_cut_off() -> None:
    assert judged(PASSED, FROM, "X: " + "x" * MOST_BYTES) == Quarantined(Reason.HEADER_TOO_LONG)


# the alphabet of the tricks; everything that our reader takes, the standard library's must read alike
WORDS = ["g@ok.example.com", "a@bad.example.com", "Ana", "=?utf-8?q?x?=", *'<>"(),;:\\ @.']
TRICKS = st.lists(st.sampled_from(WORDS), max_size=9).map("".join)


@given(TRICKS)
@example('"g@ok.example.com" <a@bad.example.com>')
def test_whoever_else_reads_the_from_field_reads_the_same_address(field: str) -> None:
    verdict = claims_to_be(field)
    if not isinstance(verdict, Sender):
        return

    parsed = policy.default.header_factory("From", field)

    assert [address.addr_spec.lower() for address in parsed.addresses] == [verdict.address]


@given(st.binary(max_size=1_000).filter(lambda field: b"\n" not in field))
def test_no_from_field_raises_or_gives_an_address_with_anything_odd_in_it(field: bytes) -> None:
    verdict = claims_to_be(field)

    if isinstance(verdict, Sender):
        assert verdict.address.isascii()
        assert verdict.address.isprintable()
        assert verdict.address.count("@") == 1


# -- who is believed ------------------------------------------------------------------------------------------------


def test_what_our_server_verified_is_believed() -> None:
    assert judged(PASSED, FROM) == VERIFIED
    assert judged(PASSED, IN, FOREIGN, FROM) == VERIFIED
    assert judged(IN, PASSED, FOREIGN, FROM) == VERIFIED
    assert judged(PASSED, FROM, authserv_id="MX.example.com") == VERIFIED


GMAIL = """\
Received: by 2002:a05:6a10:1234:b0:1 with SMTP id a1csp123; Mon, 27 Oct 2025 04:00:03 -0700 (PDT)
Return-Path: <manager@company.example.com>
Received: from mail.company.example.com (mail.company.example.com. [192.0.2.1])
        by mx.google.com with ESMTPS id b2; Mon, 27 Oct 2025 04:00:02 -0700 (PDT)
Authentication-Results: mx.google.com;
       dkim=pass header.i=@company.example.com header.s=20230601 header.b=Ab+/1;
       spf=pass (google.com: domain of manager@company.example.com designates 192.0.2.1 as
 permitted sender) smtp.mailfrom=manager@company.example.com;
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=company.example.com
Received: from [192.0.2.7] by mail.company.example.com; Mon, 27 Oct 2025 07:59:58 -0300
From: Ana <manager@company.example.com>
"""


def test_gmail_writes_its_result_below_its_own_steps() -> None:
    assert judged(*GMAIL.splitlines(), authserv_id="mx.google.com") == VERIFIED


def test_a_server_that_hands_mail_on_inside_does_not_hide_the_result() -> None:
    inside = "Received: from mx.example.com (mx.example.com [192.0.2.25]) by store.example.net with LMTP id 2; x"

    assert judged(inside, IN, PASSED, FOREIGN, FROM) == VERIFIED
    assert judged(
        "Received: from x by a.example.com with LMTP; x", PASSED, FROM, authserv_id="example.com"
    ) == Quarantined(Reason.NO_RESULT, MANAGER)


def test_a_result_from_an_earlier_visit_is_not_believed() -> None:
    abroad = "Received: from mx.example.com by forwarder.example.net with ESMTPS; x"
    back = "Received: from forwarder.example.net by mx.example.com with ESMTPS; x"

    assert judged(back, abroad, IN, PASSED, FROM) == Quarantined(Reason.NO_RESULT, MANAGER)


def test_a_step_from_nowhere_is_ours_only_above_the_one_that_took_the_mail_in() -> None:
    nowhere = "Received: by mail.company.example.com with SMTP id 3; x"

    assert judged(nowhere, IN, PASSED, FROM) == VERIFIED
    assert judged(IN, nowhere, PASSED, FROM) == Quarantined(Reason.NO_RESULT, MANAGER)


def test_a_filter_on_our_own_host_does_not_hide_the_result() -> None:
    out = "Received: from localhost (localhost [127.0.0.1]) by mx.example.com (Postfix) with ESMTP id 2; x"
    through = "Received: from mx.example.com ([127.0.0.1]) by localhost (mx.example.com [127.0.0.1]) with ESMTP; x"

    assert judged(out, through, IN, PASSED, FOREIGN, FROM) == VERIFIED


def test_what_a_sender_says_of_itself_in_a_comment_is_no_host_of_ours() -> None:
    boast = "Received: from x (HELO by mx.example.com (may be forged)) by mail.company.example.com; x"

    assert judged(IN, boast, PASSED, FROM) == Quarantined(Reason.NO_RESULT, MANAGER)


def dated(moment: datetime) -> str:
    return f"Date: {format_datetime(moment)}"


@pytest.mark.parametrize(
    "date",
    [
        dated(ARRIVED - timedelta(days=14)),
        dated(ARRIVED + timedelta(hours=24)),
        "Date: 27 Oct 2025 11:00 GMT",
        "Date: Mon, 27 Oct 2025 08:00:00 -0300 (BRT)",
        "Date: Mon, 27 Oct 2025 11:00:00 -0000",
    ],
)
def test_a_mail_may_take_two_weeks_and_its_clock_may_be_a_day_fast(date: str) -> None:
    assert judged(PASSED, FROM, date=date) == VERIFIED


@pytest.mark.parametrize(
    ("date", "doubt"),
    [
        (dated(ARRIVED - timedelta(days=14, seconds=1)), Reason.OTHER_TIME),
        (dated(ARRIVED - timedelta(days=400)), Reason.OTHER_TIME),
        (dated(ARRIVED + timedelta(hours=24, seconds=1)), Reason.OTHER_TIME),
        ("Date: Thu, 01 Jan 1970 00:00:00 +0000", Reason.OTHER_TIME),
        ("Date: Mon, 01 Jan 0001 00:00:00 +2359", Reason.OTHER_TIME),
        ("Date: Fri, 31 Dec 9999 23:59:59 -2359", Reason.OTHER_TIME),
        ("X-Date: none", Reason.ODD_DATE),
        ("Date:", Reason.ODD_DATE),
        ("Date: yesterday", Reason.ODD_DATE),
        ("Date: Mon, 27 Oct 2025 08:00:00 +9999", Reason.ODD_DATE),
        ("Date: Mon, 99 Oct 2025 08:00:00 -0300", Reason.ODD_DATE),
        ("Date: " + "1 " * 5_000, Reason.ODD_DATE),
    ],
)
def test_a_signed_mail_is_not_believed_for_ever(date: str, doubt: Reason) -> None:
    assert judged(PASSED, FROM, date=date) == Quarantined(doubt, MANAGER)
    assert judged(PASSED, FROM, date=date, verify="warn") == Sender(MANAGER, verified=False, warning=doubt)
    assert judged(FROM, date=date, verify="off") == Sender(MANAGER, verified=False)


def result(text: str) -> str:
    return f"Authentication-Results: mx.example.com; {text}"


@pytest.mark.parametrize(
    "header",
    [
        "Authentication-Results: mx.example.com 1; dmarc=pass header.from=company.example.com",
        "Authentication-Results: (x) mx.example.com; DMARC=Pass header.from=Company.Example.com",
        result("dmarc=pass (p=none dis=none) header.from=company.example.com;"),
        result("dkim=fail header.d=other.example.com; dmarc=pass header.from=company.example.com"),
        result("dmarc=pass header.from=example.com"),
        result("dmarc=pass header.from=@company.example.com"),
        result('dmarc=pass policy.dmarc=none header.from="company.example.com"'),
    ],
)
def test_a_result_is_read_however_it_is_written(header: str) -> None:
    assert judged(header, FROM) == VERIFIED


@pytest.mark.parametrize(
    ("lines", "doubt"),
    [
        ((), Reason.NO_RESULT),
        ((result("none"),), Reason.NO_RESULT),
        (
            (result("spf=pass smtp.mailfrom=company.example.com; dkim=pass header.d=company.example.com"),),
            Reason.NO_RESULT,
        ),
        ((result("dmarc=fail header.from=company.example.com"),), Reason.DMARC_NOT_PASSED),
        ((result("dmarc=none header.from=company.example.com"),), Reason.DMARC_NOT_PASSED),
        ((result("dmarc=bestguesspass header.from=company.example.com"),), Reason.DMARC_NOT_PASSED),
        ((result("dmarc=pass header.from=other.example.com"),), Reason.OTHER_DOMAIN),
        ((result("dmarc=pass header.from=notcompany.example.com"),), Reason.OTHER_DOMAIN),
        ((result("dmarc=pass header.from=com"),), Reason.OTHER_DOMAIN),
        ((result("dmarc=pass smtp.mailfrom=company.example.com"),), Reason.OTHER_DOMAIN),
        ((result("dmarc=pass header.from=company.example.com header.from=other.example.org"),), Reason.OTHER_DOMAIN),
        (("Authentication-Results: mx.example.com",), Reason.ODD_RESULT),
        (('Authentication-Results: "mx.example.com"; dmarc=pass header.from=company.example.com',), Reason.ODD_RESULT),
        ((result("dmarc=pass header.from=company.example.com " + "(x)" * 2_000),), Reason.ODD_RESULT),
        ((result("(" * 3_900),), Reason.ODD_RESULT),
        (("Authentication-Results: other.example.org; dmarc=pass header.from=company.example.com",), Reason.NO_RESULT),
        (
            ("Authentication-Results: mx.example.com.example.org; dmarc=pass header.from=company.example.com",),
            Reason.NO_RESULT,
        ),
        (("Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x; dmarc=pass",), Reason.NO_RESULT),
        # forged below the first server that is not ours
        ((IN, FOREIGN, PASSED), Reason.NO_RESULT),
        ((FOREIGN, PASSED), Reason.NO_RESULT),
        # forged in our name where our server does not take that away: both must agree
        ((result("dmarc=fail header.from=company.example.com"), PASSED), Reason.DMARC_NOT_PASSED),
        ((PASSED, result("dmarc=fail header.from=company.example.com")), Reason.DMARC_NOT_PASSED),
        ((result("dmarc=pass header.from=attacker.example.org"), PASSED), Reason.OTHER_DOMAIN),
        ((PASSED, "Authentication-Results: mx.example.com; ???"), Reason.ODD_RESULT),
        # a second Subject on top of a signed mail still passes DMARC
        ((PASSED, "Subject: RAMAIS=1", "Subject: RAMAIS=2"), Reason.REPEATED_FIELDS),
        ((PASSED, "Date: a", "Date: b"), Reason.REPEATED_FIELDS),
        ((PASSED, "Message-ID: <a@b>", "Message-ID: <c@d>"), Reason.REPEATED_FIELDS),
    ],
)
def test_what_is_in_doubt_is_quarantined_or_taken_with_a_warning(lines: tuple[str, ...], doubt: Reason) -> None:
    assert judged(*lines, FROM) == Quarantined(doubt, MANAGER)
    assert judged(*lines, FROM, verify="warn") == Sender(MANAGER, verified=False, warning=doubt)
    assert judged(*lines, FROM, verify="off") == Sender(MANAGER, verified=False, warning=None)


def test_results_of_other_checks_in_our_name_do_not_contradict() -> None:
    signature = result("dkim=pass header.d=company.example.com")

    assert judged(signature, PASSED, FROM) == VERIFIED


def test_repeated_references_are_no_reason_for_doubt() -> None:
    assert judged(PASSED, "References: <a@b>", "References: <c@d>", FROM) == VERIFIED


def test_without_a_server_to_believe_nobody_is_verified_and_the_reason_says_what_to_set() -> None:
    verdict = judged(PASSED, FROM, authserv_id=None)

    assert verdict == Quarantined(Reason.NO_AUTHSERV_ID, MANAGER)
    assert "access.authserv_id" in verdict.reason.sentence
    assert "access.verify_sender" in verdict.reason.sentence
    assert judged(PASSED, FROM, authserv_id=None, verify="warn") == Sender(MANAGER, False, Reason.NO_AUTHSERV_ID)


def test_an_address_below_the_domain_that_passed_is_aligned_and_one_beside_it_is_not() -> None:
    passed = result("dmarc=pass header.from=company.example.com")

    assert judged(passed, "From: a@mail.company.example.com") == Sender("a@mail.company.example.com", verified=True)
    assert judged(passed, "From: a@mailcompany.example.com") == Quarantined(
        Reason.OTHER_DOMAIN, "a@mailcompany.example.com"
    )


# -- who gets no answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("X-Voipmon: audio", Reason.OWN_MAIL),
        ("X-Loop: <Voip.Audios@example.com>", Reason.OWN_MAIL),
        ("Auto-Submitted: auto-replied", Reason.AUTOMATIC),
        ("Auto-Submitted: auto-generated; owner=x", Reason.AUTOMATIC),
        ("Auto-Submitted: (no) Auto-Notified", Reason.AUTOMATIC),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-replied", Reason.AUTOMATIC),
        ("Auto-Submitted:", Reason.AUTOMATIC),
        ("X-Auto-Response-Suppress: All", Reason.AUTOMATIC),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply", Reason.AUTOMATIC),
        ("Precedence: bulk", Reason.BULK),
        ("Precedence: JUNK", Reason.BULK),
        ("Precedence: list", Reason.BULK),
        ("Precedence: auto_reply", Reason.BULK),
        ("List-Id: <people.example.com>", Reason.MAILING_LIST),
        ("List-Id:", Reason.MAILING_LIST),
        ("List-Unsubscribe: <mailto:leave@lists.example.com>", Reason.MAILING_LIST),
        ("LIST-POST: NO", Reason.MAILING_LIST),
        ("X-Autoreply: yes", Reason.AUTOMATIC),
        ("X-Autorespond:", Reason.AUTOMATIC),
        ('Content-Type: multipart/report; report-type=delivery-status; boundary="x"', Reason.BOUNCE),
        ("Content-Type: Multipart/Report ; report-type=disposition-notification", Reason.BOUNCE),
        ("Return-Path: <>", Reason.BOUNCE),
        ("Return-Path: < >", Reason.BOUNCE),
        ("Return-Path:", Reason.BOUNCE),
    ],
)
def test_no_machine_is_answered(line: str, reason: Reason) -> None:
    assert judged(PASSED, FROM, line) == Ignored(reason)
    assert judged(line, "From: broken, " * 3) == Ignored(reason)
    assert judged(line, FROM, verify="off") == Ignored(reason)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person); x=y",
        "X-Auto-Response-Suppress: DR, RN, NRN",
        "Precedence: normal",
        "Precedence: first-class",
        "Return-Path: <manager@company.example.com>",
        "X-Loop: someone@example.com",
        "Content-Type: multipart/mixed; boundary=multipart/report",
    ],
)
def test_a_person_is_answered(line: str) -> None:
    assert judged(PASSED, FROM, line) == VERIFIED


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("voip.audios@example.com", Reason.OWN_MAIL),
        ("VOIP.Audios@Example.com", Reason.OWN_MAIL),
        ("MAILER-DAEMON@example.com", Reason.NOBODY),
        ("postmaster@example.com", Reason.NOBODY),
        ("no-reply@example.com", Reason.NOBODY),
        ("noreply+abc@example.com", Reason.NOBODY),
        ("no_reply@example.com", Reason.NOBODY),
        ("do-not-reply@example.com", Reason.NOBODY),
        ("donotreply@example.com", Reason.NOBODY),
        ("nao-responda@example.com", Reason.NOBODY),
        ("naoresponda@example.com", Reason.NOBODY),
        ("owner-people@example.com", Reason.NOBODY),
        ("people-owner@example.com", Reason.NOBODY),
        ("people-request@example.com", Reason.NOBODY),
        ("people-bounces+manager=example.com@lists.example.com", Reason.NOBODY),
        ("bounce-4711@example.com", Reason.NOBODY),
    ],
)
def test_an_address_that_nobody_reads_is_not_answered(address: str, reason: Reason) -> None:
    assert claims_to_be(address) == Ignored(reason)


@pytest.mark.parametrize(
    "address",
    [
        "noreen@example.com",
        "nora.reply@example.com",
        "postmaster.ana@example.com",
        "request@example.com",
        "owner@example.com",
    ],
)
def test_an_address_that_only_looks_like_it_is_answered(address: str) -> None:
    assert claims_to_be(address) == Sender(address, verified=False)


# -- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        (b"From: " + b'"' * 999,),
        (b"From: " + b"(a)" * 333,),
        (b"From: " + b"a." * 499,),
        (b"From: " + b"a@" + b"a." * 498,),
        (b"From: " + b'"\\" ' * 249,),
        (FROM, *[PASSED] * 600),
        (FROM, *[result("(" * 3_900)] * 15),
        (FROM, result("(" * 5_900)),
        (FROM, result("a=b;" * 1_400)),
        (FROM, *[result("a=b;" * 900)] * 15),
        (FROM, "Authentication-Results: " + "(" * 60_000),
        (FROM, "Received: from " * 4_000),
        (FROM, "Auto-Submitted: " + "(" * 60_000),
        (FROM, "X-Auto-Response-Suppress: " + ", " * 30_000),
    ],
)
def test_no_mail_costs_more_than_a_quarter_of_a_second(lines: tuple[str | bytes, ...]) -> None:
    assert costs_at_most(0.25, lambda: judged(*lines))


def test_every_reason_is_said_in_a_sentence() -> None:
    assert all(reason.sentence for reason in Reason)


PIECES = st.sampled_from(
    [
        "mx.example.com", ";", " ", "\t", "(", ")", "\\", '"', "=", "/", ".", "1", "none", "dmarc", "pass", "fail",
        "reason", "header.from", "=company.example.com", "smtp.mailfrom=<>", "dkim=pass", "dmarc=pass", "(p=NONE)",
        "é", "policy", "|",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
@example('mx.example.com; dmarc=pass (p=REJECT) header.from=company.example.com; spf=none reason="a; b"')
def test_a_result_is_read_as_authres_reads_it(value: str) -> None:
    quick = results_of(lambda: _Results.parse_value(authres.core_features(), value))
    slow = results_of(lambda: authres.AuthenticationResultsHeader.parse_value(value))

    assert quick == slow


def results_of(parse: Callable[[], Any]) -> object:
    try:
        return [str(result) for result in parse().results]
    except (authres.AuthResError, ValueError, LookupError, TypeError, AttributeError) as error:
        return type(error), str(error)
