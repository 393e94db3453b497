"""The section [publish]: where answers can be fetched, and for how long."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from voipmon.settings import AbsolutePath, Duration, Section

_URL = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")


def _base_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("write http:// or https://, the host, and the path: https://voip.example.com/audios")
    return value.rstrip("/")


class Publish(Section):
    """The folder that the web server serves at *base_url*, which has no slash at its end."""

    dir: AbsolutePath = Path("/var/www/html/audios")
    base_url: Annotated[str, AfterValidator(_base_url)]
    keep: Duration = Field(timedelta(hours=72), ge=timedelta(seconds=1))
    audio: Literal["copy", "symlink"] = "copy"
