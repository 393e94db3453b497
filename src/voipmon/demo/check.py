"""Whether what a demo's customer got is right: seen from outside, through the links in the mail."""

import http.client
import io
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from voipmon.demo.mails import MANAGER, SUPERVISOR, Answer
from voipmon.demo.recordings import Call
from voipmon.errors import ProcessingError

_ANSWERS = [(MANAGER, "confirmation"), (MANAGER, "result"), (SUPERVISOR, "rejection")]
_MANIFEST = "MANIFESTO.csv"
_TIMEOUT = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Delivery:
    """The *mail* with the result, and the addresses of the *page* and the *bundle* that it links to."""

    mail: Path
    page: str
    bundle: str


def check(answers: Collection[Answer], calls: Collection[Call]) -> Delivery:
    """Check that each person got the right answers, and the manager the recordings of exactly these *calls*.

    Raises:
        ProcessingError: with the first thing that is wrong.
    """
    found = sorted((answer.recipient, answer.kind) for answer in answers)
    if found != _ANSWERS:
        raise _wrong(f"these answers should have been sent: {_listed(_ANSWERS)}, and these were: {_listed(found)}")
    result = next(answer for answer in answers if answer.kind == "result")
    sounds = [link for link in result.links if link.endswith(".mp3")]
    bundles = [link for link in result.links if link.endswith(".zip")]
    pages = [link for link in result.links if link not in (*sounds, *bundles)]
    if len(sounds) != len(calls) or not bundles or not pages:
        raise _wrong(f"{result.file.name} should link to a page, a ZIP and {len(calls)} recordings")
    _fetch(pages[0], 200)
    if len(_fetch(sounds[0], 206, Range="bytes=100-199")) != 100:
        raise _wrong("a part of a recording is not what was asked for")
    _check_bundle(_fetch(bundles[0], 200), calls)
    return Delivery(result.file, pages[0], bundles[0])


def _check_bundle(data: bytes, calls: Collection[Call]) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            damaged, names = bundle.testzip(), bundle.namelist()
    except zipfile.BadZipFile as error:
        raise _wrong(f"the ZIP does not open: {error}") from error
    if damaged is not None:
        raise _wrong(f"{damaged} is damaged in the ZIP")
    if sorted(names) != sorted([*map(_member_name, calls), _MANIFEST]):
        raise _wrong(f"the ZIP should hold the recordings of {len(calls)} calls and {_MANIFEST}, and holds others")


def _member_name(call: Call) -> str:
    return f"{call.start:%Y-%m-%d_%H-%M-%S}_{call.origin}_para_{call.destination}.mp3"


def _fetch(url: str, status: int, **headers: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)  # which asks no proxy
    try:
        connection.request("GET", parts.path, headers=headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise _wrong(f"{parts.path} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status != status:
        raise _wrong(f"{parts.path} should answer with {status} and answers with {response.status}")
    return content


def _listed(answers: Collection[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} to {recipient}" for recipient, kind in answers) or "none"


def _wrong(what: str) -> ProcessingError:
    return ProcessingError(f"the demo went wrong: {what}")
