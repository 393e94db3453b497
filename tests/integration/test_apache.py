"""What a publication's links answer, from a real Apache with Debian's configuration."""

import io
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from support.apache import Apache
from support.audio import mp3, wav
from support.ordinary_user import reachable_folder

from voipmon.delivery.local import LocalPublisher
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication
from voipmon.domain.period import Period
from voipmon.domain.recording import Findings, Recording

pytestmark = pytest.mark.apache
as_another_user = pytest.mark.skipif(os.geteuid() != 0, reason="only root's Apache works as another user")

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
KEEP = timedelta(hours=72)
ASK = Ask((Extension("1121"),), Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 28, tzinfo=ZONE)))
SOUNDS = {"2025/a.mp3": mp3(2.0), "2025/b.wav": wav(1.0)}


@pytest.fixture
def base() -> Iterator[Path]:
    with reachable_folder() as folder:
        for name, sound in SOUNDS.items():
            path = folder / "recordings" / name
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.write_bytes(sound)
        yield folder


@pytest.fixture(params=["copy", "symlink"])
def audio(request: pytest.FixtureRequest) -> Literal["copy", "symlink"]:
    return "copy" if request.param == "copy" else "symlink"


@pytest.fixture
def publisher(base: Path, apache: Apache, audio: Literal["copy", "symlink"]) -> LocalPublisher:
    return LocalPublisher(
        folder=apache.folder,
        base_url=apache.url,
        keep=KEEP,
        audio=audio,
        recordings_root=base / "recordings",
        state_dir=base / "state",
        language="pt_BR",
        zone=ZONE,
    )


@pytest.fixture
def publication(publisher: LocalPublisher) -> Publication:
    start = datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)
    recordings = tuple(Recording(name, start, "2001", "1121", len(sound)) for name, sound in SOUNDS.items())
    return publisher.publish("r1", ASK, Findings(recordings), NOW)


def links(publication: Publication) -> list[str]:
    return [publication.page_url, publication.zip_url, *(item.url for item in publication.items)]


def test_each_link_answers_with_the_right_bytes(apache: Apache, publication: Publication) -> None:
    answers = [apache.get(item.url) for item in publication.items]

    assert [answer.status for answer in answers] == [200, 200], apache.log()
    assert [answer.body for answer in answers] == list(SOUNDS.values())
    assert [answer.headers["Content-Type"] for answer in answers] == ["audio/mpeg", "audio/x-wav"]
    with zipfile.ZipFile(io.BytesIO(apache.get(publication.zip_url).body)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()[:2]] == list(SOUNDS.values())
    page = apache.get(publication.page_url)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    assert b"0001.mp3" in page.body


def test_a_player_can_seek(apache: Apache, publication: Publication) -> None:
    answer = apache.get(publication.items[0].url, Range="bytes=100-199")

    assert answer.status == 206
    assert answer.body == SOUNDS["2025/a.mp3"][100:200]
    assert answer.headers["Content-Range"] == f"bytes 100-199/{len(SOUNDS['2025/a.mp3'])}"


def test_a_publication_opens_with_its_page(apache: Apache, publication: Publication) -> None:
    assert apache.get(publication.page_url.removesuffix("index.html")).status == 200


@as_another_user
def test_no_folder_is_listed_where_folders_are_listed(apache: Apache, publication: Publication) -> None:
    listed = apache.folder.parent / "listed"
    listed.mkdir(mode=0o755)
    token = publication.page_url.split("/")[-2]
    (apache.folder / token / "index.html").unlink()  # with it, there would be no need for a list

    assert apache.get(f"{apache.url.removesuffix('audios')}listed/").status == 200
    assert apache.get("").status == 403
    assert apache.get(f"{token}/").status == 403


def test_what_is_not_known_is_not_found(apache: Apache, publication: Publication) -> None:
    token = publication.page_url.split("/")[-2]

    assert apache.get(f"{'A' * len(token)}/0001.mp3").status == 404
    assert apache.get(f"{token}/0003.mp3").status == 404
    assert apache.get(f"{token}/MANIFESTO.csv").status == 404


def test_links_answer_404_when_their_time_is_over(
    apache: Apache, publisher: LocalPublisher, publication: Publication
) -> None:
    assert {apache.get(link).status for link in links(publication)} == {200}

    publisher.expire(NOW + KEEP)

    assert {apache.get(link).status for link in links(publication)} == {404}


@as_another_user
def test_work_in_progress_is_out_of_reach(apache: Apache, publisher: LocalPublisher) -> None:
    start = datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)
    recording = Recording("2025/a.mp3", start, "2001", "1121", len(SOUNDS["2025/a.mp3"]))
    seen = []

    def look(done: int, _total: int) -> None:
        (work,) = apache.folder.iterdir()
        seen.extend(apache.get(f"{work.name}/{path.name}").status for path in work.iterdir() if done)

    publisher.publish("r1", ASK, Findings((recording,)), NOW, look)

    assert seen
    assert 200 not in seen
