"""Whether the trail is as it was written: what was changed, taken out, put in or moved, and where."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from voipmon.audit.chain import BEGINNING, ID_AT, TAIL, Head, chain_of, stated_chain, tail_of
from voipmon.audit.months import HEAD, LINES, file_of, head_of, months_with
from voipmon.errors import AuditError

_REMOVAL = b'"event":"months_removed"'


@dataclass(frozen=True, slots=True)
class Damage:
    """One place where the trail is not as it was written. *line* counts from 1 in *file*; None: all of it."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" if self.line is None else f"{self.file}, line {self.line}: {self.what}"


@dataclass(slots=True)
class Verified:
    """What was looked at, and what was found. *notes* are no damage: what a crash leaves, what retention took."""

    lines: int = 0
    months: list[str] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(folder: Path) -> Verified:
    """Read the whole trail in *folder* and say where it is not as it was written.

    Not while somebody writes: the caller holds `Trail.at_rest`.

    Raises:
        AuditError: it cannot be read.
    """
    try:
        return _Walk(folder).go()
    except OSError as error:
        raise AuditError(f"the audit trail {folder} cannot be read ({error.strerror}): run it as its owner") from error


class _Walk:
    """Goes through the months; *chains* are those that the next line may hold on to, *count* lines are behind it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found = Verified()
        self._count = 0
        self._chains = {BEGINNING}
        self._anchor: str | None = None
        self._anchor_told = False
        self._missing: dict[int, tuple[str, int]] = {}

    def go(self) -> Verified:
        months = sorted({*months_with(self._folder, LINES), *months_with(self._folder, HEAD)})
        months = self._begin(months)
        for month in months:
            if file_of(self._folder, month, LINES).exists():
                self._month(month, newest=month == months[-1])
            else:
                self._without_lines(month, newest=month == months[-1])
        if self._anchor and not self._anchor_told:
            self._say(self._anchor, None, "the month is removed, and no line tells of it")
        return self._found

    def _begin(self, months: list[str]) -> list[str]:
        """Take the head before the first month that has lines, which retention has left, as where to begin."""
        with_lines = months_with(self._folder, LINES)
        before = [month for month in months if with_lines and month < with_lines[0]]
        for month in before:
            head = head_of(self._folder, month)
            if head is not None and head.lines:  # a crash may leave one that knows of no line
                self._anchor = month
                self._go_on_from(head)
        if self._anchor:
            note = f"{self._anchor} and what was before is removed: begins with line {self._count + 1}"
            self._found.notes.append(note)
        return [month for month in months if month not in before]

    def _without_lines(self, month: str, *, newest: bool) -> None:
        """Look at a head that stands alone: a crash in the first append of a month leaves one that knows of no line."""
        head = head_of(self._folder, month)
        if head.lines if head is not None else not newest:
            self._say(month, None, "the month is removed")
        self._go_on_from(head)

    def _go_on_from(self, head: Head | None) -> None:
        if head is not None:
            self._count, self._chains = head.count, {head.chain}

    def _month(self, month: str, *, newest: bool) -> None:
        before = len(self._found.damages)
        first = self._count
        number = 0
        with file_of(self._folder, month, LINES).open("rb") as file:
            lines = self._hold(file)
            for number, line in lines:
                place = file.tell()
                following = file.readline()
                file.seek(place)
                self._odd(month, number, line, following)
        self._found.months.append(month)
        self._tell_missing()
        self._end(month, self._count - first, newest=newest, damaged=len(self._found.damages) > before)

    def _hold(self, file: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        """Go over the lines that hold on to the one before; yield each that does not, with its number in the file."""
        number = 0
        count, chains = self._count, self._chains
        chain = next(iter(chains))
        for number, line in enumerate(file, 1):
            own = sha256(chain + line[:-TAIL]).hexdigest().encode("ascii") if len(chains) == 1 else b""
            if own and line[-TAIL:] == tail_of(own):
                chain = own
                count += 1
                if _REMOVAL in line:
                    self._anchor_told = self._anchor_told or (self._anchor or "-").encode() in line
                continue
            self._count, self._chains = count, {chain} if len(chains) == 1 else chains
            yield number, line
            count, chains = self._count, self._chains
            chain = next(iter(chains))
        self._count, self._chains = count, {chain} if len(chains) == 1 else chains
        self._found.lines += number

    def _odd(self, month: str, number: int, line: bytes, following: bytes) -> None:
        """Name a line that does not hold on to the one before, and find out where to go on."""
        for before in self._chains:
            if line[-TAIL:] == tail_of(chain_of(before, line[:-TAIL])):
                self._take(line, before)
                return
        if not following and (not line.endswith(b"\n") or line.startswith(b"\0")):
            self._found.notes.append(
                f"{month}.jsonl, line {number}: unfinished, as a crash leaves it: the next line takes its place"
            )
            return
        told = self._number_of(month, line, following)
        if told <= self._count:
            self._displaced(month, number, told, line)
            return
        if told == self._count + 1 or _number(line) != told:
            self._say(month, number, "altered")
        for missing in range(self._count + 1, told):
            self._missing[missing] = (month, number)
        stated = stated_chain(line)
        self._chains = {chain_of(before, line[:-TAIL]) for before in self._chains} | ({stated} if stated else set())
        self._count = told

    def _number_of(self, month: str, line: bytes, following: bytes) -> int:
        """Return which line that is: what the next one says, if it holds on to it; what it says itself; or the next."""
        stated = stated_chain(line)
        if stated and following[-TAIL:] == tail_of(chain_of(stated, following[:-TAIL])):
            return (_number(following) or self._count + 2) - 1
        head = head_of(self._folder, month)
        told = _number(line)
        return told if told and head and told <= head.count else self._count + 1

    def _take(self, line: bytes, before: bytes) -> None:
        self._chains = {chain_of(before, line[:-TAIL])}
        self._count += 1

    def _displaced(self, month: str, number: int, told: int, line: bytes) -> None:
        """Name a line that stands too late."""
        if self._missing.pop(told, None) is not None:
            self._say(month, number, f"swapped: line number {told} stands here, after number {self._count}")
        else:
            self._say(month, number, f"added: there is a line of number {told} before it")
            stated = stated_chain(line)
            if told == self._count and stated:
                self._chains = self._chains | {stated}

    def _tell_missing(self) -> None:
        """Name the places where lines are missing that have not come later."""
        places: dict[tuple[str, int], list[int]] = {}
        for missing, place in self._missing.items():
            places.setdefault(place, []).append(missing)
        self._missing.clear()
        for (month, number), gone in places.items():
            self._say(month, number, f"removed: {_lines(len(gone))} before it, {_numbers(gone)}")

    def _end(self, month: str, lines: int, *, newest: bool, damaged: bool) -> None:
        """Compare the end of a month with its head."""
        head = head_of(self._folder, month)
        if head is None:
            if not newest or lines > 1:
                self._found.damages.append(Damage(f"{month}.{HEAD}", None, "missing or damaged"))
            return
        more = self._count - head.count
        if more < 0:
            gone = list(range(self._count + 1, head.count + 1))
            self._say(month, lines + 1, f"removed: the last {_lines(len(gone))}, {_numbers(gone)}")
            self._go_on_from(head)
        elif more > (max(1, head.writing) if newest else 0):
            self._say(month, lines - more + 1, f"added: {_lines(more)} that its head does not know")
        elif more:
            self._found.notes.append(
                f"{month}.{HEAD}: {_lines(more)} behind, as a crash leaves it: the next line mends it"
            )
        elif head.chain not in self._chains and not damaged:
            self._say(month, lines, "altered, with its chain")

    def _say(self, month: str, line: int | None, what: str) -> None:
        self._found.damages.append(Damage(f"{month}.{LINES}", line, what))


def _number(line: bytes) -> int | None:
    """Return the number that a line says it has."""
    match = ID_AT.match(line)
    return int(match[1]) if match else None


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _numbers(numbers: list[int]) -> str:
    return f"number {numbers[0]}" if len(numbers) == 1 else f"numbers {numbers[0]} to {numbers[-1]}"
