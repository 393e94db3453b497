"""Find what a request is about; nothing is written and nothing is sent."""

from zoneinfo import ZoneInfo

from voipmon.access.limits import Limits, check_amount
from voipmon.access.rights import EVERYTHING, Grant, check_ask
from voipmon.domain.ask import Ask
from voipmon.domain.recording import Findings
from voipmon.domain.request import Request
from voipmon.domain.wording import read_ask
from voipmon.recordings.catalogue import Catalogue


def find_recordings(
    request: Request, catalogue: Catalogue, limits: Limits, zone: ZoneInfo, grant: Grant = EVERYTHING
) -> tuple[Ask, Findings]:
    """Return what the request means, by the wall clocks of *zone*, and what there is of it within the *grant*.

    Raises:
        RefusedError: the parameters are wrong, over a limit or beyond the grant.
        CatalogueError: the recordings cannot be looked through.
    """
    ask = read_ask(request.parameters, request.created_at, zone)
    most = grant.limits(limits)
    check_ask(ask, grant, most)
    findings = catalogue.find(ask.wanted(grant.shares), ask.period)
    check_amount(findings.recordings, most)
    return ask, findings
