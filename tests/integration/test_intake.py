"""The corpus in a real mailbox, and what taking mails in costs: bytes, memory, processor."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from corpus.cases import CASES, GOOD, MANAGER, NOON, OTHER, OWN, Case, mail
from corpus.intake import ANSWERED, LIMITS
from support.dovecot import Mailbox
from support.imap_stub import RewritingProxy
from support.line import Line
from support.mails import ordinary
from support.sampling import Sample
from support.world import World

from voipmon.access.rights import rights_of
from voipmon.audit.trail import Trail
from voipmon.commands.decide import Intake
from voipmon.commands.monitor import monitor
from voipmon.mail.imap import QUARANTINE_FOLDER, ImapInbox
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.ledger import Ledger, VerdictKind
from voipmon.mail.letters import Letters, Stationery
from voipmon.mail.spool import SpoolOutbox
from voipmon.queue.port import State
from voipmon.queue.spool import SpoolQueue

pytestmark = pytest.mark.dovecot

TESTS = Path(__file__).parents[1]
ZONE = ZoneInfo("America/Sao_Paulo")
TOGETHER = [
    case for case in CASES if len(case.mails) == 1 and not case.waited and f"{MANAGER}\r<".encode() not in case.mails[0]
]
"""Those that can arrive at once; without the one that Dovecot shows otherwise: a lone CR ends a line there."""


def as_sent_by(number: int, case: Case) -> bytes:
    """Return the case's mail as that of another person, so that no case counts against another."""
    raw = case.mails[0].replace(MANAGER.encode(), b"m%d@company.example.com" % number)
    raw = raw.replace(b"<1@mail.example>", b"<%d@mail.example>" % number)
    return raw + b"x" * case.size


def intake_in(folder: Path) -> Intake:
    return Intake(
        ledger=Ledger(folder / "ledger.sqlite3"),
        queue=SpoolQueue(folder / "queue", instance="audio"),
        outbox=SpoolOutbox(folder / "outbox"),
        audit=Trail(folder / "audit", lambda: NOON),
        writer=Letters(Stationery(OWN, "admin@example.com", "pt_BR", ZONE, "audio")),
        rights=rights_of([MANAGER, "@company.example.com", OWN, "mailbox@example.com"]),
        limits=LIMITS,
        zone=ZONE,
        clock=lambda: NOON + timedelta(minutes=1),
        own_addresses=frozenset({OWN, "mailbox@example.com"}),
        verify_sender="require",
        authserv_id="mx.example.com",
    )


def inbox_of(mailbox: Mailbox, port: int) -> ImapInbox:
    server = ImapConnection(
        host="127.0.0.1",
        port=port,
        security="plain",
        user=mailbox.user,
        password=mailbox.password,
        timeout=timedelta(seconds=30),
    )
    return ImapInbox(server, instance="audio")


def test_a_mailbox_full_of_nasty_mails_is_taken_in_by_one_pass_each_as_it_must(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    mails = [as_sent_by(number, case) for number, case in enumerate(TOGETHER)]
    for raw in mails:
        mailbox.append(raw, NOON)
    intake = intake_in(tmp_path)

    with RewritingProxy("127.0.0.1", mailbox.server.port, {}) as proxy, inbox_of(mailbox, proxy.port) as inbox:
        tally = monitor(inbox, intake, lambda: False)
        assert inbox.waiting() == []
    intake.ledger.close()

    expected = Counter(case.kind for case in TOGETHER)
    assert tally.failed == 0
    aside = {stored(raw): str(case) for raw, case in zip(mails, TOGETHER, strict=True)}
    assert {aside[raw] for raw in mailbox.mails(QUARANTINE_FOLDER)} == {
        str(case) for case in TOGETHER if case.kind is VerdictKind.QUARANTINED
    }
    assert tally.verdicts == expected
    assert len(list(intake.queue.entries(State.PENDING))) == expected[VerdictKind.ACCEPTED]
    assert intake.outbox.counts()["waiting"] == sum(expected[kind] for kind in ANSWERED)
    assert bodies(proxy) == []


@pytest.mark.parametrize(
    "hidden",
    [
        mail("X-Loop: x\rFrom: " + MANAGER, sender=f"From: {OTHER}"),
        mail(subject=f"{GOOD}\rFrom: {MANAGER}", sender=f"From: {OTHER}"),
        mail(sender=f"From: {OTHER}\rFrom: {MANAGER}"),
        mail(f"References: <a@b>\r\rFrom: {MANAGER}", sender=f"From: {OTHER}"),
    ],
)
def test_what_a_lone_cr_hides_from_one_server_and_not_from_another_is_not_accepted(
    mailbox: Mailbox, tmp_path: Path, hidden: bytes
) -> None:
    mailbox.append(hidden, NOON)
    intake = intake_in(tmp_path)

    with inbox_of(mailbox, mailbox.server.port) as inbox:
        tally = monitor(inbox, intake, lambda: False)
    intake.ledger.close()

    assert set(tally.verdicts) <= {VerdictKind.QUARANTINED, VerdictKind.IGNORED}


def stored(raw: bytes) -> bytes:
    """Return a mail as Dovecot keeps it: IMAP knows no NUL."""
    return raw.replace(b"\0", b"\x80")


def bodies(proxy: RewritingProxy) -> list[bytes]:
    """Return the commands that fetch more than the start of a header."""
    fetches = [command for command in proxy.commands if b"FETCH" in command]
    header = rb"BODY\.PEEK\[HEADER\.FIELDS \([A-Z -]+\)\]<0\.65536> INTERNALDATE RFC822\.SIZE"
    plain = rb"\S+ UID FETCH [0-9:,]+ \((" + header + rb"|INTERNALDATE|FLAGS( MODSEQ)?)\)"
    return [command for command in fetches if not re.fullmatch(plain, command)]


def test_an_ordinary_mail_costs_four_kilobytes_at_most_however_big_it_is(mailbox: Mailbox, tmp_path: Path) -> None:
    for number in range(20):
        mailbox.append(ordinary(number, NOON, f"p{number}@company.example.com", "x" * 100_000), NOON)
    mailbox.append(ordinary(20, NOON, body="x" * 12_000_000), NOON)
    intake = replace(intake_in(tmp_path), authserv_id="mx.google.com")

    with RewritingProxy("127.0.0.1", mailbox.server.port, {}) as proxy, inbox_of(mailbox, proxy.port) as inbox:
        before = proxy.said
        tally = monitor(inbox, intake, lambda: False)
        said = proxy.said - before
    intake.ledger.close()

    assert tally.verdicts == {VerdictKind.ACCEPTED: 21}
    assert bodies(proxy) == []
    print(f"{said / 21:.0f} bytes a mail")
    assert said / 21 <= 4_096


def test_a_pass_costs_few_round_trips_however_many_mails_there_are_and_little_when_there_are_none(
    world: World,
) -> None:
    assert world.mailbox is not None
    now = datetime.now(UTC)
    world.settings |= {"access.verify_sender": "require", "access.authserv_id": "mx.google.com"}
    world.sink.stop()  # to send them all would take much longer
    with Line(world.mailbox.server.host, world.mailbox.server.port) as line:
        world.settings["imap.port"] = line.port
        world.run("monitor")  # the first one asks for mail with a history, too
        costs = []
        for count in (0, 60, 600):
            if count:
                people = (f"p{number}@company.example.com" for number in range(count))
                world.mailbox.append_all(ordinary(count + number, now, who) for number, who in enumerate(people))
            line.reset()
            world.run("monitor")
            costs.append((line.round_trips, line.to_client))

    print(costs)
    trips, read = zip(*costs, strict=True)
    assert trips[0] <= 8
    assert read[0] <= 10_000
    assert trips[1] <= 60 / 200 + 12
    assert trips[2] <= 600 / 200 + 18
    assert read[2] / 600 <= 4_096


PEAK = """
import sys
from voipmon.cli import run
code = run(sys.argv[1:])
lines = open("/proc/self/status").read().splitlines()
print(code, next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def test_thousands_of_unread_mails_and_a_huge_one_take_little_memory(world: World, sample: Sample) -> None:
    assert world.mailbox is not None
    count = max(sample([1_000, 10_000], 1)) if sample.full else 1_000
    now = datetime.now(UTC)
    strangers = [ordinary(number, now, "s@elsewhere.example.com") for number in range(count)]
    world.mailbox.append_all(strangers)
    world.mailbox.append(ordinary(count, now, body="x" * 12_000_000))
    world.settings |= {"access.verify_sender": "require", "access.authserv_id": "mx.google.com"}

    ended = subprocess.run(
        [sys.executable, "-c", PEAK, "--config", str(world.config), "--log-format", "json", "monitor"],
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip

    code, kilobytes = map(int, ended.stdout.split())
    done = json.loads(ended.stderr.splitlines()[-1])
    assert (code, done["event"], done["ignored"], done["accepted"]) == (0, "monitor_done", count, 1)
    print(f"{kilobytes} kB at the peak, for {count} mails")
    assert kilobytes <= 150_000


def test_no_nasty_mail_takes_half_a_second_of_the_processor() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "corpus.processor"], check=False, cwd=TESTS, capture_output=True, text=True
    )

    assert ended.returncode != -signal.SIGPROF, f"too much for half a second: {ended.stdout.splitlines()[-1]}"
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) > len(CASES)
