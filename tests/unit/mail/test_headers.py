"""What a stranger's header says, and that reading it neither raises nor costs."""

import unicodedata
from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.cost import costs_at_most

from voipmon.domain.request import mail_key
from voipmon.mail.headers import MOST_BYTES, Header, Stamp, read_header

ORDINARY = (
    b"Return-Path: <manager@example.com>\r\n"
    b"Received: from mail.example.com by mx.example.com with ESMTPS; Mon, 27 Oct 2025 08:00:02 -0300\r\n"
    b"Authentication-Results: mx.example.com;\r\n\tdmarc=pass header.from=example.com\r\n"
    b"Received: from [192.0.2.7] by mail.example.com; Mon, 27 Oct 2025 08:00:01 -0300\r\n"
    b"From: Ana <manager@example.com>\r\n"
    b"Subject: RAMAIS=1121,\r\n 1122 INICIO=ontem\r\n"
    b"Date: Mon, 27 Oct 2025 08:00:00 -0300\r\n"
    b"Message-ID: <first@example.com>\r\n"
    b"In-Reply-To: <asked@example.com>\r\n"
    b"References: <root@example.com>\r\n <asked@example.com>\r\n"
    b"\r\n"
)


def subject(raw: bytes) -> str:
    return read_header(b"Subject: " + raw + b"\r\n\r\n").subject


def test_an_ordinary_header_is_read() -> None:
    header = read_header(ORDINARY)

    assert header == Header(
        from_fields=(b"Ana <manager@example.com>",),
        subject="RAMAIS=1121, 1122 INICIO=ontem",
        date="Mon, 27 Oct 2025 08:00:00 -0300",
        message_id="<first@example.com>",
        name="<first@example.com>",
        in_reply_to="<asked@example.com>",
        references=("<root@example.com>", "<asked@example.com>"),
        return_path=("<manager@example.com>",),
        trace=(
            Stamp("received", "from mail.example.com by mx.example.com with ESMTPS; Mon, 27 Oct 2025 08:00:02 -0300"),
            Stamp("authentication-results", "mx.example.com; dmarc=pass header.from=example.com"),
            Stamp("received", "from [192.0.2.7] by mail.example.com; Mon, 27 Oct 2025 08:00:01 -0300"),
        ),
    )


def test_what_may_stand_more_than_once_is_kept_in_its_order() -> None:
    raw = (
        b"Auto-Submitted: no\nAUTO-SUBMITTED : auto-replied\nPrecedence: bulk\nX-Auto-Response-Suppress: All\n"
        b"List-Id: <l.example.com>\nX-Loop: a@example.com\nX-Voipmon: audio\nReturn-Path: <>\n\n"
    )

    header = read_header(raw)

    assert header.auto_submitted == ("no", "auto-replied")
    assert (header.precedence, header.suppress) == (("bulk",), ("All",))
    assert (header.list_fields, header.x_loop) == (("<l.example.com>",), ("a@example.com",))
    assert (header.x_voipmon, header.return_path) == (("audio",), ("<>",))
    assert header.repeated == frozenset()


def test_fields_that_may_stand_only_once_are_named_when_they_do_not() -> None:
    raw = b"Subject: first\r\nsubject: second\r\nFrom: a@example.com\r\nFROM: b@example.com\r\nDate: x\r\n\r\n"

    header = read_header(raw)

    assert header.repeated == {"subject", "from"}
    assert header.subject == "first"
    assert header.from_fields == (b"a@example.com", b"b@example.com")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"RAMAIS==?utf-8?Q?1121?=", "RAMAIS=1121"),
        (b"=?utf-8?B?UkFNQUlT?= =?utf-8?Q?=3D1121?=", "RAMAIS=1121"),
        (b"=?utf-8?Q?In=C3?=\r\n =?utf-8?Q?=ADcio?=", "Início"),
        (b"=?utf-8?Q?a?= b =?utf-8?Q?c?= d", "a b c d"),
        (b"=?ISO-8859-1?Q?IN=CDCIO=3Dontem?=", "INÍCIO=ontem"),
        (b"=?iso_8859-1?q?=CD?=", "Í"),
        (b"=?windows-1252?Q?RAMAIS_=96_1121?=", "RAMAIS – 1121"),
        (b"=?utf-8*pt-br?Q?ol=C3=A1?=", "olá"),
        (b"=?utf-8?Q?a?= =?iso-8859-1?Q?=E1?=", "aá"),
        (b"=?klingon?Q?RAMAIS=3D1121_=C3?=", "RAMAIS=1121 \ufffd"),
        (b"=?zlib?B?eJwDAAAAAAE=?=", "x\ufffd"),
        (b"=?utf-8?B?w6k?=", "é"),
        (b"=?utf-8?B?w6!k=?=", "é"),
        (b"=?utf-8?B?w?=", ""),
        (b"=?utf-8?Q?=ZZ=3?=", "=ZZ=3"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q?abc", "=?utf-8?Q?abc"),
        (b"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("INÍCIO=ontem".encode(), "INÍCIO=ontem"),
        ("INÍCIO=ontem".encode("latin-1"), "INÍCIO=ontem"),
        (b"a\tb\r\n\tc", "a b c"),
        (b"=?utf-8?Q?a=0D=0ABcc=3A_b=40example.com?=", "a  Bcc: b@example.com"),
        (b"=?utf-8?B?7aCA?=", "\ufffd\ufffd\ufffd"),
        (b"a\x00\x1b[31mb\xe2\x80\xa8c", "a  [31mb c"),
        (b"  padded  ", "padded"),
        (b"", ""),
    ],
)
def test_a_subject_is_read_as_it_was_meant(raw: bytes, expected: str) -> None:
    assert subject(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"<a@example.com>", "<a@example.com>"),
        (b" (comment) <a@example.com> ", "<a@example.com>"),
        (b"<a@example.com> <b@example.com>", "<a@example.com>"),
        (b"<[ABC=@microsoft.com]>", "<[ABC=@microsoft.com]>"),
        (b"<>", None),
        (b"", None),
        (b"no brackets@example.com", None),
        (b"<with space@example.com>", None),
        ("<é@example.com>".encode(), None),
        (b"<" + b"x" * 251 + b">", None),
    ],
)
def test_a_message_id_is_well_formed_or_absent(raw: bytes, expected: str | None) -> None:
    header = read_header(b"Message-ID: " + raw + b"\r\nIn-Reply-To: " + raw + b"\r\n\r\n")

    assert header.message_id == header.in_reply_to == expected


def test_a_mail_is_called_by_its_message_id_however_that_is_written() -> None:
    header = read_header("Message-ID: not (quite) ünlike an id\r\n\r\n".encode() + b"x" * 600)

    assert header.message_id is None
    assert header.name == "not (quite) ünlike an id"
    assert len(read_header(b"Message-ID: <" + b"x" * 600 + b">\r\n\r\n").name) == 250


def test_of_many_references_the_last_twenty_are_kept() -> None:
    raw = b"References: " + b"\r\n ".join(b"<%d@example.com>" % n for n in range(100)) + b" broken\r\n\r\n"

    assert read_header(raw).references == tuple(f"<{n}@example.com>" for n in range(80, 100))


def test_lines_that_are_no_fields_are_left_out() -> None:
    odd = b"From manager@example.com Mon Oct 27\n folded\nno colon\n: no name\nS\xc3\xad: x\n"
    raw = odd + b"Subject: RAMAIS=1\n\nDate: in the body\n"

    header = read_header(raw)

    assert header == Header(subject="RAMAIS=1")


def test_a_header_that_was_cut_is_not_complete() -> None:
    whole = read_header(b"X: " + b"x" * (MOST_BYTES - 10) + b"\r\n\r\n")
    cut = read_header(b"X: " + b"x" * MOST_BYTES)

    assert whole.complete is True
    assert cut.complete is False


def test_the_same_mail_has_the_same_key_however_it_was_folded() -> None:
    folded = ORDINARY.replace(b"From: Ana ", b"From: Ana\r\n ").replace(b"1122 ", b"1122\r\n\t")

    assert read_header(folded).key_words() == read_header(ORDINARY).key_words()
    assert read_header(ORDINARY).key_words() == (
        "<first@example.com>",
        "Ana <manager@example.com>",
        "Mon, 27 Oct 2025 08:00:00 -0300",
        "RAMAIS=1121, 1122 INICIO=ontem",
    )


@pytest.mark.parametrize("field", [b"Subject", b"Date", b"From", b"Message-ID"])
def test_mails_that_differ_in_one_of_their_own_words_have_different_keys(field: bytes) -> None:
    other = ORDINARY.replace(b"\r\n" + field + b": ", b"\r\n" + field + b": <x>")

    assert read_header(other).key_words() != read_header(ORDINARY).key_words()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"From: " + b'"' * 20_000, id="quotes"),
        pytest.param(b"From: " + b"(" * 3_000, id="nested comments"),
        pytest.param(b"From: " + b"<a@" * 20_000, id="open brackets"),
        pytest.param(b"Subject: " + b"=?utf-8?Q?a?= " * 10_000, id="encoded words"),
        pytest.param(b"Subject: " + b"=?utf-8?Q?a?= =?iso-8859-1?Q?b?= " * 5_000, id="words of two charsets"),
        pytest.param(b"Subject: " + b"=?utf-8?Q?" * 7_000, id="words that never end"),
        pytest.param(b"Subject: " + b"=?" * 40_000, id="beginnings of words"),
        pytest.param(b"Subject: =?gb18030?B?" + b"/" * 60_000 + b"?=", id="undecodable"),
        pytest.param(b"Subject: =?iso-2022-jp?B?" + b"GyRC" * 15_000 + b"?=", id="shifts"),
        pytest.param(b"Subject: =?idna?Q?" + b"\xc3\xa9" * 30_000 + b"?=", id="a slow charset"),
        pytest.param(b"References: " + b"<" * 60_000, id="open references"),
        pytest.param(b"References: " + b"<aaaaaaaaaaaaaaaaaaaa" * 3_000, id="references that never end"),
        pytest.param(b"Received: x\n" * 6_000, id="many servers"),
        pytest.param(b"a:\n" * 21_000, id="many fields"),
        pytest.param(b"Subject: a\n" + b" \n" * 30_000, id="folds"),
        pytest.param(b"x" * MOST_BYTES, id="one long line"),
        pytest.param(b"x" * 10_000_000, id="more than is read"),
    ],
)
def test_no_header_costs_more_than_a_tenth_of_a_second(raw: bytes) -> None:
    assert costs_at_most(0.1, lambda: mail_key(*read_header(raw + b"\r\n\r\n").key_words()))


NAMES = st.sampled_from(
    [b"From", b"Subject", b"Message-ID", b"References", b"In-Reply-To", b"Date", b"Received", b"X-Loop", b"", b" "]
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.text(alphabet='<>()[]"\\,;:@.=?_ \r\n\tAaZz019éñ\u2028\U0001f4de', max_size=80).map(str.encode),
    st.sampled_from([b"=?utf-8?Q?", b"=?utf-8?B?", b"=?x-unknown?q?=FF?=", b"=?utf-16?B?2AA=?=", b"?=", b"\xff"]),
)
HEADERS = st.lists(st.tuples(NAMES, st.lists(VALUES, max_size=4).map(b"".join)), max_size=8).map(
    lambda fields: b"".join(name + b": " + value + b"\r\n" for name, value in fields) + b"\r\n"
)


@given(st.one_of(HEADERS, st.binary()))
@example(b"Message-ID: <>\r\n\r\n")
@example(b"Subject: =?utf-8?b?=?=\r\n\r\n")
@example(b"From:\xff\xfe\r\n\xff: \xff\r\n\r\n")
def test_any_bytes_are_read_into_clean_text(raw: bytes) -> None:
    header = read_header(raw)

    texts = [header.subject, header.date, header.message_id or "", *header.references, *header.key_words()]
    texts += [value for values in (header.precedence, header.x_loop) for value in values]
    texts += [stamp.value for stamp in header.trace]
    for text in texts:
        assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)
        text.encode()


@given(st.text(alphabet=st.characters(exclude_categories=("C", "Z")), max_size=40), st.booleans())
def test_a_subject_in_encoded_words_is_what_it_was_before(text: str, base64: bool) -> None:
    data = text.encode()
    half = len(data) // 2  # in the middle of a letter, as some programs do
    if base64:
        words = [b"=?UTF-8?B?" + b64encode(part) + b"?=" for part in (data[:half], data[half:])]
    else:
        hexed = [b"".join(b"=%02X" % sign for sign in part) for part in (data[:half], data[half:])]
        words = [b"=?utf-8?q?" + part + b"?=" for part in hexed]

    assert subject(b"\r\n ".join(words)) == text
