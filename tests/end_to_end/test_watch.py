"""`voipmon monitor --watch` as a process, on a real Dovecot that is restarted, cut off, frozen and lied about."""

import fcntl
import gc
import json
import os
import random
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from failover.hosts import SILENCE, HoldingProxy, Hosts, behind, commands_of_a_pass, leader_of
from support.canary import own
from support.dovecot import Dovecot
from support.imap_stub import RewritingProxy
from support.line import Line
from support.sampling import Sample
from support.smtp_sink import SmtpSink, Stage, Trouble
from support.world import SUBJECT, World, mail

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.work import make_pass

pytestmark = pytest.mark.dovecot

PATIENCE = 30.0  # seconds, for what takes one on a machine with nothing else to do


class Watcher:
    """A watcher at work in a world; `with` kills it in the end, should it still be there."""

    def __init__(self, world: World, *arguments: str) -> None:
        self.world = world
        self._log = world.folder / "watch.log"
        with self._log.open("w") as log:
            self.process = world.start("--log-format", "json", "monitor", "--watch", *arguments, stderr=log.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        assert "Traceback" not in self._log.read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.log if event["event"] == name]

    def is_at_work(self) -> bool:
        """Tell whether it has come to the end of a pass."""
        return bool(self.events("monitor_done"))

    def wait_until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "\n".join(map(str, self.log))
            assert self.process.poll() is None or true(), "\n".join(map(str, self.log))
            time.sleep(0.02)

    def ends(self, number: int = signal.SIGTERM) -> float:
        """Send it that signal; return how many seconds it took to end well."""
        begun = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE) == 0, "\n".join(map(str, self.log))
        return time.monotonic() - begun


@contextmanager
def watching(world: World) -> Iterator[Watcher]:
    """Give a watcher that has made its first pass."""
    with Watcher(world) as watcher:
        watcher.wait_until(watcher.is_at_work)
        yield watcher


def confirmed(world: World) -> int:
    return len(world.sink.messages)


def ask(world: World, number: int = 0) -> None:
    world.receive(SUBJECT.replace("1121", str(2000 + number)))


def through(line: Line | RewritingProxy, world: World) -> World:
    world.settings |= {"imap.port": line.port}
    return world


def line_to(world: World) -> Line:
    assert world.mailbox is not None
    return Line(world.mailbox.server.host, world.mailbox.server.port)


# -- mail comes -------------------------------------------------------------------------------------------------------


def test_new_mail_is_confirmed_within_two_seconds(world: World) -> None:
    taken = []
    with watching(world) as watcher:
        for number in range(5):
            begun = time.monotonic()
            ask(world, number)
            watcher.wait_until(lambda number=number: confirmed(world) > number)
            taken.append(time.monotonic() - begun)

    print(f"{taken} seconds")
    assert statistics.median(taken) < 2  # one of them may meet a machine that is busy
    assert len(world.queued("pending")) == 5


def test_no_mail_is_missed_whenever_it_comes(world: World, sample: Sample) -> None:
    chance = random.Random(sample.seed)
    world.settings |= {"imap.look_every": "10m", "limits.requests_per_sender_per_hour": 10_000}
    times = [0.0, 0.3, 0.6, *(chance.uniform(0, 0.8) for _ in sample(range(300), 20))]
    with watching(world) as watcher:
        for number, pause in enumerate(times):
            time.sleep(pause)
            ask(world, number)
        watcher.wait_until(lambda: confirmed(world) == len(times))


def test_what_waits_to_be_sent_goes_out_although_no_mail_comes(world: World) -> None:
    world.settings["imap.look_every"] = "2s"
    world.sink.stop()
    with watching(world) as watcher:
        ask(world)
        watcher.wait_until(lambda: watcher.events("mail_server_away"))

        world.sink.start()

        watcher.wait_until(lambda: confirmed(world) == 1)


class WithoutIdle(RewritingProxy):
    """Stands before a server whose IDLE fails, although it says that it has one."""

    def passed_on(self, line: bytes) -> bytes:
        return line.replace(b" IDLE", b" XIDLE")


@pytest.mark.parametrize(("kind", "rules"), [(RewritingProxy, {rb" IDLE\b": b""}), (WithoutIdle, {})])
def test_a_server_without_idle_is_looked_at_and_that_is_said_once(
    world: World, kind: type[RewritingProxy], rules: dict[bytes, bytes]
) -> None:
    assert world.mailbox is not None
    world.settings["imap.look_every"] = "1s"
    server = world.mailbox.server
    with kind(server.host, server.port, rules) as proxy, watching(through(proxy, world)) as watcher:
        for number in range(2):
            ask(world, number)
            watcher.wait_until(lambda number=number: confirmed(world) > number)

        [said] = watcher.events("idle_missing")
        assert said["reason"].endswith("has no IDLE: the mailbox is looked at every 30 s")
        assert proxy.connections == 1


# -- servers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_is_restarted_is_found_again(
    tmp_path: Path, smtp_sink: SmtpSink, own_dovecot: Dovecot, end: str
) -> None:
    world = World(tmp_path, smtp_sink, own_dovecot.mailbox())
    with watching(world) as watcher:

        def reasons() -> list[str]:
            return [event["reason"] for event in watcher.events("watch_troubled")] or [""]

        getattr(own_dovecot, end)()
        watcher.wait_until(lambda: "refuses connections" in reasons()[-1])

        own_dovecot.start()

        ask(world)
        watcher.wait_until(lambda: confirmed(world) == 1)
        assert reasons()[0] == "127.0.0.1 broke the connection while waiting for mail"
        watcher.wait_until(lambda: len(watcher.events("watch_recovered")) == 1)


def test_a_connection_that_breaks_is_opened_anew(world: World) -> None:
    with line_to(world) as line, watching(through(line, world)) as watcher:
        for number in range(3):
            line.cut()
            ask(world, number)
            watcher.wait_until(lambda number=number: confirmed(world) > number)

    assert line.connections == 4


def test_a_line_that_died_in_silence_is_found_out_by_the_next_look(world: World) -> None:
    world.settings |= {"imap.look_every": "2s", "imap.timeout": "1s"}
    with line_to(world) as line, watching(through(line, world)) as watcher:
        line.hang()
        ask(world)
        watcher.wait_until(lambda: len(watcher.events("watch_troubled")) >= 2)

        line.mend()

        watcher.wait_until(lambda: confirmed(world) == 1)
        said = [event["reason"] for event in watcher.events("watch_troubled")]
        assert said[:2] == [
            "127.0.0.1 did not answer within 1 s while waiting for mail",
            "127.0.0.1 did not answer within 1 s while connecting",
        ]


def test_a_folder_that_is_made_anew_is_read_and_old_mail_in_it_not_answered_again(world: World) -> None:
    assert world.mailbox is not None
    world.settings |= {"imap.look_every": "2s", "imap.folder": "Pedidos"}
    first, second = mail(SUBJECT), mail(SUBJECT.replace("1121", "2121"))
    with world.mailbox.client(None) as client:
        client.create_folder("Pedidos")
        with watching(world) as watcher:
            world.mailbox.append(first, folder="Pedidos")
            watcher.wait_until(lambda: confirmed(world) == 1)

            client.delete_folder("Pedidos")
            watcher.wait_until(lambda: any("has no folder" in event.get("reason", "") for event in watcher.log))
            client.create_folder("Pedidos")
            world.mailbox.append_all([first, second], folder="Pedidos")

            watcher.wait_until(lambda: confirmed(world) == 2)

    assert len(world.queued("pending")) == 2


def test_a_wrong_password_is_said_once_tried_seldom_and_may_be_mended(world: World) -> None:
    assert world.mailbox is not None
    secret = own(world.folder / "mail-password")
    secret.write_text("wrong-39\n")
    secret.chmod(0o600)
    del world.settings["imap.password"]
    world.settings |= {"imap.password_file": str(secret), "imap.look_every": "2s"}
    with line_to(world) as line, Watcher(through(line, world)) as watcher:
        watcher.wait_until(lambda: watcher.events("watch_troubled"))
        time.sleep(5)
        tries = line.connections

        secret.write_text(f"{world.mailbox.password}\n")

        ask(world)
        watcher.wait_until(lambda: confirmed(world) == 1)
        [said] = watcher.events("watch_troubled")
        assert "refused the user" in said["reason"]
        assert 2 <= tries <= 1 + 5 / 1.5 + 1


def test_a_mailbox_with_history_ends_the_first_pass_and_names_init(world: World) -> None:
    assert world.mailbox is not None
    world.mailbox.append(mail(SUBJECT), datetime.now(UTC) - timedelta(days=2))

    ended = world.run("monitor", "--watch", exits=2)

    assert "voipmon init" in ended.stderr


def test_some_hundred_passes_leave_nothing_behind_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voipmon.cli.log.set_up", lambda *_: None)  # the log of the tests stays as it is
    session = Session(world.config, "WARNING", "text", os.environ)
    with wiring.imap_connection(session.config, session.environ) as server:

        def passes(number: int) -> tuple[int, int]:
            for _ in range(number):
                assert make_pass(session, lambda: nullcontext(server), lambda: False) is not None
            gc.collect()
            return len(gc.get_objects()), len(list(Path("/proc/self/fd").iterdir()))

        objects, files = passes(20)
        later_objects, later_files = passes(200)

    assert later_files == files
    assert later_objects - objects < 200


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_while_it_waits(world: World, number: int) -> None:
    with watching(world) as watcher:
        assert watcher.ends(number) < 2

        assert watcher.log[-1]["event"] == "watch_ended"


def test_it_ends_within_two_seconds_wherever_a_server_hangs_and_nothing_is_lost_or_doubled(
    masters: Hosts, sample: Sample
) -> None:
    world = masters.worlds["audio"]
    world.settings["imap.timeout"] = "60s"
    world.run("monitor")  # the first one looks for a history, too
    masters.deliver(3)
    commands = commands_of_a_pass(masters, "audio")
    took = []
    for at in sample(range(1, commands + 1), 3):  # the last one is IDLE instead of the goodbye
        masters.deliver(3)
        with HoldingProxy(masters.mailbox, at) as proxy, behind(proxy, world), Watcher(world) as watcher:
            watcher.wait_until(proxy.held.is_set)
            took.append(watcher.ends())
        masters.finish()
        masters.check_once()
    print(f"{took} seconds")
    assert statistics.median(took) < 2  # one of them may meet a machine that is busy


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL, Stage.CONTENT])
def test_it_ends_within_two_seconds_although_the_mail_server_hangs(world: World, stage: Stage) -> None:
    world.settings["smtp.timeout"] = "60s"
    world.sink.script(stage, Trouble.HANG)
    with watching(world) as watcher:
        before = world.sink.connections
        ask(world)
        watcher.wait_until(lambda: world.sink.connections > before)

        assert watcher.ends() < 3  # the mail may have got as far as the server in this very moment

    world.sink.script(stage, None)
    world.run("monitor")
    assert {message["Message-ID"] for message in world.mails} == {world.mails[0]["Message-ID"]}


# -- others -----------------------------------------------------------------------------------------------------------


def test_a_second_one_and_a_pass_beside_it_say_so_and_end(world: World) -> None:
    with watching(world):
        for arguments in (["monitor"], ["monitor", "--watch"]):
            assert "monitor_busy" in world.run(*arguments).stderr


def test_a_pass_that_is_at_work_is_waited_for(world: World) -> None:
    with (world.folder / "state" / "monitor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Watcher(world) as watcher:
            watcher.wait_until(lambda: watcher.events("monitor_busy"))
            fcntl.flock(lock, fcntl.LOCK_UN)

            ask(world)

            watcher.wait_until(lambda: confirmed(world) == 1)


def test_two_watchers_and_passes_beside_them_take_each_mail_once(masters: Hosts) -> None:
    one, other = masters.worlds.values()
    with watching(one) as first, watching(other):
        for number in range(20):
            masters.deliver(number % 3 + 1)
        first.wait_until(lambda: masters.undone() == 0)
        first.ends()
        masters.deliver(10)
        one.run("monitor")
    masters.finish()

    masters.check_once()


def test_a_slave_says_that_it_reads_no_mail_and_ends(slave: World) -> None:
    assert "mail_not_read" in slave.run("monitor", "--watch").stderr


def test_a_leader_that_is_killed_is_replaced_by_the_one_that_watches_it(impatient: Hosts) -> None:
    with watching(impatient.worlds["audio"]) as leader, Watcher(impatient.worlds["audio2"]) as slave:
        slave.wait_until(lambda: slave.events("mail_not_read"))
        time.sleep(2 * SILENCE)
        assert leader_of(impatient) == "audio"

        leader.process.kill()

        slave.wait_until(slave.is_at_work)
        assert leader_of(impatient) == "audio2"
        impatient.deliver(3)
        slave.wait_until(lambda: impatient.undone() == 0)
        slave.ends()
    impatient.check_once()


# -- the service manager ----------------------------------------------------------------------------------------------


@contextmanager
def manager(folder: Path, monkeypatch: pytest.MonkeyPatch, patience: float) -> Iterator[list[tuple[float, str]]]:
    """Listen as systemd does; give what was said, line by line, and when."""
    said: list[tuple[float, str]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        here.bind(str(folder / "notify"))

        def listen() -> None:
            while data := here.recv(4096):
                said.extend((time.monotonic(), line) for line in data.decode().splitlines())

        thread = threading.Thread(target=listen)
        thread.start()
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(patience * 1e6)))
        try:
            yield said
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(folder / "notify"))
            thread.join()


def test_the_service_manager_learns_when_it_is_ready_what_it_waits_for_and_that_it_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with manager(world.folder, monkeypatch, patience=2) as said, watching(world) as watcher:
        watcher.wait_until(lambda: [line for _, line in said].count("WATCHDOG=1") >= 5)
        watcher.ends()
        lines = [line for _, line in said]

    assert lines.count("READY=1") == 1
    assert lines[lines.index("READY=1") + 1] == "STATUS=waiting for mail"
    assert lines[-2:] == ["STOPPING=1", "STATUS=ending"]


def test_the_service_manager_is_not_told_of_progress_while_there_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings["imap.timeout"] = "4s"
    with (
        manager(world.folder, monkeypatch, patience=1) as said,
        line_to(world) as line,
        watching(through(line, world)) as watcher,
    ):
        line.hang()
        watcher.wait_until(lambda: watcher.events("watch_troubled"))
        times = [moment for moment, told in said if told == "WATCHDOG=1"]
        status = [told for _, told in said if told.startswith("STATUS=")]

    longest = max(later - earlier for earlier, later in pairwise(times))
    assert longest > 3
    assert status[-1] == "STATUS=127.0.0.1 did not answer within 4 s while waiting for mail; tried again"


def test_a_start_that_finds_the_server_away_is_over_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with line_to(world) as line:
        pass
    with manager(world.folder, monkeypatch, patience=60) as said, Watcher(through(line, world)) as watcher:
        watcher.wait_until(lambda: "READY=1" in [line for _, line in said])
        watcher.ends()

    assert "refuses connections" in " ".join(line for _, line in said)


def test_a_slave_is_ready_before_it_ends(slave: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with manager(slave.folder, monkeypatch, patience=60) as said:
        slave.run("monitor", "--watch")

    assert said[0][1] == "READY=1"
