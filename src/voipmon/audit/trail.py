"""The trail: a file of lines for each month, to which lines are only ever added. What a crash leaves: docs/audit.md."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from voipmon.audit.chain import ID_AT, TAIL, Head, chain_of, stated_chain, tail_of, write_head, write_line
from voipmon.audit.months import HEAD, IDS, LINES, file_of, head_of, months_with
from voipmon.audit.port import Event, Fact
from voipmon.clock import Clock
from voipmon.errors import AuditError
from voipmon.files import sync_directory, write_all
from voipmon.retention import Amount, amount_of

_ID = 12  # bytes
_FEW = 20  # events: for as many the ids are searched, for more they are put into a set


@dataclass(frozen=True, slots=True)
class Trail:
    """The trail in *folder*; any number of processes may append at the same time.

    An event is looked for in the last *months* that have lines, None: in all of them.
    """

    folder: Path
    clock: Clock
    months: int | None = 2

    def append(self, events: Sequence[Event]) -> int:
        """Write down the new ones; see the port. Two flushes, three for several events: of the lines, of the head."""
        if not events:
            return 0
        with self._locked():
            month = _Month.newest(self.folder, self.clock())
            new = self._unknown(events, month)
            if month.was_lost:
                new.insert(
                    0, Event("head_rebuilt", self.clock(), (month.name, str(month.head.count)), {"month": month.name})
                )
            if new:
                month.add(new)
        return len(new)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the lines tell, the oldest first; a damaged one is passed over (`verify` names it)."""
        for month in months_with(self.folder, LINES):
            with _translated(self.folder), file_of(self.folder, month, LINES).open("rb") as file:
                for line in file:
                    told = _told(line)
                    if told is not None:
                        yield told

    def remove_before(self, moment: datetime) -> list[str]:
        """Remove the months that ended before *moment*, never the newest; the last one's head stays as an anchor.

        A line tells of it first. Returns the months.
        """
        old = self._ended_before(moment)
        if not old:
            return []
        anchor = head_of(self.folder, old[-1])
        facts: dict[str, Fact] = {"months": old, "lines_before": anchor.count if anchor else 0}
        self.append([Event("months_removed", self.clock(), tuple(old), facts)])
        with self._locked():
            for month in old:
                for kind in (LINES, IDS):
                    file_of(self.folder, month, kind).unlink(missing_ok=True)
            for month in months_with(self.folder, HEAD):
                if month < old[-1]:
                    file_of(self.folder, month, HEAD).unlink()
            sync_directory(self.folder)
        return old

    def old(self, moment: datetime) -> Amount:
        """Return how much `remove_before` would remove."""
        files = (file_of(self.folder, month, kind) for month in self._ended_before(moment) for kind in (LINES, IDS))
        return amount_of(files)

    def _ended_before(self, moment: datetime) -> list[str]:
        return [month for month in months_with(self.folder, LINES)[:-1] if month < f"{moment:%Y-%m}"]

    def _unknown(self, events: Sequence[Event], month: "_Month") -> list[Event]:
        known = _Known(len(events) > _FEW)
        known.add(month.ids())
        searched = months_with(self.folder, LINES)
        for name in searched if self.months is None else searched[-self.months :]:
            if name != month.name:
                known.add(_Month(self.folder, name, head_of(self.folder, name) or Head()).ids())
        new: dict[str, Event] = {}
        for event in events:
            if event.id not in new and bytes.fromhex(event.id) not in known:
                new[event.id] = event
        return list(new.values())

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Keep others from writing while this lasts; a trail that was never written is at rest."""
        if not self.folder.exists():
            yield
            return
        with self._locked():
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _translated(self.folder):
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)


def _told(line: bytes) -> dict[str, Any] | None:
    """Return what a line tells; None: it is damaged, or its end is missing, so that nobody was told it stands there."""
    try:
        told = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("event"), str) else None


class _Known:
    """Ids, each of 12 bytes: one string of them that is searched, or a set."""

    def __init__(self, many: bool) -> None:  # noqa: FBT001 - two ways to do one thing
        self._set: set[bytes] | None = set() if many else None
        self._strings: list[bytes] = []

    def add(self, ids: bytes) -> None:
        if self._set is None:
            self._strings.append(ids)
        else:
            self._set.update(ids[at : at + _ID] for at in range(0, len(ids), _ID))

    def __contains__(self, one: bytes) -> bool:
        if self._set is not None:
            return one in self._set
        return any(_stands_in(ids, one) for ids in self._strings)


def _stands_in(ids: bytes, one: bytes) -> bool:
    at = ids.find(one)
    while at > 0 and at % _ID:
        at = ids.find(one, at + 1)
    return at >= 0


class _Month:
    """One month's files, under the lock. *head* is where its lines end, whatever a crash has left of its file."""

    def __init__(self, folder: Path, name: str, head: Head) -> None:
        self._folder = folder
        self.name = name
        self.head = head
        self.was_lost = False

    @classmethod
    def newest(cls, folder: Path, now: datetime) -> "_Month":
        """Return the month that is written now, mended after a crash. A clock that goes back begins none."""
        names = sorted({*months_with(folder, LINES), *months_with(folder, HEAD)})
        month = cls(folder, f"{now:%Y-%m}", Head())
        if names:
            before = head_of(folder, names[-2]) if len(names) > 1 else None
            last = cls(folder, names[-1], before.next_month() if before else Head())
            last.mend()
            if last.name >= month.name:
                return last
            month.head = last.head.next_month()
        return month

    def mend(self) -> None:
        """Take the lines into the head that a crash kept from being there, and take off what it left of a line."""
        kept = head_of(self._folder, self.name)
        self.head = kept or self.head
        taken = self._take_in(max(1, kept.writing) if kept else None)
        if taken or kept is None:
            self._write_head(self.head)
        self.was_lost = kept is None and taken > 1

    def _take_in(self, most: int | None) -> int:
        """Move the head over lines behind it that hold on to it, at most so many; return how many those are."""
        taken = 0
        if self._size() <= self.head.size:
            return taken
        with file_of(self._folder, self.name, LINES).open("r+b") as file:
            file.seek(self.head.size)
            for line in file:
                chain = chain_of(self.head.chain, line[:-TAIL])
                if line[-TAIL:] != tail_of(chain) or taken == most:
                    break
                taken += 1
                self.head = self.head.after(chain, len(line))
            file.seek(self.head.size)
            rest = file.read()
            if rest and self._is_ours(rest):
                file.truncate(self.head.size)
        return taken

    def ids(self) -> bytes:
        """Return the ids of all lines; they are read from the lines where their file does not have as many.

        Nobody waits for the disk with that file: after a power cut it may have zeros for some.
        """
        path = file_of(self._folder, self.name, IDS)
        try:
            ids = path.read_bytes()
        except FileNotFoundError:
            ids = b""
        if len(ids) != self.head.lines * _ID or bytes(_ID) in ids:
            ids = self._ids_of_lines()
            path.write_bytes(ids)
        return ids

    def add(self, events: Sequence[Event]) -> None:
        """Write lines, wait for the disk, then write the head and wait again."""
        written, ids, head = [], b"", self.head
        for event in events:
            line, chain = write_line(head.count + 1, event, head.chain)
            written.append(line)
            ids += bytes.fromhex(event.id)
            head = head.after(chain, len(line))
        if len(events) > 1:
            self._write_head(replace(self.head, writing=len(events)))
        size = self._add_bytes(LINES, b"".join(written), durable=True)
        self._add_bytes(IDS, ids, durable=False)
        self.head = replace(head, size=size, writing=1)
        self._write_head(self.head)

    def _add_bytes(self, kind: str, data: bytes, *, durable: bool) -> int:
        """Return the size of the file with them; of what cannot be written nothing is left."""
        path = file_of(self._folder, self.name, kind)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if durable and size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # somebody has written here
            try:
                write_all(descriptor, memoryview(data))
                if durable:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        return size + len(data)

    def _write_head(self, head: Head) -> None:
        path = file_of(self._folder, self.name, HEAD)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.pwrite(descriptor, write_head(head), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_directory(self._folder)

    def _size(self) -> int:
        try:
            return file_of(self._folder, self.name, LINES).stat().st_size
        except FileNotFoundError:
            return 0

    def _is_ours(self, rest: bytes) -> bool:
        """Tell whether that is the beginning of the line that was to come, or nothing where it was to stand.

        A power cut leaves zeros for bytes that nobody waited for, where a file's size was on the disk before them.
        """
        begun = b'{"n":%d,' % (self.head.count + 1)
        written = rest.rstrip(b"\0")
        return rest.startswith(b"\0") or (b"\n" not in written and begun.startswith(written[: len(begun)]))

    def _ids_of_lines(self) -> bytes:
        try:
            with file_of(self._folder, self.name, LINES).open("rb") as file:
                matches = (ID_AT.match(line) for line in file if stated_chain(line))
                return b"".join(bytes.fromhex(match[2].decode("ascii")) for match in matches if match)
        except FileNotFoundError:
            return b""


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            sentence = f"the audit trail {folder} cannot be written: the disk is full: make room"
        else:
            sentence = (
                f"the audit trail {folder} cannot be used ({error.strerror}): give this user the right to write it"
            )
        raise AuditError(sentence, retryable=True) from error
