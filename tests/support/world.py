"""A whole installation in a temporary folder, whose commands run as processes.

def test_something(world: World) -> None:
    world.record("internal-1121-2001-20251027-090000-1761566400.1.mp3")
    world.receive("RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00")
    world.run("monitor")
    world.run("process-queue")
    assert len(world.sink.messages) == 2
"""

import email
import email.policy
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support.canary import own
from support.dovecot import Mailbox
from support.smtp_sink import SmtpSink

MANAGER = "manager@example.com"
SUBJECT = "RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"
_OLD = time.time() - 3600


@dataclass
class World:
    """The folders, the servers and the configuration of one installation; *settings* are changed key by key."""

    folder: Path
    sink: SmtpSink
    mailbox: Mailbox | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("recordings", "spool", "publish", "state"):
            (self.folder / name).mkdir()
        self.settings = {
            "mode": "master" if self.mailbox else "slave",
            "instance": "audio",
            "admin": "admin@example.com",
            "state_dir": str(self.folder / "state"),
            "smtp.host": self.sink.host,
            "smtp.port": self.sink.port,
            "smtp.security": "plain",
            "smtp.sender": "voip.audios@example.com",
            "smtp.timeout": "5s",
            "access.whitelist": [MANAGER, "@company.example.com"],
            "access.verify_sender": "off",
            "queue.dir": str(self.folder / "spool"),
            "recordings.dir": str(self.folder / "recordings"),
            "publish.dir": str(self.folder / "publish"),
            "publish.base_url": "http://127.0.0.1:1/audios",
        }
        if self.mailbox:
            self.settings |= {
                "imap.host": self.mailbox.server.host,
                "imap.port": self.mailbox.server.port,
                "imap.security": "plain",
                "imap.user": self.mailbox.user,
                "imap.password": self.mailbox.password,
                "imap.timeout": "5s",
            }

    @property
    def config(self) -> Path:
        """The configuration file, written anew with the settings as they are."""
        path = self.folder / "voipmon.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        own(path).touch(mode=0o600)
        path.write_text("\n".join(sorted(lines, key=lambda line: ("." in line.split(" =")[0], line))) + "\n")
        return path

    def start(
        self,
        *arguments: str,
        prefix: Sequence[str] = (),
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        config: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command; *prefix* is a program that starts it, and its options."""
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "voipmon", "--config", str(config or self.config), *arguments],
            stdout=stdout,
            stderr=stderr,
            text=True,
            env={key: value for key, value in os.environ.items() if not key.startswith("VOIPMON_")},
        )

    def run(self, *arguments: str, exits: int = 0, prefix: Sequence[str] = ()) -> "Ended":
        """Run a command to its end; it must exit with *exits* and write no traceback."""
        process = self.start(*arguments, prefix=prefix)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == exits, f"exit {process.returncode}\n{stdout}\n{stderr}"
        assert "Traceback" not in stderr, stderr
        return Ended(stdout, stderr)

    def record(self, name: str, content: bytes | None = None) -> bytes:
        """Put a recording there, an hour old; return its bytes."""
        path = self.folder / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if content is not None else (name.encode() + b"\n") * 100)
        os.utime(path, (_OLD, _OLD))
        return path.read_bytes()

    def receive(self, subject: str, sender: str = MANAGER, **headers: str) -> int:
        """Let a mail arrive; return its uid."""
        assert self.mailbox is not None
        return self.mailbox.append(mail(subject, sender, **headers))

    def drop(self, name: str, content: str | dict[str, Any]) -> Path:
        """Put a hand-written file into pending/, long enough ago to be settled."""
        path = self.folder / "spool" / "pending" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def queued(self, state: str) -> list[dict[str, Any]]:
        """Return the documents of one state, in the order of their names."""
        return [json.loads(path.read_text()) for path in sorted((self.folder / "spool" / state).glob("*.json"))]

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were sent, in order."""
        return [parsed(received.content) for received in self.sink.messages]

    def published(self) -> list[Path]:
        """Return the folders of the publications, and whatever else lies in the publishing folder."""
        return sorted((self.folder / "publish").iterdir())


@dataclass(frozen=True)
class Ended:
    """What a command wrote."""

    stdout: str
    stderr: str


def mail(subject: str, sender: str = MANAGER, **headers: str) -> bytes:
    """Return a request as a person's mail program sends it; `Message_ID=` and the like set other headers."""
    number = abs(hash((subject, sender, time.monotonic_ns())))
    fields = {
        "From": sender,
        "To": "voip.audios@example.com",
        "Subject": subject,
        "Date": email.utils.format_datetime(email.utils.localtime()),
        "Message-ID": f"<{number}@mail.example.com>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{text}\r\nPlease.\r\n".encode()


def parsed(content: bytes) -> EmailMessage:
    """Return a mail as a mail program reads it."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    """Return the text part of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(message: EmailMessage) -> str:
    """Return the HTML part of a mail."""
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def links_of(message: EmailMessage) -> list[str]:
    """Return the links of the HTML part, in order."""
    return [unquote(link) for link in re.findall(r'href="(http[^"]+)"', html_of(message))]


def members_of(path: Path) -> dict[str, bytes]:
    """Return what a ZIP holds."""
    with zipfile.ZipFile(path) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name) for name in bundle.namelist()}


@pytest.fixture
def world(tmp_path: Path, smtp_sink: SmtpSink, mailbox: Mailbox) -> World:
    """An installation in master mode, with a real Dovecot and a mail server of its own."""
    return World(tmp_path, smtp_sink, mailbox)


@pytest.fixture
def slave(tmp_path: Path, smtp_sink: SmtpSink) -> World:
    """An installation in slave mode: no mailbox."""
    return World(tmp_path, smtp_sink)
