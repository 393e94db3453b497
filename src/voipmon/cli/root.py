"""The root command: its options, and where each command is found."""

import importlib
import logging
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

import voipmon
from voipmon import user
from voipmon.cli import log
from voipmon.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voipmon.config.model import Config
    from voipmon.config.sources import Loaded

_log = logging.getLogger(__name__)

_COMMANDS = {
    "monitor": "voipmon.cli.work",
    "process-queue": "voipmon.cli.work",
    "select-audios": "voipmon.cli.select",
    "queue": "voipmon.cli.queue_admin",
    "explain": "voipmon.cli.explain",
    "status": "voipmon.cli.status",
    "doctor": "voipmon.cli.doctor",
    "publication": "voipmon.cli.publication",
    "audit": "voipmon.cli.audit",
    "purge": "voipmon.cli.purge",
    "failover": "voipmon.cli.failover",
    "init": "voipmon.cli.work",
    "subject": "voipmon.cli.care",
    "check-config": "voipmon.cli.care",
    "demo": "voipmon.cli.demo",
}


@dataclass
class Session:
    """What every command may need: the options before the command's name, and the configuration, once asked for."""

    config_path: Path | None
    log_level: str
    log_format: str
    environ: Mapping[str, str]

    @cached_property
    def path(self) -> Path:
        """Where the configuration is."""
        from voipmon.config.places import find_config

        return find_config(self.config_path, self.environ, Path.cwd())

    @cached_property
    def config(self) -> "Config":
        """The checked configuration; what is noticed about it is logged once."""
        from voipmon.config.memory import is_at_home, recall, remember

        recalled = recall(self.path, self.environ, lambda: self._load().config)
        if recalled is None:
            loaded = self._load()
            recalled = loaded.config, loaded.notices
            if is_at_home(self.path, self.environ, loaded.config) and self._is_noted(loaded.config):
                remember(self.path, self.environ, loaded)
        config, notices = recalled
        log.set_up(self.log_level, self.log_format, config.instance)
        log.notice(notices)
        return config

    def _is_noted(self, config: "Config") -> bool:
        """Tell the audit that the configuration is another one; if that fails, the next command tries again."""
        from voipmon import wiring

        try:
            wiring.note_configuration(config, self.path)
        except AuditError as error:
            _log.warning("audit_unusable", extra={"reason": str(error)})
            return False
        return True

    def _load(self) -> "Loaded":
        from voipmon.config.sources import load_config

        return load_config(self.path, self.environ)

    @contextmanager
    def at_work(self) -> "Iterator[Config]":
        """Give the configuration, for a command that reads and writes what the timers do, with the rights they have."""
        with user.owner_of(self.config.state_dir):
            yield self.config


class _Commands(click.Group):
    """A group that imports a command's module only when that command is run."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(voipmon.__version__, prog_name="voipmon")
@click.option("--config", type=click.Path(path_type=Path), metavar="PATH", help="The configuration file.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="On stderr.")
@click.pass_context
def command_line(context: click.Context, config: Path | None, log_level: str, log_format: str) -> None:
    """Answer requests for call recordings that come by e-mail."""
    log.set_up(log_level.upper(), log_format, os.uname().nodename)
    context.obj = Session(config, log_level.upper(), log_format, os.environ)
