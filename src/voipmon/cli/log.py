"""How a log record becomes one line on stderr."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(level: str, form: str, instance: str) -> None:
    """Send the log of voipmon to stderr from *level* on, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(instance) if form == "json" else TextLines())
    logger = logging.getLogger("voipmon")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


class JsonLines(logging.Formatter):
    """One JSON object per event: time, level, event, instance, and the event's own facts."""

    def __init__(self, instance: str) -> None:
        super().__init__()
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "instance": self._instance,
            **_facts(record),
        }
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """`time LEVEL event: reason (fact=value …)`, for people; a traceback follows, further in."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = _facts(record)
        reason = f": {facts.pop('reason')}" if "reason" in facts else ""
        rest = " ".join(f"{key}={_plain(value)}" for key, value in facts.items())
        line = _one_line(
            f"{_time(record)} {record.levelname} {record.getMessage()}{reason}{f' ({rest})' if rest else ''}"
        )
        if record.exc_info:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip().split("\n")
            line += "".join(f"\n  {_one_line(part)}" for part in told)
        return line


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z"


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _plain(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


def _one_line(text: str) -> str:
    """Make sure that what strangers wrote neither begins a new line nor steers the terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def notice(sentences: tuple[str, ...]) -> None:
    """Log what an admin should know about the configuration."""
    for sentence in sentences:
        logging.getLogger("voipmon.config").warning("configuration_notice", extra={"reason": sentence})
