"""File, environment and credentials: from where they are written to one checked Config."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from voipmon.access.settings import Tenant
from voipmon.config.environment import environment_name, override
from voipmon.config.legacy import SPELLINGS, complete, is_old, read_legacy, to_toml
from voipmon.config.memory import state_of
from voipmon.config.model import Config
from voipmon.config.problems import checked
from voipmon.config.tenants import folder_of, read_tenants
from voipmon.config.toml import parse_toml, read_text
from voipmon.errors import ConfigError
from voipmon.mail.settings import Imap, Smtp

_CODE = re.compile("[A-Za-z0-9]{8}")
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
    """Read *path*, lay the environment over it, and check the whole. Reads no secret: see `secret_of`.

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


def secret_of(server: Imap | Smtp, section: Literal["imap", "smtp"], environ: Mapping[str, str]) -> str | None:
    """Return the password for *server*, or None where none is used: no user, or a token instead.

    The first of: the environment; the file in `$CREDENTIALS_DIRECTORY` with the base name of `password_file`;
    `password_file`; `password`. Read when it is needed, so that a command without the server works without it.

    Raises:
        ConfigError: when there is none, or it cannot be read; says where it is expected.
    """
    if not server.user or server.auth == "xoauth2":
        return None
    if secret := environ.get(environment_name(f"{section}.password")):
        return secret
    for file in _secret_files(server.password_file, environ):
        secret = _secret_in(file, f"{section}.password_file", "the password")
        if secret is not None:
            return secret
    if server.password is not None:
        return server.password.get_secret_value()
    if server.password_file is None:
        remedy = f"is missing: name a file that holds the password of {server.user!r}"
    else:
        remedy = f"there is no {server.password_file}: put the password of {server.user!r} there, alone on one line"
    raise ConfigError((f"{section}.password_file: {remedy}, mode 0600",))


def code_of(tenant: Tenant, environ: Mapping[str, str]) -> str:
    """Return the code that the tenant's people write in brackets, read when it is needed.

    The first of: the file in `$CREDENTIALS_DIRECTORY` with the base name of `code_file`; `code_file`.

    Raises:
        ConfigError: there is none, it cannot be read, or it is no code.
    """
    key = f"code_file of the tenant {tenant.name!r}"
    for file in _secret_files(tenant.code_file, environ):
        code = _secret_in(file, key, "the code")
        if code is not None and not _CODE.fullmatch(code):
            raise ConfigError((f"{key}: {file} must hold the code, 8 letters or digits, alone on one line",))
        if code is not None:
            return code
    raise ConfigError((f"{key}: there is no {tenant.code_file}: put 8 letters or digits there, alone on one line",))


def _secret_files(file: Path | None, environ: Mapping[str, str]) -> Iterator[Path]:
    if file is None:
        return
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        yield Path(credentials, file.name)
    yield file


def _secret_in(file: Path, key: str, what: str) -> str | None:
    try:
        secret = file.read_bytes().decode().rstrip("\r\n")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ConfigError((f"{key}: {file} is not UTF-8",)) from None  # its cause shows the secret
    except OSError as error:
        remedy = "the user that voipmon runs as must be able to read it"
        raise ConfigError((f"{key}: cannot read {file}: {error.strerror}: {remedy}",)) from error
    if not secret or not secret.isprintable():
        raise ConfigError((f"{key}: {file} must hold {what}, alone on one line",))
    return secret


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
