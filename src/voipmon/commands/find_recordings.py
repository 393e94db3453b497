"""Find what a request is about; nothing is written and nothing is sent."""

from zoneinfo import ZoneInfo

from voipmon.access.rights import Limits, check_amount, check_limits
from voipmon.domain.ask import Ask
from voipmon.domain.recording import Findings
from voipmon.domain.request import Request
from voipmon.domain.wording import read_ask
from voipmon.recordings.catalogue import Catalogue


def find_recordings(request: Request, catalogue: Catalogue, limits: Limits, zone: ZoneInfo) -> tuple[Ask, Findings]:
    """Return what the request means, by the wall clocks of *zone*, and what there is of it.

    Raises:
        RefusedError: the parameters are wrong or over a limit.
        CatalogueError: the recordings cannot be looked through.
    """
    ask = read_ask(request.parameters, request.created_at, zone)
    check_limits(ask, limits)
    findings = catalogue.find(ask.wanted(), ask.period)
    check_amount(findings.recordings, limits)
    return ask, findings
