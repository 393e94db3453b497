"""Apache and nginx as Debian sets them up: its own configuration, moved to a folder and a free port of the tests'.

    def test_something(web: DebianWeb) -> None:
        web.start(snippet=True)
        assert web.get("audios/").status == 403

Root's only: the servers' workers are www-data, as in real life. What differs from /etc is the places, the port, and
the snippet of config/web, if it is asked for.
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
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.apache import Answer

_SNIPPETS = Path(__file__).parents[2] / "config" / "web"
_PATIENCE = 20.0  # seconds for a start on a busy machine


class DebianWeb:
    """A server whose root is `html`; *folder* is the publish folder in it, *recordings* that of the originals."""

    def __init__(self, name: str) -> None:
        self.name = name
        program = {"apache": "apache2", "nginx": "nginx"}[name]
        self._program = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if self._program is None or not Path("/etc", program).is_dir():
            pytest.skip(f"{program} is not installed (apt-get install {program})")
        if os.geteuid() != 0:
            pytest.skip("only root can start a server whose workers are www-data")
        self._etc = Path("/etc", program)
        self._base = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self._base.chmod(0o755)
        self.folder = self._base / "www" / "html" / "audios"
        self.recordings = self._base / "www" / "html" / "2p"
        for path in (self._base / "log", self.recordings, self.folder):
            path.mkdir(parents=True)
        for path in (self.folder.parents[1], self.folder.parent, self.recordings):
            path.chmod(0o755)
        os.chown(self.folder, -1, grp.getgrnam("www-data").gr_gid)
        self.folder.chmod(0o2710)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, snippet: bool) -> None:
        """Start it, with our snippet or as it is."""
        etc = self._base / "etc"
        shutil.copytree(self._etc, etc)
        if snippet:
            self._add_snippet(etc)
        for path in etc.rglob("*"):
            if path.is_file():
                self._move(path, etc)
        assert self._program is not None
        command, environ = self._command(etc)
        with (self._base / "log" / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [self._program, *command],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.name} did not start:\n{self.log()}")
            time.sleep(0.02)

    def stop_gently(self) -> None:
        """End it: what it has done is in its log then."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(_PATIENCE)

    def stop(self) -> None:
        """End it, and remove its folder."""
        self.stop_gently()
        shutil.rmtree(self._base, ignore_errors=True)

    def get(self, link: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for *link*: a URL, or a path below the root. A header's name is written with `_` for `-`."""
        path = urlsplit(link).path if "://" in link else f"/{link}"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    @property
    def access_log(self) -> Path:
        """Where it writes who asked for what."""
        return self._base / "log" / "access.log"

    def log(self) -> str:
        """Return what it wrote about itself, for the message of a failing test."""
        return "\n".join(path.read_text(errors="replace") for path in (self._base / "log").glob("*[!g]"))

    def _add_snippet(self, etc: Path) -> None:
        """Do what the snippet's head says."""
        if self.name == "apache":
            shutil.copy(_SNIPPETS / "apache.conf", etc / "conf-enabled" / "voipmon.conf")
            shutil.copy(etc / "mods-available" / "headers.load", etc / "mods-enabled")
            return
        shutil.copy(_SNIPPETS / "nginx.conf", etc / "snippets" / "voipmon.conf")
        site = etc / "sites-enabled" / "default"
        head, name, rest = site.read_text().partition("server_name _;")
        site.write_text(f"{head}{name}\n\tinclude snippets/voipmon.conf;\n{rest}")

    def _move(self, path: Path, etc: Path) -> None:
        text = path.read_text(errors="surrogateescape")
        moved = text.replace("/var/www", str(self._base / "www")).replace(str(self._etc), str(etc))
        moved = moved.replace("/var/log/nginx", str(self._base / "log")).replace("/run/nginx.pid", f"{self._base}/pid")
        if path.name in ("ports.conf", "000-default.conf", "default"):
            moved = moved.replace("Listen 80\n", f"Listen 127.0.0.1:{self._port}\n").replace(
                "*:80>", f"*:{self._port}>"
            )
            moved = moved.replace("listen 80 ", f"listen 127.0.0.1:{self._port} ").replace("\tlisten [::]:80", "\t#")
        if moved != text:
            path.write_text(moved, errors="surrogateescape")

    def _command(self, etc: Path) -> tuple[list[str], Mapping[str, str]]:
        if self.name == "nginx":
            return ["-c", str(etc / "nginx.conf"), "-g", "daemon off;"], {}
        base = str(self._base)
        return ["-d", str(etc), "-f", str(etc / "apache2.conf"), "-DFOREGROUND"], {
            "APACHE_RUN_USER": "www-data",
            "APACHE_RUN_GROUP": "www-data",
            "APACHE_PID_FILE": f"{base}/pid",
            "APACHE_RUN_DIR": base,
            "APACHE_LOCK_DIR": base,
            "APACHE_LOG_DIR": f"{base}/log",
        }

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture(
    params=[pytest.param("apache", marks=pytest.mark.apache), pytest.param("nginx", marks=pytest.mark.nginx)]
)
def web(request: pytest.FixtureRequest) -> Iterator[DebianWeb]:
    """A server of the test's own, not started yet."""
    server = DebianWeb(request.param)
    yield server
    server.stop()
