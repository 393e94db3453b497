"""A mailbox, a mail server and a web server of the demo's own, on free loopback ports. Needs the extra [demo]."""

import asyncio
import re
import socket
import ssl
import threading
from argparse import Namespace
from contextlib import closing, suppress
from email import message_from_bytes
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from voipmon.errors import ProcessingError

HOST = "127.0.0.1"

_PATIENCE = 20.0  # seconds for a start on a busy machine
_KIND = re.compile(r"\.([a-z-]+)(?:\.r[0-9]+)?@")


class Servers:
    """All three, in one thread, for the length of a `with`, from whose first line on they answer.

    The mailbox is *user*'s, with *password*, and lives in memory. Each mail that is sent becomes a file in *mails*,
    `NN-kind.eml`, in the order of arrival. *public* is served with Range; its folders are not listed.

    Raises:
        ProcessingError: on entering: they do not start.
    """

    def __init__(self, mails: Path, public: Path, *, user: str, password: str) -> None:
        self.imap_port = self.smtp_port = self.web_port = 0
        self._mails = mails
        self._public = public
        self._login = (user, password)
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop  # is there once they are ready
        self._thread = threading.Thread(target=self._run, name="demo-servers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_PATIENCE) or self._failure is not None:
            raise ProcessingError(f"the demo's servers do not start: {self._failure or 'they are too slow'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RuntimeError):  # the loop is closed: they ended by themselves
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told by the thread that waits for the start
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        web = _web_server(self._public)
        with (
            socket.create_server((HOST, 0)) as listener,
            closing(await _start_imap(*self._login)) as imap,
            closing(await _start_smtp(self._mails)) as smtp,
        ):
            serving = asyncio.create_task(web.serve(sockets=[listener]))
            self.imap_port, self.smtp_port, self.web_port = map(_port, (*imap.sockets, *smtp.sockets, listener))
            self._ready.set()
            await self._stop.wait()
            web.should_exit = web.force_exit = True
            await serving


class _OfflineConfig(Config):
    """What pymap is told; its own greeting asks the network for this machine's full name."""

    @property
    def greeting(self) -> bytes:
        return b"the demo's mailbox is ready"


async def _start_imap(user: str, password: str) -> asyncio.Server:
    config = _OfflineConfig(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        host=HOST,
        port=0,
        demo_data=False,
        demo_user=user,
        demo_password=password,
        hash_context=Cleartext(),
        cpu_subsystem=Subsystem.for_asyncio(),
        ssl_context=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),  # or it would look for CERT_FILE
        tls_enabled=False,
        reject_dnsbl=False,
    )
    config.apply_context()
    login = Login(config)
    await login.demo_user_identity.set(UserMetadata(config, user, password=password))
    answer = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
    return await asyncio.start_server(answer, HOST, 0)


async def _start_smtp(mails: Path) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    keeper = _Keeper(mails)
    return await loop.create_server(lambda: SMTP(keeper, hostname="localhost", loop=loop), HOST, 0)


def _web_server(public: Path) -> uvicorn.Server:
    app = Starlette(routes=[Mount("/", StaticFiles(directory=public, html=True))])
    # Its complaint about whoever still listens when it ends is not for the demo's stderr.
    return uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off", ws="none"))


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


class _Keeper:
    """Puts each mail into a file whose name tells the order and the kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        kind = _KIND.search(message_from_bytes(content).get("Message-ID", ""))
        name = f"{next(self._numbers):02}-{kind[1] if kind else 'mail'}.eml"
        (self._folder / name).write_bytes(content)
        return "250 OK: kept"
