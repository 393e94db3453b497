import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voipmon.demo.check import check
from voipmon.demo.mails import MANAGER, STRANGER, SUPERVISOR, Answer
from voipmon.demo.recordings import Call
from voipmon.demo.servers import HOST, Servers
from voipmon.errors import ProcessingError

NOON = datetime(2025, 10, 27, 12, tzinfo=ZoneInfo("America/Sao_Paulo"))
CALLS = tuple(Call(number, NOON + timedelta(minutes=number), 3, "2001", "1122") for number in range(3))
MEMBERS = (
    "2025-10-27_12-00-00_2001_para_1122.mp3",
    "2025-10-27_12-01-00_2001_para_1122.mp3",
    "2025-10-27_12-02-00_2001_para_1122.mp3",
    "MANIFESTO.csv",
)


@dataclass(frozen=True)
class Case:
    """A publication on a web server, and the answers that were sent about it."""

    publication: Path
    answers: list[Answer]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    publication = tmp_path / "public" / "token"
    publication.mkdir(parents=True)
    (publication / "index.html").write_text("<p>page")
    (publication / "0001.mp3").write_bytes(bytes(1000))
    (publication / "calls.zip").write_bytes(_bundle(MEMBERS))
    with Servers(tmp_path, tmp_path / "public", user="user", password="secret") as servers:
        base = f"http://{HOST}:{servers.web_port}/token"
        sounds = [f"{base}/{number:04}.mp3" for number in (1, 2, 3)]
        links = (f"{base}/index.html", *sounds, f"{base}/calls.zip")
        answers = [
            Answer(tmp_path / "01-confirmation.eml", "confirmation", MANAGER, ()),
            Answer(tmp_path / "02-rejection.eml", "rejection", SUPERVISOR, ()),
            Answer(tmp_path / "03-result.eml", "result", MANAGER, links),
        ]
        yield Case(publication, answers)


def _bundle(names: Iterable[str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name in names:
            bundle.writestr(name, bytes(1000))
    return archive.getvalue()


def test_what_is_right_is_found_right_and_named(case: Case) -> None:
    delivery = check(case.answers, CALLS)

    assert delivery.mail.name == "03-result.eml"
    assert delivery.page.endswith("/token/index.html")
    assert delivery.bundle.endswith("/token/calls.zip")


def _without(name: str) -> Callable[[Case], object]:
    return lambda case: (case.publication / name).unlink()


def _bundled(data: bytes) -> Callable[[Case], object]:
    return lambda case: (case.publication / "calls.zip").write_bytes(data)


def _result_without(suffix: str) -> Callable[[Case], object]:
    def remove(case: Case) -> None:
        links = tuple(link for link in case.answers[2].links if not link.endswith(suffix))
        case.answers[2] = replace(case.answers[2], links=links)

    return remove


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda case: case.answers.pop(1), "rejection to supervisor@.*and these were: confirmation"),
        (lambda case: case.answers.append(replace(case.answers[0], recipient=STRANGER)), "confirmation to stranger"),
        (lambda case: case.answers.clear(), "these were: none"),
        (_result_without("0002.mp3"), "should link to a page, a ZIP and 3 recordings"),
        (_result_without(".zip"), "should link to a page"),
        (_result_without(".html"), "should link to a page"),
        (_without("index.html"), "/token/index.html should answer with 200 and answers with 404"),
        (_without("0001.mp3"), "/token/0001.mp3 should answer with 206 and answers with 404"),
        (lambda case: (case.publication / "0001.mp3").write_bytes(bytes(150)), "a part of a recording"),
        (_without("calls.zip"), "/token/calls.zip should answer with 200"),
        (_bundled(b"no ZIP"), "the ZIP does not open"),
        (_bundled(_bundle(MEMBERS).replace(bytes(1000), b"x" * 1000, 1)), "12-00-00.* is damaged"),
        (_bundled(_bundle(MEMBERS[1:])), "should hold the recordings of 3 calls"),
        (_bundled(_bundle((*MEMBERS, "2025-10-27_12-03-00_2001_para_1122.mp3"))), "holds others"),
        (_bundled(_bundle(MEMBERS[:-1])), "MANIFESTO.csv"),
    ],
)
def test_what_is_wrong_is_found(case: Case, spoil: Callable[[Case], object], words: str) -> None:
    spoil(case)

    with pytest.raises(ProcessingError, match=words):
        check(case.answers, CALLS)


def test_a_web_server_that_is_away_is_told(tmp_path: Path, case: Case) -> None:
    with Servers(tmp_path, tmp_path / "public", user="user", password="secret") as gone:
        links = tuple(link.replace(link.split("/")[2], f"{HOST}:{gone.web_port}") for link in case.answers[2].links)
    case.answers[2] = replace(case.answers[2], links=links)

    with pytest.raises(ProcessingError, match=r"/token/index.html does not answer: .*refused"):
        check(case.answers, CALLS)
