"""Waiting for mail at a real server, and at servers that say things as they may."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.dovecot import PASSWORD, Mailbox
from support.imap_stub import ImapStub
from support.line import Line

from voipmon.errors import MailboxError
from voipmon.mail.imap import ImapInbox
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.imap_idle import ImapArrivals

pytestmark = pytest.mark.dovecot

MAIL = b"From: Ana <manager@example.com>\r\nSubject: RAMAIS=1121\r\n\r\nbody\r\n"
FOR_EVER = timedelta(seconds=20)
SOON = timedelta(seconds=0.2)


def connection(server: Any, user: str = "voip.audios@example.com", **options: Any) -> ImapConnection:
    defaults: dict[str, Any] = {"security": "plain", "password": PASSWORD, "timeout": timedelta(seconds=20)}
    return ImapConnection(**{"host": server.host, "port": server.port, "user": user, **defaults, **options})


@pytest.fixture
def waker() -> Iterator[tuple[int, int]]:
    """What is read and what is written to end a wait."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def arrivals(waker: tuple[int, int]) -> ImapArrivals:
    return ImapArrivals(waker[0])


def wait(server: ImapConnection, arrivals: ImapArrivals, limit: timedelta = FOR_EVER) -> None:
    """Select the folder and wait; what takes until the limit is no end of a wait for ever."""
    begun = time.monotonic()
    with ImapInbox(server):
        arrivals.wait(server, limit)
    assert time.monotonic() - begun < FOR_EVER.total_seconds()


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_mail_that_comes_ends_the_wait(mailbox: Mailbox, arrivals: ImapArrivals, security: str) -> None:
    port = mailbox.server.tls_port if security == "tls" else mailbox.server.port
    ca_file = None if security == "plain" else mailbox.server.ca_file
    later = threading.Timer(0.3, mailbox.append, (MAIL,))

    with connection(mailbox.server, mailbox.user, security=security, port=port, ca_file=ca_file) as server:
        later.start()
        wait(server, arrivals)

        with ImapInbox(server) as inbox:
            assert inbox.waiting() == [1]


def test_mail_that_came_since_the_folder_was_selected_is_not_waited_for(
    mailbox: Mailbox, arrivals: ImapArrivals
) -> None:
    with connection(mailbox.server, mailbox.user) as server, ImapInbox(server) as inbox:
        mailbox.append(MAIL)
        inbox.waiting()  # tells of it on the way, and so will not tell of it in IDLE

        begun = time.monotonic()
        arrivals.wait(server, FOR_EVER)
        inbox.take([1], from_others=False)
        inbox.acknowledge([1])

        arrivals.wait(server, FOR_EVER)
        assert time.monotonic() - begun < FOR_EVER.total_seconds()


def test_a_wait_ends_at_its_limit_and_at_once_for_whoever_wakes_it(
    mailbox: Mailbox, arrivals: ImapArrivals, waker: tuple[int, int]
) -> None:
    with connection(mailbox.server, mailbox.user) as server:
        wait(server, arrivals, SOON)

        os.write(waker[1], b"x")

        wait(server, arrivals)
        wait(server, arrivals)


def test_the_connection_is_as_it_was_after_a_wait(mailbox: Mailbox, arrivals: ImapArrivals) -> None:
    with connection(mailbox.server, mailbox.user) as server, ImapInbox(server) as inbox:
        before = server.client.socket().gettimeout()
        arrivals.wait(server, SOON)

        assert inbox.waiting() == []
        assert server.client.socket().gettimeout() == before == 20


def test_a_line_that_died_in_silence_is_an_error_after_the_limit_and_a_time_out(
    mailbox: Mailbox, arrivals: ImapArrivals
) -> None:
    with Line(mailbox.server.host, mailbox.server.port) as line:
        server = connection(line, mailbox.user, timeout=timedelta(seconds=1))
        with server, ImapInbox(server):
            line.hang()
            with pytest.raises(MailboxError, match="did not answer within 1 s while beginning to wait") as caught:
                arrivals.wait(server, SOON)

    assert caught.value.retryable is True


def test_a_line_that_breaks_ends_the_wait_at_once(mailbox: Mailbox, arrivals: ImapArrivals) -> None:
    with Line(mailbox.server.host, mailbox.server.port) as line, connection(line, mailbox.user) as server:
        later = threading.Timer(0.3, line.cut)
        later.start()
        with pytest.raises(MailboxError, match="broke the connection while waiting for mail"):
            wait(server, arrivals)


ANSWERS = {
    "CAPABILITY": ["* CAPABILITY IMAP4rev1 UIDPLUS MOVE IDLE", "{tag} OK done"],
    "LOGIN": ["{tag} OK in"],
    "SELECT": ["* 3 EXISTS", "* OK [PERMANENTFLAGS (\\Seen \\*)] kept", "{tag} OK [READ-WRITE] done"],
    "IDLE": ["+ idling"],
    "LOGOUT": ["* BYE bye", "{tag} OK done"],
    "+": ["{tag} OK done"],
}


@pytest.mark.parametrize(
    "answer",
    [
        ["+ idling\r\n* 4 EXISTS"],
        ["* 4 EXISTS", "+ idling"],
        ["* 4 EXISTS\r\n+ idling\r\n* 1 RECENT"],
        ["+ idling", "* 4 EXISTS"],
    ],
)
def test_news_before_with_or_after_the_go_ahead_ends_the_wait(arrivals: ImapArrivals, answer: list[str]) -> None:
    with ImapStub({**ANSWERS, "IDLE": answer}) as stub, connection(stub) as server:
        wait(server, arrivals)
        wait(server, arrivals)

    assert stub.commands.count("DONE") == 2


@pytest.mark.parametrize("answer", ["{tag} BAD what", "{tag} NO not now", "{tag} OK done"])
def test_a_server_that_refuses_to_idle_is_as_one_without_idle(
    arrivals: ImapArrivals, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    caplog.set_level("WARNING", "voipmon")
    with ImapStub({**ANSWERS, "IDLE": [answer]}) as stub, connection(stub) as server:
        for _ in range(2):
            wait(server, arrivals, SOON)

    assert [record.message for record in caplog.records] == ["idle_missing"]
    assert "DONE" not in stub.commands


def test_a_server_that_says_goodbye_ends_the_wait_with_an_error(arrivals: ImapArrivals) -> None:
    answers = {**ANSWERS, "IDLE": ["+ idling", "* BYE shutting down"], "+": None}
    with (
        ImapStub(answers) as stub,
        connection(stub) as server,
        pytest.raises(MailboxError, match="broke the connection while waiting for mail"),
    ):
        wait(server, arrivals)


def test_a_server_that_never_ends_idle_is_given_up_after_the_time_out(arrivals: ImapArrivals) -> None:
    answers = {name: lines for name, lines in ANSWERS.items() if name != "+"}
    begun = time.monotonic()
    with ImapStub(answers) as stub, connection(stub, timeout=SOON) as server, pytest.raises(MailboxError) as caught:
        wait(server, arrivals, SOON)

    assert str(caught.value) == "127.0.0.1 did not answer within 0.2 s while waiting for mail"
    assert time.monotonic() - begun < 5
