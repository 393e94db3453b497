"""Who has opened what was given: from the web server's access log into the audit trail."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from voipmon import user
from voipmon.audit.access_log import Hit, hits
from voipmon.audit.port import Event
from voipmon.clock import stamp
from voipmon.delivery.records import key_of
from voipmon.errors import ParameterError

_BATCH = 10_000
_GZIP = b"\x1f\x8b"


class Told(Protocol):
    """The audit trail, as it is read and written here (`audit.trail.Trail`)."""

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the lines tell, the oldest first."""
        ...

    def append(self, events: list[Event]) -> int:
        """Write down those that are not there yet; return how many."""
        ...


@dataclass(slots=True)
class Imported:
    """How many requests for files of known publications the logs hold, and how many openings were new in them."""

    hits: int = 0
    openings: int = 0


def import_access_logs(paths: Iterable[Path], trail: Told) -> Imported:
    """Tell the trail which files of publications were opened; the same log again adds nothing, nor does a longer one.

    What one player fetches of one file within one hour is one opening, told with its first moment in the log.

    Raises:
        ParameterError: a log cannot be read.
    """
    given = {line["publication"]: line for line in trail.lines() if line["event"] == "delivered"}
    imported = Imported()
    for path in paths:
        batch: dict[str, Event] = {}
        for hit in hits(_lines(path)):
            key = key_of(hit.folder)
            if key not in given:
                continue
            imported.hits += 1
            event = _opened(hit, key, given[key])
            batch.setdefault(event.id, event)
            if len(batch) >= _BATCH:
                imported.openings += trail.append(list(batch.values()))
                batch.clear()
        imported.openings += trail.append(list(batch.values()))
    return imported


def _opened(hit: Hit, key: str, line: Mapping[str, Any]) -> Event:
    facts = {
        "request": line["request"],
        "tenant": line.get("tenant"),
        "publication": key,
        "item": hit.item,
        "address": hit.address,
        "agent": hit.agent,
    }
    what = (key, hit.item, hit.address, hit.agent, stamp(hit.hour))
    return Event("opened", hit.at, what, {name: fact for name, fact in facts.items() if fact})


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a log, which may be compressed; it is opened by the rights of whoever started us."""
    try:
        with user.starter():
            opened = path.open("rb")
        with opened as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            for line in file:
                yield line.decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ParameterError(f"the access log {path} cannot be read: {why}: name a log of Apache or nginx") from error
