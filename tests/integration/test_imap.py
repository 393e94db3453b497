"""ImapInbox and real servers, at their best and at their worst."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.canary import secret
from support.certificate import make_certificate
from support.dovecot import Dovecot, Mailbox
from support.imap_stub import ImapStub, Listener, RewritingProxy
from support.pymap import Pymap

from voipmon.errors import MailboxError
from voipmon.mail import imap
from voipmon.mail.imap import DONE_FOLDER, QUARANTINE_FOLDER, ImapInbox
from voipmon.mail.imap_claim import DONE_KEYWORD
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.imap_words import ranges, uids_of

pytestmark = pytest.mark.dovecot

MAIL = b"From: Ana <manager@example.com>\r\nSubject: RAMAIS=1121\r\n\r\nbody\r\n"
PASSWORD = secret("pássaro")
USER = "voip.audios@example.com"
SOON = timedelta(seconds=0.3)


def open_inbox(server: Any, **options: Any) -> ImapInbox:
    """Return the inbox of anything with a host and a port."""
    defaults: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "user": USER,
        "password": "secret",
        "timeout": timedelta(seconds=20),
    }
    folder = options.pop("folder", "INBOX")
    return ImapInbox(ImapConnection(**{**defaults, **options}), folder, "audio")


def inbox_of(mailbox: Mailbox, **options: Any) -> ImapInbox:
    defaults: dict[str, Any] = {"user": mailbox.user, "password": mailbox.password}
    return open_inbox(mailbox.server, **{**defaults, **options})


def failure(inbox: ImapInbox) -> MailboxError:
    """Open the inbox, which fails; return why."""
    with pytest.raises(MailboxError) as caught, inbox:
        pass
    assert PASSWORD not in str(caught.value)
    return caught.value


# -- marks ----------------------------------------------------------------------------------------------------------


def test_what_is_done_stays_in_its_place_under_a_keyword_and_unread(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "voipmon")
    done = mailbox.append(MAIL)
    looked_at = mailbox.append(MAIL, flags=[r"\Seen"])

    with inbox_of(mailbox) as inbox:
        inbox.prepare()
        inbox.acknowledge([done, looked_at])

    assert mailbox.flags(done) == {DONE_KEYWORD}
    assert mailbox.flags(looked_at) == {DONE_KEYWORD, r"\Seen"}
    assert mailbox.folders() == ["INBOX", QUARANTINE_FOLDER]
    opened = [(record.message, record.marks, record.claim) for record in caplog.records]
    assert opened == [("inbox_opened", "keyword", "conditional")]


def test_what_is_quarantined_is_done_and_stands_in_a_folder_that_mail_programs_show(mailbox: Mailbox) -> None:
    uid = mailbox.append(MAIL)

    with inbox_of(mailbox) as inbox:
        inbox.quarantine([uid])

    assert mailbox.uids() == []
    assert mailbox.mails(QUARANTINE_FOLDER) == [MAIL]
    assert mailbox.flags(1, QUARANTINE_FOLDER) == {DONE_KEYWORD}
    with mailbox.client() as client:
        assert [name for _, _, name in client.list_sub_folders()] == [QUARANTINE_FOLDER]


def test_what_a_person_deleted_does_not_wait(mailbox: Mailbox) -> None:
    mailbox.append(MAIL, flags=[r"\Deleted"])

    with inbox_of(mailbox) as inbox:
        assert inbox.waiting() == []


def test_folders_go_where_the_server_wants_them(dovecot: Dovecot) -> None:
    mailbox = dovecot.mailbox(settings={"namespace/inbox/prefix": "INBOX/"})
    uid = mailbox.append(MAIL)

    with inbox_of(mailbox) as inbox:
        inbox.quarantine([uid])

    assert mailbox.folders() == ["INBOX", f"INBOX/{QUARANTINE_FOLDER}"]


NO_KEYWORDS = {rb"(PERMANENTFLAGS \([^)]*) ?\\\*": rb"\1"}
NO_MOVE = {rb" MOVE\b": b""}
NO_UIDPLUS = {rb" UIDPLUS\b": b""}


def test_without_keywords_what_is_done_is_moved(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "voipmon")
    done, waiting = mailbox.append(MAIL), mailbox.append(MAIL)

    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, NO_KEYWORDS) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        inbox.acknowledge([done])
        assert inbox.waiting() == [waiting]

    assert mailbox.uids() == [waiting]
    assert mailbox.mails(DONE_FOLDER) == [MAIL]
    assert caplog.records[0].marks == "folder"


def test_without_keywords_both_folders_are_made(mailbox: Mailbox) -> None:
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, NO_KEYWORDS) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        inbox.prepare()

    assert mailbox.folders() == ["INBOX", DONE_FOLDER, QUARANTINE_FOLDER]


def test_without_move_mail_is_copied_and_only_that_mail_is_expunged(mailbox: Mailbox) -> None:
    done, aside = mailbox.append(MAIL), mailbox.append(MAIL)
    deleted_by_a_person = mailbox.append(MAIL, flags=[r"\Deleted"])

    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, NO_KEYWORDS | NO_MOVE) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        inbox.acknowledge([done])
        inbox.acknowledge([done])
        inbox.quarantine([aside])
        inbox.quarantine([aside])

    assert mailbox.uids() == [deleted_by_a_person]
    assert len(mailbox.uids(DONE_FOLDER)) == len(mailbox.uids(QUARANTINE_FOLDER)) == 1


def test_a_copy_that_was_cut_before_the_expunge_is_not_done_again(mailbox: Mailbox) -> None:
    uid = mailbox.append(MAIL)
    rules = NO_KEYWORDS | NO_MOVE

    with RewritingProxy(mailbox.server.host, mailbox.server.port, rules) as proxy:
        with inbox_of(mailbox, port=proxy.port) as inbox:
            inbox.prepare()
        with mailbox.client() as client:  # as far as the cut pass came
            client.copy([uid], DONE_FOLDER)
            client.delete_messages([uid], silent=True)
        with inbox_of(mailbox, port=proxy.port) as inbox:
            assert inbox.waiting() == []


def test_a_server_that_can_neither_mark_nor_move_is_refused_before_anything_is_taken_in(mailbox: Mailbox) -> None:
    rules = NO_KEYWORDS | NO_MOVE | NO_UIDPLUS
    with RewritingProxy(mailbox.server.host, mailbox.server.port, rules) as proxy:
        error = failure(inbox_of(mailbox, port=proxy.port))

    assert "keeps no keywords and cannot move mail" in str(error)
    assert error.retryable is False


def test_a_server_that_marks_and_cannot_move_leaves_the_quarantined_in_place_as_well(mailbox: Mailbox) -> None:
    uid = mailbox.append(MAIL)
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, NO_MOVE | NO_UIDPLUS) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        inbox.quarantine([uid])
        assert inbox.waiting() == []

    assert mailbox.flags(uid) == {DONE_KEYWORD}
    assert mailbox.mails(QUARANTINE_FOLDER) == [MAIL]


@pytest.fixture(scope="module")
def pymap() -> Iterator[Pymap]:
    with Pymap() as server:
        yield server


@pytest.mark.parametrize("way", ["acknowledge", "quarantine"])
def test_a_server_that_takes_keywords_and_keeps_none_is_found_out(
    pymap: Pymap, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.INFO, "voipmon")
    user, password = pymap.mailbox()
    promising = {rb"(PERMANENTFLAGS \([^)]*)": rb"\1 \\*"}
    with RewritingProxy(pymap.host, pymap.port, promising) as proxy:
        inbox = open_inbox(proxy, user=user, password=password)
        with inbox:
            inbox.server.client.append("INBOX", MAIL)
            inbox.server.client.append("INBOX", MAIL)
        with inbox:
            first, second = inbox.waiting()
            getattr(inbox, way)([first])
            assert inbox.waiting() == [second]
        with inbox:
            assert inbox.waiting() == [second]

    messages = [(record.message, record.__dict__.get("marks")) for record in caplog.records]
    assert messages[1:3] == [("inbox_opened", "keyword"), ("keywords_dropped", None)]


def test_taking_reading_and_marking_some_hundred_mails_costs_six_commands(mailbox: Mailbox) -> None:
    mailbox.append_all([MAIL] * 300)
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        uids = inbox.waiting()
        before = len(proxy.commands)
        inbox.take(uids, from_others=False)
        inbox.read(uids)
        inbox.acknowledge(uids)
        commands = [command.split(b" ", 3)[1:] for command in proxy.commands[before:]]

    assert [name for _, name, _ in commands] == [b"FETCH", b"STORE", b"FETCH", b"FETCH", b"STORE", b"FETCH"]
    assert all(b"UNCHANGEDSINCE" in words for _, name, words in commands if name == b"STORE")
    assert all(len(words) < 1_500 for *_, words in commands)


# -- many, and little of each -----------------------------------------------------------------------------------------


def test_many_mails_are_read_in_few_commands_and_never_their_bodies(mailbox: Mailbox) -> None:
    mailbox.append_all([MAIL + b"x" * 10_000] * 1_200)
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        uids = inbox.waiting()
        messages = inbox.read(reversed(uids))
        fetches = [command for command in proxy.commands if b"FETCH" in command]
        inbox.acknowledge(uids)
        left = inbox.waiting()

    assert [message.uid for message in messages] == uids
    assert all(message.size > 10_000 and len(message.header) < 100 for message in messages)
    assert len(fetches) == 3
    assert all(b"BODY.PEEK[HEADER.FIELDS (FROM " in fetch and b"ENVELOPE" not in fetch for fetch in fetches)
    assert all(command.split(b" ")[1] == b"UID" for command in fetches)
    assert sum(b"UID STORE" in command for command in proxy.commands) == 3
    assert left == []


def test_an_empty_pass_costs_five_commands(mailbox: Mailbox) -> None:
    with RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy:
        with inbox_of(mailbox, port=proxy.port) as inbox:
            inbox.waiting()

        names = [command.split(b" ")[1] for command in proxy.commands]

    assert names == [b"CAPABILITY", b"LOGIN", b"SELECT", b"UID", b"LOGOUT"]


def test_a_folder_too_big_for_one_search_is_searched_in_windows(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.append_all([MAIL] * 30)
    for gone in (1, 7, 8, 9, 30):
        mailbox.expunge(gone)
    with inbox_of(mailbox) as inbox:
        inbox.acknowledge([2, 10])
    expected = sorted({*range(1, 31)} - {1, 7, 8, 9, 30, 2, 10})

    monkeypatch.setattr(imap, "_WINDOW", 4)
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        found = inbox.waiting()
        searches = sum(b"UID SEARCH" in command for command in proxy.commands)
        before = inbox.count_waiting_before(datetime.now(UTC) + timedelta(days=2))

    assert found == expected
    assert searches == 7
    assert before == len(expected)


def test_no_command_is_longer_than_servers_must_take(mailbox: Mailbox) -> None:
    scattered = [2**31 + 3 * number for number in range(5_000)]
    with (
        RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy,
        inbox_of(mailbox, port=proxy.port) as inbox,
    ):
        assert inbox.read(scattered) == []
        inbox.acknowledge(scattered)

        assert max(map(len, proxy.commands)) < 8_000


@given(st.sets(st.integers(min_value=1, max_value=60), min_size=1))
def test_ranges_name_exactly_the_uids_in_as_few_words_as_can_be(uids: set[int]) -> None:
    words = ranges(sorted(uids)).decode().split(",")

    named = []
    for low, _, high in (part.partition(":") for part in words):
        named.append(range(int(low), int(high or low) + 1))
    assert [uid for each in named for uid in each] == sorted(uids)
    assert all(later.start > one.stop for one, later in pairwise(named))
    assert uids_of(ranges(sorted(uids))) == uids


# -- logging in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("password", ["secret", PASSWORD, 'with "quotes" \\ and {5}'])
def test_any_password_logs_in_over_tls(dovecot: Dovecot, security: str, password: str) -> None:
    mailbox = dovecot.mailbox(password)
    uid = mailbox.append(MAIL)
    port = dovecot.tls_port if security == "tls" else dovecot.port

    with inbox_of(mailbox, security=security, port=port, ca_file=dovecot.ca_file) as inbox:
        assert inbox.waiting() == [uid]


def test_a_wrong_password_is_named_and_tried_once(mailbox: Mailbox) -> None:
    with RewritingProxy(mailbox.server.host, mailbox.server.port, {}) as proxy:
        for wrong in (secret("wrong imap"), PASSWORD):
            error = failure(inbox_of(mailbox, port=proxy.port, password=wrong))

            assert "refused the user" in str(error)
            assert "imap.password_file" in str(error)
            assert wrong not in str(error)
            assert error.retryable is False
        tries = [command for command in proxy.commands if b"LOGIN" in command or b"AUTHENTICATE" in command]

    assert len(tries) == proxy.connections == 2


def test_a_folder_that_is_not_there_is_named(mailbox: Mailbox) -> None:
    error = failure(inbox_of(mailbox, folder="Pedidos"))

    assert "has no folder 'Pedidos'" in str(error)
    assert "imap.folder" in str(error)
    assert error.retryable is False


def test_a_folder_with_a_name_beyond_ascii_is_read(mailbox: Mailbox) -> None:
    with mailbox.client() as client:
        client.create_folder("Gravações & áudios")
    uid = mailbox.append(MAIL, folder="Gravações & áudios")

    with inbox_of(mailbox, folder="Gravações & áudios") as inbox:
        assert inbox.waiting() == [uid]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_unknown_authority_is_not_trusted(dovecot: Dovecot, security: str) -> None:
    port = dovecot.tls_port if security == "tls" else dovecot.port

    error = failure(open_inbox(dovecot, security=security, port=port))

    assert "not trusted" in str(error)
    assert "imap.ca_file" in str(error)
    assert error.retryable is False


def test_a_certificate_of_another_name_is_not_trusted(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "DNS:other.example.com")
    with Dovecot(certificate) as server:
        error = failure(open_inbox(server, security="tls", port=server.tls_port, ca_file=certificate.ca_file))

    assert "imap.host" in str(error)


def test_a_ca_file_that_is_not_there_is_named(dovecot: Dovecot, tmp_path: Path) -> None:
    error = failure(open_inbox(dovecot, security="tls", port=dovecot.tls_port, ca_file=tmp_path / "ca.pem"))

    assert str(error) == f"imap.ca_file {tmp_path}/ca.pem cannot be used: No such file or directory"
    assert error.retryable is False


def test_a_port_without_tls_is_told_from_a_server_that_is_away(dovecot: Dovecot) -> None:
    error = failure(open_inbox(dovecot, security="tls"))

    assert "no TLS" in str(error)
    assert "imap.security" in str(error)
    assert error.retryable is False


def test_a_server_that_is_away_or_unknown_is_named() -> None:
    with Listener() as nobody:
        pass

    closed = failure(open_inbox(nobody))
    unknown = failure(open_inbox(nobody, host="imap.example.com"))
    odd = failure(open_inbox(nobody, host="a..example.com"))

    assert f"refuses connections at port {nobody.port}" in str(closed)
    assert closed.retryable is True
    assert str(unknown) == "there is no host 'imap.example.com': check imap.host"
    assert str(odd) == "there is no host 'a..example.com': check imap.host"
    assert unknown.retryable is odd.retryable is False


def test_an_inbox_shown_to_somebody_hides_its_password() -> None:
    with Listener() as nobody:
        inbox = open_inbox(nobody, password=PASSWORD)

    assert PASSWORD not in repr(inbox)


# -- servers that go away ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_ends_in_the_middle_is_used_again_in_the_next_pass(own_dovecot: Dovecot, end: str) -> None:
    mailbox = own_dovecot.mailbox()
    uid = mailbox.append(MAIL)
    inbox = inbox_of(mailbox)
    with inbox:
        getattr(own_dovecot, end)()
        with pytest.raises(MailboxError, match="broke the connection while looking for mail") as caught:
            inbox.waiting()
    assert caught.value.retryable is True

    own_dovecot.start()

    with inbox:
        assert inbox.waiting() == [uid]


def test_a_server_that_freezes_in_the_middle_ends_the_pass_within_the_time_out(own_dovecot: Dovecot) -> None:
    mailbox = own_dovecot.mailbox()
    begun = time.monotonic()
    with inbox_of(mailbox, timeout=timedelta(seconds=1)) as inbox:
        own_dovecot.freeze()
        with pytest.raises(MailboxError) as caught:
            inbox.acknowledge([1])

    assert str(caught.value) == "127.0.0.1 did not answer within 1 s while marking mail as done"
    assert caught.value.retryable is True
    assert time.monotonic() - begun < 3


def test_a_frozen_server_does_not_hold_up_the_goodbye(own_dovecot: Dovecot) -> None:
    begun = time.monotonic()
    with inbox_of(own_dovecot.mailbox(), timeout=timedelta(seconds=1)):
        own_dovecot.freeze()

    assert time.monotonic() - begun < 3


ANSWERS = {
    "CAPABILITY": ["* CAPABILITY IMAP4rev1 UIDPLUS MOVE NAMESPACE STARTTLS AUTH=PLAIN", "{tag} OK done"],
    "LOGIN": ["{tag} OK in"],
    "SELECT": ["* 3 EXISTS", "* OK [PERMANENTFLAGS (\\Seen \\*)] kept", "{tag} OK [READ-WRITE] done"],
    "UID SEARCH": ["* SEARCH 1 2 3", "{tag} OK done"],
    "UID FETCH": ["* 1 FETCH (UID 1 FLAGS ({flags}))", "{tag} OK done"],
    "UID STORE": ["{tag} OK done"],
    "UID MOVE": ["{tag} OK done"],
    "NOOP": ["{tag} OK done"],
    "NAMESPACE": ['* NAMESPACE (("" "/")) NIL NIL', "{tag} OK done"],
    "LIST": ["{tag} OK done"],
    "CREATE": ["{tag} OK done"],
    "SUBSCRIBE": ["{tag} OK done"],
    "LOGOUT": ["* BYE bye", "{tag} OK done"],
}


def use(inbox: ImapInbox) -> None:
    """Do everything once."""
    with inbox:
        inbox.waiting()
        inbox.take([1], from_others=False)
        inbox.read([1])
        inbox.acknowledge([1])
        inbox.quarantine([1])
        inbox.prepare()


def test_the_stub_is_a_server_that_works_when_nothing_is_wrong() -> None:
    with ImapStub(ANSWERS) as stub:
        use(open_inbox(stub))

    assert {command.split(" ")[0] for command in stub.commands} == {name.split(" ")[0] for name in ANSWERS}
    assert {name.split(" ")[-1] for name, _ in STEPS if name.startswith("UID STORE")} == {
        command.split(" ")[-1] for command in stub.commands if command.startswith("UID STORE")
    }


STEPS = [
    ("CAPABILITY", "connecting"),
    ("LOGIN", "logging in"),
    ("SELECT", "opening the folder 'INBOX'"),
    ("UID SEARCH", "looking for mail"),
    ("UID FETCH 1 (FLAGS", "taking mail"),
    ("UID STORE 1 +FLAGS.SILENT ($Voipmon-audio)", "taking mail"),
    ("UID FETCH 1 (BODY", "reading mail"),
    ("NOOP", "marking mail as done"),
    ("UID STORE 1 +FLAGS.SILENT ($DoneByVoipmon)", "marking mail as done"),
    ("NAMESPACE", "asking where folders are"),
    ("UID MOVE", f"moving mail to {QUARANTINE_FOLDER}"),
    ("LIST", f"making the folder {QUARANTINE_FOLDER}"),
]


@pytest.mark.parametrize(("command", "step"), STEPS)
def test_a_server_that_hangs_at_any_step_ends_the_pass_within_the_time_out(command: str, step: str) -> None:
    answers = {**ANSWERS, command: []}
    begun = time.monotonic()
    with ImapStub(answers) as stub, pytest.raises(MailboxError) as caught:
        use(open_inbox(stub, timeout=SOON))

    assert str(caught.value) == f"127.0.0.1 did not answer within 0.3 s while {step}"
    assert caught.value.retryable is True
    assert time.monotonic() - begun < 2
    assert "LOGOUT" not in stub.commands


@pytest.mark.parametrize(("command", "step"), STEPS)
def test_a_server_that_cuts_the_line_at_any_step_is_named_with_the_step(command: str, step: str) -> None:
    with ImapStub({**ANSWERS, command: None}) as stub, pytest.raises(MailboxError) as caught:
        use(open_inbox(stub))

    assert str(caught.value) == f"127.0.0.1 broke the connection while {step}"
    assert caught.value.retryable is True


@pytest.mark.parametrize(("command", "step"), STEPS[3:])
@pytest.mark.parametrize("word", ["NO", "BAD"])
def test_a_server_that_refuses_a_step_is_quoted(command: str, step: str, word: str) -> None:
    answers = {**ANSWERS, command: [f"{{tag}} {word} not\ttoday"], "CREATE": ["{tag} NO neither"]}
    with ImapStub(answers) as stub, pytest.raises(MailboxError) as caught:
        use(open_inbox(stub))

    assert str(caught.value).startswith(f"127.0.0.1 refused {step}: ") or command == "LIST"
    assert "today" in str(caught.value)
    assert caught.value.retryable is False


@pytest.mark.parametrize(("command", "step"), STEPS[1:])
def test_what_is_no_imap_is_named(command: str, step: str) -> None:
    answers = {**ANSWERS, command: ["HTTP/1.1 400 Bad Request"]}
    with ImapStub(answers) as stub, pytest.raises(MailboxError) as caught:
        use(open_inbox(stub))

    assert f"while {step}" in str(caught.value)
    assert "HTTP/1.1 400" in str(caught.value)


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("UID SEARCH", ["* SEARCH one two", "{tag} OK done"]),
        ("UID SEARCH", ["* SEARCH 1", "* SEARCH 2", "{tag} OK done"]),
        ("UID FETCH", ["* 1 FETCH (UID 1", "{tag} OK done"]),
        ("UID FETCH", ["* 1 FETCH (UID x FLAGS ())", "{tag} OK done"]),
        ("NAMESPACE", ["* NAMESPACE nonsense", "{tag} OK done"]),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_of_the_mailbox(command: str, lines: list[str]) -> None:
    with ImapStub({**ANSWERS, command: lines}) as stub, pytest.raises(MailboxError):
        use(open_inbox(stub))


@pytest.mark.parametrize(
    ("greeting", "sentence", "retryable"),
    [
        ("* BYE too many connections", "too many connections", True),
        ("220 smtp.example.com ESMTP", "220 smtp.example.com", True),
        (None, "broke the connection while connecting", True),
    ],
)
def test_a_server_that_does_not_greet_is_quoted(greeting: str | None, sentence: str, retryable: bool) -> None:
    with ImapStub(ANSWERS, greeting) as stub:
        error = failure(open_inbox(stub))

    assert sentence in str(error)
    assert error.retryable is retryable


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    begun = time.monotonic()
    with Listener() as silent:
        plain = failure(open_inbox(silent, timeout=SOON))
        tls = failure(open_inbox(silent, security="tls", timeout=SOON))

    assert str(plain) == str(tls) == "127.0.0.1 did not answer within 0.3 s while connecting"
    assert time.monotonic() - begun < 2


def test_a_server_that_hangs_while_tls_begins_is_given_up() -> None:
    with ImapStub({**ANSWERS, "STARTTLS": ["{tag} OK begin"]}) as stub:
        error = failure(open_inbox(stub, security="starttls", timeout=SOON))

    assert str(error) == "127.0.0.1 did not answer within 0.3 s while starting TLS"


def test_without_starttls_no_password_is_said_in_the_clear() -> None:
    bare = {**ANSWERS, "CAPABILITY": ["* CAPABILITY IMAP4rev1", "{tag} OK done"]}
    with ImapStub(bare) as stub:
        error = failure(open_inbox(stub, security="starttls"))

    assert "offers no STARTTLS" in str(error)
    assert not any("LOGIN" in command for command in stub.commands)


def test_a_log_in_that_is_impossible_for_now_may_be_tried_again() -> None:
    answers = {**ANSWERS, "LOGIN": ["{tag} NO [UNAVAILABLE] user store is away"]}
    with ImapStub(answers) as stub:
        error = failure(open_inbox(stub))

    assert error.retryable is True


def test_a_server_that_echoes_the_password_does_not_bring_it_into_the_log() -> None:
    with ImapStub({**ANSWERS, "LOGIN": ['{tag} BAD cannot read LOGIN user "hunter2hunter2"']}) as stub:
        error = failure(open_inbox(stub, password="hunter2hunter2"))

    assert "hunter2" not in str(error)


def test_where_logging_in_is_not_allowed_the_other_way_is_taken() -> None:
    disabled = ["* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN", "{tag} OK done"]
    answers = {**ANSWERS, "CAPABILITY": disabled, "AUTHENTICATE": ["+ "], "+": ["{tag} OK in"]}
    with ImapStub(answers) as stub, suppress(MailboxError), open_inbox(stub):
        pass

    assert "AUTHENTICATE PLAIN" in stub.commands
    assert "AHZvaXAuYXVkaW9zQGV4YW1wbGUuY29tAHNlY3JldA==" in stub.commands


@pytest.mark.parametrize(
    ("capability", "password", "sentence"),
    [("LOGINDISABLED", "secret", "allows no log-in"), ("", PASSWORD, "letters beyond ASCII")],
)
def test_where_no_way_to_log_in_is_left_it_is_said(capability: str, password: str, sentence: str) -> None:
    lines = [f"* CAPABILITY IMAP4rev1 {capability}".strip(), "{tag} OK done"]
    with ImapStub({**ANSWERS, "CAPABILITY": lines}) as stub:
        error = failure(open_inbox(stub, password=password))

    assert sentence in str(error)
    assert error.retryable is False


def test_a_token_takes_the_place_of_the_password() -> None:
    answers = {**ANSWERS, "AUTHENTICATE": ["+ "], "+": ["{tag} OK in"]}
    with ImapStub(answers) as stub, open_inbox(stub, token=lambda: "token-39") as inbox:
        assert inbox.waiting() == [1, 2, 3]

    assert "AUTHENTICATE XOAUTH2" in stub.commands
    assert "dXNlcj12b2lwLmF1ZGlvc0BleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB0b2tlbi0zOQEB" in stub.commands


@pytest.mark.parametrize("way", ["XOAUTH2", "OAUTHBEARER"])
def test_a_server_that_knows_oauth2_takes_a_good_token_and_no_other(mailbox: Mailbox, way: str) -> None:
    [other] = {"XOAUTH2", "OAUTHBEARER"} - {way}
    hidden = {rf"AUTH={other} ?".encode(): b""}
    with RewritingProxy(mailbox.server.host, mailbox.server.port, hidden) as proxy:
        good, stale = mailbox.server.token(mailbox.user), mailbox.server.token(mailbox.user, lifetime=-30)
        somebody_elses = mailbox.server.token("other@example.com")

        with inbox_of(mailbox, port=proxy.port, password=None, token=lambda: good) as inbox:
            assert inbox.waiting() == []
        for token in (stale, somebody_elses, "no token at all"):
            error = failure(inbox_of(mailbox, port=proxy.port, password=None, token=lambda token=token: token))
            assert "check imap.user and imap.token_command" in str(error)
            assert token not in str(error)

    assert any(way.encode() in command for command in proxy.commands)


def test_a_token_that_is_refused_is_named_and_not_shown() -> None:
    refusal = {"+": ["+ eyJzdGF0dXMiOiI0MDEifQ=="], "++": ["{tag} NO [AUTHENTICATIONFAILED] token-39 is no token"]}
    with ImapStub({**ANSWERS, "AUTHENTICATE": ["+ "], **refusal}) as stub:
        error = failure(open_inbox(stub, token=lambda: "token-39"))

    assert "imap.token_command" in str(error)
    assert "token-39" not in str(error)


def test_a_folder_that_may_only_be_looked_at_is_named() -> None:
    read_only = ["* 3 EXISTS", "* OK [READ-ONLY] look", "{tag} OK [READ-ONLY] done"]
    with ImapStub({**ANSWERS, "SELECT": read_only}) as stub:
        error = failure(open_inbox(stub))

    assert "may only look at the folder 'INBOX'" in str(error)
    assert error.retryable is False


HEADER = ["BODY[HEADER.FIELDS (SUBJECT)]<0> {12}", "Subject: a", ")"]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ('"27-Oct-2025 12:00:00 -0300"', datetime(2025, 10, 27, 15, tzinfo=UTC)),
        ('" 7-Oct-2025 12:00:00 +0000"', datetime(2025, 10, 7, 12, tzinfo=UTC)),
        ('"31-Dec-9999 23:59:59 -0300"', datetime(1970, 1, 1, tzinfo=UTC)),
        ('"some day"', datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_arrival_that_cannot_be_is_always_the_same(date: str, expected: datetime) -> None:
    first, *others = HEADER
    answer = [f"* 1 FETCH (UID 1 INTERNALDATE {date} RFC822.SIZE 12 {first}", *others, "{tag} OK done"]
    with ImapStub({**ANSWERS, "UID FETCH": answer}) as stub, open_inbox(stub) as inbox:
        (message,) = inbox.read([1])

    assert message.arrived_at == expected
    assert message.header == b"Subject: a\r\n"


def test_what_the_server_tells_unasked_is_no_mail() -> None:
    answer = ["* 5 FETCH (FLAGS (\\Seen))", "* 1 FETCH (UID 1 FLAGS ())", "* 9 EXISTS", "{tag} OK done"]
    with ImapStub({**ANSWERS, "UID FETCH": answer}) as stub, open_inbox(stub) as inbox:
        assert inbox.read([1, 5]) == []


def test_a_mail_without_any_of_the_fields_is_read_as_empty() -> None:
    answer = ['* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER.FIELDS ("FROM")]<0> NIL)', "{tag} OK done"]
    with ImapStub({**ANSWERS, "UID FETCH": answer}) as stub, open_inbox(stub) as inbox:
        (message,) = inbox.read([1])

    assert (message.header, message.size) == (b"", 9)
