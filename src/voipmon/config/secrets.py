"""Passwords and codes, each read when it is needed. Needs no model: a pass that finds one remembered builds none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voipmon.config.names import environment_name
from voipmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voipmon.access.settings import Tenant
    from voipmon.mail.settings import Imap, Smtp

_CODE = re.compile("[A-Za-z0-9]{8}")


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
