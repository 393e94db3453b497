"""The page that plays the recordings: HTML that works without JavaScript, on a phone, and from any web server."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication, Published
from voipmon.prose import environment

_TEMPLATES = Path(__file__).parent / "templates"
_PLAYABLE = frozenset({".mp3", ".wav", ".ogg", ".opus", ".webm", ".m4a"})

# One recording at a time. The page's policy allows this script and no other, by its hash.
_SCRIPT = "addEventListener('play',e=>document.querySelectorAll('audio').forEach(a=>a===e.target||a.pause()),true)"
_POLICY = (
    "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'"
)


def render_pages(
    ask: Ask,
    publication: Publication,
    *,
    language: str,
    zone: ZoneInfo,
    zip_name: str,
    per_page: int = 500,
    kept: Path | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the HTML of each page: `index.html`, `page-2.html`, …, *per_page* recordings on each.

    All lie in one folder with the recordings and the ZIP *zip_name*, and name them by relative links. What browsers
    cannot play can be downloaded; WAV both, for its GSM variant does not play. Compiled templates are
    *kept* in that folder, if there is one.
    """
    made = environment(_TEMPLATES, language, zone, kept)
    made.filters["file"] = _file
    template = made.get_template("page.html.j2")
    starts = range(0, max(1, len(publication.items)), per_page)
    names = [page_name(number) for number in range(1, len(starts) + 1)]
    for name, start in zip(names, starts, strict=True):
        html = template.render(
            ask=ask,
            publication=publication,
            items=publication.items[start : start + per_page],
            name=name,
            names=names,
            zip_name=zip_name,
            playable=_PLAYABLE,
            script=_SCRIPT,
            policy=_POLICY,
        )
        yield name, html.encode()


def page_name(number: int) -> str:
    """Return the file name of the *number*th page, counted from 1."""
    return "index.html" if number == 1 else f"page-{number}.html"


def _file(item: Published) -> str:
    return item.url.rpartition("/")[2]
