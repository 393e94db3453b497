"""A new index in the making, beside the one in use."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Self

from voipmon.files import sync_directory
from voipmon.recordings.index_file import (
    ROWS_AT_ONCE,
    SCHEMA,
    Folder,
    Listed,
    Row,
    UnusableError,
    following,
    newest,
    places,
    remove_database,
    translated,
)

_NAME = "building.sqlite3"
_PILE = "building-pile.sqlite3"


class Building:
    """An index that is filled from nothing: rows are piled up, and sorted into their places at once.

    One at a time in a folder; what a killed one left is overwritten. All methods raise UnusableError.
    """

    def __init__(self, folder: Path, settings: str, now: int) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._about = settings, now
        remove_leftovers(self._folder)
        with translated(self._path):
            self._database = sqlite3.connect(self._path, isolation_level=None)
            self._database.execute("ATTACH ? AS pile", (str(folder / _PILE),))
            for name in ("main", "pile"):  # nothing of it counts before it bears its name
                self._database.execute(f"PRAGMA {name}.journal_mode = OFF")
                self._database.execute(f"PRAGMA {name}.synchronous = OFF")
            self._database.executescript(
                f"PRAGMA cache_size = -32000; PRAGMA threads = 1; {SCHEMA}"
                "CREATE TABLE pile.recording (moment, folder, name, party, other); BEGIN"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(sqlite3.Error):
            self._database.close()
        remove_leftovers(self._folder)

    def folders(self) -> dict[bytes, Folder]:
        """Return none: all are new."""
        return {}

    def marks(self, _folder: int) -> bytes:
        """Return none."""
        return b""

    def number_of(self, path: bytes) -> int:
        """Return the number of a folder."""
        with translated(self._path):
            cursor = self._database.execute("INSERT INTO folder (path, marks) VALUES (?, x'')", (path,))
            return int(cursor.lastrowid or 0)

    def add(self, rows: list[Row]) -> int:
        """Pile up rows; return how many."""
        with translated(self._path):
            for at in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[at : at + ROWS_AT_ONCE]
                statement = f"INSERT INTO recording VALUES {places(len(some))}"  # noqa: S608 - places only
                self._database.execute(statement, list(chain.from_iterable(some)))
        return len(rows)

    def note(self, listings: Iterable[Listed]) -> None:
        """Note the folders that were listed."""
        values = [(state, marks, number) for number, state, marks in listings]
        with translated(self._path):
            self._database.executemany("UPDATE folder SET state = ?, marks = ? WHERE id = ?", values)

    def finish(self) -> Path:
        """Sort everything into its place, and make it the newest index; it is durable on return."""
        with translated(self._path):
            rows = self._database.execute(
                "INSERT OR IGNORE INTO party SELECT party, moment, folder, name FROM recording UNION ALL"
                " SELECT other, moment, folder, name FROM recording WHERE other IS NOT NULL ORDER BY 1, 2, 3, 4"
            ).rowcount
            self._database.execute("INSERT INTO about VALUES (?, ?, ?)", (*self._about, rows))
            for statement in ("COMMIT", "DETACH pile", "PRAGMA journal_mode = WAL"):
                self._database.execute(statement)
            self._database.close()
        remove_database(self._folder / _PILE)  # before the name: a finished one leaves nothing
        try:
            return self._name_it()
        except OSError as error:
            raise UnusableError(f"{self._path}: {error.strerror}") from error

    def _name_it(self) -> Path:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path = self._folder / following(newest(self._folder))
        self._path.rename(path)
        sync_directory(self._folder)
        return path


def remove_leftovers(folder: Path) -> None:
    """Remove what a builder left that was killed. Only while no other can be at work."""
    for name in (_NAME, _PILE):
        remove_database(folder / name)
