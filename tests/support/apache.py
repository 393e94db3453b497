"""A real Apache of the tests' own: an ordinary process on a free loopback port, configured as Debian does it.

    def test_something(apache: Apache) -> None:
        (apache.folder / "a.mp3").write_bytes(b"sound")
        assert apache.get("a.mp3").body == b"sound"

Folders that may be listed are listed, as Debian's configuration has it. Where Apache is not installed those tests
are skipped, and say so.
"""

import grp
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

_CONFIGURATION = """\
ServerRoot {base}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {base}/apache.pid
DefaultRuntimeDir {base}
ErrorLog {base}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule autoindex_module {modules}/mod_autoindex.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule mime_module {modules}/mod_mime.so
StartServers 1
ServerLimit 2
ThreadsPerChild 8
MaxRequestWorkers 16
TypesConfig /dev/null
AddType text/html .html
AddType audio/mpeg .mp3
AddType audio/x-wav .wav
AddType application/zip .zip
{user}
DocumentRoot {base}/www
<Directory />
  Options FollowSymLinks
  AllowOverride None
  Require all denied
</Directory>
<Directory {base}/www>
  Options Indexes FollowSymLinks
  AllowOverride None
  Require all granted
</Directory>
"""
_MODULES = Path("/usr/lib/apache2/modules")
_WORKER = "www-data"
_PATIENCE = 20.0  # seconds for a start on a busy machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Apache:
    """The server; usable as a context manager, by root and by an ordinary user. As root its workers are www-data.

    *folder* is served at *url*, which has no slash at its end; the folder's rights are those of a publish folder.
    """

    def __init__(self) -> None:
        program = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not _MODULES.is_dir():
            pytest.skip("Apache is not installed (apt-get install apache2)")
        self._program = program
        self._root = os.geteuid() == 0
        self._base = Path(tempfile.mkdtemp(prefix="apache-"))
        self._base.chmod(0o755)
        self.folder = self._base / "www" / "audios"
        self.folder.mkdir(parents=True)
        self.folder.parent.chmod(0o755)  # whatever the umask
        if self._root:
            os.chown(self.folder, -1, grp.getgrnam(_WORKER).gr_gid)
        self.folder.chmod(0o2710)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}/audios"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        (self._base / "apache.conf").write_text(
            _CONFIGURATION.format(
                base=self._base,
                port=self._port,
                modules=_MODULES,
                user=f"User {_WORKER}\nGroup {_WORKER}" if self._root else "",
            )
        )
        self._process = subprocess.Popen(
            [self._program, "-f", str(self._base / "apache.conf"), "-DFOREGROUND"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                report = self.log()
                self.__exit__()
                pytest.fail(f"Apache did not start:\n{report}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(_PATIENCE)
        shutil.rmtree(self._base, ignore_errors=True)

    def get(self, link: str, **headers: str) -> Answer:
        """Ask for *link*: a URL, or a path below the folder. A header's name is written with `_` for `-`."""
        parts = urlsplit(link if "://" in link else f"{self.url}/{link}")
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", parts.path, headers=named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def log(self) -> str:
        """Return what the server wrote about itself, for the message of a failing test."""
        path = self._base / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture
def apache() -> Iterator[Apache]:
    """A server of the test's own, with an empty folder."""
    with Apache() as server:
        yield server
