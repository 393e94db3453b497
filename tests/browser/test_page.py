from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.answers import ZONE, make_ask, make_item, make_publication, publication_of, result_of_long_numbers
from support.audio import mp3
from support.browser import contrasts, overflow, serve

from voipmon.delivery.page import render_pages
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication

pytestmark = pytest.mark.browser

ENDED = "audio => audio.ended"


def publish(folder: Path, publication: Publication, ask: Ask | None = None, language: str = "pt_BR") -> Path:
    """Write the pages into *folder*, with a recording of three seconds wherever one belongs."""
    for name, html in render_pages(
        ask or make_ask(), publication, language=language, zone=ZONE, zip_name="gravacoes-x.zip"
    ):
        (folder / name).write_bytes(html)
    for item in publication.items[:20]:
        (folder / item.url.rpartition("/")[2]).write_bytes(mp3(3.0))
    (folder / "gravacoes-x.zip").write_bytes(b"PK")
    return folder


@pytest.fixture
def played(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Give the page of two recordings, served over HTTP, with nothing on its console."""
    complaints: list[str] = []
    with serve(publish(tmp_path, publication_of(2))) as address, browser.new_page() as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{address}/index.html")
        yield page
    assert [text for text in complaints if "favicon" not in text] == []


def play(page: Page, number: int, start: float) -> None:
    """Play the recording at that place of the page, from *start* seconds."""
    page.locator("audio").nth(number).evaluate(
        """async (audio, start) => {
            await audio.play()
            const there = new Promise(done => audio.addEventListener('seeked', done, {once: true}))
            audio.currentTime = start
            await there
        }""",
        start,
    )


def wait_until(page: Page, number: int, condition: str) -> None:
    player = page.locator("audio").nth(number).element_handle()
    page.wait_for_function(condition, arg=player, timeout=10_000)


def test_a_recording_seeks_and_plays_to_its_end(played: Page) -> None:
    answers: list[int] = []
    played.on("response", lambda response: answers.append(response.status))

    play(played, 0, 2.5)
    at_once = played.locator("audio").nth(0).evaluate("audio => audio.currentTime")
    wait_until(played, 0, ENDED)

    length = played.locator("audio").nth(0).evaluate("audio => audio.duration")
    assert 2.4 < at_once < length
    assert 2.9 < length < 3.4
    assert 206 in answers


def test_one_recording_plays_at_a_time(played: Page) -> None:
    play(played, 0, 0.1)
    play(played, 1, 0.1)

    wait_until(played, 0, "audio => audio.paused")
    assert played.locator("audio").nth(1).evaluate("audio => !audio.paused")


def test_nothing_is_fetched_before_somebody_plays(browser: Browser, tmp_path: Path) -> None:
    asked: list[str] = []
    with serve(publish(tmp_path, publication_of(12))) as address, browser.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/")
        page.wait_for_load_state("networkidle")

    assert [url for url in asked if "favicon" not in url] == [f"{address}/"]


def test_the_page_plays_from_a_folder_too(browser: Browser, tmp_path: Path) -> None:
    publish(tmp_path, publication_of(1))

    with browser.new_page() as page:
        page.goto((tmp_path / "index.html").as_uri())
        play(page, 0, 2.8)
        wait_until(page, 0, ENDED)


def test_the_page_works_without_javascript(browser: Browser, tmp_path: Path) -> None:
    with (
        serve(publish(tmp_path, publication_of(12))) as address,
        browser.new_context(java_script_enabled=False) as context,
    ):
        page = context.new_page()
        page.goto(f"{address}/")
        with page.expect_download() as download:
            page.get_by_role("link", name="Baixar", exact=True).nth(2).click()
        with page.expect_download() as bundle:
            page.get_by_role("link", name="ZIP").click()

        assert page.locator("audio[controls]").count() == 12
        assert download.value.path().read_bytes() == mp3(3.0)
        assert bundle.value.suggested_filename == "gravacoes-x.zip"


def test_the_pages_of_many_recordings_lead_to_each_other(browser: Browser, tmp_path: Path) -> None:
    with serve(publish(tmp_path, publication_of(1001))) as address, browser.new_page() as page:
        page.goto(f"{address}/")
        page.get_by_role("navigation").first.get_by_role("link", name="3").click()

        assert page.url == f"{address}/page-3.html"
        assert page.locator("audio").count() == 1
        assert page.locator("audio").get_attribute("src") == "1001.mp3"


CROWDED = result_of_long_numbers(40)
UNPLAYABLE = make_publication(make_item(1, suffix=".gsm"), make_item(2, suffix=".wav"))


@pytest.mark.parametrize("language", ["pt_BR", "en"])
@pytest.mark.parametrize(
    ("publication", "ask"),
    [
        (publication_of(1), make_ask()),
        (publication_of(12), make_ask()),
        (publication_of(501), make_ask()),
        (UNPLAYABLE, make_ask()),
        (CROWDED.publication, CROWDED.ask),
    ],
    ids=["one", "twelve", "two pages", "formats", "long numbers"],
)
def test_the_page_fits_a_phone_and_can_be_read(
    browser: Browser, tmp_path: Path, publication: Publication, ask: Ask, language: str
) -> None:
    publish(tmp_path, publication, ask, language)

    for width, scheme in ((360, "light"), (360, "dark"), (1200, "light")):
        with browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
            page.goto((tmp_path / "index.html").as_uri())
            texts = contrasts(page)

            assert overflow(page) <= 0
            assert len(texts) > 6
            assert [text for ratio, text in texts if ratio < 4.5] == []
