"""The old KEY=VALUE file, and the same as TOML."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from voipmon.config.model import SECTIONS, Config
from voipmon.config.problems import printable
from voipmon.delivery.settings import Publish
from voipmon.settings import is_loopback, nearest

SPELLINGS = {
    "mode": "MODE",
    "timezone": "TIMEZONE",
    "admin": "ADMIN_EMAIL",
    "state_dir": "STATE_DIR",
    "imap.host": "IMAP_SERVER",
    "imap.port": "IMAP_PORT",
    "imap.user": "EMAIL_SERVICE",
    "imap.password": "EMAIL_PASSWORD",
    "smtp.host": "SMTP_SERVER",
    "smtp.port": "SMTP_PORT",
    "smtp.user": "EMAIL_SERVICE",
    "smtp.password": "EMAIL_PASSWORD",
    "smtp.sender": "EMAIL_SERVICE",
    "access.whitelist": "WHITELIST",
    "queue.dir": "QUEUE_DIR",
    "recordings.dir": "AUDIO_DIR",
    "publish.dir": "PUBLISH_DIR",
    "publish.base_url": "BASE_URL",
}
"""Each key that the old file can set, and its name there."""

IGNORED = {
    "PROCESSOR_SCRIPT": "process-queue answers by itself",
    "LOG_FILE": "logs go to stderr",
    "QUEUE_PROCESSOR_LOG": "logs go to stderr",
}
"""Old keys that mean nothing any more, and why."""

_LINE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=(.*)")
_QUOTED = re.compile(r"""(["'])(.*?)\1(?:\s+#.*)?""")
_BETWEEN_ENTRIES = re.compile(r"[\s,;]+")
_PORT = re.compile(r"[0-9]{1,5}")
_SECURITY = {"993": "tls", "465": "tls", "143": "starttls", "25": "starttls", "587": "starttls"}
_DERIVED = {
    "imap.host": "IMAP_SERVER, or else SMTP_SERVER with imap as its first label",
    "imap.security": "follows the port",
    "smtp.security": "follows the port",
}
_PASSWORD_FILE = "/etc/voipmon/mail-password"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class OldFile:
    """What an old file says: *data* to be checked as Config is, *notices* to be logged, and what is wrong with it."""

    data: dict[str, Any]
    notices: tuple[str, ...]
    problems: tuple[str, ...]


def is_old(path: Path) -> bool:
    """Tell by its suffix whether *path* is an old file."""
    return path.suffix.lower() in {".txt", ".env", ".conf"}


def read_legacy(text: str) -> OldFile:
    """Read an old file. What it leaves open is for `complete`, after the environment had its say.

    `KEY=VALUE` per line; `export` before, quotes around the value, lines of `#` or `;`, and ` #` behind a value are
    understood as a shell does, but ` #` belongs to a password that is not quoted. An empty value says nothing; of two
    lines with one key the last counts.
    """
    values: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            problems.append(f"line {number}: is not KEY=VALUE")
        elif match[1] not in IGNORED and match[1] not in SPELLINGS.values():
            known = nearest(match[1], (*SPELLINGS.values(), *IGNORED))
            problems.append(f"{printable(match[1])}: is no key (line {number}); the nearest is {known}")
        else:
            values[match[1]] = _unquoted(match[2], comments=match[1] != "EMAIL_PASSWORD")
    notices = tuple(f"{key}: is ignored: {IGNORED[key]}" for key in IGNORED if values.get(key))
    return OldFile(_sections(values), notices, tuple(problems))


def _unquoted(raw: str, *, comments: bool) -> str:
    quoted = _QUOTED.fullmatch(raw.strip())
    if quoted:
        return quoted[2]
    return (re.sub(r"\s#.*", "", raw) if comments else raw).strip()


def _sections(values: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, spelling in SPELLINGS.items():
        if value := values.get(spelling):
            section, _, name = key.rpartition(".")
            (data.setdefault(section, {}) if section else data)[name] = _typed(spelling, value)
    return data


def _typed(spelling: str, value: str) -> object:
    match spelling:
        case "MODE":
            return value.lower()
        case "WHITELIST":
            return [entry for entry in _BETWEEN_ENTRIES.split(value) if entry]
        case "IMAP_PORT" | "SMTP_PORT" if _PORT.fullmatch(value):
            return int(value)
        case _:
            return value


def full_host_name() -> str:
    """Return this host's name with its domain, as far as it is known."""
    name = os.uname().nodename
    return name if "." in name else socket.getfqdn()  # which may ask the network


def complete(data: dict[str, Any], host_name: Callable[[], str] = full_host_name) -> tuple[str, ...]:
    """Put into *data* what an old file leaves open; return notices of what was guessed."""
    imap, smtp, publish = (data.setdefault(name, {}) for name in ("imap", "smtp", "publish"))
    if "host" not in imap and isinstance(smtp.get("host"), str):
        imap["host"] = _imap_beside(smtp["host"])
    for server in imap, smtp:
        if "port" in server and "security" not in server:
            server["security"] = _security(server.get("host"), server["port"])
    if "base_url" in publish:
        return ()
    last = Path(publish.get("dir") or Publish.model_fields["dir"].default).name
    publish["base_url"] = f"https://{host_name()}/{quote(last)}"
    return (f"publish.base_url: is not set and taken to be {publish['base_url']}: set BASE_URL",)


def _imap_beside(smtp_host: str) -> str:
    first, dot, domain = smtp_host.partition(".")
    no_name = is_loopback(smtp_host) or not dot or domain.rpartition(".")[2].isdigit() or ":" in first
    return smtp_host if no_name else f"imap.{domain}"


def _security(host: object, port: object) -> str:
    other = "plain" if isinstance(host, str) and is_loopback(host) else "tls"
    return _SECURITY.get(str(port), other)


def to_toml(data: Mapping[str, Any], notices: Iterable[str] = ()) -> str:
    """Return *data* as TOML, each line with the name of the old key it comes from; the password is left out.

    *data* has passed the check, so that every value has a form in TOML.
    """
    lines = ["# Written from an old KEY=VALUE file; docs/configuration.md explains every key."]
    lines += [f"# {notice}" for notice in notices]
    top = {key: value for key, value in data.items() if key not in SECTIONS}
    for name, section in ({"": Config} | SECTIONS).items():
        values = data.get(name, {}) if name else top
        if values:
            lines += ["", f"[{name}]"] if name else [""]
        for key in section.model_fields:
            if key in values:
                lines += _toml_lines(name, key, values[key])
    return "\n".join(lines) + "\n"


def _toml_lines(section: str, key: str, value: object) -> Iterator[str]:
    if key == "password":
        yield "# put the value of EMAIL_PASSWORD into this file, alone on one line, and give the file mode 0600"
        yield f'password_file = "{_PASSWORD_FILE}"'
    else:
        origin = _DERIVED.get(f"{section}.{key}") or SPELLINGS[f"{section}.{key}" if section else key]
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}  # {origin}"
