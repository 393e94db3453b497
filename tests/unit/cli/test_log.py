"""One event is one line."""

import json
import logging
from collections.abc import Iterator

import pytest

from voipmon.cli import log


@pytest.fixture(autouse=True)
def _logger_as_before() -> Iterator[None]:
    logger = logging.getLogger("voipmon")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def test_a_json_line_has_time_level_event_instance_and_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("INFO", "json", "audio")

    logging.getLogger("voipmon.queue").info("request_answered", extra={"request": "r1", "recordings": 3})

    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "event": "request_answered", "instance": "audio", "request": "r1", "recordings": 3,
    }  # fmt: skip


def test_a_text_line_is_a_sentence_with_the_facts_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("INFO", "text", "audio")

    logging.getLogger("voipmon").error("command_failed", extra={"reason": "cannot reach a server", "request": "r 1"})

    line = capsys.readouterr().err
    assert line.endswith("ERROR command_failed: cannot reach a server (request='r 1')\n")


@pytest.mark.parametrize("hostile", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\udcffb"])
def test_what_strangers_wrote_neither_breaks_the_line_nor_steers_the_terminal(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("text", "json"):
        log.set_up("INFO", form, "audio")
        logging.getLogger("voipmon").warning("file_refused", extra={"file": hostile, "reason": hostile})

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_what_strangers_wrote_into_a_fault_neither_begins_a_line_nor_steers_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up("INFO", "text", "audio")

    try:
        raise ValueError("a\n2025-11-11T12:00:00.000Z INFO letter_sent\n\x1b[2J\u202e")
    except ValueError:
        logging.getLogger("voipmon").exception("command_crashed")

    head, *traceback = capsys.readouterr().err.splitlines()
    assert head.endswith("ERROR command_crashed")
    assert all(line.startswith("  ") and line.isprintable() for line in traceback)
    assert "  ValueError: a" in traceback


def test_an_unexpected_fault_has_its_traceback_on_the_same_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("INFO", "json", "audio")

    try:
        raise ZeroDivisionError("a fault")
    except ZeroDivisionError:
        logging.getLogger("voipmon").exception("command_crashed")

    [line] = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError: a fault" in json.loads(line)["traceback"]
