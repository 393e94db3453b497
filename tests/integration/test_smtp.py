"""SmtpTransport and a real server that misbehaves."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.canary import secret
from support.certificate import Certificate, make_certificate
from support.smtp_sink import SmtpSink, Stage, Trouble

from voipmon.errors import LetterRefusedError, MailboxError, ServerAwayError, UncertainError
from voipmon.mail.smtp import SmtpTransport

LETTER = b"Subject: Re: RAMAIS=1121\r\n\r\nTexto\r\n"
ASKER = "manager@example.com"
USER = "voip.audios@example.com"
PASSWORD = secret("pássaro")
TOKEN, STALE = secret("smtp token"), secret("stale token")


_connected: list[SmtpTransport] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _connected:
        _connected.pop().close()


def connect(sink: SmtpSink, **options: Any) -> SmtpTransport:
    """Return a transport to that server, closed after the test."""
    defaults: dict[str, Any] = {
        "host": sink.host,
        "port": sink.port,
        "security": sink.security,
        "sender": USER,
        "timeout": timedelta(seconds=5),
    }
    transport = SmtpTransport(**{**defaults, **options})
    _connected.append(transport)
    return transport


@pytest.fixture(params=["starttls", "tls"])
def guarded(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[SmtpSink]:
    """A server with TLS and passwords."""
    with SmtpSink(certificate, security=request.param, users={USER: PASSWORD}) as sink:
        yield sink


def refusal(sink: SmtpSink, **options: Any) -> ServerAwayError:
    """Send a letter that cannot be sent; return why."""
    with pytest.raises(ServerAwayError) as caught:
        connect(sink, **options).send(LETTER, (ASKER,))
    assert sink.messages == []
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_a_letter_goes_over_tls_with_a_password_beyond_ascii(guarded: SmtpSink, certificate: Certificate) -> None:
    transport = connect(guarded, user=USER, password=PASSWORD, ca_file=certificate.ca_file)

    transport.send(LETTER, (ASKER,))

    assert [(m.sender, m.recipients, m.content) for m in guarded.messages] == [(USER, (ASKER,), LETTER)]


def test_a_wrong_password_is_tried_once_and_named(guarded: SmtpSink, certificate: Certificate) -> None:
    error = refusal(guarded, user=USER, password=secret("wrong smtp"), ca_file=certificate.ca_file)

    assert guarded.logins == 1
    assert error.retryable is False
    assert "refused the user" in str(error)
    assert "smtp.password_file" in str(error)
    assert "wrong-39" not in str(error)


def test_a_log_in_that_fails_for_now_may_be_tried_again(guarded: SmtpSink, certificate: Certificate) -> None:
    guarded.script(Stage.AUTH, "454 4.7.0 temporary authentication failure")

    error = refusal(guarded, user=USER, password=PASSWORD, ca_file=certificate.ca_file)

    assert error.retryable is True


def test_a_server_with_log_in_only_says_that_a_user_is_needed(guarded: SmtpSink, certificate: Certificate) -> None:
    error = refusal(guarded, ca_file=certificate.ca_file)

    assert error.retryable is False
    assert "smtp.user" in str(error)


def test_an_unknown_authority_is_not_trusted(guarded: SmtpSink) -> None:
    error = refusal(guarded, user=USER, password=PASSWORD)

    assert error.retryable is False
    assert "not trusted" in str(error)
    assert "smtp.ca_file" in str(error)
    assert guarded.logins == 0


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_another_name_is_not_trusted(tmp_path: Path, security: str) -> None:
    certificate = make_certificate(tmp_path, "DNS:other.example.com")
    with SmtpSink(certificate, security=security, users={USER: PASSWORD}) as sink:
        error = refusal(sink, user=USER, password=PASSWORD, ca_file=certificate.ca_file)

    assert error.retryable is False
    assert "not trusted" in str(error)
    assert "smtp.host" in str(error)
    assert sink.logins == 0


def test_a_ca_file_that_is_no_certificate_is_named(guarded: SmtpSink, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()

    missing = refusal(guarded, ca_file=tmp_path / "missing.pem")
    empty = refusal(guarded, ca_file=tmp_path / "empty.pem")

    assert str(missing) == f"smtp.ca_file {tmp_path}/missing.pem cannot be used: No such file or directory"
    assert str(empty) == f"smtp.ca_file {tmp_path}/empty.pem cannot be used: it holds no certificate"
    assert missing.retryable is empty.retryable is False


def test_without_starttls_nothing_is_said_in_the_clear(smtp_sink: SmtpSink) -> None:
    error = refusal(smtp_sink, security="starttls", user=USER, password=PASSWORD)

    assert error.retryable is False
    assert "offers no STARTTLS" in str(error)
    assert smtp_sink.logins == 0


def test_a_server_without_tls_is_told_from_one_that_is_away(smtp_sink: SmtpSink) -> None:
    error = refusal(smtp_sink, security="tls")

    assert error.retryable is False
    assert "smtp.security" in str(error)


@pytest.mark.parametrize("way", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_takes_the_place_of_the_password(way: str) -> None:
    with SmtpSink(tokens={USER: TOKEN}, token_way=way) as sink:
        wrong = refusal(sink, user=USER, token=lambda: STALE)
        transport = connect(sink, user=USER, token=lambda: TOKEN)

        transport.send(LETTER, (ASKER,))

    assert len(sink.messages) == 1
    assert "refused the user" in str(wrong)
    assert "smtp.token_command" in str(wrong)
    assert STALE not in str(wrong)


def test_a_server_that_knows_no_log_in_is_named(smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Stage.EHLO, "250 sink.example.com")

    error = refusal(smtp_sink, user=USER, password=PASSWORD)

    assert "no log-in" in str(error)
    assert error.retryable is False


def test_many_letters_go_over_one_connection_and_the_token_is_asked_once() -> None:
    asked = []
    with SmtpSink(tokens={USER: TOKEN}) as sink:
        transport = connect(sink, user=USER, token=lambda: asked.append(1) or TOKEN)
        for _ in range(5):
            transport.send(LETTER, (ASKER,))

    assert len(sink.messages) == 5
    assert (sink.connections, sink.logins, len(asked)) == (1, 1, 1)


def test_a_token_command_that_fails_is_named_and_the_letters_wait(smtp_sink: SmtpSink) -> None:
    def no_token() -> str:
        raise MailboxError("smtp.token_command 'mail-token' ended with 4: run it by hand", retryable=True)

    error = refusal(smtp_sink, user=USER, token=no_token)

    assert "smtp.token_command 'mail-token' ended with 4" in str(error)
    assert error.retryable is True


@pytest.mark.parametrize("ending", ["421 4.4.2 idle for too long", Trouble.CUT])
def test_a_connection_that_ended_between_two_letters_is_made_anew(smtp_sink: SmtpSink, ending: str | Trouble) -> None:
    transport = connect(smtp_sink)
    transport.send(LETTER, (ASKER,))
    smtp_sink.script(Stage.RSET, ending, times=1)

    transport.send(LETTER, (ASKER,))

    assert len(smtp_sink.messages) == 2
    assert smtp_sink.connections == 2


def test_a_token_that_cannot_be_had_leaves_no_half_open_connection() -> None:
    tokens: list[str] = []
    with SmtpSink(tokens={USER: TOKEN}) as sink:
        transport = connect(sink, user=USER, token=tokens.pop)
        with pytest.raises(IndexError):
            transport.send(LETTER, (ASKER,))
        assert sink.connections == 0
        tokens.append(TOKEN)

        transport.send(LETTER, (ASKER,))

    assert sink.logins == 1


@pytest.mark.parametrize(
    ("stage", "step"),
    [
        (Stage.CONNECT, "connecting"),
        (Stage.EHLO, "greeting it"),
        (Stage.MAIL, "naming the sender"),
        (Stage.RCPT, "naming the recipients"),
        (Stage.DATA, "announcing the content"),
    ],
)
def test_a_server_that_hangs_before_the_content_is_away_and_the_step_is_named(
    smtp_sink: SmtpSink, stage: Stage, step: str
) -> None:
    smtp_sink.script(stage, Trouble.HANG)
    begun = time.monotonic()

    error = refusal(smtp_sink, timeout=timedelta(seconds=0.3))

    assert time.monotonic() - begun < 2
    assert str(error) == f"127.0.0.1 did not answer within 0.3 s while {step}"
    assert error.retryable is True


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_a_line_that_breaks_before_the_content_means_not_sent(smtp_sink: SmtpSink, stage: Stage) -> None:
    smtp_sink.script(stage, Trouble.CUT)

    error = refusal(smtp_sink)

    assert "broke the connection while" in str(error)
    assert error.retryable is True


@pytest.mark.parametrize("stage", [Stage.STARTTLS, Stage.AUTH])
def test_a_server_that_hangs_while_tls_or_the_log_in_begins_is_away(certificate: Certificate, stage: Stage) -> None:
    with SmtpSink(certificate, security="starttls", users={USER: PASSWORD}) as sink:
        sink.script(stage, Trouble.HANG)

        error = refusal(sink, user=USER, password=PASSWORD, ca_file=certificate.ca_file, timeout=timedelta(seconds=0.5))

    assert "did not answer within 0.5 s" in str(error)


@pytest.mark.parametrize(
    ("trouble", "stored"), [(Trouble.HANG, 0), (Trouble.CUT, 0), (Trouble.STORE_AND_CUT, 1), ("gibberish", 0)]
)
def test_after_the_content_anything_but_an_answer_is_uncertain(
    smtp_sink: SmtpSink, trouble: str | Trouble, stored: int
) -> None:
    smtp_sink.script(Stage.CONTENT, trouble, times=1)
    transport = connect(smtp_sink, timeout=timedelta(seconds=0.5))

    with pytest.raises(UncertainError) as caught:
        transport.send(LETTER, (ASKER,))

    assert caught.value.retryable is True
    assert len(smtp_sink.messages) == stored
    transport.send(LETTER, (ASKER,))
    assert len(smtp_sink.messages) == stored + 1


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT])
def test_421_means_away_at_every_stage_and_the_next_letter_connects_again(smtp_sink: SmtpSink, stage: Stage) -> None:
    smtp_sink.script(stage, "421 4.3.2 shutting down", times=1)
    transport = connect(smtp_sink)
    with pytest.raises(ServerAwayError) as caught:
        transport.send(LETTER, (ASKER,))
    assert caught.value.retryable is True

    transport.send(LETTER, (ASKER,))

    assert len(smtp_sink.messages) == 1
    assert smtp_sink.connections == 2


@pytest.mark.parametrize(("greeting", "retryable"), [("421 too many", True), ("554 no service", False)])
def test_a_server_that_greets_with_a_refusal_is_away(smtp_sink: SmtpSink, greeting: str, retryable: bool) -> None:
    smtp_sink.script(Stage.CONNECT, greeting)

    error = refusal(smtp_sink)

    assert greeting in str(error)
    assert error.retryable is retryable


@pytest.mark.parametrize("stage", [Stage.DATA, Stage.CONTENT])
@pytest.mark.parametrize(("reply", "retryable"), [("451 4.3.0 later", True), ("554 5.6.0 never", False)])
def test_a_letter_that_is_refused_says_for_how_long(
    smtp_sink: SmtpSink, stage: Stage, reply: str, retryable: bool
) -> None:
    smtp_sink.script(stage, reply)

    with pytest.raises(LetterRefusedError, match=reply) as caught:
        connect(smtp_sink).send(LETTER, (ASKER,))

    assert caught.value.retryable is retryable


def test_a_letter_that_is_too_big_is_refused_before_it_is_sent() -> None:
    with SmtpSink(size_limit=1000) as sink:
        sink.script(Stage.DATA, "451 4.3.0 the content would be sent", times=1)
        transport = connect(sink)

        with pytest.raises(LetterRefusedError, match="552") as caught:
            transport.send(LETTER + 1000 * b"x", (ASKER,))
        sink.script(Stage.DATA, None)
        transport.send(LETTER, (ASKER,))

    assert caught.value.retryable is False
    assert [message.content for message in sink.messages] == [LETTER]


def test_a_letter_beyond_ascii_is_announced_as_such(smtp_sink: SmtpSink) -> None:
    transport = connect(smtp_sink)

    transport.send(LETTER, (ASKER,))
    transport.send("Subject: x\r\n\r\ngravações\r\n".encode(), (ASKER,))

    assert [message.options for message in smtp_sink.messages] == [
        (f"SIZE={len(LETTER)}",),
        ("SIZE=27", "BODY=8BITMIME"),
    ]


def test_a_server_that_does_not_say_goodbye_is_not_waited_for(smtp_sink: SmtpSink) -> None:
    transport = connect(smtp_sink, timeout=timedelta(seconds=0.5))
    transport.send(LETTER, (ASKER,))
    smtp_sink.script(Stage.QUIT, Trouble.HANG)
    begun = time.monotonic()

    transport.close()

    assert time.monotonic() - begun < 2


def test_a_full_server_refuses_for_now(smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Stage.MAIL, "452 4.3.1 insufficient system storage")

    with pytest.raises(LetterRefusedError) as caught:
        connect(smtp_sink).send(LETTER, (ASKER,))

    assert caught.value.retryable is True


def test_a_sender_that_is_not_ours_is_a_matter_of_the_configuration(smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Stage.MAIL, "553 5.7.1 not your address")

    error = refusal(smtp_sink)

    assert "check smtp.sender" in str(error)
    assert error.retryable is False


def test_a_sender_that_mail_cannot_come_from_is_named(smtp_sink: SmtpSink) -> None:
    error = refusal(smtp_sink, sender="josé@example.com")

    assert "smtp.sender" in str(error)


@pytest.mark.parametrize("address", ["", "ana", "josé@example.com", "a@example.com>\r\nDATA", "a@example.com> SIZE=1"])
def test_what_is_no_address_is_never_said_to_the_server(smtp_sink: SmtpSink, address: str) -> None:
    transport = connect(smtp_sink)

    receipt = transport.send(LETTER, (ASKER, address))

    assert list(receipt.refused) == [address]
    assert [message.recipients for message in smtp_sink.messages] == [(ASKER,)]


def test_dots_and_line_ends_arrive_as_they_were_meant(smtp_sink: SmtpSink) -> None:
    transport = connect(smtp_sink)

    transport.send(b"Subject: x\n\n.\n..\rbare\r\n.dot\r\nlast", (ASKER,))

    assert smtp_sink.messages[0].content == b"Subject: x\r\n\r\n.\r\n..\r\nbare\r\n.dot\r\nlast\r\n"


def test_a_host_that_is_not_there_is_named() -> None:
    sink = SmtpSink()

    unknown = refusal(sink, host="smtp.example.com", port=25)
    odd = refusal(sink, host="a..example.com", port=25)
    closed = refusal(sink, port=1)

    assert str(unknown) == "there is no host 'smtp.example.com': check smtp.host"
    assert str(odd) == "there is no host 'a..example.com': check smtp.host"
    assert "refuses connections at port 1" in str(closed)
    assert (unknown.retryable, odd.retryable, closed.retryable) == (False, False, True)


def test_a_transport_shown_to_somebody_hides_its_password(smtp_sink: SmtpSink) -> None:
    assert PASSWORD not in repr(connect(smtp_sink, user=USER, password=PASSWORD))
