"""The section [recordings]: where the recordings lie, and what their names say."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field

from voipmon.settings import AbsolutePath, Duration, Section, Size, Text, Zone


class Recordings(Section):
    """The folder of the recordings; *timezone* is that of the stamps in their names."""

    dir: AbsolutePath = Path("/var/www/html/2p")
    pattern: Text = "origin_dest"
    prefixes: tuple[Text, ...] = Field(("internal",), min_length=1)
    min_bytes: Size = Field(1000, ge=0)
    settle: Duration = timedelta(seconds=10)
    timezone: Zone = ZoneInfo("America/Sao_Paulo")
