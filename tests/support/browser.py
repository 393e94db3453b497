"""Headless Chromium for what people see, and a web server that can seek."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_PROGRAMS = ("chromium-headless-shell", "chromium")
_ARGUMENTS = [
    "--no-sandbox",  # CI is root, and Chromium as root has none
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]

_CONTRASTS = """
() => {
  const numbers = text => text.match(/[0-9.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = element => {
    for (; element; element = element.parentElement) {
      const color = numbers(getComputedStyle(element).backgroundColor)
      if (color.length < 4 || color[3] === 1) return color
      if (color[3] > 0) throw Error('half transparent: ' + element.outerHTML.slice(0, 200))
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text; text = walker.nextNode();) {
    const range = document.createRange()
    range.selectNodeContents(text)
    if (!text.data.trim() || !range.getClientRects().length) continue
    const [a, b] = [numbers(getComputedStyle(text.parentElement).color), ground(text.parentElement)].map(light)
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.data.trim()])
  }
  return found
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Start Chromium, for one module: while it runs, no other event loop can in this thread."""
    if _program() is None:
        pytest.skip("there is no Chromium on PATH: apt-get install chromium-headless-shell")
    with chromium() as started:
        yield started


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start Chromium, and end it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where a browser is wanted

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_program(), args=_ARGUMENTS)
        yield started
        started.close()


def _program() -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def contrasts(page: "Page") -> list[tuple[float, str]]:
    """Return the contrast (WCAG 2.2) of every visible text on *page*, and the text."""
    return [(ratio, text) for ratio, text in page.evaluate(_CONTRASTS)]


def overflow(page: "Page") -> int:
    """Return by how many pixels *page* is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the files in *folder* on loopback, whole or by Range; gives the address, without a slash at its end."""
    import uvicorn  # noqa: PLC0415 - as above
    from starlette.staticfiles import StaticFiles  # noqa: PLC0415 - as above

    listener = socket.create_server(("127.0.0.1", 0))
    files = StaticFiles(directory=folder, html=True)
    server = uvicorn.Server(uvicorn.Config(files, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
