"""Pictures for the README of a result mail and of a page: python tests/browser/screenshots.py FOLDER."""

import email
import sys
from email import policy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from support.answers import NOON, REQUEST_ID, SUBJECT, ZONE, make_ask, make_item, make_publication, stationery
from support.audio import mp3
from support.browser import chromium

from voipmon.delivery.page import render_pages
from voipmon.domain.outcome import Publication
from voipmon.mail.facts import Result, Thread
from voipmon.mail.letters import Letters

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_STOP_WITHIN = """async (audio, seconds) => {
  await audio.play()
  audio.pause()
  const there = new Promise(done => audio.addEventListener('seeked', done, {once: true}))
  audio.currentTime = seconds
  await there
}"""

_CALLS = (("2001", "1122"), ("1121", "1122"), ("1122", "08005550100"), ("", "1121"), ("1121", "2001"), ("1122", "1121"))


def take(browser: "Browser", folder: Path) -> tuple[Path, Path]:
    """Write `result-mail.png` and `page.png` into *folder*, both of one shape, and return where they are."""
    mail, page = folder / "result-mail.png", folder / "page.png"
    with browser.new_page(viewport={"width": 640, "height": 960}) as letter:
        letter.set_content(_mail(_publication(6)))
        letter.screenshot(path=mail)
    with TemporaryDirectory() as web, browser.new_page(viewport={"width": 800, "height": 1200}) as played:
        played.goto(_page(_publication(11), Path(web)).as_uri())
        played.locator("audio").first.evaluate(_STOP_WITHIN, 17)
        played.screenshot(path=page)
    return mail, page


def _publication(count: int) -> Publication:
    return make_publication(*(make_item(number + 1, *_CALLS[number % len(_CALLS)]) for number in range(count)))


def _mail(publication: Publication) -> str:
    facts = Result(REQUEST_ID, make_ask(), publication)
    letter = Letters(stationery()).write(facts, Thread("manager@example.com", SUBJECT), NOON)
    part = email.message_from_bytes(letter.content, policy=policy.default).get_body(("html",))
    return str(part.get_content()) if part else ""


def _page(publication: Publication, folder: Path) -> Path:
    """Write the page, and the recording that is heard on it."""
    (folder / "0001.mp3").write_bytes(mp3(publication.items[0].seconds or 0))
    for name, html in render_pages(make_ask(), publication, language="pt_BR", zone=ZONE, zip_name="gravacoes.zip"):
        (folder / name).write_bytes(html)
    return folder / "index.html"


if __name__ == "__main__":
    with chromium() as started:
        take(started, Path(sys.argv[1]))
