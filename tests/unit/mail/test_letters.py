import email
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import (
    FOLDER,
    NOON,
    REQUEST_ID,
    SUBJECT,
    ZONE,
    letter_facts,
    make_ask,
    make_item,
    make_publication,
    result_of,
    result_of_long_numbers,
    stationery,
)

from voipmon.domain import recording as reasons
from voipmon.domain.ask import Ask
from voipmon.domain.number import Number
from voipmon.domain.problem import Problem, ProblemKind
from voipmon.domain.recording import LeftOut
from voipmon.mail.facts import Confirmation, Digest, Facts, Guide, Rejection, Report, Result, Thread
from voipmon.mail.letters import MOST_HTML, Letters, reply_subject, thread_headers
from voipmon.mail.outbox import Letter
from voipmon.mail.reason import Reason
from voipmon.mail.subject import canonical_subject, read_subject

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden/letters"
FACTS = letter_facts()
THREAD = Thread("manager@example.com", SUBJECT, "<42@mail.example.com>", ("<41@mail.example.com>",))


def write(facts: Facts, thread: Thread | None = THREAD, language: str = "pt_BR", **other: object) -> Letter:
    return Letters(replace(stationery(language), **other)).write(facts, thread, NOON)


def read(letter: Letter) -> EmailMessage:
    return email.message_from_bytes(letter.content, policy=policy.default)


def body(letter: Letter, kind: str) -> str:
    part = read(letter).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def size_of_html(letter: Letter) -> int:
    part = read(letter).get_body(("html",))
    assert part is not None
    return len(part.get_payload(decode=True))


class Seen(HTMLParser):
    """What a person has of an HTML mail: the words and where the links lead, in the order of the mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words = ""
        self.lang = ""
        self._hidden = 0
        self.feed(html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.lang = self.lang or values.get("lang") or ""
        self.links += [values["href"] or ""] if tag == "a" else []
        self._hidden += tag in ("style", "title") or (values.get("style") or "").startswith("display:none")
        self.words += "" if tag in ("a", "b", "code", "span") else " "

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title", "div")

    def handle_data(self, data: str) -> None:
        self.words += "" if self._hidden else data


def seen(facts: Facts, language: str = "pt_BR") -> Seen:
    return Seen(body(write(facts, language=language), "html"))


# What every letter is


@pytest.mark.parametrize("language", ["pt_BR", "en"])
@pytest.mark.parametrize("name", FACTS)
def test_the_text_of_each_letter_is_the_approved_one(name: str, language: str) -> None:
    """Run with WRITE_GOLDEN=1 to approve what is written now; the diff is the review."""
    approved = GOLDEN / language / f"{name}.txt"

    text = body(write(FACTS[name], language=language), "plain")

    if os.environ.get("WRITE_GOLDEN"):
        approved.parent.mkdir(parents=True, exist_ok=True)
        approved.write_text(text)
    assert text == approved.read_text()


@pytest.mark.parametrize("language", ["pt_BR", "en"])
@pytest.mark.parametrize("name", FACTS)
def test_no_line_of_a_text_part_is_wider_than_a_terminal(name: str, language: str) -> None:
    lines = body(write(FACTS[name], language=language), "plain").splitlines()

    assert [line for line in lines if len(line) > 78 and not line.strip().startswith("https://")] == []


@pytest.mark.parametrize(("language", "lang"), [("pt_BR", "pt-BR"), ("en", "en")])
@pytest.mark.parametrize("name", FACTS)
def test_both_parts_of_a_letter_say_the_same_request_in_the_same_language(name: str, language: str, lang: str) -> None:
    letter = write(FACTS[name], language=language)
    html = Seen(body(letter, "html"))
    title = body(letter, "plain").splitlines()[0]

    assert html.lang == lang
    assert html.words.startswith(title)
    assert (REQUEST_ID in html.words) == (REQUEST_ID in body(letter, "plain")) == (not isinstance(FACTS[name], Report))


@pytest.mark.parametrize("name", [*FACTS, "huge"])
def test_a_letter_is_ready_for_any_mail_server(name: str) -> None:
    content = write((FACTS | {"huge": result_of_long_numbers(400)})[name]).content

    lines = content.split(b"\r\n")
    assert content.isascii()
    assert not any(sign in line for line in lines for sign in (b"\r", b"\n"))
    assert max(map(len, lines)) <= 998


@pytest.mark.parametrize("name", FACTS)
def test_no_mail_loads_anything_or_needs_a_modern_mail_program(name: str) -> None:
    html = body(write(FACTS[name]), "html")

    assert not re.search(r"<(?:img|link|script|iframe|form|svg|object|video|audio)\b|url\(|@import|@font", html)
    assert not re.search(r"\b(?:flex|grid|position:|float:|var\()", html)
    assert len(re.findall("<table", html)) == len(re.findall('<table role="presentation"', html))
    assert "rgb(1, 132, 127)" in html


def test_the_same_facts_give_the_same_bytes() -> None:
    assert write(result_of(12)) == write(result_of(12))


# Headers


def test_a_letter_stays_in_its_thread_and_out_of_loops() -> None:
    letter = write(result_of(1))

    assert letter.name == f"{REQUEST_ID}.result"
    assert dict(read(letter).items()) == {
        "Content-Type": read(letter)["Content-Type"],
        "MIME-Version": "1.0",
        "From": "Gravações <voip.audios@example.com>",
        "To": "manager@example.com",
        "Cc": "admin@example.com",
        "Subject": f"Re: {SUBJECT}",
        "Date": "Tue, 11 Nov 2025 15:00:00 +0000",
        "Message-ID": f"<{REQUEST_ID}.result@example.com>",
        "In-Reply-To": "<42@mail.example.com>",
        "References": "<41@mail.example.com> <42@mail.example.com>",
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "X-Voipmon": "audio",
    }
    assert read(letter).get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("confirmation-next", "confirmation"),
        ("rejection-one", "rejection"),
        ("guide", "guide"),
        ("nothing-found-one", "nothing-found"),
        ("failure", "failure"),
    ],
)
def test_the_name_of_a_letter_says_whose_and_what_it_is(name: str, kind: str) -> None:
    letter = write(FACTS[name])

    assert letter.name == f"{REQUEST_ID}.{kind}"
    assert read(letter)["Message-ID"] == f"<{REQUEST_ID}.{kind}@example.com>"


def test_a_request_answered_again_gets_a_letter_of_its_own() -> None:
    letter = write(replace(result_of(1), round=2))

    assert letter.name == f"{REQUEST_ID}.result.r2"
    assert read(letter)["Message-ID"] == f"<{REQUEST_ID}.result.r2@example.com>"


@pytest.mark.parametrize(
    ("admin", "recipients", "copy"),
    [
        ("admin@example.com", ("manager@example.com", "admin@example.com"), "admin@example.com"),
        ("Manager@Example.com", ("manager@example.com",), None),
        (None, ("manager@example.com",), None),
    ],
)
def test_the_admin_has_a_copy_and_never_two(admin: str | None, recipients: tuple[str, ...], copy: str | None) -> None:
    letter = write(result_of(1), admin=admin)

    assert letter.recipients == recipients
    assert read(letter)["Cc"] == copy


def test_the_daily_line_is_for_the_admin_alone_and_answers_nothing() -> None:
    letter = write(FACTS["digest-several"], None, instance="audio.example.com")
    mail = read(letter)

    assert letter.name == "2025-11-10-audio-example-com.digest"
    assert letter.recipients == ("admin@example.com",)
    assert mail["Subject"] == "Mensagens sem resposta até 10/11/2025: 5"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["In-Reply-To"] is None
    assert mail["References"] is None


def test_without_thread_and_admin_there_is_nobody_to_write_to() -> None:
    with pytest.raises(ValueError, match="goes to the admin"):
        write(FACTS["digest-one"], None, admin=None)


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("RAMAIS=1121", "Re: RAMAIS=1121"),
        ("Re: RES: Enc: fwd: re[2]: RAMAIS=1121", "Re: RAMAIS=1121"),
        ("RAMAIS=1121 [A1B2C3D4] INICIO=hoje", "Re: RAMAIS=1121 INICIO=hoje"),
        ("Re: [A1B2C3D4]", ""),
        ("RAMAIS=1121\r\nBcc: x@example.com", "Re: RAMAIS=1121 Bcc: x@example.com"),
        ("RAMAIS=\u202e1211\x00", "Re: RAMAIS=1211"),
        ("INÍCIO=\udcff", "Re: INÍCIO=\ufffd"),
        ("x" * 5000, "Re: " + "x" * 399 + "…"),
        ("", ""),
    ],
)
def test_the_subject_of_an_answer_is_clean(subject: str, answer: str) -> None:
    assert reply_subject(subject) == answer


@pytest.mark.parametrize("name", ["confirmation-next", "result-several", "nothing-found-several", "rejection-one"])
@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_a_number_stands_in_the_text_and_in_no_subject_and_no_link(name: str, language: str) -> None:
    subject = "RAMAIS=1121 NUMERO=+55 11 99999-0000 INICIO=27/10/2025"
    facts = FACTS[name]
    if isinstance(facts, Rejection):
        facts = replace(facts, example=f"{facts.example} NUMERO=5511999990000")
    else:
        facts = replace(facts, ask=replace(facts.ask, number=Number("5511999990000")))  # type: ignore[union-attr]

    letter = write(facts, replace(THREAD, subject=subject), language)
    html = body(letter, "html")

    assert read(letter)["Subject"] == "Re: RAMAIS=1121 NUMERO=… INICIO=27/10/2025"
    assert "5511999990000" in body(letter, "plain")
    assert "9999" not in "".join(unquote(link) for link in re.findall(r'href="mailto:([^"]*)"', html))
    assert isinstance(facts, Rejection) or "5511999990000" in html


@pytest.mark.parametrize("name", ["confirmation-next", "result-one", "nothing-found-several"])
@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_who_needs_a_code_finds_its_place_in_every_subject_that_is_offered(name: str, language: str) -> None:
    letter = write(FACTS[name], replace(THREAD, needs_code=True), language)

    html, text = Seen(body(letter, "html")), body(letter, "plain")

    offered = [unquote(link) for link in html.links if "subject=RAMAIS" in link]
    assert offered
    assert all(link.endswith(" [CODIGO]") for link in offered)
    assert text.count("RAMAIS=") == text.count("[CODIGO]")
    assert "[CODIGO]" not in body(write(FACTS[name], language=language), "html")


def test_a_number_alone_is_said_instead_of_extensions() -> None:
    asked = replace(make_ask(), extensions=(), number=Number("5511999990000"))
    words = seen(replace(FACTS["nothing-found-never"], ask=asked)).words  # type: ignore[type-var]

    assert "Número 5511999990000" in words
    assert "Este número não tem gravações em nenhum dia" in words
    assert "Ramais" not in words


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("guide", "Como pedir gravações"),
        ("confirmation-next", "Pedido de gravações recebido"),
        ("result-one", "Gravações prontas"),
        ("nothing-found-one", "Nenhuma gravação encontrada"),
        ("failure", "Pedido de gravações não atendido"),
    ],
)
def test_a_request_without_subject_gets_one_in_its_answer(name: str, subject: str) -> None:
    assert read(write(FACTS[name], Thread("manager@example.com")))["Subject"] == subject


@given(subject=st.text(), name=st.text(), host=st.text(max_size=300))
def test_no_text_from_outside_becomes_a_header(subject: str, name: str, host: str) -> None:
    thread = Thread("manager@example.com", subject, f"<{name}@x>", (name, f"<{name}>"))

    mail = read(write(FACTS["failure"], thread, instance=host))

    allowed = {"From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"}
    assert set(mail.keys()) - allowed <= {"MIME-Version", "Content-Type", "X-Auto-Response-Suppress", "X-Voipmon"}
    assert not any(sign in value for value in mail.values() for sign in "\r\n")


def test_a_subject_in_any_script_arrives_as_it_was() -> None:
    subject = "RAMAIS=1121 MOTIVO=reclamação 顧客 " + "жалоба " * 20 + "=?utf-8?q?x?="

    assert read(write(FACTS["guide"], Thread("a@example.com", subject)))["Subject"] == f"Re: {subject}"


def test_a_long_thread_keeps_its_first_mail_and_its_latest() -> None:
    ids = tuple(f"<{number}@example.com>" for number in range(50))

    references = thread_headers(Thread("a@example.com", "x", "<last@example.com>", ids))["References"].split()

    assert references == [ids[0], *ids[-18:], "<last@example.com>"]


def test_what_is_no_message_id_is_dropped() -> None:
    odd = (
        "<>",
        "<a b@example.com>",
        "a@example.com",
        "<é@example.com>",
        "<a@b>\r\nBcc: x",
        "<" + "a" * 999 + "@b>",
        "<a@b>",
    )

    headers = thread_headers(Thread("a@example.com", "x", "<[ABC=@microsoft.example.com", odd))

    assert headers == {"In-Reply-To": "", "References": "<a@b>"}


def test_a_long_message_id_is_written_as_it_is() -> None:
    long = "<" + "A1b2" * 28 + "@mail.example.com>"

    content = write(FACTS["guide"], Thread("a@example.com", "x", long, ())).content

    assert f"In-Reply-To: {long}\r\nReferences: {long}\r\n".encode() in content


# The result


def test_a_result_says_who_called_whom_when_and_for_how_long() -> None:
    item = replace(make_item(1, "2001", "1122"), seconds=205.0)

    words = seen(Result(REQUEST_ID, make_ask(), make_publication(item))).words

    assert "Ramais 1121, 1122 Período 27/10/2025 08:00 a 28/10/2025 18:00" in words
    assert "2001 → 1122 27/10/2025 08:19:42 · 3:25 Tocar" in words


def test_a_length_that_is_not_known_is_not_made_up() -> None:
    item = replace(make_item(1, "2001", "1122"), seconds=None)

    assert "2001 → 1122 27/10/2025 08:19:42 Tocar" in seen(Result(REQUEST_ID, make_ask(), make_publication(item))).words


def test_a_party_without_a_number_is_unknown() -> None:
    facts = Result(REQUEST_ID, make_ask(), make_publication(make_item(1, "", "1121")))

    assert "desconhecido → 1121" in seen(facts).words
    assert "unknown → 1121" in seen(facts, "en").words


def test_each_call_has_its_button_and_no_file_name_is_in_sight() -> None:
    facts = result_of(12)

    html = seen(facts)

    assert html.words.count("Tocar") == 12
    assert [link for link in html.links if link.endswith(".mp3")] == [item.url for item in facts.publication.items]
    assert "mp3" not in html.words
    assert "internal" not in html.words


def test_the_zip_button_comes_after_the_calls_with_its_size() -> None:
    html = seen(result_of(12))

    assert "Tocar Baixar todas em ZIP (1,3 MB) Os links funcionam até 14/11/2025 às 12:00." in html.words
    assert html.links[-2] == f"{FOLDER}/gravacoes-{REQUEST_ID}.zip"


def test_a_result_says_what_was_left_out_and_why() -> None:
    words = seen(result_of(2)).words

    assert "Ficou de fora • 2 arquivos são pequenos demais para ter uma conversa • 1 arquivo ainda estava" in words
    assert "Ficou de fora" not in seen(result_of(1)).words


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_every_reason_for_leaving_out_has_its_words(language: str) -> None:
    kinds = [value for name, value in vars(reasons).items() if name.isupper()]
    unknown = seen(_leaving_out("?"), language).words

    assert len(kinds) == 6
    assert all(seen(_leaving_out(kind), language).words != unknown for kind in kinds)


def _leaving_out(reason: str) -> Result:
    return Result(REQUEST_ID, make_ask(), make_publication(make_item(1), left_out=(LeftOut("x.mp3", reason),)))


def test_a_result_says_that_the_dialled_number_was_searched() -> None:
    assert "A busca é pelo número discado" in seen(result_of(1)).words


def test_asking_again_asks_for_the_same() -> None:
    [again] = [link for link in seen(result_of(12)).links if link.startswith("mailto:")]

    assert again.startswith("mailto:voip.audios@example.com?subject=RAMAIS%3D1121")
    assert _asked(again) == make_ask()


def _asked(link: str) -> Ask:
    ask = read_subject(unquote(link.partition("?subject=")[2]), NOON, ZONE)
    assert isinstance(ask, Ask)
    return ask


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_a_result_lists_150_calls_and_links_to_the_page_with_all(language: str) -> None:
    html = seen(result_of(400), language)
    text = body(write(result_of(400), language=language), "plain")

    assert len([link for link in html.links if link.endswith(".mp3")]) == 150
    assert re.search(r"(primeiras|first) 150 (de|of) 400\.", html.words)
    assert html.links.count(f"{FOLDER}/") == 2
    assert text.count(".mp3\n") == 150
    assert re.search(r"(primeiras|first) 150 (de|of) 400\.", text)


@pytest.mark.parametrize("facts", [result_of(400), result_of_long_numbers(400)], ids=["ordinary", "long numbers"])
def test_a_mail_with_400_calls_is_not_cut_by_gmail(facts: Result) -> None:
    assert size_of_html(write(facts)) <= MOST_HTML == 90_000


def test_long_links_make_the_list_shorter_and_the_count_true() -> None:
    items = [replace(make_item(number), url=f"{FOLDER}/{'x' * 900}/{number:04}.mp3") for number in range(1, 401)]
    facts = Result(REQUEST_ID, make_ask(), make_publication(*items))

    letter = write(facts)
    shown = Seen(body(letter, "html"))
    rows = len([link for link in shown.links if link.endswith(".mp3")])

    assert 40 < rows < 100
    assert f"Aqui estão as primeiras {rows} de 400." in shown.words
    assert MOST_HTML - 2_000 < size_of_html(letter) <= MOST_HTML


def test_hostile_parties_are_words_and_nothing_else() -> None:
    item = make_item(1, '<script>alert("1")</script>', "\u202e1121\r\n www.example.com")
    letter = write(Result(REQUEST_ID, make_ask(), make_publication(item)))

    html, text = body(letter, "html"), body(letter, "plain")

    assert "<script" not in html
    assert '<script>alert("1")</\u200bscript> → 1121 www.\u200bexample.\u200bcom' in Seen(html).words
    assert '<script>alert("1")</\u200bscript> → 1121 www.\u200bexample.\u200bcom' in text
    assert "\u202e" not in html + text


# The other letters


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (0, "O seu é o próximo a ser atendido."),
        (1, "Há 1 pedido à frente do seu."),
        (1200, "Há 1.200 pedidos à frente do seu."),
    ],
)
def test_a_confirmation_says_what_was_understood_and_the_place_in_the_queue(ahead: int, words: str) -> None:
    ask = make_ask("1121", server="gv1p", reason="<queixa> & cia")

    html = seen(Confirmation(REQUEST_ID, ask, ahead))

    assert "Ramal 1121 Período 27/10/2025 08:00 a 28/10/2025 18:00 Central gv1p Motivo <queixa> & cia" in html.words
    assert words in html.words
    assert _asked(html.links[0]) == ask


def test_a_period_to_the_second_is_said_to_the_second() -> None:
    ask = make_ask()
    odd = replace(
        ask.period, first=ask.period.first + timedelta(seconds=1), last=ask.period.last - timedelta(seconds=59)
    )

    words = seen(Confirmation(REQUEST_ID, replace(ask, period=odd), 0)).words

    assert "27/10/2025 08:00:01 a 28/10/2025 18:00:00" in words


def test_a_rejection_has_a_sentence_for_each_problem_and_a_subject_ready_to_send() -> None:
    html = seen(FACTS["rejection-several"])

    assert html.words.count("•") == 2
    assert "“31/02/2025”" in html.words
    assert "“40x1”" in html.words
    assert SUBJECT in html.words
    assert unquote(html.links[0]) == f"mailto:voip.audios@example.com?subject={SUBJECT}"


def test_who_may_ask_for_nothing_is_shown_no_subject_to_send() -> None:
    letter = write(Rejection(REQUEST_ID, (Problem(ProblemKind.RECORDINGS_NOT_YOURS),), SUBJECT))

    for kind in ("html", "plain"):
        assert "RAMAIS" not in body(letter, kind)
        assert "AJUDA" in body(letter, kind)


def test_an_example_too_long_for_a_link_is_there_to_be_copied() -> None:
    example = f"RAMAIS={','.join(f'{number:06}' for number in range(0, 20_000, 2))} INICIO=hoje"
    letter = write(Rejection(REQUEST_ID, FACTS["rejection-one"].problems, example))

    assert Seen(body(letter, "html")).links[0] == "mailto:voip.audios@example.com"
    assert size_of_html(letter) <= MOST_HTML
    assert "".join(body(letter, "plain").split()).count(example.replace(" ", "")) == 1


def test_a_days_recordings_are_one_touch_away_when_nothing_is_found() -> None:
    html = seen(FACTS["nothing-found-several"])

    first, second = map(_asked, html.links)
    assert "sexta-feira, 24/10/2025 1 gravação Pedir quarta-feira, 29/10/2025 1.234 gravações Pedir" in html.words
    assert first.extensions == make_ask().extensions
    assert first.period.first == datetime(2025, 10, 24, 0, 0, tzinfo=ZONE)
    assert first.period.last == datetime(2025, 10, 24, 23, 59, 59, tzinfo=ZONE)
    assert second.period.first.date() == date(2025, 10, 29)


def test_nothing_found_says_where_was_searched() -> None:
    assert "gravações dos tipos internal, out:" in seen(FACTS["nothing-found-several"]).words
    assert "gravações de todos os tipos" in seen(FACTS["nothing-found-never"]).words


def test_extensions_that_never_called_are_said_to_have_no_day() -> None:
    assert "Este ramal não tem gravações em nenhum dia. Confira o número." in seen(FACTS["nothing-found-never"]).words


def test_a_failure_names_the_admin_if_there_is_one() -> None:
    with_admin, without = (
        Seen(body(write(FACTS["failure"], admin=admin), "html")) for admin in ("a@example.com", None)
    )

    assert "O administrador (a@example.com) já foi avisado." in with_admin.words
    assert "avisado" not in without.words
    assert REQUEST_ID in without.words


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_every_reason_for_silence_has_its_words(language: str) -> None:
    answers = {Reason.REQUEST, Reason.NO_REQUEST, Reason.WRONG_CODE}
    counts = tuple((reason, number) for reason in Reason if reason not in answers for number in (1, 2))

    words = seen(Digest(date(2025, 11, 10), counts), language).words

    assert [reason for reason, _ in counts if f"1 {reason}" in words or f"2 {reason}" in words] == []


def test_a_reason_the_digest_has_no_words_for_stands_as_it_is() -> None:
    html = seen(Digest(date(2025, 11, 10), (("spf_<fail>", 2),)))

    assert "• 2 spf_<fail>" in html.words


def test_a_thousand_extensions_are_counted_and_not_listed() -> None:
    ask = make_ask(*[f"{number:06}" for number in range(1000)])

    words = seen(Confirmation(REQUEST_ID, ask, 0)).words

    assert "000098, 000099 e mais 900 Período" in words


# The guide


def test_the_guide_is_the_page_in_the_documentation() -> None:
    page = (ROOT / "docs/guia.md").read_text()

    assert body(write(Guide(REQUEST_ID)), "plain").startswith(page)
    assert page.startswith("Como pedir gravações\n====================\n")


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_the_guide_says_the_same_in_both_its_parts(language: str) -> None:
    letter = write(Guide(REQUEST_ID), language=language)
    marks = re.compile(r"[•-]+(?= )|[=-]{4,}")

    text, html = (marks.sub(" ", words) for words in (body(letter, "plain"), Seen(body(letter, "html")).words))
    button = "Escrever um pedido" if language == "pt_BR" else "Write a request"

    assert text.split() == html.replace(button, "").split()


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_every_subject_in_the_guide_is_understood(language: str) -> None:
    text = body(write(Guide(REQUEST_ID), language=language), "plain")
    noon = datetime(2025, 11, 12, 15, tzinfo=UTC)

    subjects = [line.strip() for line in text.splitlines() if line.startswith("    RAMAIS=")]

    assert len(subjects) == 3
    assert all(isinstance(read_subject(subject, noon, ZONE), Ask) for subject in subjects)


def test_the_guides_button_writes_a_subject_that_is_understood() -> None:
    assert canonical_subject(_asked(seen(Guide(REQUEST_ID)).links[-1])) == SUBJECT


def test_a_command_that_writes_no_letter_loads_no_templates() -> None:
    check = (
        "import sys, voipmon.mail.facts, voipmon.mail.letters, voipmon.delivery.page; print('jinja2' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert said.stdout == "False\n"
