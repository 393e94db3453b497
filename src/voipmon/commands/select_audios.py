"""Find, bundle, publish, write: the answer to one request, for `process-queue` and for the command line."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from voipmon.access.limits import Limits
from voipmon.access.rights import EVERYTHING, Grant, copies_of
from voipmon.audit.port import Audit, Event
from voipmon.clock import Clock
from voipmon.commands.audit_events import delivered, nothing_found, request_taken
from voipmon.commands.find_recordings import find_recordings
from voipmon.delivery.publisher import Progress, Publisher, no_progress
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Delivered, NothingFound, Outcome, Publication
from voipmon.domain.recording import Findings
from voipmon.domain.request import Request
from voipmon.mail.facts import Facts, NothingFoundFacts, Result, Thread
from voipmon.mail.outbox import Letter, Outbox, letter_name
from voipmon.recordings.catalogue import Catalogue

_log = logging.getLogger(__name__)

_MOST_DAYS = 7


class Writer(Protocol):
    """Writes letters from facts."""

    def write(self, facts: Facts, thread: Thread | None, now: datetime) -> Letter:
        """Return the letter that tells *facts*, as an answer in *thread*."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs. *zone* is where people's wall clocks are, *prefixes* the kinds of calls searched.

    *by* is who has it done at the keyboard, where somebody does.
    """

    catalogue: Catalogue
    publisher: Publisher
    outbox: Outbox
    audit: Audit
    writer: Writer
    limits: Limits
    zone: ZoneInfo
    prefixes: Sequence[str]
    clock: Clock
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to, what was found, and where it is, if anywhere."""

    outcome: Outcome
    findings: Findings
    publication: Publication | None = None


def answer(request: Request, desk: Desk, progress: Progress = no_progress, grant: Grant = EVERYTHING) -> Answer:
    """Answer one request within the *grant*; the letter to its recipient is in the outbox on return.

    No recipient, no letter.

    What is given is in the audit trail before the letter is in the outbox.

    May be called again for the same request and round: what is in the outbox already is not done again.

    Raises:
        RefusedError: the parameters are wrong, over a limit or beyond the grant; nothing is published.
        ProcessingError: something failed; `retryable` says whether to try again.
    """
    ask, findings = find_recordings(request, desk.catalogue, desk.limits, desk.zone, grant)
    earlier = _answered(request, desk)
    if earlier is not None:
        return Answer(earlier, findings)
    if not findings.recordings:
        _tell_audit(request, nothing_found(request, desk.clock()), desk)
        _tell_nothing_found(request, ask, findings, desk, grant)
        return Answer(NothingFound(len(findings.left_out)), findings)
    publication = desk.publisher.publish(request.id, ask, findings, desk.clock(), progress, grant.language)
    _log.info("recordings_published", extra={"request": request.id, "recordings": publication.recordings})
    _tell_audit(request, delivered(request, publication, desk.clock()), desk)
    _post(request, Result(request.id, ask, publication, request.round), desk, grant)
    given = Findings(tuple(item.recording for item in publication.items), publication.left_out)
    return Answer(_delivered(publication), given, publication)


def _answered(request: Request, desk: Desk) -> Outcome | None:
    """Return what the request came to if its letter is in the outbox: a worker died between that and the record."""
    if desk.outbox.has(letter_name(request.id, "result", request.round)):
        publication = desk.publisher.published(request.id, desk.clock())
        if publication is not None:
            return _delivered(publication)
    if desk.outbox.has(letter_name(request.id, "nothing-found", request.round)):
        return NothingFound()
    return None


def _tell_audit(request: Request, event: Event, desk: Desk) -> None:
    """Tell what became of the request; of one that came by no mail, the trail does not know yet."""
    desk.audit.append([request_taken(request, desk.clock(), desk.by), event])


def _delivered(publication: Publication) -> Delivered:
    return Delivered(
        recordings=publication.recordings,
        size=publication.recordings_size,
        left_out=len(publication.left_out),
        expires_at=publication.expires_at,
    )


def _tell_nothing_found(request: Request, ask: Ask, findings: Findings, desk: Desk, grant: Grant) -> None:
    if request.recipient:
        days = desk.catalogue.nearest_days(ask.wanted(grant.shares), ask.period, _MOST_DAYS)
        facts = NothingFoundFacts(request.id, ask, tuple(days), tuple(desk.prefixes), findings.left_out, request.round)
        _post(request, facts, desk, grant)


def _post(request: Request, facts: Result | NothingFoundFacts, desk: Desk, grant: Grant) -> None:
    if request.recipient:
        now = desk.clock()
        tenants = grant.tenants_of(facts.ask)
        thread = replace(thread_of(request, grant.language), copies=copies_of(tenants), needs_code=grant.needs_code)
        desk.outbox.post(desk.writer.write(facts, thread, now), now)


def thread_of(request: Request, language: str | None) -> Thread:
    """Return the thread that letters about the request belong to, written in that language; None: the usual one."""
    return Thread(request.recipient, request.subject, request.message_id, request.references, language=language)
