"""A mail server that keeps what it is given, and misbehaves on request.

with SmtpSink() as sink:
    ...  # send to sink.host, sink.port
    assert sink.messages[0].recipients == ("manager@example.com",)

    sink.refused["admin@example.com"] = "550 5.1.1 no such user"  # this recipient, from now on
    sink.script(Stage.CONTENT, "451 4.3.0 try again", times=1)    # the next letter
    sink.script(Stage.CONTENT, Trouble.STORE_AND_CUT, times=1)    # stored, and the sender never learns of it
    sink.script(Stage.MAIL, Trouble.HANG)                         # until sink.script(Stage.MAIL, None)
    sink.stop()                                                   # away; sink.start() on the same port again
"""

# ruff: noqa: N802 - aiosmtpd finds its hooks by these names

import asyncio
import ssl
import threading
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from enum import Enum, auto
from typing import Any, Self

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from support.canary import look
from support.certificate import Certificate


class Stage(Enum):
    """Where in a session something can happen instead of the usual answer."""

    CONNECT = auto()
    EHLO = auto()
    STARTTLS = auto()
    AUTH = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()  # before the content
    CONTENT = auto()  # after it
    RSET = auto()
    QUIT = auto()


class Trouble(Enum):
    """What can happen instead of an answer."""

    CUT = auto()
    STORE_AND_CUT = auto()  # at CONTENT
    HANG = auto()


@dataclass(frozen=True, slots=True)
class Received:
    """A letter that was taken; *content* is as it came, with CRLF, *options* are those of MAIL, such as `SIZE=99`."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    options: tuple[str, ...] = ()


class SmtpSink:
    """The server, in a thread, on a free loopback port; usable as a context manager.

    With *users* (name to password) or *tokens* (name to token, presented by *token_way*) nobody sends without a log-in.
    *security* is "plain", "starttls" or "tls"; the latter two show a *certificate*, whose `ca_file` is to be
    trusted. *connections* and *logins* count what was tried.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        certificate: Certificate | None = None,
        *,
        security: str = "plain",
        users: Mapping[str, str] | None = None,
        tokens: Mapping[str, str] | None = None,
        token_way: str = "XOAUTH2",
        size_limit: int = 25_000_000,
    ) -> None:
        self.port = 0
        self.messages: list[Received] = []
        self.refused: dict[str, str] = {}
        self.connections = 0
        self.logins = 0
        self.security = security
        self.users = users
        self.tokens = tokens
        self.token_way = token_way
        self.size_limit = size_limit
        self._context: ssl.SSLContext | None = None
        if certificate is not None and security != "plain":
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(certificate.cert_file, certificate.key_file)
        self._scripts: dict[Stage, tuple[str | Trouble, int | None]] = {}
        self._open: set[asyncio.BaseTransport] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def script(self, stage: Stage, action: str | Trouble | None, times: int | None = None) -> None:
        """Have a reply line or a trouble instead of the usual answer, *times* times or until told None."""
        if action is None:
            self._scripts.pop(stage, None)
        else:
            self._scripts[stage] = (action, times)

    def start(self) -> None:
        """Listen, if it does not; the port stays the same over stop and start."""
        if self._thread is not None:
            return
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop, ready), daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Be away: open connections break, new ones are refused."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop = self._thread = None

    def _next_action(self, stage: Stage) -> str | Trouble | None:
        action, times = self._scripts.get(stage, (None, None))
        if times is not None:
            self._scripts[stage] = (action or "", times - 1)
            if times == 1:
                del self._scripts[stage]
        return action

    def _run(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        tls = self._context if self.security == "tls" else None
        server = loop.run_until_complete(
            loop.create_server(lambda: _Conversation(self, loop, self._context), self.host, self.port, ssl=tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        server.close()
        for transport in self._open:
            transport.abort()
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))  # the transports say goodbye in the next round
        self._open.clear()
        loop.close()


class _Conversation(SMTP):
    """One client's connection."""

    def __init__(self, sink: SmtpSink, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        self._sink = sink
        super().__init__(
            self,
            loop=loop,
            hostname="sink.example.com",
            data_size_limit=sink.size_limit,
            tls_context=context if sink.security == "starttls" else None,
            require_starttls=sink.security == "starttls",
            auth_require_tls=sink.security == "starttls",
            authenticator=self._check_password,
            auth_exclude_mechanism={"XOAUTH2", "OAUTHBEARER"} - ({sink.token_way} if sink.tokens else set()),
        )
        self._auth_required = sink.users is not None or sink.tokens is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sink._open.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._sink._open.discard(self.transport)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if self._tls_protocol is None:
            self._sink.connections += 1
            if await self._scripted(Stage.CONNECT):
                self.transport.close()
                return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._answer(Stage.EHLO, super().smtp_EHLO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        await self._answer(Stage.STARTTLS, super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:
        self._sink.logins += 1
        await self._answer(Stage.AUTH, super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._answer(Stage.MAIL, super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._answer(Stage.RCPT, super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:
        await self._answer(Stage.DATA, super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:
        await self._answer(Stage.RSET, super().smtp_RSET, arg)

    async def smtp_QUIT(self, arg: str) -> None:
        await self._answer(Stage.QUIT, super().smtp_QUIT, arg)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self._sink.refused:
            return self._sink.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        action = self._sink._next_action(Stage.CONTENT)
        if isinstance(action, str):
            return action
        if action in (None, Trouble.STORE_AND_CUT):
            assert isinstance(envelope.content, bytes)
            names = (envelope.mail_from or "", tuple(envelope.rcpt_tos))
            look("a mail", envelope.content)
            for part in message_from_bytes(envelope.content).walk():
                look("a mail", part.get_payload(decode=True) or b"")
            self._sink.messages.append(Received(*names, envelope.content, tuple(envelope.mail_options)))
        if action is not None:
            await self._play(action)
        return "250 OK: kept"

    async def auth_XOAUTH2(self, _server: SMTP, args: list[str]) -> AuthResult:
        user, _, token = b64decode(args[1]).decode().rstrip("\1").partition("\1auth=Bearer ")
        if self._sink.tokens and self._sink.tokens.get(user.removeprefix("user=")) == token:
            return AuthResult(success=True, auth_data=user)
        await self.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def auth_OAUTHBEARER(self, _server: SMTP, args: list[str]) -> AuthResult:
        greeting, *pairs, _, _ = b64decode(args[1]).decode().split("\1")
        user = greeting.split(",")[1].removeprefix("a=")
        token = dict(pair.split("=", 1) for pair in pairs)["auth"].removeprefix("Bearer ")
        if self._sink.tokens and self._sink.tokens.get(user) == token:
            return AuthResult(success=True, auth_data=user)
        await self.challenge_auth('{"status":"invalid_token"}')
        return AuthResult(success=False, handled=False)

    def _check_password(self, _s: SMTP, _n: Session, _e: Envelope, _m: str, login: LoginPassword) -> AuthResult:
        users = self._sink.users or {}
        right = users.get(login.login.decode()) == login.password.decode()
        return AuthResult(success=right, handled=False)

    async def _answer(self, stage: Stage, usual: Callable[[Any], Awaitable[None]], argument: str | None) -> None:
        if not await self._scripted(stage):
            await usual(argument)

    async def _scripted(self, stage: Stage) -> bool:
        action = self._sink._next_action(stage)
        if isinstance(action, str):
            await self.push(action)
        elif action is not None:
            await self._play(action)
        return action is not None

    async def _play(self, trouble: Trouble) -> None:
        if trouble is not Trouble.HANG:
            self.transport.abort()
        await asyncio.sleep(3600)  # ended with the connection


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """A plain server that takes everything, for one test."""
    with SmtpSink() as sink:
        yield sink
