from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from fakes.publisher import MemoryPublisher

from voipmon.delivery.local import LocalPublisher
from voipmon.delivery.publisher import Publisher
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication
from voipmon.domain.period import Period
from voipmon.domain.recording import STILL_GROWING, VANISHED, Findings, LeftOut, Recording
from voipmon.errors import AuditError, BundleError

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 12, 0, 0, 250, tzinfo=UTC)
KEEP = timedelta(hours=72)
BASE = "https://voip.example.com/audios"
ASK = Ask((Extension("1121"),), Period(datetime(2025, 10, 27, tzinfo=ZONE), datetime(2025, 10, 28, tzinfo=ZONE)))


class Stage(Protocol):
    """A publisher, the recordings it can give, and what the world sees of it."""

    publisher: Publisher

    def record(self, name: str, minute: int = 0) -> Recording: ...

    def lose(self, recording: Recording) -> None: ...

    def visible(self) -> set[str]: ...


class MemoryStage:
    def __init__(self) -> None:
        self._fake = MemoryPublisher(BASE, KEEP)
        self.publisher: Publisher = self._fake

    def record(self, name: str, minute: int = 0) -> Recording:
        return recording(name, minute)

    def lose(self, recording: Recording) -> None:
        self._fake.lost[recording.path] = VANISHED

    def visible(self) -> set[str]:
        return self._fake.visible


class LocalStage:
    def __init__(self, folder: Path, audio: str) -> None:
        self._public = folder / "public"
        self._public.mkdir()
        self._recordings = folder / "recordings"
        self._recordings.mkdir()
        self.publisher: Publisher = LocalPublisher(
            folder=self._public,
            base_url=BASE,
            keep=KEEP,
            audio="copy" if audio == "copy" else "symlink",
            recordings_root=self._recordings,
            state_dir=folder / "state",
            language="pt_BR",
            zone=ZONE,
        )

    def record(self, name: str, minute: int = 0) -> Recording:
        (self._recordings / name).write_bytes(bytes(1000))
        return recording(name, minute)

    def lose(self, recording: Recording) -> None:
        (self._recordings / recording.path).unlink()

    def visible(self) -> set[str]:
        return {f"{BASE}/{path.relative_to(self._public)}" for path in self._public.rglob("*") if path.is_file()}


@pytest.fixture(params=["memory", "copy", "symlink"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return MemoryStage() if request.param == "memory" else LocalStage(tmp_path, request.param)


def recording(name: str, minute: int) -> Recording:
    start = datetime(2025, 10, 27, 10, minute, tzinfo=ZONE)
    return Recording(path=name, start=start, origin="1121", destination="2001", size=1000, kind="internal")


def publish(stage: Stage, *recordings: Recording, request_id: str = "r1", now: datetime = NOW) -> Publication:
    return stage.publisher.publish(request_id, ASK, Findings(recordings), now)


def links(publication: Publication) -> set[str]:
    return {publication.page_url, publication.zip_url, *(item.url for item in publication.items)}


def token(publication: Publication) -> str:
    return urlsplit(publication.page_url).path.split("/")[-2]


def test_everything_that_is_named_is_there(stage: Stage) -> None:
    made = [stage.record("a.mp3"), stage.record("b.wav", 1)]

    publication = publish(stage, *made)

    assert links(publication) == stage.visible()
    assert publication.request_id == "r1"
    assert [(item.number, item.recording) for item in publication.items] == [(1, made[0]), (2, made[1])]
    assert (publication.recordings, publication.recordings_size) == (2, 2000)
    assert publication.size > 2000
    assert publication.expires_at == NOW + KEEP
    assert publication.left_out == ()


def test_links_tell_no_number_and_no_path(stage: Stage) -> None:
    publication = publish(stage, stage.record("a.mp3"), stage.record("b.wav", 1))

    folder = f"{BASE}/{token(publication)}"
    assert [item.url for item in publication.items] == [f"{folder}/0001.mp3", f"{folder}/0002.wav"]
    assert publication.page_url == f"{folder}/index.html"
    assert publication.zip_url == f"{folder}/gravacoes-r1.zip"
    assert unquote(publication.zip_url) == publication.zip_url


def test_a_repeated_attempt_keeps_its_links_and_leaves_one_publication(stage: Stage) -> None:
    first, second = stage.record("a.mp3"), stage.record("b.mp3", 1)
    earlier = publish(stage, first, second)

    later = publish(stage, second, now=NOW + timedelta(hours=1))

    assert token(later) == token(earlier)
    assert stage.visible() == links(later)
    assert len(later.items) == 1
    assert later.expires_at == NOW + timedelta(hours=1) + KEEP


def test_two_requests_have_nothing_in_common(stage: Stage) -> None:
    made = stage.record("a.mp3")

    one, other = publish(stage, made), publish(stage, made, request_id="r2")

    assert token(one) != token(other)
    assert stage.visible() == links(one) | links(other)


def test_what_is_lost_meanwhile_is_left_out_and_named_and_the_others_close_up(stage: Stage) -> None:
    kept, lost, last = stage.record("a.mp3"), stage.record("b.mp3", 1), stage.record("c.mp3", 2)
    stage.lose(lost)
    growing = LeftOut("d.mp3", STILL_GROWING)

    publication = stage.publisher.publish("r1", ASK, Findings((kept, lost, last), (growing,)), NOW)

    assert [(item.number, item.recording) for item in publication.items] == [(1, kept), (2, last)]
    assert [item.url.rpartition("/")[2] for item in publication.items] == ["0001.mp3", "0002.mp3"]
    assert publication.left_out == (growing, LeftOut("b.mp3", VANISHED))
    assert (publication.recordings, publication.recordings_size) == (2, 2000)
    assert stage.visible() == links(publication)


def test_when_everything_is_lost_nothing_is_published(stage: Stage) -> None:
    lost = stage.record("a.mp3")
    stage.lose(lost)

    with pytest.raises(BundleError) as caught:
        publish(stage, lost)

    assert caught.value.retryable
    assert stage.visible() == set()
    assert stage.publisher.published("r1", NOW) is None


def test_a_publication_is_known_afterwards_without_its_items(stage: Stage) -> None:
    made, lost = stage.record("a.mp3"), stage.record("b.mp3", 1)
    stage.lose(lost)
    publication = publish(stage, made, lost)

    assert stage.publisher.published("r1", NOW) == replace(publication, items=())
    assert stage.publisher.published("r2", NOW) is None


def test_a_publication_is_over_when_its_time_is_and_gone_after_one_pass(stage: Stage) -> None:
    publication = publish(stage, stage.record("a.mp3"))
    other = publish(stage, stage.record("b.mp3"), request_id="r2", now=NOW + timedelta(seconds=1))

    assert stage.publisher.expire(NOW + KEEP - timedelta(seconds=1)) == 0
    assert stage.publisher.published("r1", NOW + KEEP) is None
    assert stage.publisher.expire(NOW + KEEP) == 1

    assert stage.visible() == links(other)
    assert links(publication).isdisjoint(stage.visible())
    assert stage.publisher.expire(NOW + KEEP) == 0


def test_what_is_over_is_told_with_its_key_when_it_is_out_of_reach(stage: Stage) -> None:
    publication = publish(stage, stage.record("a.mp3"))
    told: list[tuple[str, str, datetime]] = []

    stage.publisher.expire(NOW, lambda *what: told.append(what))
    stage.publisher.expire(NOW + KEEP, lambda *what: told.append(what))
    stage.publisher.expire(NOW + KEEP, lambda *what: told.append(what))

    assert told == [("r1", publication.key, NOW + KEEP)]
    assert token(publication) not in publication.key


def test_what_cannot_be_told_is_not_forgotten_and_told_again(stage: Stage) -> None:
    publish(stage, stage.record("a.mp3"))

    def refuse(*_: object) -> None:
        raise AuditError("the disk is full")

    with pytest.raises(AuditError):
        stage.publisher.expire(NOW + KEEP, refuse)

    told: list[str] = []
    stage.publisher.expire(NOW + KEEP, lambda request_id, *_: told.append(request_id))
    assert told == ["r1"]


def test_a_publication_that_is_called_back_is_gone_at_once_and_others_stay(stage: Stage) -> None:
    publication = publish(stage, stage.record("a.mp3"))
    other = publish(stage, stage.record("b.mp3"), request_id="r2")
    told: list[str] = []

    assert stage.publisher.revoke("r1", lambda _, key, __: told.append(key)) is True

    assert stage.visible() == links(other)
    assert told == [publication.key]
    assert stage.publisher.published("r1", NOW) is None
    assert stage.publisher.revoke("r1") is False
    assert stage.publisher.revoke("../r2") is False


def test_a_request_whose_publication_was_called_back_is_published_under_another_link(stage: Stage) -> None:
    made = stage.record("a.mp3")
    publication = publish(stage, made)
    stage.publisher.revoke("r1")

    again = publish(stage, made)

    assert stage.visible() == links(again)
    if not isinstance(stage, MemoryStage):
        assert token(again) != token(publication)


def test_an_expired_request_may_be_published_again(stage: Stage) -> None:
    made = stage.record("a.mp3")
    publish(stage, made)
    stage.publisher.expire(NOW + KEEP)

    again = publish(stage, made, now=NOW + KEEP)

    assert stage.visible() == links(again)


def test_progress_ends_with_everything_done(stage: Stage) -> None:
    seen: list[tuple[int, int]] = []
    made, lost = stage.record("a.mp3"), stage.record("b.mp3", 1)
    stage.lose(lost)

    stage.publisher.publish("r1", ASK, Findings((made, lost)), NOW, lambda done, total: seen.append((done, total)))

    assert seen[-1] == (2000, 2000)
    assert seen == sorted(seen)


def test_expiring_where_nothing_was_ever_published_is_nothing(stage: Stage) -> None:
    assert stage.publisher.expire(NOW) == 0
