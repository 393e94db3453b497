"""The line to a server, as far away and as bad as a test wants it; it counts what goes over it.

with Line(server.host, server.port, delay=0.06) as line:    # a round trip takes 120 ms
    ...  # talk to line.host, line.port
    assert line.round_trips <= 8
    line.hang()    # nothing comes through any more, and nobody is told
    line.cut()     # what is open breaks
"""

import queue
import socket
import time
from contextlib import suppress

from support.imap_stub import Listener


class Line(Listener):
    """Passes on every byte *delay* seconds later. *to_client* and *to_server* count them, *round_trips* the turns.

    A round trip is begun by whatever the client says after the server has spoken, and by its first word.
    """

    def __init__(self, host: str, port: int, delay: float = 0.0) -> None:
        super().__init__()
        self.behind = (host, port)
        self.delay = delay
        self.to_client = self.to_server = self.round_trips = 0
        self._hung = False

    def hang(self) -> None:
        """From now on nothing comes through, and no side learns of it; new connections hang, too."""
        self._hung = True

    def mend(self) -> None:
        """Let new connections through again; what hangs goes on hanging."""
        self.cut()
        self._hung = False

    def cut(self) -> None:
        """Break what is open."""
        for connection in list(self._open):
            self._end(connection)
        self._open.clear()

    def reset(self) -> None:
        """Begin to count anew."""
        self.to_client = self.to_server = self.round_trips = 0

    def serve(self, connection: socket.socket) -> None:
        server = socket.create_connection(self.behind)
        for each in (connection, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.append(server)
        turn = [True]  # whether what the client says next begins a round trip
        self._start(self._carry, connection, server, turn, False)
        self._carry(server, connection, turn, True)

    def _carry(self, source: socket.socket, target: socket.socket, turn: list[bool], answers: bool) -> None:
        way: queue.Queue[tuple[float, bytes]] = queue.Queue()
        if self.delay:
            self._start(self._deliver, way, target)
        with suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    self.to_client += len(data)
                    turn[0] = True
                else:
                    self.to_server += len(data)
                    self.round_trips += turn[0]
                    turn[0] = False
                if self._hung:
                    continue
                if self.delay:
                    way.put((time.monotonic() + self.delay, data))
                else:
                    target.sendall(data)
        if self.delay:
            way.put((time.monotonic() + self.delay, b""))
        elif not self._hung:
            self._end(target)

    def _deliver(self, way: "queue.Queue[tuple[float, bytes]]", target: socket.socket) -> None:
        while True:
            due, data = way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                self._end(target)
                return
            with suppress(OSError):
                target.sendall(data)
