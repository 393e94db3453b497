import struct
from pathlib import Path

import pytest
from browser.screenshots import take
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

README_IMAGES = Path(__file__).parents[2] / "docs/images"


def shape(picture: Path) -> tuple[int, int]:
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    return int(width), int(height)


def test_the_pictures_of_the_readme_can_be_taken_again(browser: Browser, tmp_path: Path) -> None:
    taken = take(browser, tmp_path)

    for picture in taken:
        kept = README_IMAGES / picture.name
        assert shape(picture) == shape(kept)
        assert max(picture.stat().st_size, kept.stat().st_size) < 150_000
