"""What is published under which token, and until when: one file for each publication, kept through a crash."""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from voipmon.domain.recording import LeftOut
from voipmon.errors import PublishError
from voipmon.files import safe_name, write_atomic


@dataclass(frozen=True, slots=True)
class Record:
    """One publication: its folder's name, its end, and what is in it. *size* is the ZIP's.

    Until the folder is there, it only keeps the token for the next attempt.
    """

    request_id: str
    token: str
    expires_at: datetime
    size: int = 0
    recordings: int = 0
    recordings_size: int = 0
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        if not safe_name(self.token):
            raise ValueError("a token must be the name of a folder")
        if self.expires_at.tzinfo is None:
            raise ValueError("a publication ends at an aware moment")


def key_of(token: str) -> str:
    """Return what a publication may be called in logs and lists: made from its token, which cannot be found from it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


@contextmanager
def usable(place: Path) -> Iterator[None]:
    """Say of an `OSError` what is wrong with *place*, and the remedy.

    Raises:
        PublishError: retryable; an error's own path is not told, for it may hold a token.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            sentence = f"{place} is full: make room"
        elif isinstance(error, FileNotFoundError | NotADirectoryError):
            sentence = f"{place} is not there ({error.strerror}): make that folder, or mount it"
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            sentence = f"{place} cannot be written ({error.strerror}): give this user the right to"
        else:
            sentence = f"{place} cannot be used: {error.strerror}"
        raise PublishError(sentence, retryable=True) from error


class Records:
    """The records of one host, files in *folder*, which only we may read: a token is a secret."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Record]:
        """Return those of what is there to be fetched, the next to end first. One that cannot be understood is none."""
        records = []
        for request_id in self.request_ids():
            with suppress(PublishError):
                record = self.load(request_id)
                if record is not None and record.recordings:
                    records.append(record)
        return sorted(records, key=lambda record: (record.expires_at, record.request_id))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process of this host that changes records, or what they tell of."""
        with usable(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def load(self, request_id: str) -> Record | None:
        """Return the record of that request, or None.

        Raises:
            PublishError: there is one that cannot be understood.
        """
        path = self._path(request_id)
        try:
            with usable(self._folder):
                data = _read(path)
            if data is None:
                return None
            fields = json.loads(data)
            left_out = tuple(LeftOut(**file) for file in fields.pop("left_out"))
            expires_at = datetime.fromisoformat(fields.pop("expires_at"))
            return Record(**fields, expires_at=expires_at, left_out=left_out)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PublishError(f"{path} is no record of a publication: remove it") from error

    def save(self, record: Record) -> None:
        """Keep the record; durable on return. The caller holds the lock."""
        fields = asdict(record) | {"expires_at": record.expires_at.isoformat()}
        with usable(self._folder):
            path = self._path(record.request_id)
            write_atomic(path, json.dumps(fields, indent=2).encode(), mode=0o600)
            end = record.expires_at.timestamp()
            os.utime(path, (end, end))  # so that a look at the folder tells whether anything is over

    def remove(self, request_id: str) -> None:
        """Forget the record. The caller holds the lock."""
        with usable(self._folder):
            self._path(request_id).unlink(missing_ok=True)

    def request_ids(self) -> list[str]:
        """Return the requests that have a record, in no order."""
        if not self._folder.exists():
            return []
        with usable(self._folder):
            return [path.stem for path in self._folder.glob("*.json") if safe_name(path.stem)]

    def _path(self, request_id: str) -> Path:
        if not safe_name(request_id):
            raise PublishError(f"{request_id!r} is no request id: letters, digits, '.', '_' and '-' make one")
        return self._folder / f"{request_id}.json"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
