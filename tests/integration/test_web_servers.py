"""What is given out and what is not, by Apache and nginx with Debian's own configuration and our snippet."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.audio import mp3, wav
from support.debian_web import DebianWeb

from voipmon.audit.port import Event
from voipmon.audit.trail import Trail
from voipmon.commands.openings import import_access_logs
from voipmon.delivery.local import LocalPublisher
from voipmon.delivery.public import check_public, one_original, originals_url, probe_in
from voipmon.delivery.records import Records
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication
from voipmon.domain.period import Period
from voipmon.domain.recording import Findings, Recording
from voipmon.errors import PublishError

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
KEEP = timedelta(hours=72)
ASK = Ask((Extension("1121"),), Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 28, tzinfo=ZONE)))
SOUNDS = {"a.mp3": mp3(2.0), "b.wav": wav(1.0)}
WANTED = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}


@pytest.fixture
def publisher(web: DebianWeb, tmp_path: Path) -> LocalPublisher:
    for name, sound in SOUNDS.items():
        (web.recordings / name).write_bytes(sound)
        (web.recordings / name).chmod(0o644)
    return LocalPublisher(
        folder=web.folder,
        base_url=f"{web.url}/audios",
        keep=KEEP,
        audio="copy",
        recordings_root=web.recordings,
        state_dir=tmp_path / "state",
        language="pt_BR",
        zone=ZONE,
    )


def publish(publisher: LocalPublisher, request_id: str = "r1") -> Publication:
    start = datetime(2025, 10, 27, 17, 53, 40, tzinfo=ZONE)
    recordings = tuple(Recording(name, start, "2001", "1121", len(sound)) for name, sound in SOUNDS.items())
    return publisher.publish(request_id, ASK, Findings(recordings), NOW)


def links(publication: Publication) -> list[str]:
    return [publication.page_url, publication.zip_url, *(item.url for item in publication.items)]


def statuses(web: DebianWeb, publication: Publication) -> set[int]:
    return {web.get(link).status for link in links(publication)}


def test_with_the_snippet_links_answer_and_nothing_is_listed_cached_or_found(
    web: DebianWeb, publisher: LocalPublisher
) -> None:
    web.start(snippet=True)
    publication = publish(publisher)
    token = publication.page_url.split("/")[-2]

    for link in links(publication):
        answer = web.get(link)
        assert answer.status == 200, (link, web.log())
        assert {name: answer.headers.get(name) for name in WANTED} == WANTED, link
    assert [web.get(item.url).body for item in publication.items] == list(SOUNDS.values())
    types = [web.get(link).headers["Content-Type"].partition(";")[0] for link in links(publication)]
    assert types == ["text/html", "application/zip", "audio/mpeg", "audio/x-wav"]
    part = web.get(publication.items[0].url, Range="bytes=100-199")
    assert (part.status, part.body) == (206, SOUNDS["a.mp3"][100:200])
    assert web.get("audios/").status in {403, 404}
    assert web.get(f"audios/{'A' * len(token)}/0001.mp3").status == 404
    assert web.get(f"audios/{token}/0003.mp3").status == 404
    assert web.get(f"audios/{token}/").status == 200
    (web.folder / token / "index.html").unlink()
    assert web.get(f"audios/{token}/").status in {403, 404}
    missing = web.get(f"audios/{token}/0003.mp3")
    assert {name: missing.headers.get(name) for name in WANTED} == WANTED


def test_the_originals_are_not_served_whoever_knows_their_names(web: DebianWeb, publisher: LocalPublisher) -> None:
    web.start(snippet=True)

    for path in ("2p", "2p/", "2p/a.mp3", "audios/../2p/a.mp3", "2p//a.mp3", "%32p/a.mp3"):
        assert web.get(path).status in {301, 400, 403, 404}, path
        assert web.get(path).body != SOUNDS["a.mp3"]


def test_links_end_with_their_time_and_at_once_when_they_are_called_back(
    web: DebianWeb, publisher: LocalPublisher
) -> None:
    web.start(snippet=True)
    called_back, over = publish(publisher, "r1"), publish(publisher, "r2")
    assert statuses(web, called_back) == statuses(web, over) == {200}

    assert publisher.revoke("r1")
    assert statuses(web, called_back) == {404}
    assert statuses(web, over) == {200}

    publisher.expire(NOW + KEEP)
    assert statuses(web, over) == {404}


def test_without_the_snippet_no_folder_of_ours_is_listed_either(web: DebianWeb, publisher: LocalPublisher) -> None:
    web.start(snippet=False)
    publication = publish(publisher)
    token = publication.page_url.split("/")[-2]
    (web.folder / token / "index.html").unlink()

    assert web.get(publication.items[0].url).status == 200
    for path in ("audios/", f"audios/{token}/"):
        assert web.get(path).status in {403, 404}, path


@pytest.mark.parametrize("snippet", [False, True])
def test_doctor_finds_the_originals_that_debians_apache_lists_and_its_nginx_gives_out(
    web: DebianWeb, publisher: LocalPublisher, tmp_path: Path, snippet: bool
) -> None:
    web.start(snippet=snippet)
    base_url = f"{web.url}/audios"
    url = originals_url(base_url, web.folder, web.recordings)

    def doctor() -> str:
        with probe_in(web.folder, base_url, Records(tmp_path / "records"), "a-token", NOW) as probe:
            return check_public(base_url, probe, url, one_original(web.recordings))

    if web.name == "apache" and not snippet:
        assert b"Index of /2p" in web.get("2p/").body
        with pytest.raises(PublishError, match="/2p lists originals to anybody: switch the listing off"):
            doctor()
    elif not snippet:
        with pytest.raises(PublishError, match="/2p gives out originals to whoever knows their names: have the web"):
            doctor()
    else:
        assert "lists nothing" in doctor()


def test_what_the_servers_log_is_read_as_openings(web: DebianWeb, publisher: LocalPublisher, tmp_path: Path) -> None:
    web.start(snippet=True)
    publication = publish(publisher)
    trail = Trail(tmp_path / "audit", lambda: NOW, months=None)
    facts = {"request": "r1", "publication": publication.key, "zip": "gravacoes-r1.zip"}
    trail.append([Event("delivered", NOW, ("r1",), facts)])
    odd = 'A "player"\\ of ours \u00e9'.encode().decode("latin-1")
    for start in range(0, 3000, 1000):
        web.get(publication.items[0].url, Range=f"bytes={start}-{start + 999}", User_Agent=odd)
    web.get(publication.zip_url, User_Agent="Fox")
    web.get(publication.page_url, method="HEAD", User_Agent="Scanner")
    web.get(f"{publication.page_url}.bak")
    web.stop_gently()

    imported = import_access_logs([web.access_log], trail)
    again = import_access_logs([web.access_log], trail)

    assert (imported.hits, imported.openings) == (4, 2)
    assert again.openings == 0
    opened = [line for line in trail.lines() if line["event"] == "opened"]
    assert [(line["item"], line["address"]) for line in opened] == [
        ("0001.mp3", "127.0.0.1"), ("gravacoes-r1.zip", "127.0.0.1"),
    ]  # fmt: skip
    assert opened[0]["agent"].startswith('A "player"\\ of ours')
    assert opened[1]["agent"] == "Fox"
    assert publication.page_url.split("/")[-2] not in json.dumps(opened)
