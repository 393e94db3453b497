"""The story of three mails: what a demo does and tells. Needs the extra [demo]."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from datetime import time as wall_time
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from voipmon.clock import Clock
from voipmon.demo.check import Delivery, check
from voipmon.demo.folder import DemoFolder
from voipmon.demo.mails import MAILBOX, PASSWORD, Mail, answers_in, deliver, text_of, three_mails
from voipmon.demo.recordings import make_up_calls, record
from voipmon.demo.servers import HOST, Servers
from voipmon.errors import ProcessingError

_ZONE = ZoneInfo("America/Sao_Paulo")
_EXTENSIONS = ("1121", "1122")
_QUOTED = 10  # lines
_PATIENCE = 120.0  # seconds for one command

_CONFIGURATION = """\
# What the commands of the demo were told. Its servers are gone.
mode = "master"
instance = "demo"
timezone = "{zone}"
language = "pt_BR"
admin = "admin@example.com"
state_dir = {state}

[imap]
host = "{host}"
port = {imap_port}
security = "plain"
user = "{mailbox}"
password = "{password}"

[smtp]
host = "{host}"
port = {smtp_port}
security = "plain"
sender = "{mailbox}"

[access]
whitelist = ["@company.example.com"]
verify_sender = "off"

[queue]
dir = {spool}

[recordings]
dir = {recordings}

[publish]
dir = {public}
base_url = "http://{host}:{web_port}"
"""


class Narrator(Protocol):
    """Tells a person what happens, line by line, as it happens."""

    def did(self, what: str) -> None:
        """Tell of a step that is done."""
        ...

    def note(self, what: str) -> None:
        """Tell more about it."""
        ...


def play(folder: DemoFolder, narrator: Narrator, clock: Clock, *, serve: bool) -> None:
    """Have three mails answered by the real commands, tell what happens, and check that it is right.

    With *serve* the links work until Ctrl-C.

    Raises:
        ProcessingError: a command failed, or an answer is not as it should be.
    """
    now = clock().astimezone(_ZONE)
    first, last = _at(now, -3, 8), _at(now, -1, 18)
    calls = make_up_calls(now.date(), _ZONE)
    expected = [call for call in calls if call.is_between(_EXTENSIONS, first, last + timedelta(seconds=59))]
    size = record(calls, folder.recordings)
    narrator.did(f"{len(calls)} calls made up, with recordings that play ({size / 1e6:.1f} MB)")
    with Servers(folder.mails, folder.public, user=MAILBOX, password=PASSWORD) as servers:
        _configure(folder, servers)
        ports = f"{servers.imap_port} (IMAP), {servers.smtp_port} (SMTP) and {servers.web_port} (web)"
        narrator.did(f"servers started on {HOST}, ports {ports}")
        mails = three_mails(_EXTENSIONS, first, last)
        deliver(mails, HOST, servers.imap_port, now)
        narrator.did(f"three mails arrived at {MAILBOX}:")
        for mail in mails:
            narrator.note(f"{mail.sender:<30}  {mail.subject}")
        _work("monitor", folder, mails, narrator)
        _work("process-queue", folder, mails[:1], narrator)
        delivery = check(answers_in(folder.mails), expected)
        narrator.did(
            f"checked: page and sound answer; the ZIP opens and has exactly the {len(expected)} recordings that match"
        )
        _show(delivery, folder, narrator)
        _quote(delivery, narrator)
        if serve:
            _wait(delivery, narrator)


def _at(now: datetime, days: int, hour: int) -> datetime:
    return datetime.combine(now.date() + timedelta(days=days), wall_time(hour), now.tzinfo)


def _configure(folder: DemoFolder, servers: Servers) -> None:
    paths = {name: getattr(folder, name) for name in ("state", "spool", "recordings", "public")}
    text = _CONFIGURATION.format(
        zone=_ZONE,
        host=HOST,
        mailbox=MAILBOX,
        password=PASSWORD,
        imap_port=servers.imap_port,
        smtp_port=servers.smtp_port,
        web_port=servers.web_port,
        **{name: json.dumps(str(path), ensure_ascii=False) for name, path in paths.items()},
    )
    folder.config.touch(mode=0o600)  # or voipmon would warn of the password in it
    folder.config.write_text(text, encoding="utf-8")


def _work(command: str, folder: DemoFolder, mails: Sequence[Mail], narrator: Narrator) -> None:
    """Run one command and tell who of the writers of *mails* has which new answer."""
    before = {answer.file for answer in answers_in(folder.mails)}
    began = time.monotonic()
    _run(command, folder)
    narrator.did(f"voipmon {command}, in {time.monotonic() - began:.1f} s:")
    new = {answer.recipient: answer for answer in answers_in(folder.mails) if answer.file not in before}
    for mail in mails:
        answer = new.get(mail.sender)
        told = f"{answer.kind:<12}  {answer.file.name}" if answer else "no answer"
        narrator.note(f"{mail.sender:<30}  {told}")


def _run(command: str, folder: DemoFolder) -> None:
    """Run one of voipmon's commands as a process, with the demo's configuration and nothing of the user's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOIPMON_")}
    environment.pop("CREDENTIALS_DIRECTORY", None)
    call = [sys.executable, "-P", "-m", "voipmon", "--config", str(folder.config), command]
    with folder.log.open("ab") as log:
        try:
            code = subprocess.run(  # noqa: S603 - our own command
                call, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_PATIENCE, check=False
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise ProcessingError(f"'voipmon {command}' did not end within {_PATIENCE:.0f} seconds") from error
    if code != 0:
        *_, said = ["nothing was logged", *folder.log.read_text("utf-8", "replace").splitlines()]
        raise ProcessingError(f"'voipmon {command}' ended with {code}: {said}")


def _show(delivery: Delivery, folder: DemoFolder, narrator: Narrator) -> None:
    narrator.note(f"mail  {delivery.mail.relative_to(folder.root)}")
    for name, url in ("page", delivery.page), ("ZIP", delivery.bundle):
        path = folder.public / urlsplit(url).path.lstrip("/")
        narrator.note(f"{name:<4}  {path.relative_to(folder.root)}")


def _quote(delivery: Delivery, narrator: Narrator) -> None:
    """Show how the mail with the recordings begins."""
    lines = text_of(delivery.mail).splitlines()
    narrator.did("the mail that the manager holds now begins:")
    for line in lines[:_QUOTED]:
        narrator.note(f"| {line}"[:95])
    narrator.note(f"| ... {len(lines) - _QUOTED} more lines")


def _wait(delivery: Delivery, narrator: Narrator) -> None:
    with suppress(KeyboardInterrupt):  # from the moment it is announced
        narrator.note(f"listen at {delivery.page} until you press Ctrl-C")
        threading.Event().wait()
