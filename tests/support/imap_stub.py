"""Small servers that are none: one that counts, one that says what it is told and then hangs, one in between."""

import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self


class Listener:
    """Accepts connections on a free loopback port and gives each to a thread; *connections* counts them.

    By itself it says nothing to anybody: the server that counts, and the one that hangs before its greeting.
    """

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server((self.host, 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._listener)
        for connection in self._open:
            self._end(connection)
        for thread in self._threads:
            thread.join()

    def serve(self, connection: socket.socket) -> None:
        """Talk to one client, until it is closed."""
        connection.recv(1)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve_one, connection)

    def _serve_one(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):  # closed by either side
            self.serve(connection)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    @staticmethod
    def _end(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


class ImapStub(Listener):
    """Answers IMAP commands from a table, and hangs at those that are not in it.

    *answers* has for the beginning of each command (`LOGIN`, `UID STORE 1 +FLAGS`) the lines to say, `{tag}` standing
    for the command's own and `{flags}` for what was stored; None instead of lines cuts the connection. What the client
    says upon a `+` has the name `"+"`, and `"++"` the second time. *commands* keeps what was asked.
    """

    def __init__(self, answers: Mapping[str, Sequence[str] | None], greeting: str | None = "* OK ready") -> None:
        super().__init__()
        self.commands: list[str] = []
        self._answers = answers
        self._flags: list[str] = []
        self._greeting = greeting

    def serve(self, connection: socket.socket) -> None:
        if self._greeting is None:
            self._end(connection)
            return
        self._say(connection, self._greeting, "")
        tag = pluses = ""
        with connection.makefile("rb") as lines:
            for line in lines:
                first, space, command = line.decode("latin-1").rstrip("\r\n").partition(" ")
                tag, pluses = (first, "") if space else (tag, pluses + "+")
                self.commands.append(command or first)
                if answered := re.search(r" \+FLAGS\S* \((.*)\)$", command):
                    self._flags.append(answered[1])
                answer = self._answers.get(self._name(pluses or command), ())
                if answer is None:
                    self._end(connection)
                    return
                for said in answer:
                    self._say(connection, said, tag)

    def _name(self, command: str) -> str:
        return max((name for name in self._answers if command.upper().startswith(name.upper())), key=len, default="")

    def _say(self, connection: socket.socket, line: str, tag: str) -> None:
        said = line.replace("{tag}", tag).replace("{flags}", " ".join(self._flags))
        connection.sendall(said.encode("latin-1") + b"\r\n")


class RewritingProxy(Listener):
    r"""Stands before a real server and rewrites what it says, line by line: for servers that can do less.

    *rules* are regular expressions and what takes their place, such as `{rb" MOVE\\b": b""}`. While *hung* is set,
    the server's answers are held back. *said* counts the bytes of the server's answers.
    """

    def __init__(self, host: str, port: int, rules: Mapping[bytes, bytes]) -> None:
        super().__init__()
        self._behind = (host, port)
        self._rules = [(re.compile(expression), replacement) for expression, replacement in rules.items()]
        self.commands: list[bytes] = []
        self.said = 0

    def serve(self, connection: socket.socket) -> None:
        server = socket.create_connection(self._behind)
        self._open.append(server)
        self._start(self._forward, connection, server)
        with server.makefile("rb") as lines:
            for line in lines:
                self.said += len(line)
                connection.sendall(self._rewritten(line))
        self._end(connection)

    def _forward(self, connection: socket.socket, server: socket.socket) -> None:
        with suppress(OSError, ValueError):
            with connection.makefile("rb") as lines:
                for line in lines:
                    self.commands.append(line.rstrip(b"\r\n"))
                    server.sendall(self.passed_on(line))
            self._end(server)

    def passed_on(self, line: bytes) -> bytes:
        """Return what the server is told in place of what the client says."""
        return line

    def _rewritten(self, line: bytes) -> bytes:
        for expression, replacement in self._rules:
            line = expression.sub(replacement, line)
        return line
