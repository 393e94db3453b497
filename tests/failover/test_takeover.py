"""A leader that dies, freezes or loses its server anywhere in a pass: another leads, and nothing is answered twice."""

import random
import signal
import time
from contextlib import suppress
from subprocess import TimeoutExpired

import pytest
from failover.hosts import (
    SILENCE,
    HoldingProxy,
    Hosts,
    behind,
    commands_of_a_pass,
    ended,
    events_of,
    leader_of,
    other_than,
    take_over,
)
from support.sampling import Sample

pytestmark = pytest.mark.dovecot


def test_one_leads_and_the_other_watches_it(peers: Hosts) -> None:
    peers.deliver(3)
    peers.worlds["audio"].run("monitor")
    peers.deliver(2)

    [told] = [
        event
        for event in events_of(peers.worlds["audio2"].run("--log-format", "json", "monitor"))
        if event["event"] == "mail_not_read"
    ]

    assert told["reason"].startswith("audio leads, epoch 1, silent for ")
    assert peers.undone() == 2
    peers.worlds["audio"].run("monitor")
    peers.check_once()


def test_of_two_masters_with_failover_one_leads(peers: Hosts) -> None:
    peers.worlds["audio2"].settings["mode"] = "master"
    peers.deliver(40)

    for process in [world.start("monitor") for world in peers.worlds.values()]:
        ended(process)

    leader = leader_of(peers)
    peers.worlds[leader].run("monitor")
    assert len(peers.worlds[leader].queued("pending")) == 40
    peers.check_once()


def test_the_slave_of_a_leader_that_was_killed_leads_in_its_first_pass_after_the_silence(
    impatient: Hosts, sample: Sample
) -> None:
    chance = random.Random(sample.seed)
    impatient.worlds["audio"].run("monitor")
    for _ in sample(range(20), 2):
        dead = leader_of(impatient)
        impatient.deliver(60)
        process = impatient.worlds[dead].start("monitor")
        with suppress(TimeoutExpired):
            process.wait(chance.uniform(0.4, 1.4))
        process.kill()
        process.communicate()

        *watched, taken = take_over(impatient.worlds[other_than(dead)])

        assert taken["before"] == dead
        assert taken["silent_for"] > SILENCE
        assert all(int(told["reason"].split()[-2]) <= SILENCE for told in watched)
        assert leader_of(impatient) == other_than(dead)
        back = impatient.worlds[dead]
        back.settings["failover.take_over_after"] = "12m"
        back.run("monitor")
        assert leader_of(impatient) == other_than(dead)
        back.settings["failover.take_over_after"] = f"{SILENCE}s"
    impatient.finish()
    impatient.check_once()


def test_a_leader_that_is_cut_off_at_any_command_and_comes_back_has_doubled_nothing(
    impatient: Hosts, sample: Sample
) -> None:
    impatient.worlds["audio"].run("monitor")
    impatient.deliver(5)
    commands = commands_of_a_pass(impatient, "audio")
    points = [(at, answered) for at in range(1, commands + 1) for answered in (False, True)]
    for world in impatient.worlds.values():
        world.settings["imap.timeout"] = "60s"
    for at, answered in sample(points, 4):
        frozen = leader_of(impatient)
        impatient.deliver(5)
        with HoldingProxy(impatient.mailbox, at, answered=answered) as proxy, behind(proxy, impatient.worlds[frozen]):
            process = impatient.worlds[frozen].start("monitor")
            while not proxy.held.wait(0.2) and process.poll() is None:
                pass
            if proxy.held.is_set():
                take_over(impatient.worlds[other_than(frozen)])
            proxy.let_go.set()
            ended(process)
        impatient.finish()
        impatient.check_once()


def test_a_leader_that_freezes_at_any_moment_and_wakes_has_doubled_nothing(impatient: Hosts, sample: Sample) -> None:
    chance = random.Random(sample.seed)
    impatient.worlds["audio"].run("monitor")
    for world in impatient.worlds.values():
        world.settings["imap.timeout"] = "60s"
    for _ in sample(range(60), 3):
        frozen = leader_of(impatient)
        impatient.deliver(60)
        process = impatient.worlds[frozen].start("monitor")
        with suppress(TimeoutExpired):
            process.wait(chance.uniform(0.4, 1.6))
        process.send_signal(signal.SIGSTOP)
        take_over(impatient.worlds[other_than(frozen)])
        process.send_signal(signal.SIGCONT)
        ended(process)
        impatient.finish()
        impatient.check_once()


def test_a_pass_whose_server_hangs_at_any_command_ends_in_time_and_says_where_and_the_next_is_fine(
    peers: Hosts, sample: Sample
) -> None:
    world = peers.worlds["audio"]
    begun = time.monotonic()
    world.run("monitor")
    usual = time.monotonic() - begun
    peers.deliver(5)
    commands = commands_of_a_pass(peers, "audio")
    for at in sample(range(1, commands), 4):  # the last one is the goodbye
        peers.deliver(5)
        world.settings["imap.timeout"] = "2s"
        with HoldingProxy(peers.mailbox, at) as proxy, behind(proxy, world):
            begun = time.monotonic()
            log = world.run("--log-format", "json", "monitor", exits=3)
            took = time.monotonic() - begun

        assert proxy.held.is_set()
        assert took < 2.5 * 2 + 3 * usual  # a machine may be busy, and a pass take some seconds by itself
        [failed] = [event for event in events_of(log) if event["level"] == "error"]
        assert "did not answer within 2 s while" in failed["reason"]
        world.settings["imap.timeout"] = "60s"
        world.run("monitor")
        peers.check_once()


def test_a_host_that_takes_the_lead_on_purpose_has_it(peers: Hosts) -> None:
    peers.deliver(3)
    peers.worlds["audio"].run("monitor")
    peers.deliver(3)

    said = peers.worlds["audio2"].run("failover", "take").stdout

    assert said == "audio2 leads now, in epoch 2; before: audio\n"
    peers.worlds["audio"].run("monitor")
    assert peers.undone() == 3
    peers.worlds["audio2"].run("monitor")
    peers.check_once()
    assert "leads already, in epoch 2" in peers.worlds["audio2"].run("failover", "take").stdout


def test_without_failover_nobody_can_take_the_lead(masters: Hosts) -> None:
    refused = masters.worlds["audio"].run("failover", "take", exits=2)

    assert "failover.peers is not set" in refused.stderr


def test_a_host_that_the_peers_do_not_name_never_reads_mail(peers: Hosts) -> None:
    world = peers.worlds["audio"]
    world.settings["failover.peers"] = ["audio2"]
    peers.deliver(1)

    said = world.run("monitor").stderr
    refused = world.run("failover", "take", exits=2).stderr

    assert "failover.peers does not name this host, 'audio'" in said
    assert "failover.peers does not name this host, 'audio': it may not read the mailbox" in refused
    assert "nothing to mark" in world.run("init").stdout
    assert peers.undone() == 1


def test_history_is_marked_by_the_host_that_leads_and_by_no_other(peers: Hosts) -> None:
    master, slave = peers.worlds["audio"], peers.worlds["audio2"]
    peers.deliver(2)

    assert "nobody leads yet, and mode is slave" in slave.run("init").stdout
    slave.run("failover", "take")
    assert "audio2 leads and reads the mailbox: run it there" in master.run("init").stdout
    assert peers.undone() == 2

    assert "marked as done (2)" in slave.run("init").stdout


def test_a_slave_that_takes_over_a_mailbox_knows_that_it_was_begun_long_ago(peers: Hosts) -> None:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - beside the one use of them

    peers.worlds["audio"].run("monitor")
    peers.worlds["audio2"].run("monitor")
    old = datetime.now(UTC) - timedelta(hours=30)
    request = b"From: manager@example.com\r\nMessage-ID: <old@mail.example.com>\r\n"
    peers.mailbox.append(request + b"Subject: RAMAIS=1121 INICIO=27/10/2025 FIM=28/10/2025\r\n\r\n", old)

    peers.worlds["audio2"].settings["failover.take_over_after"] = f"{SILENCE}s"

    take_over(peers.worlds["audio2"])

    peers.check_once()
