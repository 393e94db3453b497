"""The port to the queue of requests."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from voipmon.domain.outcome import Outcome
from voipmon.domain.request import Request


class State(StrEnum):
    """Where a request stands; it is in exactly one of these at every moment."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as the queue lists it. *attempts* counts those that ended without an answer."""

    request_id: str
    kind: str
    state: State
    created_at: datetime | None
    attempts: int
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one request while this process lives.

    *attempt* counts from 1; *deaths* is how many of those before it ended with the death of the worker.
    """

    request: Request
    attempt: int
    deaths: int = 0


class Queue(Protocol):
    """First in, first out; durable; shared by any number of processes of one host.

    Raises:
        QueueError: on any method: the folders cannot be read or written; retryable.
    """

    def enqueue(self, request: Request) -> bool:
        """Add the request; durable on return. False if it is known already, in whatever state, with the same content.

        Raises:
            ConflictError: its id is known with other content.
        """
        ...

    def together(self) -> AbstractContextManager[None]:
        """Let what is enqueued within the block be durable at its end, and not before: much is quicker together."""
        ...

    def lease(self, now: datetime) -> Lease | None:
        """Take the oldest request that is due and nobody's, or None; a power cut may leave it as it was before.

        One on which workers died again and again comes after all others. What can never be taken (files that are no
        request) ends in failed/ with the reason, what cannot be taken now stays, and neither holds up the others.

        Raises:
            QueueError: nothing is left but what the disk does not let us take.
        """
        ...

    def complete(self, lease: Lease, outcome: Outcome, now: datetime) -> None:
        """Record the answer and end the request.

        The record is on the disk before it replaces anything, but a power cut in the seconds after may bring the
        request back as it was: it is taken again, and what was posted for it tells that it was answered.

        Raises:
            LeaseLostError: the request is not ours (any more); also of the two methods below.
        """
        ...

    def retry(self, lease: Lease, not_before: datetime, reason: str, now: datetime) -> None:
        """Put the request back in its place in the order, not to be taken before *not_before*.

        Counts the attempt; durable on return.
        """
        ...

    def fail(self, lease: Lease, reason: str, now: datetime) -> None:
        """End the request without an answer; counts the attempt; durable on return."""
        ...

    def release(self, lease: Lease) -> None:
        """Put the request back as it was, attempt not counted: nothing was done, or nothing could be recorded.

        Twice is fine, and so is a request that has ended.
        """
        ...

    def recover(self, now: datetime) -> int:
        """Take up what dead workers left; return how many requests that were.

        A request whose worker died is back in pending/ with one attempt more. A live worker's is not touched.
        """
        ...

    def entries(self, state: State) -> Iterator[Entry]:
        """List the requests of one state in the order they would be taken."""
        ...

    def ahead_of(self, request_id: str) -> int:
        """Return how many requests are taken before that one, with those being worked on.

        One that is not in the queue would be the last.
        """
        ...
