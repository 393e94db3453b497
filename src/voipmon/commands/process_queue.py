"""The waiting requests are answered, oldest first, until none is due."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from voipmon.access.limits import with_less, within_limits
from voipmon.access.rights import Grant, Rights
from voipmon.clock import stamp
from voipmon.commands.audit_events import expired, failed, refused, request_taken
from voipmon.commands.select_audios import Desk, answer, thread_of
from voipmon.commands.send_letters import Postman
from voipmon.delivery.publisher import Progress
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.request import RECORDINGS, Request
from voipmon.domain.wording import read_ask
from voipmon.errors import LeaseLostError, ParameterError, ProcessingError, StoppedError, VoipmonError
from voipmon.mail.facts import Facts, Failure, Rejection, Thread, Withheld
from voipmon.mail.subject import CODE_HERE, Understood, canonical_subject, example_ask
from voipmon.queue.port import Lease, Queue
from voipmon.queue.retry import RetryRule, next_attempt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What one pass needs. *luck* returns 0 to 1, *stop* whether to end: the request in work is then put back.

    *admin* tells whether there is somebody to tell of a request whose requester may be told nothing.
    """

    queue: Queue
    desk: Desk
    postman: Postman
    rights: Rights
    rule: RetryRule
    luck: Callable[[], float]
    stop: Callable[[], bool]
    admin: bool = False


def process_queue(work: Work, progress: Progress, *, limit: int | None = None) -> int:
    """Make one pass; return how many requests were taken.

    Recovers what dead workers left, answers at most *limit* requests, sends the outbox, expires publications. A
    request that cannot be answered ends in failed/ or waits for its next attempt; the others go on.

    Raises:
        ProcessingError: the queue, the outbox or the publications' folder cannot be used at all.
    """
    try:
        work.queue.recover(work.desk.clock())
        taken = _answer_waiting(work, progress, limit)
    except ProcessingError:  # what is written already can be sent, and what is old removed
        _tidy(work)
        raise
    _tidy(work)
    return taken


def _tidy(work: Work) -> None:
    work.postman.send_letters()
    now = work.desk.clock()

    def tell(request_id: str, key: str, until: datetime) -> None:
        work.desk.audit.append([expired(request_id, key, until, now)])

    over = work.desk.publisher.expire(now, tell)
    if over:
        _log.info("publications_expired", extra={"publications": over})


def _answer_waiting(work: Work, progress: Progress, limit: int | None) -> int:
    def watched(done: int, total: int) -> None:
        if work.stop():
            raise StoppedError("told to stop")
        progress(done, total)

    taken = 0
    while (limit is None or taken < limit) and not work.stop():
        lease = work.queue.lease(work.desk.clock())
        if lease is None:
            break
        taken += 1
        _work_on(lease, work, watched)
        work.postman.send_letters()
    return taken


def _work_on(lease: Lease, work: Work, progress: Progress) -> None:
    try:
        _answer(lease, work, progress)
    except LeaseLostError as error:
        _log.warning("request_moved", extra={"request": lease.request.id, "reason": str(error)})
    except BaseException:  # not even the failure can be recorded, or Ctrl-C: nothing more can be done in this pass
        work.queue.release(lease)
        raise


def _answer(lease: Lease, work: Work, progress: Progress) -> None:
    request = lease.request
    if lease.attempt > work.rule.max_attempts:
        _fail(lease, ProcessingError(_why_too_often(lease)), work)
        return
    try:
        grant = _grant(request, work.rights)
        outcome = answer(request, work.desk, progress, grant).outcome
    except StoppedError:
        work.queue.release(lease)
    except RefusedError as error:
        _refuse(lease, error, work)
    except VoipmonError as error:
        _retry_or_fail(lease, error, work)
    except Exception as error:  # noqa: BLE001 - one request that trips over a fault of ours must not stop the queue
        _log.exception("request_crashed", extra={"request": request.id})
        _retry_or_fail(lease, ProcessingError(f"unexpected {type(error).__name__}", retryable=True), work)
    else:
        work.queue.complete(lease, outcome, work.desk.clock())
        _log.info("request_answered", extra={"request": request.id, "outcome": outcome.kind})


def _grant(request: Request, rights: Rights) -> Grant:
    """Ask again who may have what: much can change between a mail and its answer.

    What is sent is what both may have, who asks and who receives.
    """
    if request.kind != RECORDINGS:
        raise ParameterError(f"the type {request.kind!r} is not known: the type of a request is {RECORDINGS}")
    strangers = _strangers(request, rights)
    if strangers:
        raise RefusedError(Problem(ProblemKind.ADDRESS_NOT_ALLOWED, address) for address in strangers)
    asked, received = (rights.grant(address, request.tenant) for address in (request.requester, request.recipient))
    return asked.common(received)


def _strangers(request: Request, rights: Rights) -> tuple[str, ...]:
    persons = dict.fromkeys((request.requester, request.recipient))
    return tuple(address for address in persons if not rights.allows(address))


def _refuse(lease: Lease, error: RefusedError, work: Work) -> None:
    """End a request that cannot be done as asked; its requester is told, or the admin where he has no right to know."""
    request = lease.request
    _log.warning("request_refused", extra={"request": request.id, "reason": str(error)})
    now = work.desk.clock()
    work.desk.audit.append([request_taken(request, now), refused(request, str(error), now)])
    strangers = _strangers(request, work.rights)
    if not strangers:
        facts = Rejection(request.id, error.problems, _example(request, error, work), request.round)
        _tell(request, facts, _thread(request, work), work)
    elif work.admin:
        _tell(request, Withheld(request.id, strangers, request.round), None, work)
    work.queue.fail(lease, str(error), now)


def _retry_or_fail(lease: Lease, error: VoipmonError, work: Work) -> None:
    now = work.desk.clock()
    again = next_attempt(lease.attempt, error, now, work.rule, work.luck())
    if again is None:
        _fail(lease, error, work)
    else:
        extra = {"request": lease.request.id, "attempt": lease.attempt, "reason": str(error)}
        _log.warning("request_deferred", extra={**extra, "not_before": stamp(again)})
        work.queue.retry(lease, again, str(error), now)


def _fail(lease: Lease, error: VoipmonError, work: Work) -> None:
    """Give a request up: audit and letter first, so that it is never forgotten in silence."""
    request = lease.request
    now = work.desk.clock()
    _log.error("request_failed", extra={"request": request.id, "reason": str(error)})
    work.desk.audit.append([request_taken(request, now), failed(request, str(error), now)])
    if work.rights.allows(request.recipient):
        _tell(request, Failure(request.id, request.round), _thread(request, work), work)
    work.queue.fail(lease, str(error), now)


def _thread(request: Request, work: Work) -> Thread:
    return thread_of(request, work.rights.language(request.recipient))


def _tell(request: Request, facts: Facts, thread: Thread | None, work: Work) -> None:
    """Post a letter about a request's end; one that cannot be written must not keep it from ending."""
    now = work.desk.clock()
    try:
        letter = work.desk.writer.write(facts, thread, now)
    except Exception:  # noqa: BLE001 - a fault of ours, or words that fit into no mail
        _log.exception("letter_not_written", extra={"request": request.id, "kind": facts.kind})
        return
    work.desk.outbox.post(letter, now)


def _why_too_often(lease: Lease) -> str:
    if lease.deaths >= lease.attempt - 1:
        return f"the worker died {lease.deaths} times"
    return f"{lease.attempt - 1} attempts failed, in {lease.deaths} of them the worker died"


def _example(request: Request, refusal: RefusedError, work: Work) -> str:
    """Return a subject that would have been taken, made from what can be understood of the request."""
    desk, grant = work.desk, _grant(request, work.rights)
    try:
        ask = read_ask(request.parameters, request.created_at, desk.zone)
    except RefusedError:
        ask = example_ask(Understood(), desk.clock(), desk.zone)
    nearest = within_limits(grant.nearest(ask), grant.limits(desk.limits))
    subject = canonical_subject(with_less(nearest, refusal.problems))
    return f"{subject} {CODE_HERE}" if grant.needs_code else subject
