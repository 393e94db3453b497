"""The index on the disk: an SQLite file that says, of whom and of when, which names there may be.

Rows are only ever added: what is in the file is at least what there is, and whoever asks looks at the files themselves.
So any number of processes may add at the same time, in any order, and nothing that a killed one leaves is wrong. What
is too much goes when the index is built anew: beside the old one, as a file of the next number.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Protocol, Self

VERSION = 3
SCHEMA = f"""
CREATE TABLE about (settings TEXT NOT NULL, built_at INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE folder (id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, state TEXT, marks BLOB NOT NULL);
CREATE TABLE party (
    party TEXT NOT NULL, moment INTEGER NOT NULL, folder INTEGER NOT NULL, name BLOB NOT NULL,
    PRIMARY KEY (party, moment, folder, name)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_PATIENCE = 2.0  # seconds; others write for some hundredths of one at a time
_DAMAGED = {1, 10, 11, 26}  # SQLITE_ERROR, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB

ROWS_AT_ONCE = 150  # in one statement, most of what a row costs; of five values: any SQLite takes fewer than 1,000

Row = tuple[int, int, bytes, str, str | None]
"""Of one recording: moment, number of the folder, name, one party, the other one if it is not the same."""

Listed = tuple[int, str | None, bytes]
"""Of one folder: number, state, marks."""


class UnfitError(Exception):
    """The index cannot be used and has to be built anew; says why."""


class UnusableError(Exception):
    """There can be no index for now: no room, no rights, somebody in the way; says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was seen. *state* is that of its last listing; None: it has not been listed to its end."""

    number: int
    state: str | None


class Index(Protocol):
    """What a refresh fills: an index that is in use, or one in the making."""

    def folders(self) -> dict[bytes, Folder]:
        """Return all folders that were ever seen, by their paths."""
        ...

    def marks(self, folder: int) -> bytes:
        """Return the marks of a folder's last listing, none if there was none."""
        ...

    def number_of(self, path: bytes) -> int:
        """Return the number of a folder, new or not."""
        ...

    def add(self, rows: list[Row]) -> int:
        """Add what is new of *rows*; return how many that were."""
        ...

    def note(self, listings: Iterable[Listed]) -> None:
        """Note the folders that were listed. Their rows must have been added."""
        ...


class IndexFile:
    """One index, open. All methods raise UnfitError and UnusableError; rows are only ever added."""

    def __init__(self, path: Path, settings: str) -> None:
        import sqlite3  # noqa: PLC0415 - with the first index that is opened

        self.path = path
        with translated(path):
            self._database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
            try:
                self.built_at, self.rows = self._check(settings)
            except BaseException:
                self._database.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(UnfitError, UnusableError), translated(self.path):
            self._database.close()

    def folders(self) -> dict[bytes, Folder]:
        """Return all folders that were ever seen, by their paths."""
        with translated(self.path):
            rows = self._database.execute("SELECT path, id, state FROM folder").fetchall()
            return {bytes(path): Folder(number, state) for path, number, state in rows}

    def marks(self, folder: int) -> bytes:
        """Return the marks of a folder's last listing, none if there was none."""
        with translated(self.path):
            row = self._database.execute("SELECT marks FROM folder WHERE id = ?", (folder,)).fetchone()
            return bytes(row[0]) if row else b""

    def names(self, party: str, first: int, last: int) -> list[tuple[int, bytes]]:
        """Return folder and name of the recordings of *party* from moment *first* to *last*."""
        with translated(self.path):
            statement = "SELECT folder, name FROM party WHERE party = ? AND moment BETWEEN ? AND ?"
            return self._database.execute(statement, (party, first, last)).fetchall()

    def number_of(self, path: bytes) -> int:
        """Return the number of a folder, new or not."""
        with translated(self.path):
            self._database.execute("INSERT OR IGNORE INTO folder (path, marks) VALUES (?, x'')", (path,))
            return int(self._database.execute("SELECT id FROM folder WHERE path = ?", (path,)).fetchone()[0])

    def add(self, rows: list[Row]) -> int:
        """Add what is new of *rows*; return how many that were."""
        with translated(self.path):
            ordered = sorted(rows, key=itemgetter(3, 0))
            batches = (ordered[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))
            new = [row for batch in batches for row in self._unknown(batch)]
            both = [(party, moment, folder, name) for moment, folder, name, party, _ in new]
            both += [(other, moment, folder, name) for moment, folder, name, _, other in new if other is not None]
            if new:
                with self._writing():
                    self._database.executemany("INSERT OR IGNORE INTO party VALUES (?, ?, ?, ?)", both)
        return len(new)

    def _unknown(self, rows: list[Row]) -> list[Row]:
        """Return those of some *rows* that are not in the index."""
        return self._database.execute(
            f"WITH row(moment, folder, name, party, other) AS (VALUES {places(len(rows))}) SELECT * FROM row WHERE"  # noqa: S608
            " NOT EXISTS (SELECT 1 FROM party WHERE (party, moment, folder, name) ="
            " (row.party, row.moment, row.folder, row.name))",
            list(chain.from_iterable(rows)),
        ).fetchall()

    def note(self, listings: Iterable[Listed]) -> None:
        """Note the folders that were listed."""
        values = [(state, marks, number) for number, state, marks in listings]
        with translated(self.path), self._writing():
            self._database.executemany("UPDATE folder SET state = ?, marks = ? WHERE id = ?", values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _check(self, settings: str) -> tuple[int, int]:
        self._database.execute("PRAGMA synchronous = NORMAL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise UnfitError(f"{self.path.name} is of another version of voipmon")
        row = self._database.execute("SELECT settings, built_at, rows FROM about").fetchone()
        if row is None or row[0] != settings:
            raise UnfitError(f"{self.path.name} was made with other settings")
        return int(row[1]), int(row[2])


def places(rows: int) -> str:
    """Return the places for the values of so many rows in a statement."""
    return ",".join(["(?,?,?,?,?)"] * rows)


def newest(folder: Path) -> Path | None:
    """Return the index to use, the one of the highest number; None: there is none."""
    return max(all_of(folder), default=None)


def all_of(folder: Path) -> list[Path]:
    """Return the indexes in *folder*, in no order."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusableError(f"{folder}: {error.strerror}") from error
    return [folder / name for name in names if name.startswith("index-") and name.endswith(".sqlite3")]


def following(path: Path | None) -> str:
    """Return the name of the index that comes after *path*, or of the first one."""
    return f"index-{int(path.stem.removeprefix('index-')) + 1 if path else 1:06}.sqlite3"


def remove_database(path: Path) -> None:
    """Remove an SQLite file, if it is there, and those beside it."""
    for ending in ("", "-journal", "-shm", "-wal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say in our words what SQLite says of *path*."""
    import sqlite3  # noqa: PLC0415 - as above

    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 1) & 0xFF
        if code in _DAMAGED:
            raise UnfitError(f"{path.name} is damaged ({error})") from error
        raise UnusableError(f"{path}: {error}") from error
    except (TypeError, ValueError) as error:  # a value of another kind than was ever put there
        raise UnfitError(f"{path.name} is damaged ({error})") from error
