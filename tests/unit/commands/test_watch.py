"""The loop of `monitor --watch`, with a mailbox that does what a test says."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.commands.watch import Pace, keep_watch, pause_after
from voipmon.errors import MailboxError, ParameterError, VoipmonError

EVERY = timedelta(minutes=3)
AWAY = MailboxError("imap.example.com is away", retryable=True)
REFUSED = MailboxError("imap.example.com refused the user")


@dataclass
class Script:
    """A mailbox whose passes go as told: True reads, False is for another host to read, an error is raised.

    The watch is to stop when the script is over. *did* keeps what happened, in order.
    """

    passes: Iterator[bool | VoipmonError]
    did: list[object] = field(default_factory=list)
    over: bool = False

    def make_pass(self) -> bool:
        step = next(self.passes, None)
        if step is None:
            self.over = True
            return True
        if isinstance(step, VoipmonError):
            raise step
        self.did.append("pass")
        return step

    def wait(self, limit: timedelta) -> None:
        self.did.append(("wait", limit))

    def hang_up(self) -> None:
        self.did.append("hang up")


def keep(steps: Iterable[bool | VoipmonError], wait: Callable[[timedelta], None] | None = None) -> Script:
    """Watch until the steps are over; what is rested for between two passes at any rate is left out."""
    script = Script(iter(steps))
    if wait is not None:
        script.wait = wait  # type: ignore[method-assign]  # a line that breaks while it is waited on

    def rest(time: timedelta) -> None:
        if time > timedelta(seconds=0.5):
            script.did.append(("rest", time))

    pace = Pace(EVERY, lambda: script.over, rest, lambda: 0.0)
    keep_watch(script, pace, script.did.append)
    return script


def test_a_pass_is_made_whenever_the_wait_is_over_on_one_connection() -> None:
    script = keep([True, True])

    assert script.did == ["pass", "waiting for mail", ("wait", EVERY)] * 2 + ["hang up"]


def test_where_another_host_reads_the_mailbox_no_mail_is_waited_for() -> None:
    script = keep([False])

    assert script.did[:4] == ["pass", "hang up", "another host leads and reads the mailbox", ("rest", EVERY)]


def test_a_server_that_is_away_is_tried_again_sooner_and_then_later_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "voipmon")

    script = keep([True, *[AWAY] * 10, True])

    rests = [step[1].total_seconds() for step in script.did if isinstance(step, tuple) and step[0] == "rest"]
    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 180, 180]
    assert [record.message for record in caplog.records] == ["watch_troubled", "watch_recovered"]
    assert caplog.records[0].reason == "imap.example.com is away"
    assert caplog.records[1].failures == 10


def test_a_server_that_refuses_us_is_asked_no_more_often_than_the_timer_would() -> None:
    script = keep([REFUSED] * 3)

    assert script.did[:3] == ["hang up", "imap.example.com refused the user; tried again", ("rest", EVERY)]


def test_each_other_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "voipmon")

    keep([AWAY, AWAY, REFUSED, REFUSED, AWAY])

    logged = [(record.levelname, record.reason) for record in caplog.records]
    assert logged == [("WARNING", str(AWAY)), ("ERROR", str(REFUSED)), ("WARNING", str(AWAY))]


def test_a_line_that_breaks_while_mail_is_waited_for_is_opened_anew() -> None:
    breaks = iter([AWAY])

    def wait(_limit: timedelta) -> None:
        for error in breaks:
            raise error

    script = keep([True, True], wait)

    assert script.did[:6] == [
        "pass",
        "waiting for mail",
        "hang up",
        "imap.example.com is away; tried again",
        ("rest", timedelta(seconds=1)),
        "pass",
    ]


def test_what_somebody_has_to_mend_first_ends_the_first_pass_as_in_any_monitor() -> None:
    with pytest.raises(ParameterError, match="init"):
        keep([AWAY, ParameterError("run 'voipmon init' once")])


def test_what_somebody_broke_later_is_waited_for() -> None:
    script = keep([True, ParameterError("imap.password_file: cannot read"), True])

    assert script.did.count("pass") == 2


def test_a_server_that_tells_of_mail_all_the_time_is_no_reason_to_spin() -> None:
    rested: list[timedelta] = []
    script = Script(iter([True] * 3))

    keep_watch(script, Pace(EVERY, lambda: script.over, rested.append, lambda: 0.0), lambda _: None)

    assert [round(time.total_seconds(), 1) for time in rested] == [0.5] * 4


@given(
    st.integers(1, 10_000), st.booleans(), st.floats(0, 1), st.integers(1, 1_000).map(lambda s: timedelta(seconds=s))
)
def test_no_pause_is_longer_than_the_watch_and_luck_takes_a_quarter_at_most(
    failures: int, passes: bool, luck: float, every: timedelta
) -> None:
    error = AWAY if passes else REFUSED

    pause, longest = (pause_after(failures, error, every, chance) for chance in (luck, 0.0))

    assert longest * 0.75 <= pause <= longest <= every
