"""A small installation that is brought back to its beginning for every trial, and what must be so at its end."""

import json
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safety.actors import POISON, request_of

from voipmon.audit.trail import Trail
from voipmon.audit.verify import verify
from voipmon.clock import system_clock

HAND_WRITTEN = {
    "request_id": "hand-1",
    "from_email": "manager@example.com",
    "parameters": {"ramais": "1121", "inicio": "27/10/2025 08:00", "fim": "28/10/2025 18:00"},
}
BAD = b'{"from_email": "manager@example.com",\n}'
POISONED, GOOD, NOTHING, BETTER = range(4)
REQUESTS = [(POISONED, POISON), (GOOD, "1121"), (NOTHING, "9999"), (BETTER, "1122")]
DELIVERED = ("hand-1", request_of(GOOD).id, request_of(BETTER).id)
LETTERS = {
    *(f"{request_id}.result" for request_id in DELIVERED),
    f"{request_of(NOTHING).id}.nothing-found",
    f"{request_of(POISONED).id}.failure",
}
_CALLS = ("internal-1121-2001-20251027-090000-1761566400.1.mp3", "internal-2001-1122-20251028-110000-1761660000.2.mp3")
_LONG_AGO = 1_761_700_000
_REMEMBERED = {("state", "catalogue"), ("state", "templates")}
_AUDIT = ("state", "audit")
_ENDS = {"delivered": DELIVERED, "nothing_found": (request_of(NOTHING).id,), "failed": (request_of(POISONED).id,)}


class World:
    """The folders of the installation; *folder* holds it and the copy it is brought back from."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "world"
        self._beginning = folder / "beginning"
        for name in ("queue", "recordings", "publish", "state"):
            (self.path / name).mkdir(parents=True)
        for name in _CALLS:
            (self.path / "recordings" / name).write_bytes(name.encode() * 40)
            os.utime(self.path / "recordings" / name, (_LONG_AGO, _LONG_AGO))
        settings = {
            "instance": "pbx",
            "state_dir": str(self.path / "state"),
            "smtp.host": "127.0.0.1",
            "smtp.sender": "voip.audios@example.com",
            "access.whitelist": ["manager@example.com"],
            "queue.dir": str(self.path / "queue"),
            "recordings.dir": str(self.path / "recordings"),
            "publish.dir": str(self.path / "publish"),
            "publish.base_url": "https://voip.example.com/audios",
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (self.path / "voipmon.toml").write_text("\n".join(sorted(lines, key=lambda line: ("." in line[:12], line))))

    def drop_files(self) -> None:
        """Drop a request and a damaged file into the queue by hand."""
        (self.path / "queue" / "pending" / "by hand.json").write_text(json.dumps(HAND_WRITTEN))
        (self.path / "queue" / "pending" / "bad.json").write_bytes(BAD)

    def begin_here(self) -> None:
        """Let `reset` bring back what is there now."""
        shutil.rmtree(self._beginning, ignore_errors=True)
        shutil.copytree(self.path, self._beginning)

    def reset(self) -> Path:
        """Bring back the beginning; return the folder."""
        shutil.rmtree(self.path)
        shutil.copytree(self._beginning, self.path)
        return self.path

    def notes(self, name: str) -> list[str]:
        """Return the lines of what the actors noted."""
        path = self.path / name
        return path.read_text().splitlines() if path.exists() else []

    def waits(self) -> bool:
        """Tell whether anything is still to be done."""
        busy = ("queue/pending", "queue/processing", "state/outbox/waiting", "state/outbox/sending")
        return any(list((self.path / folder).glob("*")) for folder in busy)

    def left(self) -> set[str]:
        """Return all files of queue, outbox and publications but those that were given a random name.

        Not those that a power cut left empty, either, if they were set aside with the reason beside them; nor what is
        only remembered and can be lost, such as the catalogue's index (tests/safety/test_index.py), nor the audit.
        """
        folders = (self.path / name for name in ("queue", "state"))
        found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
        found -= {path for path in found if path.relative_to(self.path).parts[:2] in {*_REMEMBERED, _AUDIT}}
        torn = {path for path in found if path.parent.name in ("failed", "refused") and not path.stat().st_size}
        reasons = {path.with_name(f"{path.name}.error.txt") for path in torn}
        return {str(path.relative_to(self.path)) for path in found - torn - (reasons if reasons <= found else set())}

    def document(self, place: str) -> dict[str, Any]:
        """Return the content of a request's file."""
        document: dict[str, Any] = json.loads((self.path / "queue" / place).read_bytes())
        return document

    def deaths(self) -> int:
        """Return how often a worker's death was noted in the files that ended."""
        files = [*self.path.glob("queue/completed/*.json"), *self.path.glob("queue/failed/2*.json")]
        events = [event["event"] for path in files for event in json.loads(path.read_bytes())["history"]]
        return events.count("worker_died")


def check_all_is_done_once(world: World, *, repeated_letters: int = 0, repeated_work: int = 0) -> None:
    """Check that every request has its one end and nothing is left over.

    *repeated_letters* and *repeated_work* are how many letters may have been sent, how many requests worked on, once
    more.
    """
    assert world.left() == _ALL_THAT_STAYS
    _check_the_audit(world.path / "state" / "audit")
    _check_the_queue(world)
    _check_the_publications(world.path)
    _check_the_letters(world.notes("server"), repeated_letters)
    handled = Counter(world.notes("handled"))
    assert set(handled) == set(DELIVERED)
    assert handled.total() <= len(DELIVERED) + repeated_work, handled


def _check_the_audit(folder: Path) -> None:
    assert verify(folder).damages == []
    lines = list(Trail(folder, system_clock).lines())
    for kind, requests in _ENDS.items():
        told = Counter(line["request"] for line in lines if line["event"] == kind)
        assert told == Counter(requests), kind
    taken = Counter(line["request"] for line in lines if line["event"] == "request_taken")
    assert taken == Counter(request for requests in _ENDS.values() for request in requests)


def _check_the_queue(world: World) -> None:
    outcomes = {request_id: world.document(f"completed/{request_id}.json")["result"] for request_id in DELIVERED}
    assert {result["outcome"] for result in outcomes.values()} == {"delivered"}
    assert {result["recordings"] for result in outcomes.values()} == {1}
    nothing = world.document(f"completed/{request_of(NOTHING).id}.json")
    assert nothing["result"]["outcome"] == "nothing_found"
    poisoned = world.document(f"failed/{request_of(POISONED).id}.json")
    assert poisoned["result"]["outcome"] == "failed"
    assert (world.path / "queue/failed/bad.json").read_bytes() == BAD
    assert (world.path / "queue/failed/bad.json.error.txt").read_text().startswith("line ")


def _check_the_publications(world: Path) -> None:
    publications = list((world / "publish").iterdir())
    assert len(publications) == len(DELIVERED), publications
    bundles = {path.name for publication in publications for path in publication.glob("*.zip")}
    assert bundles == {f"gravacoes-{request_id}.zip" for request_id in DELIVERED}
    originals = [path.read_bytes() for path in (world / "recordings").iterdir()]
    for publication in publications:
        assert (publication / "index.html").read_text().endswith("</html>")
        assert (publication / "0001.mp3").read_bytes() in originals
        with zipfile.ZipFile(next(publication.glob("*.zip"))) as bundle:
            assert bundle.testzip() is None
            assert len(bundle.namelist()) == 2


def _check_the_letters(server: Iterable[str], repeated: int) -> None:
    letters = Counter(server)
    names = [line.split("<")[1].split("@")[0] for line in letters]
    assert sorted(names) == sorted(LETTERS), "a letter is missing, or came with other bytes"
    assert letters.total() <= len(LETTERS) + repeated, letters


_ALL_THAT_STAYS = {
    *(f"queue/completed/{request_id}.json" for request_id in (*DELIVERED, request_of(NOTHING).id)),
    f"queue/failed/{request_of(POISONED).id}.json",
    "queue/failed/bad.json",
    "queue/failed/bad.json.error.txt",
    "state/publications/.lock",
    *(f"state/outbox/sent/{name}.json" for name in LETTERS),
    *(f"state/publications/{request_id}.json" for request_id in DELIVERED),
}
