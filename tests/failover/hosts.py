"""Two hosts on one mailbox: each an installation of its own, whose commands run as processes."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import format_datetime, localtime
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.dovecot import Mailbox
from support.imap_stub import RewritingProxy
from support.smtp_sink import SmtpSink
from support.world import MANAGER, Ended, World

HOSTS = ("audio", "audio2")
SILENCE = 3  # seconds; two passes take less
_PATIENCE = 60


@dataclass
class Hosts:
    """The hosts by their names, and the mailbox they share."""

    worlds: dict[str, World]
    mailbox: Mailbox
    sink: SmtpSink

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def deliver(self, number: int) -> None:
        """Let that many requests arrive, each another one."""
        self.mailbox.append_all(_mail(next(self._numbers)) for _ in range(number))

    @property
    def delivered(self) -> int:
        return len(self.mailbox.uids())

    def undone(self) -> int:
        with self.mailbox.client() as client:
            return len(client.search(["UNKEYWORD", "$DoneByVoipmon"]))

    def finish(self) -> None:
        """Make passes, without any trouble, until all mail is done and nothing is to be taken up."""
        for _ in range(20):
            for world in self.worlds.values():
                world.run("monitor")
            if not self.undone() and not any(consequences_of(world) for world in self.worlds.values()):
                return
        pytest.fail("some mail is never done")

    def check_once(self) -> None:
        """Assert that each mail had one taker, one request, and one confirmation, whose bytes never changed."""
        queued = Counter(document["message_id"] for world in self.worlds.values() for document in documents_of(world))
        letters = [letter for world in self.worlds.values() for letter in letters_of(world)]
        assert self.delivered == len(queued) == queued.total()
        assert Counter(letter["name"] for letter in letters).most_common(1)[0][1] == 1
        assert len(letters) == self.delivered
        with self.mailbox.client() as client:
            flags = client.get_flags(client.search("ALL"))
        for each in flags.values():
            assert b"$DoneByVoipmon" in each
            assert sum(flag.startswith(b"$Voipmon-") for flag in each) == 1
        self._check_sent({letter["name"]: letter for letter in letters})

    def _check_sent(self, letters: dict[str, dict[str, Any]]) -> None:
        sent: dict[str, set[bytes]] = {}
        times = Counter[str]()
        for received in self.sink.messages:
            match = re.search(rb"^Message-ID:\s*<([^@]+)@", received.content, re.MULTILINE)
            assert match is not None
            name = match[1].decode()
            sent.setdefault(name, set()).add(received.content)
            times[name] += 1
        assert all(len(contents) == 1 for contents in sent.values())
        for name, number in times.items():
            assert number <= 1 + letters[name]["uncertain"], f"{name} was sent {number} times"
        for name, letter in letters.items():
            assert name in sent or letter["state"] == "waiting"


def hosts_of(folder: Path, sink: SmtpSink, mailbox: Mailbox, **settings: Any) -> Hosts:
    worlds = {}
    for name in HOSTS:
        (folder / name).mkdir()
        worlds[name] = World(folder / name, sink, mailbox)
        worlds[name].settings |= {"instance": name, "limits.requests_per_sender_per_hour": 10**6} | settings
    return Hosts(worlds, mailbox, sink)


@pytest.fixture
def masters(tmp_path: Path, smtp_sink: SmtpSink, mailbox: Mailbox) -> Hosts:
    """Two masters that know nothing of each other."""
    return hosts_of(tmp_path, smtp_sink, mailbox)


@pytest.fixture
def peers(tmp_path: Path, smtp_sink: SmtpSink, mailbox: Mailbox) -> Hosts:
    """Two hosts of which one leads: audio, as the only master, begins."""
    hosts = hosts_of(tmp_path, smtp_sink, mailbox, **{"failover.peers": list(HOSTS)})
    hosts.worlds["audio2"].settings["mode"] = "slave"
    return hosts


@pytest.fixture
def impatient(peers: Hosts) -> Hosts:
    """The same, and a leader that is silent for some seconds is replaced."""
    for world in peers.worlds.values():
        world.settings["failover.take_over_after"] = f"{SILENCE}s"
    return peers


def leader_of(hosts: Hosts) -> str:
    """Return who leads, as the mailbox says."""
    [folder] = [name for name in hosts.mailbox.folders() if "Voipmon-Leader-" in name]
    return folder.rpartition("Voipmon-Leader-")[2].partition("-")[2]


def other_than(host: str) -> str:
    [other] = set(HOSTS) - {host}
    return other


def take_over(world: World) -> list[dict[str, Any]]:
    """Make passes of the world that watches until it leads; return what it logged of the lead."""
    logged: list[dict[str, Any]] = []
    for _ in range(_PATIENCE):
        events = events_of(world.run("--log-format", "json", "monitor"))
        logged += [event for event in events if event["event"] in {"mail_not_read", "lead_taken"}]
        if logged and logged[-1]["event"] == "lead_taken":
            return logged
    pytest.fail("nobody took over")


def events_of(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.stderr.splitlines()]


def documents_of(world: World) -> Iterator[dict[str, Any]]:
    for path in (world.folder / "spool").glob("*/*.json"):
        yield json.loads(path.read_text())


def letters_of(world: World) -> Iterator[dict[str, Any]]:
    for path in (world.folder / "state" / "outbox").glob("*/*.json"):
        yield json.loads(path.read_text()) | {"state": path.parent.name}


def consequences_of(world: World) -> int:
    import sqlite3  # noqa: PLC0415 - beside the one use of it

    with sqlite3.connect(world.folder / "state" / "ledger.sqlite3") as database:
        return int(database.execute("SELECT count(*) FROM consequence").fetchone()[0])


class HoldingProxy(RewritingProxy):
    """Stands before a server and holds back one thing that is said, until `let_go`.

    That is the *at*-th line of the client, or, if *answered*, the server's answer to it. *held* is set then.
    """

    def __init__(self, mailbox: Mailbox, at: int | None = None, *, answered: bool = False) -> None:
        super().__init__(mailbox.server.host, mailbox.server.port, {})
        self._at = at
        self._answered = answered
        self._tag: bytes | None = None
        self.held = Event()
        self.let_go = Event()

    def __exit__(self, *arguments: object) -> None:
        self.let_go.set()
        super().__exit__(*arguments)

    def passed_on(self, line: bytes) -> bytes:
        if len(self.commands) == self._at:
            if self._answered:
                self._tag = line.split(b" ")[0]
            else:
                self._wait()
        return line

    def _rewritten(self, line: bytes) -> bytes:
        if self._tag is not None and line.startswith(self._tag + b" "):
            self._wait()
        return line

    def _wait(self) -> None:
        if not self.held.is_set():
            self.held.set()
            self.let_go.wait()


@contextmanager
def behind(proxy: HoldingProxy, world: World) -> Iterator[None]:
    """Let the world reach its mailbox through the proxy."""
    port = world.settings["imap.port"]
    world.settings["imap.port"] = proxy.port
    try:
        yield
    finally:
        world.settings["imap.port"] = port


def commands_of_a_pass(hosts: Hosts, host: str) -> int:
    """Return how many lines a pass of that host says to the server."""
    with HoldingProxy(hosts.mailbox) as proxy, behind(proxy, hosts.worlds[host]):
        hosts.worlds[host].run("monitor")
        return len(proxy.commands)


def ended(process: Any) -> Ended:
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr, stderr
    return Ended(stdout, stderr)


def _mail(number: int) -> bytes:
    fields = {
        "From": MANAGER,
        "To": "voip.audios@example.com",
        "Subject": f"RAMAIS={1000 + number % 9000} INICIO=27/10/2025 FIM=28/10/2025",
        "Date": format_datetime(localtime()),
        "Message-ID": f"<{number}@mail.example.com>",
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\nPlease.\r\n"
