"""What every Lead does: the fake, and IMAP with Dovecot and with a server quite unlike it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any, Protocol, Self

import pytest
from fakes.lead import Board, MemoryLead
from imapclient import IMAPClient
from support.dovecot import Dovecot
from support.pymap import Pymap
from support.sampling import Sample

from voipmon.errors import LeadLostError
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.imap_lead import ALIVE_FOLDER, LEAD_FOLDERS, ImapLead
from voipmon.mail.lead import Lead, Leadership

SILENCE = timedelta(minutes=12)


class World(Protocol):
    """The mailbox from behind, whose clock can be moved."""

    def lead(self, host: str) -> Lead: ...

    def let_pass(self, span: timedelta) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._board = Board()

    def lead(self, host: str) -> Lead:
        return MemoryLead(self._board, host)

    def let_pass(self, span: timedelta) -> None:
        self._board.now += span


class ImapWorld:
    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._place = (host, port, user, password)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def lead(self, host: str) -> Lead:
        server, port, user, password = self._place
        patience = timedelta(seconds=20)
        connection = ImapConnection(
            host=server, port=port, security="plain", user=user, password=password, timeout=patience
        )
        return ImapLead(self._open.enter_context(connection), host)

    def let_pass(self, span: timedelta) -> None:
        """Make everything that is there older."""
        with self.client() as client:
            folder = self._alive(client)
            client.select_folder(folder)
            uids = client.search("ALL")
            found = client.fetch(uids, ["INTERNALDATE", "BODY.PEEK[]"])
            for uid in uids:
                client.append(folder, found[uid][b"BODY[]"], (), found[uid][b"INTERNALDATE"] - span)
            client.delete_messages(uids, silent=True)
            client.expunge()

    def folders(self) -> list[str]:
        with self.client() as client:
            return sorted(name for _, _, name in client.list_folders() if LEAD_FOLDERS in name)

    def signs(self) -> int:
        with self.client() as client:
            return int(client.select_folder(self._alive(client))[b"EXISTS"])

    @staticmethod
    def _alive(client: IMAPClient) -> str:
        [folder] = [name for _, _, name in client.list_folders() if name.endswith(ALIVE_FOLDER)]
        return str(folder)

    def client(self) -> IMAPClient:
        server, port, user, password = self._place
        client = IMAPClient(server, port, ssl=False, timeout=20)
        client.normalise_times = False
        client.login(user, password)
        return client


@pytest.fixture(scope="module")
def pymap() -> Iterator[Pymap]:
    with Pymap() as server:
        yield server


DOVECOT: list[Any] = [
    pytest.param("dovecot", marks=pytest.mark.dovecot),
    pytest.param("folders below INBOX, parted by dots", marks=pytest.mark.dovecot),
]


@pytest.fixture(params=["memory", "pymap", *DOVECOT])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    with imap_world(request.param, request) as world:
        yield world


@pytest.fixture(params=["pymap", *DOVECOT])
def real(request: pytest.FixtureRequest) -> Iterator[ImapWorld]:
    with imap_world(request.param, request) as world:
        yield world


def imap_world(kind: str, request: pytest.FixtureRequest) -> ImapWorld:
    if kind == "pymap":
        server: Pymap = request.getfixturevalue("pymap")
        return ImapWorld(server.host, server.port, *server.mailbox())
    dovecot: Dovecot = request.getfixturevalue("dovecot")
    dots = {"namespace/inbox/prefix": "INBOX.", "namespace/inbox/separator": "."}
    mailbox = dovecot.mailbox(settings=None if kind == "dovecot" else dots)
    return ImapWorld(dovecot.host, dovecot.port, mailbox.user, mailbox.password)


def take(lead: Lead) -> Leadership:
    seen = lead.look()
    assert lead.take(seen)
    return seen


def test_before_the_first_epoch_nobody_leads_and_the_silence_counts_from_the_first_look(world: World) -> None:
    one = world.lead("audio")
    assert (one.look().leader, one.look().epoch, one.look().was_read) == (None, 0, False)

    world.let_pass(SILENCE)

    seen = world.lead("audio2").look()
    assert seen.leader is None
    assert SILENCE <= seen.silent_for < SILENCE + timedelta(minutes=1)


def test_who_takes_the_lead_has_it_in_the_next_epoch(world: World) -> None:
    one, other = world.lead("audio"), world.lead("audio2")
    take(one)

    one.check()
    assert (one.look().leader, one.look().epoch) == ("audio", 1)
    seen = other.look()
    assert (seen.leader, seen.epoch, seen.silent_for < timedelta(minutes=1)) == ("audio", 1, True)


def test_of_two_that_saw_the_same_one_gets_the_lead(world: World) -> None:
    one, other = world.lead("audio"), world.lead("audio2")
    seen, also_seen = one.look(), other.look()

    assert [one.take(seen), other.take(also_seen)] == [True, False]

    assert other.look().leader == "audio"
    with pytest.raises(LeadLostError):
        other.check()


def test_an_old_leader_is_told_before_its_next_mark(world: World) -> None:
    old, new = world.lead("audio"), world.lead("audio2")
    take(old)
    old.beat()
    take(new)

    for step in (old.check, old.beat):
        with pytest.raises(LeadLostError, match="audio2"):
            step()
    new.check()
    assert (old.look().leader, old.look().epoch) == ("audio2", 2)


def test_the_silence_of_a_leader_counts_from_its_last_heartbeat_by_the_servers_clock(world: World) -> None:
    leader, watcher = world.lead("audio"), world.lead("audio2")
    take(leader)
    world.let_pass(timedelta(minutes=3))
    leader.beat()
    world.let_pass(SILENCE)

    seen = watcher.look()

    assert seen.heartbeat is not None
    assert SILENCE <= seen.silent_for < SILENCE + timedelta(minutes=1)
    leader.beat()
    assert watcher.look().silent_for < timedelta(minutes=1)


def test_that_a_host_read_the_mailbox_to_the_end_is_known_to_all_and_outlives_the_epoch(world: World) -> None:
    one, other = world.lead("audio"), world.lead("audio2")
    take(one)
    assert not other.look().was_read

    one.beat()
    assert other.look().was_read
    take(other)

    assert world.lead("audio2").look().was_read


def test_a_host_with_dots_in_its_name_leads_as_well(world: World) -> None:
    one = world.lead("audio.voip.example.com")
    take(one)

    one.beat()

    assert world.lead("audio2").look().leader == "audio.voip.example.com"


def test_old_heartbeats_are_removed(real: ImapWorld) -> None:
    leader, watcher = real.lead("audio"), real.lead("audio2")
    take(leader)
    for _ in range(3):
        leader.beat()
        watcher.look()
    leader.look()

    assert real.folders() == [name for name in real.folders() if name.endswith("Voipmon-Leader-1-audio")]
    assert real.signs() <= 3  # a leader's, a watcher's, and that of the time before the first epoch


def test_a_leader_whose_folder_somebody_removed_does_not_lead_any_more(real: ImapWorld) -> None:
    leader = real.lead("audio")
    take(leader)
    with real.client() as client:
        for name in real.folders():
            client.delete_folder(name)

    with pytest.raises(LeadLostError, match="the folder of the lead is gone"):
        leader.beat()

    assert leader.look().leader is None


def test_of_two_hosts_that_began_the_first_epoch_beside_each_other_the_first_by_name_leads(real: ImapWorld) -> None:
    late = real.lead("audio2")
    seen = late.look()
    with real.client() as client:
        [first] = real.folders()
        client.create_folder(first.replace("0-nobody", "1-audio"))

    assert late.take(seen) is False

    assert late.look().leader == "audio"
    real.lead("audio").look()
    assert [name.rpartition("Voipmon-")[2] for name in real.folders()] == ["Leader-1-audio"]


@pytest.mark.dovecot
def test_of_hosts_that_begin_or_take_over_at_the_same_instant_exactly_one_leads(
    dovecot: Dovecot, sample: Sample
) -> None:
    hosts = ["audio", "audio2", "audio3", "audio4"]
    for _ in sample(range(100), 8):
        mailbox = dovecot.mailbox()
        with ImapWorld(dovecot.host, dovecot.port, mailbox.user, mailbox.password) as world:
            leads = [world.lead(host) for host in hosts]
            for epoch in (1, 2, 3):
                everybody_takes(leads)
                seen = [world.lead(host).look() for host in hosts]

                assert len({(each.leader, each.epoch) for each in seen}) == 1
                assert seen[0].leader in hosts
                assert seen[0].epoch >= epoch
                assert len([lead for lead in leads if still_leads(lead)]) == 1
            world.lead(str(seen[0].leader)).look()
            assert len(world.folders()) == 1


def everybody_takes(leads: list[Lead]) -> None:
    gate = Barrier(len(leads))

    def run(lead: Lead) -> None:
        gate.wait()
        seen = lead.look()
        lead.take(seen)

    threads = [Thread(target=run, args=(lead,)) for lead in leads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def still_leads(lead: Lead) -> bool:
    try:
        lead.check()
    except LeadLostError:
        return False
    return True
