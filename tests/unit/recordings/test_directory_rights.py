"""What cannot be read is said, not passed over."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.domain.period import Period
from voipmon.domain.recording import FOLDER_UNREADABLE, LeftOut
from voipmon.domain.wanted import Wanted
from voipmon.recordings.directory import DirectoryCatalogue
from voipmon.recordings.filename import compile_pattern

_ZONE = ZoneInfo("America/Sao_Paulo")
_NAME = "internal-1121-2001-20251027-080000-1761562800.1.mp3"


def test_a_folder_that_cannot_be_searched_is_among_what_is_left_out() -> None:
    with reachable_folder() as root:
        closed = root / "2025"
        closed.mkdir()
        (closed / _NAME).touch()
        closed.chmod(0)
        catalogue = DirectoryCatalogue(
            root,
            compile_pattern("origin_dest"),
            prefixes=["internal"],
            min_bytes=0,
            settle=timedelta(0),
            zone=_ZONE,
            clock=lambda: datetime(2025, 11, 11, tzinfo=UTC),
        )
        period = Period(datetime(2025, 10, 27, tzinfo=_ZONE), datetime(2025, 10, 28, tzinfo=_ZONE))

        with ordinary_user():
            findings = catalogue.find(Wanted(frozenset({"1121"})), period)

        closed.chmod(0o700)
    assert findings.recordings == ()
    assert findings.left_out == (LeftOut("2025/", FOLDER_UNREADABLE),)
