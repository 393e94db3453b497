"""A second IMAP server, quite unlike Dovecot: it keeps no keywords and knows neither CONDSTORE nor NAMESPACE.

def test_something(pymap: Pymap) -> None:
    user, password = pymap.mailbox()
    ... # talk to pymap.host, pymap.port, in the clear
"""

import asyncio
import ssl
import threading
from argparse import Namespace
from itertools import count
from typing import Self

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Identity, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext
from support.dovecot import PASSWORD


class _OfflineConfig(Config):
    """What the server is told; its own greeting asks the network for this machine's full name."""

    @property
    def greeting(self) -> bytes:
        return b"ready"


class Pymap:
    """The server, in a thread, on a free loopback port; mail lives in memory."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._numbers = count(1)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def mailbox(self, password: str = PASSWORD) -> tuple[str, str]:
        """Make a user with an empty mailbox; return name and password."""
        user = f"user{next(self._numbers)}@example.com"
        asyncio.run_coroutine_threadsafe(self._add(user, password), self._loop).result(timeout=20)
        return user, password

    async def _add(self, user: str, password: str) -> None:
        await Identity(user, self._login, None, frozenset()).set(UserMetadata(self._config, user, password=password))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._config = _OfflineConfig(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=self.host,
            port=0,
            demo_data=False,
            demo_user="",
            demo_password="",
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
            ssl_context=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),  # or it would look for CERT_FILE
            tls_enabled=False,
            reject_dnsbl=False,
        )
        self._config.apply_context()
        self._login = Login(self._config)
        answer = ProxyProtocolReader(self._config.proxy_protocol).get_callback(IMAPServer(self._login, self._config))
        server = await asyncio.start_server(answer, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
