"""Hosts that want the same mails at the same instant, on a real server: never two of them get one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest
from support.dovecot import Dovecot, Mailbox
from support.imap_stub import ImapStub, RewritingProxy
from support.sampling import Sample

from voipmon.mail.imap import ImapInbox
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.inbox import ClaimWay

pytestmark = pytest.mark.dovecot

MAIL = b"From: Ana <manager@example.com>\r\nSubject: RAMAIS=1121\r\n\r\nbody\r\n"
HOSTS = ["audio", "audio2", "audio3"]
WAYS: dict[ClaimWay, dict[bytes, bytes]] = {
    ClaimWay.CONDITIONAL: {},
    ClaimWay.KEYWORD: {rb" (CONDSTORE|QRESYNC)\b": b""},
}
FORMATS = ["maildir", "sdbox", "mdbox"]


@contextmanager
def inboxes(mailbox: Mailbox, way: ClaimWay) -> Iterator[list[ImapInbox]]:
    with ExitStack() as stack:
        proxy = stack.enter_context(RewritingProxy(mailbox.server.host, mailbox.server.port, WAYS[way]))
        found = [stack.enter_context(inbox_of(mailbox, proxy.port, host)) for host in HOSTS]
        assert {inbox.claim for inbox in found} == {way}
        yield found


def inbox_of(mailbox: Mailbox, port: int, host: str) -> ImapInbox:
    connection = ImapConnection(
        host=mailbox.server.host,
        port=port,
        security="plain",
        user=mailbox.user,
        password=mailbox.password,
        timeout=timedelta(seconds=20),
    )
    return ImapInbox(connection, instance=host)


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Do the steps at the same instant; return their results."""
    gate = Barrier(len(steps))
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        gate.wait()
        results[number] = steps[number]()

    threads = [Thread(target=run, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(steps))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("format_", FORMATS)
def test_of_hosts_that_take_at_the_same_instant_one_at_most_gets_each_mail(
    dovecot: Dovecot, way: ClaimWay, format_: str, sample: Sample
) -> None:
    mailbox = dovecot.mailbox(settings={"mail": f"{format_}:~/{format_}"})
    for size in sample([1] * 30 + [40] * 10, 5):
        mailbox.append_all([MAIL] * size)
        with inboxes(mailbox, way) as hosts:
            uids = hosts[0].waiting()
            won = at_once(*(partial(inbox.take, uids, from_others=False) for inbox in hosts))
            assert sum(map(len, won)) == len(set().union(*won))

            for inbox, taken in zip(hosts, won, strict=True):
                assert inbox.acknowledge(taken) == frozenset()
        left = sorted(set(uids).difference(*won))  # where all stepped back: the next pass
        assert mailbox_waiting(mailbox) == left
        with inboxes(mailbox, way) as (host, *_):
            assert host.take(left, from_others=False) == left
            host.acknowledge(left)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_mail_that_is_marked_and_taken_away_at_the_same_instant_is_never_both_hosts(
    dovecot: Dovecot, way: ClaimWay, format_: str, sample: Sample
) -> None:
    mailbox = dovecot.mailbox(settings={"mail": f"{format_}:~/{format_}"})
    for size in sample([1] * 30 + [40] * 10, 5):
        mailbox.append_all([MAIL] * size)
        with inboxes(mailbox, way) as (old, new, _):
            uids = old.waiting()
            assert old.take(uids, from_others=False) == uids

            lost, taken = at_once(partial(old.acknowledge, uids), partial(new.take, uids, from_others=True))

            assert set(taken) <= lost
            assert mailbox_waiting(mailbox) == sorted(lost)
            assert new.take(sorted(lost), from_others=True) == sorted(lost)
            assert new.acknowledge(lost) == frozenset()
            assert mailbox_waiting(mailbox) == []


def mailbox_waiting(mailbox: Mailbox) -> list[int]:
    with mailbox.client() as client:
        return list(client.search(["UNKEYWORD", "$DoneByVoipmon"]))


ANSWERS = {
    "CAPABILITY": ["* CAPABILITY IMAP4rev1 CONDSTORE UIDPLUS MOVE", "{tag} OK done"],
    "LOGIN": ["{tag} OK in"],
    "SELECT": ["* 1 EXISTS", "* OK [PERMANENTFLAGS (\\Seen \\*)] kept", "{tag} OK [READ-WRITE] done"],
    "UID FETCH": ["* 1 FETCH (UID 1 FLAGS ({flags}) MODSEQ (7))", "{tag} OK done"],
    "UID STORE": ["* 1 FETCH (UID 1 MODSEQ (8))", "{tag} OK done"],
    "LOGOUT": ["* BYE bye", "{tag} OK done"],
}


def open_stub(stub: ImapStub) -> ImapInbox:
    connection = ImapConnection(
        host=stub.host, port=stub.port, security="plain", user="voip", password="x", timeout=timedelta(seconds=20)
    )
    return ImapInbox(connection, instance="audio")


def test_the_condition_is_what_was_seen() -> None:
    with ImapStub(ANSWERS) as stub, open_stub(stub) as inbox:
        assert inbox.take([1], from_others=False) == [1]

    assert "UID STORE 1 (UNCHANGEDSINCE 7) +FLAGS.SILENT ($Voipmon-audio)" in stub.commands


def test_a_condition_that_never_holds_is_given_up_in_the_end_and_the_look_decides() -> None:
    refused = ["{tag} OK [MODIFIED 1] Conditional store failed"]
    answers = {**ANSWERS, "UID FETCH": ["* 1 FETCH (UID 1 FLAGS () MODSEQ (7))", "{tag} OK done"]}
    answers |= {"UID STORE 1 (UNCHANGEDSINCE": refused, "UID STORE": ["{tag} OK done"]}
    with ImapStub(answers) as stub, open_stub(stub) as inbox:
        inbox.take([1], from_others=False)

        assert inbox.claim is ClaimWay.LEASE  # it keeps nothing, whatever it is told

    stores = [command for command in stub.commands if command.startswith("UID STORE")]
    assert ["UNCHANGEDSINCE" in store for store in stores] == [True, True, True, False]


@pytest.mark.parametrize("word", ["NO", "OK"])
def test_a_mail_that_somebody_reads_in_this_instant_is_taken_with_the_next_try(word: str) -> None:
    answers = {**ANSWERS, "UID FETCH": ["* 1 FETCH (UID 1 FLAGS ({flags}) MODSEQ (7))", "{tag} OK done"]}
    answers |= {"UID STORE 1 (UNCHANGEDSINCE 7)": [f"{{tag}} {word} [MODIFIED 1] Conditional store failed"]}
    with ImapStub(answers) as stub, open_stub(stub) as inbox:
        assert inbox.take([1], from_others=False) == [1]


def test_a_folder_without_mod_sequences_is_taken_from_by_keywords_alone() -> None:
    without = ["* OK [NOMODSEQ] none", *ANSWERS["SELECT"]]
    with ImapStub({**ANSWERS, "SELECT": without}) as stub, open_stub(stub) as inbox:
        assert inbox.claim is ClaimWay.KEYWORD
        inbox.take([1], from_others=False)

    assert not any("UNCHANGEDSINCE" in command or "MODSEQ" in command for command in stub.commands)
