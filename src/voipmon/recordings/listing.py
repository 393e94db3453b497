"""The names in a folder, as the kernel gives them, and which of them can be new since an earlier listing.

A listing is a stream of bytes, the kernel's `struct linux_dirent64` one after the other (getdents64(2)). It is cut into
pieces wherever one byte value occurs, about every thirty names, so that a name that comes or goes changes the piece
that it is in and no other. What is remembered of a listing are its marks, in 8 bytes for each piece its length and its
CRC: a name more or less changes the length, and one in place of another the CRC. Of a later listing, only the names in
pieces whose mark does not come next among the earlier ones are looked at.
"""

import os
import stat
import sys
from array import array
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import chain
from struct import Struct
from zlib import crc32

_CUT = b"\xa5"  # in no name of ASCII letters; in the numbers beside the names, by chance
_HEAD = Struct("=QqHB")  # d_ino, d_off, d_reclen, d_type; then the name and a NUL
_LENGTH = Struct("=H").unpack_from
_LENGTH_AT, _TYPE_AT, _NAME_AT = 16, 18, 19
_UNKNOWN, _FOLDER, _FILE = 0, 4, 8  # DT_UNKNOWN, DT_DIR, DT_REG: whether a file is a link is asked when it matters
_MARK = 8
_WINDOW = 4096 * _MARK  # how far on in the earlier listing a piece is looked for
_LARGE = 256 * 1024  # bytes of a folder, a few thousand names, from which on the kernel's own way pays for its import
_BATCH = 400


class _Part(Enum):
    NOTHING = 0
    BEGINNING = 1
    ALL = 2


class Listing:
    """One reading of the folder open at *descriptor*, beside an earlier one that had *earlier* as its marks."""

    def __init__(self, descriptor: int, earlier: bytes = b"") -> None:
        self._descriptor = descriptor
        self._earlier = earlier
        self._next = 0
        self._marks = bytearray()

    @property
    def marks(self) -> bytes:
        """What to remember of this listing, once it has been read to its end."""
        return bytes(self._marks)

    def new_names(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield, some hundreds at a time, the names that the earlier listing did not have, and some that it had.

        Those of folders come apart, as the second. A name that was in the folder from before the first step to the
        last is never left out. Raises OSError.
        """
        for buffer, gaps in self._gaps(_buffers(self._descriptor)):
            files: list[bytes] = []
            folders: list[bytes] = []
            for name, kind in _entries(buffer, gaps):
                if kind == _FOLDER or (kind == _UNKNOWN and self._is_folder(name)):
                    folders.append(name)
                else:
                    files.append(name)
            if files or folders:
                yield files, [name for name in folders if name not in (b".", b"..")]

    def _gaps(self, buffers: Iterable[bytes]) -> Iterator[tuple[bytes, list[tuple[int, int]]]]:
        """Yield each buffer with the stretches of it whose names can be new.

        The last piece of a buffer ends in the next one; at the latest with that.
        """
        before, last_at = b"", 0
        gaps_before: list[tuple[int, int]] = []
        crc = length = 0
        for buffer in chain(buffers, [b""]):
            first, *others = buffer.split(_CUT)
            rest = others.pop() if others else b""
            marks = array("Q", [crc32(first, crc) << 32 | length + len(first)])
            marks.extend([crc32(piece) << 32 | len(piece) for piece in others])
            gaps: list[tuple[int, int]] = []
            if not self._all_go_on(marks.tobytes()):
                at = 0
                for piece, mark in zip([first, *others], marks, strict=True):
                    end = min(at + len(piece) + 1, len(buffer))
                    new = self._new_part(mark.to_bytes(_MARK, sys.byteorder))
                    if new is _Part.ALL:
                        gaps.append((at, end))
                        if at == 0:
                            gaps_before.append((last_at, len(before)))
                    elif new is _Part.BEGINNING and at > 0:
                        gaps.append((at, at + 1))
                    elif new is _Part.BEGINNING:
                        gaps_before.append((last_at, min(last_at + 1, len(before))))
                    at = end
            yield before, gaps_before
            before, gaps_before, last_at = buffer, gaps, len(buffer) - len(rest)
            crc, length = crc32(rest), len(rest)

    def _all_go_on(self, marks: bytes) -> bool:
        """Note the marks of some pieces, and tell whether the earlier listing had just these next."""
        self._marks += marks
        if not self._earlier.startswith(marks, self._next):
            return False
        self._next += len(marks)
        return True

    def _new_part(self, mark: bytes) -> "_Part":
        """Return which part of a piece can be new.

        Where the earlier listing had the piece, but not as the next one, what follows is looked for behind it there.
        The entry that reaches into the piece from the one before may then be put together of the parts of two.
        """
        if self._earlier.startswith(mark, self._next):
            self._next += _MARK
            return _Part.NOTHING
        found = self._earlier.find(mark, self._next, self._next + _WINDOW)
        if found < 0 or found % _MARK:
            return _Part.ALL
        self._next = found + _MARK
        return _Part.BEGINNING

    def _is_folder(self, name: bytes) -> bool:
        """Ask the file itself: some file systems do not say it with the name."""
        try:
            status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISDIR(status.st_mode)


def _buffers(descriptor: int) -> Iterator[bytes]:
    """Yield the entries of a folder as the kernel writes them, some hundreds at a time."""
    if os.fstat(descriptor).st_size >= _LARGE:
        try:
            from voipmon.recordings.getdents import buffers  # noqa: PLC0415 - its import takes as long as 3,000 names
        except ImportError:  # another C library: the long way gives the same
            pass
        else:
            return buffers(descriptor)
    return scanned(descriptor)


def scanned(descriptor: int) -> Iterator[bytes]:
    """Yield the entries of a folder as `getdents.buffers` does, by way of the standard library."""
    batch: list[bytes] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            kind = _FOLDER if entry.is_dir(follow_symlinks=False) else _FILE
            batch.append(_HEAD.pack(entry.inode(), 0, _NAME_AT + len(name) + 1, kind) + name + b"\0")
            if len(batch) == _BATCH:
                yield b"".join(batch)
                batch = []
    yield b"".join(batch)


def _entries(buffer: bytes, gaps: list[tuple[int, int]]) -> list[tuple[bytes, int]]:
    """Return name and type of the entries that have a byte in one of the gaps, which are in their order."""
    found = []
    at = 0
    for first, end in gaps:
        while at < end:
            beyond = at + _LENGTH(buffer, at + _LENGTH_AT)[0]
            if beyond > first:
                found.append((buffer[at + _NAME_AT : buffer.index(0, at + _NAME_AT)], buffer[at + _TYPE_AT]))
            at = beyond
    return found
