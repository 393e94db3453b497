import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from support.answers import ZONE, make_ask, make_item, make_publication, publication_of

from voipmon.delivery.page import render_pages
from voipmon.domain.outcome import Publication


class Seen(HTMLParser):
    """The words of a page, its links and the sources of its players, each in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.players: list[dict[str, str | None]] = []
        self.metas: dict[str | None, str | None] = {}
        self.words = ""
        self.lang: str | None = None
        self._hidden = False
        self.feed(html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.lang = self.lang or values.get("lang")
        self.links += [values["href"] or ""] if tag == "a" else []
        self.players += [values] if tag == "audio" else []
        if tag == "meta":
            self.metas[values.get("name") or values.get("http-equiv")] = values.get("content")
        self._hidden = tag in ("style", "script", "title")
        self.words += "" if tag == "b" else " "

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._hidden and tag not in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        self.words += "" if self._hidden else data


def pages(publication: Publication, language: str = "pt_BR", per_page: int = 500) -> dict[str, Seen]:
    made = render_pages(
        make_ask(), publication, language=language, zone=ZONE, zip_name="gravacoes-x.zip", per_page=per_page
    )
    return {name: Seen(html.decode()) for name, html in made}


def test_the_page_says_what_was_asked_and_until_when_it_is_there() -> None:
    words = pages(publication_of(12))["index.html"].words

    assert words.startswith(
        "12 gravações Ramais 1121, 1122 27/10/2025 08:00 a 28/10/2025 18:00 Baixar todas em ZIP (1,3 MB)"
    )
    assert "funcionam até 14/11/2025 às 12:00." in words
    assert "A busca é pelo número discado" in words


def test_the_page_speaks_english_too() -> None:
    page = pages(publication_of(1), "en")["index.html"]

    assert page.lang == "en"
    assert page.words.startswith(
        "1 recording Extensions 1121, 1122 27 Oct 2025 08:00 to 28 Oct 2025 18:00 Download as ZIP"
    )
    assert "work until 14 Nov 2025, 12:00." in page.words


def test_each_recording_has_its_facts_a_player_and_a_download() -> None:
    item = replace(make_item(7, "", "1122"), seconds=205.0)

    page = pages(make_publication(item))["index.html"]

    assert "desconhecido → 1122 27/10/2025 10:04:48 · 3:25 · 112 kB Baixar" in page.words
    assert page.players == [
        {"controls": None, "preload": "none", "src": "0007.mp3", "aria-label": "desconhecido → 1122"}
    ]
    assert page.links == ["gravacoes-x.zip", "0007.mp3"]


def test_a_length_that_is_not_known_is_left_away() -> None:
    item = replace(make_item(7), seconds=None)

    assert "27/10/2025 10:04:48 · 112 kB" in pages(make_publication(item))["index.html"].words


def test_no_link_leaves_the_folder() -> None:
    made = pages(publication_of(30), per_page=10)

    assert set(made) == {"index.html", "page-2.html", "page-3.html"}
    for page in made.values():
        named = page.links + [player["src"] or "" for player in page.players]
        assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in named)


@pytest.mark.parametrize(
    ("suffix", "plays"),
    [
        (".mp3", True),
        (".wav", True),
        (".ogg", True),
        (".opus", True),
        (".webm", True),
        (".m4a", True),
        (".gsm", False),
        (".ulaw", False),
        (".alaw", False),
        (".sln", False),
    ],
)
def test_what_browsers_do_not_play_is_downloaded(suffix: str, plays: bool) -> None:
    page = pages(make_publication(make_item(1, suffix=suffix)))["index.html"]

    assert len(page.players) == plays
    assert ("O navegador não toca este formato" in page.words) is not plays
    assert page.links[-1] == f"0001{suffix}"


def test_there_are_500_recordings_on_a_page() -> None:
    made = pages(publication_of(1001))

    assert [len(page.players) for page in made.values()] == [500, 500, 1]
    assert made["page-2.html"].players[0]["src"] == "0501.mp3"
    assert all(page.words.startswith("1.001 gravações") for page in made.values())


def test_500_recordings_need_no_pager() -> None:
    assert list(pages(publication_of(500))) == ["index.html"]
    assert (
        "Páginas"
        not in next(iter(render_pages(make_ask(), publication_of(500), language="pt_BR", zone=ZONE, zip_name="x.zip")))[
            1
        ].decode()
    )


def test_each_page_leads_to_every_other_and_marks_itself() -> None:
    made = render_pages(make_ask(), publication_of(5), language="pt_BR", zone=ZONE, zip_name="x.zip", per_page=2)

    for number, (name, html) in enumerate(made, 1):
        pager = re.findall(r"<nav.*?</nav>", html.decode(), re.DOTALL)
        assert len(pager) == 2
        assert re.findall(r'href="(.*?)"', pager[0]) == ["index.html", "page-2.html", "page-3.html"]
        assert f'<a href="{name}" aria-current="page">{number}</a>' in pager[0]


def test_the_page_is_kept_out_of_search_engines_and_referrers() -> None:
    metas = pages(publication_of(1))["index.html"].metas

    assert metas["robots"] == "noindex"
    assert metas["referrer"] == "no-referrer"
    assert str(metas["Content-Security-Policy"]).startswith("default-src 'none'; media-src 'self';")


def test_hostile_parties_are_words_and_nothing_else() -> None:
    item = make_item(1, '<script>alert("1")</script>', '"><img src=x>\u202e')
    [(_, html)] = render_pages(make_ask(), make_publication(item), language="en", zone=ZONE, zip_name="x.zip")

    page = Seen(html.decode())

    assert '<script>alert("1")</\u200bscript> → "><img src=x>' in page.words
    assert page.players[0]["aria-label"] == '<script>alert("1")</\u200bscript> → "><img src=x>'
    assert html.count(b"<script") == 1
    assert b"<img" not in html
    assert "\u202e".encode() not in html
