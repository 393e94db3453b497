"""What `doctor` finds out about the web server, from a real Apache with Debian's configuration."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.apache import Apache
from support.ordinary_user import reachable_folder

from voipmon.delivery.public import check_public, originals_url, probe_in
from voipmon.delivery.records import Records
from voipmon.errors import PublishError

pytestmark = pytest.mark.apache

NOW = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
Check = Callable[..., str]


@pytest.fixture
def check(apache: Apache, tmp_path: Path) -> Check:
    def ask(base_url: str = apache.url, originals: str | None = None) -> str:
        with probe_in(apache.folder, base_url, Records(tmp_path), "a-token", NOW) as probe:
            return check_public(base_url, probe, originals)

    return ask


def test_a_folder_that_is_served_and_not_listed_is_well_and_nothing_is_left(
    apache: Apache, check: Check, tmp_path: Path
) -> None:
    assert "lists nothing" in check()

    assert list(apache.folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_publish_folder_that_anybody_can_list_is_named(apache: Apache, check: Check) -> None:
    apache.folder.chmod(0o755)

    with pytest.raises(PublishError, match=f"{apache.url} lists all publications to anybody"):
        check()

    assert list(apache.folder.iterdir()) == []


def test_originals_that_anybody_can_list_are_named(apache: Apache, check: Check) -> None:
    recordings = apache.folder.parent / "2p"
    recordings.mkdir(mode=0o755)
    originals = originals_url(apache.url, apache.folder, recordings)

    with pytest.raises(PublishError, match="/2p lists originals to anybody: switch the listing off"):
        check(originals=originals)


def test_an_address_that_serves_something_else_is_named(apache: Apache, check: Check) -> None:
    with pytest.raises(PublishError, match=r"does not give out what is published \(404\)"):
        check(base_url=f"{apache.url}/elsewhere")


def test_a_server_that_is_away_is_named(check: Check) -> None:
    with pytest.raises(PublishError, match=r"127\.0\.0\.1:1 cannot be reached"):
        check(base_url="http://127.0.0.1:1/audios")


@pytest.mark.parametrize(
    ("folder", "recordings", "url"),
    [
        ("/var/www/html/audios", "/var/www/html/2p", "https://voip.example.com/2p"),
        ("/var/www/html/audios", "/srv/recordings", None),
        ("/srv/audios-of-voipmon", "/srv/recordings", None),
        ("/srv/audios-of-voipmon", "/var/www/html/2p", "https://voip.example.com/2p"),
    ],
)
def test_where_the_originals_would_be_served_is_known_from_the_folders(
    folder: str, recordings: str, url: str | None
) -> None:
    assert originals_url("https://voip.example.com/audios", Path(folder), Path(recordings)) == url


def test_what_a_killed_doctor_leaves_ends_like_any_publication() -> None:
    with reachable_folder() as folder:
        records = Records(folder / "state")
        context = probe_in(folder, "https://voip.example.com/audios", records, "a-token", NOW)
        context.__enter__()

        [request_id] = records.request_ids()
        left = records.load(request_id)

        assert left is not None
        assert (left.token, (left.expires_at - NOW).total_seconds()) == ("a-token", 3600)
        context.__exit__(None, None, None)
