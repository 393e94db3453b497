"""ZIP files, written once from front to back, as APPNOTE.TXT 6.3.10 has them; its sections stand in brackets.

CRC and sizes stand in front of each member, so there are no data descriptors, which some readers trip over. There are
ZIP64 fields where a number needs them and nowhere else. Names are UTF-8 and say so.
"""

import os
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

try:
    from isal import isal_zlib as _codec  # the extra [fast]
except ImportError:
    import zlib as _codec  # type: ignore[no-redef]  # the same functions

Bytes = bytes | bytearray | memoryview

_LOCAL = struct.Struct("<4s5H3L2H")  # [4.3.7]
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # [4.3.12]
_END64 = struct.Struct("<4sQ2H2L4Q")  # [4.3.14]
_LOCATOR64 = struct.Struct("<4sLQL")  # [4.3.15]
_END = struct.Struct("<4s4H2LH")  # [4.3.16]
_UTF8 = 0x0800  # [4.4.4] bit 11
_STORED, _DEFLATED = 0, 8  # [4.4.5]
_PLAIN, _DEFLATE, _ZIP64 = 10, 20, 45  # [4.4.3.2] versions needed
_UNIX = 3 << 8  # [4.4.2] whose file modes are meant
_MODE = (stat.S_IFREG | 0o644) << 16
_TOO_LARGE, _TOO_MANY = 0xFFFF_FFFF, 0xFFFF  # what stands where the number is in a ZIP64 field
_LEVEL = 1  # of deflate: sound gets hardly smaller with more, and takes three times as long
_RAW = -15


class ZipWriter:
    """Writes a ZIP into the empty file open at *descriptor*, which stays open; valid once `finish` has returned.

    A member of which not all could be written leaves no trace. What is kept in memory grows with the number of members
    only. A size or offset above *largest*, and more than *most* members, are written as ZIP64 fields.

    Raises:
        OSError: on any method: what is written does not fit.
    """

    def __init__(self, descriptor: int, *, largest: int = _TOO_LARGE - 1, most: int = _TOO_MANY - 1) -> None:
        self._descriptor = descriptor
        self._largest = largest
        self._most = most
        self._directory = bytearray()
        self._count = 0
        self.size = 0

    def add(self, name: str, moment: datetime, content: Bytes, *, deflate: bool = False) -> None:
        """Put a member there whose content is at hand; *moment* is the wall time of its file."""
        member = self._member(name, moment, len(content), deflate=deflate)
        packed = member.pack(content)
        rest = member.end()
        self._write(self.size, [member.header(), packed, rest])
        self._keep(member)

    @contextmanager
    def long_member(
        self, name: str, moment: datetime, size: int, *, deflate: bool = False
    ) -> Iterator[Callable[[Bytes], None]]:
        """Give what takes the content of a member piece by piece, *size* bytes in all.

        If the block raises, the ZIP is as before.
        """
        member = self._member(name, moment, size, deflate=deflate)
        at = self.size + member.room

        def write(piece: Bytes) -> None:
            nonlocal at
            packed = member.pack(piece)
            self._write(at, [packed])
            at += len(packed)

        yield write
        if member.size != size:
            raise ValueError(f"{size} bytes were promised, and {member.size} came")
        self._write(at, [member.end()])
        self._write(self.size, [member.header()])
        self._keep(member)

    def finish(self) -> int:
        """End the ZIP; return its size in bytes."""
        end = self._end()
        self._write(self.size, [self._directory, end])
        self.size += len(self._directory) + len(end)
        os.ftruncate(self._descriptor, self.size)  # a lost member may have been longer than all that came after it
        return self.size

    def _member(self, name: str, moment: datetime, size: int, *, deflate: bool) -> "_Member":
        most = size + size // 1000 + 64 if deflate else size  # what does not get smaller gets a little larger
        return _Member(name.encode(), moment, deflate=deflate, large=most > self._largest)

    def _keep(self, member: "_Member") -> None:
        self._directory += member.entry(self.size, self._largest)
        self._count += 1
        self.size += member.room + member.packed

    def _end(self) -> bytes:
        size, start, count = len(self._directory), self.size, self._count
        many, wide, far = count > self._most, size > self._largest, start > self._largest
        end64 = b""
        if many or wide or far:
            made = _UNIX | _ZIP64
            end64 = _END64.pack(b"PK\6\6", _END64.size - 12, made, _ZIP64, 0, 0, count, count, size, start)
            end64 += _LOCATOR64.pack(b"PK\6\7", 0, start + size, 1)
        number = _TOO_MANY if many else count
        sizes = (_TOO_LARGE if wide else size, _TOO_LARGE if far else start)
        return end64 + _END.pack(b"PK\5\6", 0, 0, number, number, *sizes, 0)

    def _write(self, at: int, parts: Sequence[Bytes]) -> None:
        """Write the parts side by side; the kernel may take less at a time than it is given."""
        written = os.pwritev(self._descriptor, parts, at)
        if written < sum(map(len, parts)):
            self._write_rest(at, written, parts)

    def _write_rest(self, at: int, written: int, parts: Sequence[Bytes]) -> None:
        for part in parts:
            rest = memoryview(part)
            skipped = min(written, len(rest))
            written -= skipped
            at += skipped
            rest = rest[skipped:]
            while rest:
                taken = os.pwrite(self._descriptor, rest, at)
                at += taken
                rest = rest[taken:]


class _Member:
    """What the headers say of one member; *large* ones have room for sizes of 64 bits."""

    def __init__(self, name: bytes, moment: datetime, *, deflate: bool, large: bool) -> None:
        self._name = name
        self._large = large
        self._method = _DEFLATED if deflate else _STORED
        self._packer = _codec.compressobj(_LEVEL, _DEFLATED, _RAW) if deflate else None
        self._needs = _ZIP64 if large else _DEFLATE if deflate else _PLAIN
        year = min(max(moment.year, 1980), 2107)  # [4.4.6] two seconds are the finest that it can tell
        self._date = (year - 1980) << 9 | moment.month << 5 | moment.day
        self._time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
        self._crc = 0
        self.size = 0
        self.packed = 0
        self.room = _LOCAL.size + len(name) + (20 if large else 0)

    def pack(self, content: Bytes) -> Bytes:
        """Take the next piece of its content; return what is to be written of it by now."""
        self._crc = _codec.crc32(content, self._crc)
        self.size += len(content)
        return self._counted(self._packer.compress(content) if self._packer else content)

    def end(self) -> Bytes:
        """Return what is still to be written."""
        return self._counted(self._packer.flush() if self._packer else b"")

    def header(self) -> bytes:
        """Return what stands before the content."""
        sizes, extra = (self.packed, self.size), b""
        if self._large:  # [4.5.3] here always both
            sizes, extra = (_TOO_LARGE, _TOO_LARGE), struct.pack("<2H2Q", 1, 16, self.size, self.packed)
        fixed = _LOCAL.pack(b"PK\3\4", self._needs, *self._facts(), *sizes, len(self._name), len(extra))
        return fixed + self._name + extra

    def entry(self, offset: int, largest: int) -> bytes:
        """Return what the directory says of it, which begins at *offset*."""
        numbers = [self.size, self.packed, offset]
        wide = [number for number in numbers if number > largest]
        size, packed, start = (_TOO_LARGE if number > largest else number for number in numbers)
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        needs = _ZIP64 if wide else self._needs
        lengths = (len(self._name), len(extra), 0)
        facts = (_UNIX | needs, needs, *self._facts(), packed, size)
        return _CENTRAL.pack(b"PK\1\2", *facts, *lengths, 0, 0, _MODE, start) + self._name + extra

    def _facts(self) -> tuple[int, ...]:
        return _UTF8, self._method, self._time, self._date, self._crc

    def _counted(self, data: Bytes) -> Bytes:
        self.packed += len(data)
        return data
