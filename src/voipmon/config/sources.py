"""File, environment and credentials: from where they are written to one checked Config."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from voipmon.config.environment import override
from voipmon.config.legacy import SPELLINGS, complete, is_old, read_legacy, to_toml
from voipmon.config.memory import state_of
from voipmon.config.model import Config
from voipmon.config.problems import checked
from voipmon.config.tenants import folder_of, read_tenants
from voipmon.config.toml import parse_toml, read_text

_SHORTEST_SILENCE = timedelta(minutes=7)  # two passes, and some time for the second one


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration, and what the admin should be told although it is valid.

    *tenants* is the state of the tenants' folder when it was read (`config.memory.state_of`).
    """

    config: Config
    notices: tuple[str, ...]
    tenants: str = ""


def load_config(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read *path*, lay the environment over it, and check the whole. Reads no secret: see `config.secrets`.

    Raises:
        ConfigError: with a sentence for every problem.
    """
    text, permissions = read_text(path)
    if is_old(path):
        old = read_legacy(text)
        data, spelled, problems, notices = old.data, dict(SPELLINGS), list(old.problems), list(old.notices)
    else:
        data, spelled, problems, notices = parse_toml(path, text), {}, [], []
    notices += _open_secrets(path, data, permissions)
    problems += override(data, environ, spelled)
    if is_old(path):
        notices += complete(data)
    access = data.setdefault("access", {})
    folder = folder_of(path, access)
    state = state_of(folder)  # before it is read: what changes meanwhile is noticed
    found = read_tenants(path, data)
    if isinstance(access, dict):
        access["tenants_dir"] = folder
    config = checked(data | {"tenants": found.tenants}, spelled, [*problems, *found.problems])
    return Loaded(config, (*notices, *found.notices, *_doubts(config)), state)


def migrate(path: Path) -> str:
    """Return the old file at *path* as TOML, without the password; what is to be noticed about it is in comments.

    Raises:
        ConfigError: with a sentence for every problem.
    """
    old = read_legacy(read_text(path)[0])
    notices = (*old.notices, *complete(old.data))
    checked(old.data, SPELLINGS, old.problems)
    return to_toml(old.data, notices)


def _open_secrets(path: Path, data: Mapping[str, Any], permissions: int) -> list[str]:
    servers = [data.get("imap"), data.get("smtp")]
    if not permissions & 0o044 or not any(isinstance(server, dict) and server.get("password") for server in servers):
        return []
    return [f"{path}: holds a password and can be read by others: chmod 0600, or use password_file"]


def _doubts(config: Config) -> list[str]:
    return [*_nobody_answered(config), *_given_out(config), *_hardly_failing_over(config)]


def _hardly_failing_over(config: Config) -> list[str]:
    peers, silence = config.failover.peers, config.failover.take_over_after
    if not peers:
        return []
    doubts = []
    if config.instance not in peers:
        doubts.append(
            f"failover.peers: does not name this host, {config.instance!r}: name all that may read the mailbox, "
            "the same on each of them"
        )
    if silence < _SHORTEST_SILENCE:
        doubts.append("failover.take_over_after: is less than 7m: two passes that fail would cost the leader its lead")
    return doubts


def _given_out(config: Config) -> list[str]:
    """Name the folders that the web server would give out with the publications."""
    folders = {"recordings.dir": config.recordings.dir, "queue.dir": config.queue.dir, "state_dir": config.state_dir}
    place = config.publish.dir
    return [
        f"{key}: {folder} lies in publish.dir {place}, which the web server gives out: move one of them"
        for key, folder in folders.items()
        if folder.is_relative_to(place)
    ]


def _nobody_answered(config: Config) -> list[str]:
    reads = config.mode == "master" or config.failover.peers
    if not reads or config.access.verify_sender == "off" or config.access.authserv_id:
        return []
    doubt = "access.authserv_id: is not set, so that no sender can be verified and nobody is answered"
    return [f"{doubt}: name the server that checks your mail, there or in $VOIPMON_ACCESS__AUTHSERV_ID"]
