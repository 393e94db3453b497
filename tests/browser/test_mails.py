import email
from email import policy

import pytest
from playwright.sync_api import Browser, Page
from support.answers import NOON, SUBJECT, letter_facts, result_of, result_of_long_numbers, stationery
from support.browser import contrasts, overflow

from voipmon.mail.facts import Facts, Thread
from voipmon.mail.letters import Letters

pytestmark = pytest.mark.browser

LANGUAGES = ("pt_BR", "en")
FACTS = letter_facts() | {"result-400": result_of(400), "result-long": result_of_long_numbers(400)}


def html_of(facts: Facts, language: str) -> str:
    letter = Letters(stationery(language)).write(facts, Thread("manager@example.com", SUBJECT), NOON)
    part = email.message_from_bytes(letter.content, policy=policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def show(browser: Browser, html: str, width: int, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_content(html)
    return page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FACTS)
def test_no_mail_scrolls_sideways_on_a_phone(browser: Browser, name: str, language: str) -> None:
    with show(browser, html_of(FACTS[name], language), 360) as page:
        assert overflow(page) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FACTS)
def test_all_text_of_a_mail_can_be_read_by_day_and_by_night(browser: Browser, name: str, scheme: str) -> None:
    with show(browser, html_of(FACTS[name], "pt_BR"), 600, scheme) as page:
        texts = contrasts(page)

    assert len(texts) > 3
    assert [text for ratio, text in texts if ratio < 4.5] == []


def test_a_mail_is_no_wider_than_600_pixels(browser: Browser) -> None:
    with show(browser, html_of(result_of(12), "pt_BR"), 1200) as page:
        card = page.locator("table table").first.bounding_box()

    assert card is not None
    assert card["width"] == 600
    assert card["x"] == 300


def test_a_mail_needs_nothing_from_the_network(browser: Browser) -> None:
    asked: list[str] = []
    with browser.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.set_content(html_of(result_of(12), "pt_BR"))
        page.wait_for_load_state("networkidle")

    assert asked == []


def test_the_preview_line_is_not_seen_in_the_mail_itself(browser: Browser) -> None:
    with show(browser, html_of(result_of(12), "pt_BR"), 600) as page:
        shown = page.inner_text("body")

    assert shown.startswith("12 gravações\n")


@pytest.mark.parametrize("name", ["result-several", "result-long"])
def test_the_play_button_is_one_line_high_and_large_enough_for_a_thumb(browser: Browser, name: str) -> None:
    with show(browser, html_of(FACTS[name], "pt_BR"), 360) as page:
        button = page.get_by_role("link", name="Tocar").first.bounding_box()

    assert button is not None
    assert 36 <= button["height"] <= 44
    assert button["width"] >= 64
