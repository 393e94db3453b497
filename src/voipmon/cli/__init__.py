"""Words in, exit codes out."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from voipmon.cli import log
from voipmon.cli.root import command_line
from voipmon.errors import ConfigError, ExitCode, VoipmonError

_log = logging.getLogger(__name__)


def run(argv: Sequence[str]) -> int:  # noqa: PLR0911 - one for each way to end
    """Run one command and return its exit code. Alone knows which failure has which; never raises."""
    signal.signal(signal.SIGTERM, _terminate)
    log.set_up("INFO", "text", os.uname().nodename)  # until the options and the configuration are read
    try:
        return int(command_line.main(list(argv), prog_name="voipmon", standalone_mode=False) or ExitCode.SUCCESS)
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_PARAMETERS
    except ConfigError as error:
        for problem in error.problems:
            _log.error("configuration_wrong", extra={"reason": problem})
        return error.exit_code
    except VoipmonError as error:
        _log.error("command_failed", extra={"reason": str(error)})
        return error.exit_code
    except _TerminatedError:
        return ExitCode.SUCCESS
    except BrokenPipeError:  # who read our output has gone, as `head` does
        _say_no_more()
        return ExitCode.PROCESSING_ERROR
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where all is caught
        if isinstance(error, OSError) and not _can_be_heard():
            reason = f"the output cannot be written ({error.strerror}): make room, or send it elsewhere"
            _log.error("command_failed", extra={"reason": reason})
            _say_no_more()
        else:
            _log.exception("command_crashed")
        return ExitCode.PROCESSING_ERROR


def _can_be_heard() -> bool:
    """Tell whether anything can be printed, by printing the end of a line."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return False
    return True


def _say_no_more() -> None:
    """Throw away what is still to be printed, or Python complains at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _TerminatedError(BaseException):
    """SIGTERM arrived: everything on the way out is cleaned up, then the command ends well."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _TerminatedError
