"""Two masters on one mailbox by mistake: each mail has one taker, whatever happens to them."""

import random
import signal
import time
from contextlib import suppress
from subprocess import Popen, TimeoutExpired

import pytest
from failover.hosts import Hosts, ended
from support.sampling import Sample

pytestmark = pytest.mark.dovecot


def test_two_monitors_that_start_together_take_each_mail_once(masters: Hosts, sample: Sample) -> None:
    for _ in sample(range(30), 3):
        masters.deliver(100)
        for process in [world.start("monitor") for world in masters.worlds.values()]:
            ended(process)

    masters.finish()

    masters.check_once()


def test_both_get_their_share_and_say_how_they_are_kept_apart(masters: Hosts) -> None:
    one, other = masters.worlds.values()
    masters.deliver(20)
    one.run("monitor")
    masters.deliver(20)

    log = other.run("monitor").stderr

    assert "claim=conditional" in log
    assert [len(world.queued("pending")) for world in (one, other)] == [20, 20]
    masters.check_once()


def test_a_mail_that_a_dead_master_took_is_the_others_after_an_hour(masters: Hosts) -> None:
    masters.deliver(1)
    with masters.mailbox.client() as client:
        client.add_flags(client.search("ALL"), ["$Voipmon-audio3"])
    other = masters.worlds["audio2"]
    other.run("monitor")
    assert masters.undone() == 1
    _make_older(masters)

    other.run("monitor")

    masters.check_once()


def test_nothing_is_lost_or_doubled_however_often_two_monitors_are_killed(masters: Hosts, sample: Sample) -> None:
    killed = 0
    chance = random.Random(sample.seed)
    for _ in sample(range(125), 10):
        masters.deliver(8)
        for process in [world.start("monitor") for world in masters.worlds.values()]:
            killed += _kill(process, chance.uniform(0.3, 1.5))
    if sample.full:
        assert killed >= 100
        assert masters.delivered == 1000

    masters.finish()

    masters.check_once()


def _kill(process: "Popen[str]", after: float) -> bool:
    """Kill the process at some moment, whatever it is doing then; tell whether it still lived."""
    with suppress(TimeoutExpired):
        process.wait(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _make_older(hosts: Hosts) -> None:
    import sqlite3  # noqa: PLC0415 - beside the one use of it

    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3601))
    with sqlite3.connect(hosts.worlds["audio2"].folder / "state" / "ledger.sqlite3") as database:
        database.execute("UPDATE theirs SET since = ?", (moment,))
