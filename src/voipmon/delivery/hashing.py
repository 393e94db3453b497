"""SHA-256 beside the copying: it takes longer than all the rest, and mostly a second processor has nothing to do."""

import hashlib
from queue import SimpleQueue
from threading import Thread

BLOCK = 2**19  # bytes; most recordings fit into one
_BLOCKS = 4  # one is filled, one is hashed, two wait
_BUSY = 2  # so many wait: hashing here is quicker than waiting


class Sum:
    """The hash of one file, known when it has been fed to its end."""

    __slots__ = ("_digest", "_value")

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._value = b""

    def take(self, data: memoryview, *, last: bool) -> None:
        """Take the next bytes; after the *last* ones only the hash is kept, which is much smaller."""
        self._digest.update(data)
        if last:
            self._value = self._digest.digest()
            del self._digest

    @property
    def sha256(self) -> str:
        """The hash in hexadecimal."""
        return self._value.hex()


class Hashing:
    """Hashes blocks in a thread of its own, while the caller fills another one."""

    def __init__(self) -> None:
        self.block = memoryview(bytearray(BLOCK))
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[tuple[Sum, memoryview, int, bool] | None] = SimpleQueue()
        for _ in range(_BLOCKS - 1):
            self._free.put(memoryview(bytearray(BLOCK)))
        self._thread = Thread(target=self._work, name="hashing", daemon=True)
        self._thread.start()

    def whole(self, size: int) -> Sum:
        """Hash the first *size* bytes of `block`, which are a whole file; then `block` is a free one."""
        made = Sum()
        if self._full.qsize() >= _BUSY:
            made.take(self.block[:size], last=True)
        else:
            self.feed(made, size, last=True)
        return made

    def feed(self, made: Sum, size: int, *, last: bool) -> None:
        """Let *made* take the first *size* bytes of `block`, in the order of the calls; then `block` is a free one."""
        self._full.put((made, self.block, size, last))
        self.block = self._free.get()

    def finish(self) -> None:
        """Wait until everything is hashed, and end the thread. May be called twice; nothing may be fed any more."""
        self._full.put(None)
        self._thread.join()

    def _work(self) -> None:
        while job := self._full.get():
            made, block, size, last = job
            made.take(block[:size], last=last)
            self._free.put(block)
