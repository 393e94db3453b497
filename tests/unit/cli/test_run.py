"""Which failure has which exit code."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from voipmon.cli import root as root_module
from voipmon.cli import run
from voipmon.errors import ConfigError, ExitCode, ParameterError, ProcessingError


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Make `voipmon subject` do what the test says."""

    def install(action: Callable[[], object]) -> None:
        made = click.Command("subject", callback=action)
        monkeypatch.setattr(root_module._Commands, "get_command", lambda *_: made)

    return install


def _raise(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda: None, 0),
        (lambda: ExitCode.NOTHING_FOUND, 1),
        (_raise(ParameterError("wrong")), 2),
        (_raise(ConfigError(("a.b: wrong", "c.d: wrong too"))), 2),
        (_raise(click.UsageError("wrong")), 2),
        (_raise(ProcessingError("away")), 3),
        (_raise(ZeroDivisionError()), 3),
        (_raise(KeyboardInterrupt()), 130),
        (lambda: signal.raise_signal(signal.SIGTERM), 0),
    ],
    ids=["success", "nothing found", "parameter", "config", "usage", "processing", "unexpected", "Ctrl-C", "SIGTERM"],
)
def test_every_way_to_end_has_its_exit_code(
    action: Callable[[], object], code: int, command: Callable[[Callable[[], object]], None]
) -> None:
    command(action)

    assert run(["subject"]) == code


def test_a_configuration_error_is_one_line_for_each_problem(
    command: Callable[[Callable[[], object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(_raise(ConfigError(("a.b: wrong", "c.d: wrong too"))))

    run(["subject"])

    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("configuration_wrong: ")[2] for line in lines] == ["a.b: wrong", "c.d: wrong too"]


def test_an_unknown_command_and_an_unknown_option_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["no-such-command"]) == 2
    assert run(["process-queue", "--no-such-option"]) == 2

    assert "no-such-command" in capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_named_with_every_place_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["process-queue"]) == 2

    message = capsys.readouterr().err
    for place in ("--config", "$VOIPMON_CONFIG", "/etc/voipmon/voipmon.toml", "config/voipmon.toml"):
        assert place in message
