"""What every Inbox does: the fake, and IMAP with servers that have CONDSTORE, keywords alone, or neither."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Protocol

import pytest
from fakes.inbox import MemoryInbox
from imapclient import IMAPClient
from support.imap_stub import RewritingProxy
from support.pymap import Pymap

from voipmon.mail.headers import MOST_BYTES
from voipmon.mail.imap import QUARANTINE_FOLDER, ImapInbox
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.inbox import ClaimWay, Inbox, Standing

NOON = datetime(2025, 10, 27, 12, tzinfo=timezone(timedelta(hours=-3)))
BODY = b"a body that is never fetched"


def mail(subject: str = "RAMAIS=1121") -> bytes:
    return f"From: Ana <manager@example.com>\r\nSubject: {subject}\r\n\r\n".encode() + BODY


class World(Protocol):
    """The mailbox from behind: the sender, the person who reads along, the admin."""

    def inbox(self, instance: str = "audio") -> Inbox: ...

    def deliver(self, raw: bytes, arrived_at: datetime = NOON) -> int: ...

    def look_at(self, uid: int) -> None: ...

    def take_away(self, uid: int) -> None: ...

    def aside(self) -> int: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._inbox = MemoryInbox()

    def inbox(self, instance: str = "audio") -> Inbox:
        return self._inbox.beside(instance)

    def deliver(self, raw: bytes, arrived_at: datetime = NOON) -> int:
        return self._inbox.deliver(raw, arrived_at)

    def look_at(self, uid: int) -> None:
        pass

    def take_away(self, uid: int) -> None:
        del self._inbox.mails[uid]

    def aside(self) -> int:
        return len(self._inbox.quarantined)


class ImapWorld:
    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._place = (host, port, user, password)

    def inbox(self, instance: str = "audio") -> Inbox:
        host, port, user, password = self._place
        patience = timedelta(seconds=20)
        server = ImapConnection(host=host, port=port, security="plain", user=user, password=password, timeout=patience)
        return ImapInbox(server, instance=instance)

    def deliver(self, raw: bytes, arrived_at: datetime = NOON) -> int:
        with self._client() as client:
            client.append("INBOX", raw, (), arrived_at)
            client.select_folder("INBOX", readonly=True)
            return max(client.search("ALL"))

    def look_at(self, uid: int) -> None:
        with self._client() as client:
            client.select_folder("INBOX")
            client.fetch([uid], ["BODY[]"])

    def take_away(self, uid: int) -> None:
        with self._client() as client:
            client.select_folder("INBOX")
            client.delete_messages([uid], silent=True)
            client.expunge()

    def aside(self) -> int:
        with self._client() as client:
            if not client.folder_exists(QUARANTINE_FOLDER):
                return 0
            return int(client.select_folder(QUARANTINE_FOLDER, readonly=True)[b"EXISTS"])

    @contextmanager
    def _client(self) -> Iterator[IMAPClient]:
        host, port, user, password = self._place
        with IMAPClient(host, port, ssl=False, timeout=20) as client:
            client.login(user, password)
            yield client


@pytest.fixture(scope="module")
def pymap() -> Iterator[Pymap]:
    with Pymap() as server:
        yield server


NO_CONDSTORE = {rb" (CONDSTORE|QRESYNC)\b": b""}


NO_KEYWORDS = {rb"(PERMANENTFLAGS \([^)]*) ?\\\*": rb"\1"}
RULES = {"dovecot": {}, "keywords alone": NO_CONDSTORE, "no keywords": NO_KEYWORDS}


@contextmanager
def world_of(kind: str, request: pytest.FixtureRequest) -> Iterator[World]:
    if kind == "memory":
        yield MemoryWorld()
    elif kind == "pymap":
        server = request.getfixturevalue("pymap")
        yield ImapWorld(server.host, server.port, *server.mailbox())
    else:
        mailbox = request.getfixturevalue("mailbox")
        host, port = mailbox.server.host, mailbox.server.port
        with RewritingProxy(host, port, RULES[kind]) as proxy:
            yield ImapWorld(host, proxy.port, mailbox.user, mailbox.password)


def on_dovecot(*kinds: str) -> list[Any]:
    return [pytest.param(kind, marks=pytest.mark.dovecot) for kind in kinds]


@pytest.fixture(params=["memory", "pymap", *on_dovecot("dovecot", "keywords alone", "no keywords")])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with world_of(request.param, request) as world:
        yield world


@pytest.fixture(params=["memory", *on_dovecot("dovecot", "keywords alone")])
def claiming(request: pytest.FixtureRequest) -> Iterator[World]:
    """A mailbox that remembers who took a mail."""
    with world_of(request.param, request) as world, world.inbox() as inbox:
        assert inbox.claim is not ClaimWay.LEASE
        yield world


@pytest.fixture(params=["pymap", *on_dovecot("no keywords")])
def forgetful(request: pytest.FixtureRequest) -> Iterator[World]:
    """A mailbox that does not."""
    with world_of(request.param, request) as world, world.inbox() as inbox:
        assert inbox.claim is ClaimWay.LEASE
        yield world


def waiting(world: World) -> list[int]:
    """Return what waits for the next pass."""
    with world.inbox() as inbox:
        return inbox.waiting()


def test_an_empty_mailbox_has_nothing_waiting(world: World) -> None:
    with world.inbox() as inbox:
        assert inbox.waiting() == []
        assert inbox.count_waiting_before(NOON) == 0
        assert inbox.read([]) == []


def test_mail_waits_lowest_uid_first_until_it_is_acknowledged(world: World) -> None:
    first, second, third = (world.deliver(mail(str(number))) for number in range(3))
    with world.inbox() as inbox:
        assert inbox.waiting() == [first, second, third]

        inbox.acknowledge([second])

        assert inbox.waiting() == [first, third]
    assert waiting(world) == [first, third]


def test_that_somebody_has_read_a_mail_means_nothing(world: World) -> None:
    uid = world.deliver(mail())

    world.look_at(uid)

    assert waiting(world) == [uid]


def test_a_mail_is_read_with_its_header_its_size_and_its_arrival_and_without_its_body(world: World) -> None:
    uid = world.deliver(mail("RAMAIS=1121 INICIO=ontem"))

    with world.inbox() as inbox:
        (message,) = inbox.read([uid])

    assert (message.uid, message.size) == (uid, len(mail("RAMAIS=1121 INICIO=ontem")))
    assert message.arrived_at == NOON
    assert message.arrived_at.tzinfo is not None
    assert b"From: Ana <manager@example.com>\r\n" in message.header
    assert b"Subject: RAMAIS=1121 INICIO=ontem\r\n" in message.header
    assert BODY not in message.header


def test_reading_leaves_no_trace(world: World) -> None:
    uid = world.deliver(mail())

    with world.inbox() as inbox:
        assert inbox.read([uid]) == inbox.read([uid])

        assert inbox.waiting() == [uid]


def test_mails_are_read_in_the_order_of_their_uids_and_what_is_gone_is_left_out(world: World) -> None:
    first, second, third = (world.deliver(mail(str(number))) for number in range(3))
    world.take_away(second)

    with world.inbox() as inbox:
        messages = inbox.read([third, second, first, third, 999_999])

    assert [message.uid for message in messages] == [first, third]


def test_the_order_of_the_fields_that_servers_add_is_kept(world: World) -> None:
    stamps = b"Received: by c\r\nAuthentication-Results: b\r\nReceived: by a\r\n"
    uid = world.deliver(stamps + mail())

    with world.inbox() as inbox:
        (message,) = inbox.read([uid])

    assert stamps in message.header


def test_of_a_header_that_never_ends_64_kib_are_read(world: World) -> None:
    uid = world.deliver(b"Subject: " + b"\r\n ".join([b"1121," * 100] * 400) + b"\r\n" + mail())

    with world.inbox() as inbox:
        (message,) = inbox.read([uid])

    assert len(message.header) == MOST_BYTES


def test_earlier_mail_is_counted_to_the_second_unless_it_is_done(world: World) -> None:
    moments = [
        NOON - timedelta(days=9),
        NOON - timedelta(days=2),
        NOON - timedelta(seconds=1),
        NOON,
        NOON + timedelta(1),
    ]
    uids = [world.deliver(mail(str(moment)), moment) for moment in moments]
    with world.inbox() as inbox:
        inbox.acknowledge(uids[1:2])

        assert inbox.count_waiting_before(NOON) == 2
        assert inbox.count_waiting_before(NOON.astimezone(UTC) + timedelta(seconds=1)) == 3


def test_mail_may_be_acknowledged_again_and_after_it_is_gone(world: World) -> None:
    first, second = world.deliver(mail("1")), world.deliver(mail("2"))
    with world.inbox() as inbox:
        world.take_away(second)

        inbox.acknowledge([first, second])
        inbox.acknowledge([first, second, 999_999])
        inbox.acknowledge([])

    assert waiting(world) == []


def test_mail_in_quarantine_waits_no_more_and_is_kept_for_the_admin(world: World) -> None:
    first, second = world.deliver(mail("1")), world.deliver(mail("2"))
    with world.inbox() as inbox:
        inbox.quarantine([first])
        inbox.quarantine([first])

        assert inbox.waiting() == [second]
    assert waiting(world) == [second]
    assert world.aside() == 1


def test_the_folders_may_be_made_again(world: World) -> None:
    with world.inbox() as inbox:
        inbox.prepare()
        inbox.prepare()

    assert world.aside() == 0


def test_the_name_stays_the_same_from_pass_to_pass(world: World) -> None:
    assert world.inbox().name == world.inbox().name
    assert world.inbox().name.endswith("/INBOX")


def test_what_was_taken_is_ours_again_in_the_next_pass_and_waits_until_it_is_marked(world: World) -> None:
    first, second = world.deliver(mail("1")), world.deliver(mail("2"))
    with world.inbox() as inbox:
        assert inbox.take([second, first], from_others=False) == [first, second]
        assert inbox.waiting() == [first, second]

    with world.inbox() as inbox:
        assert inbox.take([first, second], from_others=False) == [first, second]
        assert inbox.acknowledge([first, second]) == frozenset()
        assert inbox.waiting() == []


def test_what_another_host_has_taken_is_left_to_it(claiming: World) -> None:
    first, second = claiming.deliver(mail("1")), claiming.deliver(mail("2"))
    with claiming.inbox("audio") as ours, claiming.inbox("audio2") as theirs:
        assert ours.take([first], from_others=False) == [first]

        assert theirs.take([first, second], from_others=False) == [second]
        assert ours.take([first, second], from_others=False) == [first]
        assert theirs.acknowledge([first]) == {first}
        assert theirs.waiting() == [first, second]
        assert ours.acknowledge([first]) == frozenset()


def test_what_is_taken_from_another_host_is_not_marked_by_it_any_more(claiming: World) -> None:
    uids = [claiming.deliver(mail(str(number))) for number in range(3)]
    with claiming.inbox("audio") as old, claiming.inbox("audio2") as new:
        old.take(uids, from_others=False)
        old.acknowledge(uids[:1])

        assert new.take(uids, from_others=True) == uids[1:]

        assert old.acknowledge(uids) == set(uids[1:])
        assert old.quarantine(uids[1:]) == set(uids[1:])
        assert new.waiting() == uids[1:]
        assert new.acknowledge(uids[1:]) == frozenset()
        assert old.acknowledge(uids[1:]) == set(uids[1:])
    assert waiting(claiming) == []
    assert claiming.aside() == 0


def test_what_another_host_took_away_and_did_stays_done_when_the_old_one_wakes(claiming: World) -> None:
    uids = [claiming.deliver(mail(str(number))) for number in range(3)]
    with claiming.inbox("audio") as old, claiming.inbox("audio2") as new:
        old.take(uids, from_others=False)
        new.take(uids[1:], from_others=True)
        new.acknowledge(uids[1:])

        assert old.acknowledge(uids) == set(uids[1:])

    assert waiting(claiming) == []


def test_what_is_done_or_gone_cannot_be_taken(claiming: World) -> None:
    done, gone, left = (claiming.deliver(mail(str(number))) for number in range(3))
    with claiming.inbox() as inbox:
        inbox.take([done], from_others=False)
        inbox.acknowledge([done])
        claiming.take_away(gone)

        for from_others in (False, True):
            assert inbox.take([done, gone, left, 999_999], from_others=from_others) == [left]


def test_a_person_who_reads_along_takes_nothing_from_us(world: World) -> None:
    uid = world.deliver(mail())
    with world.inbox() as inbox:
        inbox.take([uid], from_others=False)
        world.look_at(uid)

        assert inbox.acknowledge([uid]) == frozenset()
        assert inbox.waiting() == []


def test_the_mailbox_tells_by_whom_a_mail_was_done(claiming: World) -> None:
    ours, theirs, open_, gone = (claiming.deliver(mail(str(number))) for number in range(4))
    with claiming.inbox("audio") as one, claiming.inbox("audio2") as other:
        one.take([ours], from_others=False)
        one.acknowledge([ours])
        other.take([theirs, open_], from_others=False)
        other.acknowledge([theirs])
        claiming.take_away(gone)

    with claiming.inbox("audio") as one:
        assert one.standing([ours, theirs, open_, gone]) == {
            ours: Standing.OURS,
            theirs: Standing.THEIRS,
            open_: Standing.WAITING,
        }


def test_without_claims_what_is_gone_is_another_hosts(forgetful: World) -> None:
    moved, left = forgetful.deliver(mail("1")), forgetful.deliver(mail("2"))
    with forgetful.inbox("audio") as one, forgetful.inbox("audio2") as other:
        one.take([moved, left], from_others=False)
        other.take([moved], from_others=True)
        assert other.acknowledge([moved]) == frozenset()

        assert one.acknowledge([moved, left]) == {moved}
        assert one.standing([moved, left]) == {}


def test_the_generation_stays_the_same_from_pass_to_pass(world: World) -> None:
    with world.inbox() as inbox:
        generation = inbox.generation
    with world.inbox() as inbox:
        assert inbox.generation == generation > 0
