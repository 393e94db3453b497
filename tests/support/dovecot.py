"""A real Dovecot of the tests' own: an ordinary process on free loopback ports.

    def test_something(mailbox: Mailbox) -> None:
        uid = mailbox.append(b"Subject: RAMAIS=1121\\r\\n\\r\\n")
        ... # talk to mailbox.server.host, mailbox.server.port as mailbox.user with mailbox.password
        assert "$DoneByVoipmon" in mailbox.flags(uid)

The server is one for the session, each test has a new user. A test that stops, kills or freezes the server
takes `own_dovecot`. Where Dovecot is not installed those tests are skipped, and say so.
"""

import grp
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from imapclient import IMAPClient
from support.canary import secret
from support.certificate import Certificate, make_certificate

PASSWORD = secret("imap")
"""That of a mailbox, unless it is given another."""

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate.cert_file}
ssl_key = <{certificate.key_file}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
shutdown_clients = yes
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users/%u
}}
userdb {{
  driver = passwd-file
  args = {folder}/users/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  service_count = 0
  process_min_avail = 1
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  {chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""
_KEY = b"the tests' own key, as long as HS256 wants it"
_PATIENCE = 20.0  # seconds for a start on a busy machine


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dovecot:
    """The server; usable as a context manager, by root and by an ordinary user.

    *port* is the plain one and offers STARTTLS, *tls_port* speaks TLS; *ca_file* is the authority to trust.
    Mail and ports stay the same over stop, kill and start.
    """

    host = "127.0.0.1"

    def __init__(self, certificate: Certificate | None = None) -> None:
        if shutil.which("dovecot") is None:
            pytest.skip("Dovecot is not installed (apt-get install dovecot-imapd)")
        version = subprocess.run(["dovecot", "--version"], check=True, capture_output=True, text=True).stdout
        if not version.startswith("2.3."):
            pytest.skip(f"the tests' configuration is for Dovecot 2.3, this is {version.split()[0]}")
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))  # the names of its sockets have a limit
        self._folder.chmod(0o755)
        self._certificate = certificate or make_certificate(self._folder / "certificate")
        self.ca_file = self._certificate.ca_file
        self.port = _free_port()
        self.tls_port = _free_port()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("users", "mail"):
            (self._folder / name).mkdir()
            (self._folder / name).chmod(0o755)  # whatever the umask is
        (self._folder / "dovecot.conf").write_text(self._configuration())
        (self._folder / "oauth2.conf").write_text(_OAUTH2.format(folder=self._folder))
        key = self._folder / "keys" / "default" / "HS256" / "default"
        key.parent.mkdir(parents=True)
        key.write_bytes(b64encode(_KEY))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start; on return it answers."""
        tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []  # ends when the tests are killed
        self._process = subprocess.Popen(
            [*tied, "dovecot", "-F", "-c", str(self._folder / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"Dovecot did not start:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order: open connections are told goodbye."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: open connections break without a word."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start; mail stays."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections are still accepted by the system, and nothing answers until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def mailbox(self, password: str = PASSWORD, settings: Mapping[str, str] | None = None) -> "Mailbox":
        """Make a user with an empty mailbox; *settings* are Dovecot's, for this user alone.

        For example `{"namespace/inbox/prefix": "INBOX/"}`; a value has no spaces.
        """
        user = f"user{next(self._numbers)}@example.com"
        home = self._folder / "mail" / user
        home.mkdir()
        uid, gid = self._owner()
        os.chown(home, uid, gid)
        extra = " ".join(f"userdb_{name}={value}" for name, value in (settings or {}).items())
        entry = f"{user}:{{PLAIN}}{password}:{uid}:{gid}::{home}::{extra}\n"
        file = self._folder / "users" / user  # a file each: Dovecot looks again at one it knows once a second
        file.write_text(entry, encoding="utf-8")
        file.chmod(0o644)
        return Mailbox(self, user, password)

    def token(self, user: str, lifetime: int = 3600) -> str:
        """Return an OAuth2 access token for a user, good for so many seconds: a JSON Web Token (RFC 7519)."""
        now = int(time.time())
        claims = {"sub": user, "email": user, "iat": now - 60, "exp": now + lifetime}
        parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signed = b".".join(parts)
        return b".".join([signed, _base64url(hmac.digest(_KEY, signed, "sha256"))]).decode()

    def log(self) -> str:
        """Return what the server wrote about itself, for the message of a failing test."""
        path = self._folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _configuration(self) -> str:
        root = os.geteuid() == 0
        me = pwd.getpwuid(os.geteuid())
        text = _CONFIGURATION.format(
            folder=self._folder,
            certificate=self._certificate,
            port=self.port,
            tls_port=self.tls_port,
            chroot="" if root else "chroot =",  # only root can
        )
        if not root:
            text += f"default_internal_user = {me.pw_name}\ndefault_login_user = {me.pw_name}\n"
            text += f"default_internal_group = {grp.getgrgid(os.getegid()).gr_name}\nfirst_valid_uid = {me.pw_uid}\n"
        return text

    def _owner(self) -> tuple[int, int]:
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        nobody = pwd.getpwnam("nobody")  # Dovecot refuses to read mail as root
        return nobody.pw_uid, nobody.pw_gid

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as probe:
                return probe.recv(4) == b"* OK"
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        for sign in (number, signal.SIGCONT):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
        self._process.wait(_PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # children that outlive their master
        self._process = None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One user of the server, seen from behind voipmon's back."""

    server: Dovecot
    user: str
    password: str

    def append(
        self, raw: bytes, arrived_at: datetime | None = None, flags: Sequence[str] = (), folder: str = "INBOX"
    ) -> int:
        """Put a mail there as if it had arrived at that moment; return its uid."""
        with self.client(None) as client:
            answer = client.append(folder, raw, flags, arrived_at)
        match = re.search(rb"APPENDUID \d+ (\d+)", answer)
        assert match is not None
        return int(match[1])

    def append_all(self, mails: Iterable[bytes], folder: str = "INBOX") -> None:
        """Put many mails there in one go."""
        with self.client(None) as client:
            client.multiappend(folder, list(mails))

    def uids(self, folder: str = "INBOX") -> list[int]:
        """Return the uids of all mails of the folder."""
        with self.client(folder) as client:
            return list(client.search("ALL"))

    def flags(self, uid: int, folder: str = "INBOX") -> frozenset[str]:
        r"""Return the flags and keywords of a mail, such as `\Seen` and `$DoneByVoipmon`."""
        with self.client(folder) as client:
            return frozenset(flag.decode() for flag in client.get_flags([uid])[uid]) - {"\\Recent"}

    def set_flags(self, uid: int, flags: Sequence[str], folder: str = "INBOX") -> None:
        """Do what a person with a mail program does."""
        with self.client(folder) as client:
            client.set_flags([uid], flags)

    def mails(self, folder: str = "INBOX") -> list[bytes]:
        """Return the mails of the folder, whole, in the order of their uids; leaves no trace on them."""
        with self.client(folder) as client:
            found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def expunge(self, uid: int, folder: str = "INBOX") -> None:
        """Take a mail away for good."""
        with self.client(folder) as client:
            client.delete_messages([uid], silent=True)
            client.uid_expunge([uid])

    def folders(self) -> list[str]:
        """Return the names of all folders, sorted."""
        with self.client(None) as client:
            return sorted(name for _, _, name in client.list_folders())

    @contextmanager
    def client(self, folder: str | None = "INBOX") -> Iterator[IMAPClient]:
        """Give a connection of one's own, logged in, with *folder* selected."""
        with IMAPClient(self.server.host, self.server.port, ssl=False, timeout=_PATIENCE) as client:
            client.plain_login(self.user, self.password)
            if folder is not None:
                client.select_folder(folder)
            yield client


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """What the servers of this session show, Dovecot and SmtpSink alike."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def dovecot(certificate: Certificate) -> Iterator[Dovecot]:
    """The session's server; leave it running."""
    with Dovecot(certificate) as server:
        yield server


@pytest.fixture
def own_dovecot(certificate: Certificate) -> Iterator[Dovecot]:
    """A server for one test, to be stopped, killed or frozen."""
    with Dovecot(certificate) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    """A new user with an empty mailbox on the session's server."""
    return dovecot.mailbox()
