"""The bytes of a mail are those that the standard library makes, which takes four times as long."""

from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from hypothesis import example, given
from hypothesis import strategies as st

from voipmon.mail.mime import compose, unstructured
from voipmon.prose import harmless

HEADERS = {
    "From": "Gravações <voip.audios@example.com>".encode("ascii", "replace").decode(),
    "References": "<1@mail.example.com>\n <2@mail.example.com>",
    "Subject": unstructured("Subject", "Re: RAMAIS=1121 INICIO=27/10/2025 MOTIVO=reclamação " + "é" * 300),
    "Message-ID": f"<{'x' * 120}@example.com>",
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXTS, TEXTS)
@example("", "")
@example("From here\n.\n\n--x\r\n = \t\n", "ends in a blank \nand in none")
@example("\x85\u2028\x0b\x0c\x1c", "x" * 2000 + "=" * 100 + "é" * 100)
def test_a_mail_is_what_the_standard_library_makes_of_it(text: str, html: str) -> None:
    made = compose(HEADERS, text, html)

    boundary = made.partition(b'boundary="')[2].partition(b'"')[0].decode()
    charset = Charset("utf-8")
    charset.body_encoding = QP
    message = MIMEMultipart("alternative", boundary=boundary)
    for name, value in HEADERS.items():
        message[name] = value
    message.attach(MIMEText(text, "plain", charset))  # type: ignore[arg-type]  # typeshed knows only names
    message.attach(MIMEText(html, "html", charset))  # type: ignore[arg-type]
    assert made == message.as_bytes(policy=policy.compat32.clone(linesep="\r\n", max_line_length=998))


@given(st.sampled_from(["Subject", "X-Voipmon"]), st.text(st.characters(codec="ascii"), max_size=90) | TEXTS)
@example("Subject", "Re: RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00")
@example("Subject", "x" * 67)
@example("Subject", "x " * 33)
@example("X-Voipmon", "two  blanks")
def test_a_short_header_is_what_the_standard_library_makes_of_it(name: str, text: str) -> None:
    words = harmless(text)
    plain = words.isascii() and "=?" not in words

    assert unstructured(name, words) == Header(words, "us-ascii" if plain else "utf-8", header_name=name).encode()
