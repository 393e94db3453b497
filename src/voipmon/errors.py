"""What can go wrong, as a tree, and the exit code of each branch."""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the shell is told."""

    SUCCESS = 0
    NOTHING_FOUND = 1
    BAD_PARAMETERS = 2
    PROCESSING_ERROR = 3
    INTERRUPTED = 130


class VoipmonError(Exception):
    """Anything voipmon can put in a sentence: what is wrong, and with which thing.

    *retryable* says whether the same step may well succeed later without anybody's help.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.PROCESSING_ERROR

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ParameterError(VoipmonError):
    """What was asked for cannot be done as asked; only the asker can mend it."""

    exit_code: ClassVar[ExitCode] = ExitCode.BAD_PARAMETERS

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class ConfigError(ParameterError):
    """The configuration is wrong; *problems* has one sentence for each wrong key."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class MissingExtraError(ParameterError):
    """An optional part is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs an optional part: pip install 'voipmon[{extra}]'")


class ProcessingError(VoipmonError):
    """The world went wrong: a server, a disk, a folder."""


class MailboxError(ProcessingError):
    """The mailbox cannot be read or marked."""


class LeadLostError(MailboxError):
    """Another host leads now: what is not marked yet is its."""


class OutboxError(ProcessingError):
    """A letter cannot be sent."""


class ServerAwayError(OutboxError):
    """The mail server cannot be reached or refuses us: nothing can be sent in this pass."""


class LetterRefusedError(OutboxError):
    """The mail server refuses this letter, for now (retryable) or for ever."""


class UncertainError(OutboxError):
    """The line broke after the letter's content: it may have been sent."""


class CatalogueError(ProcessingError):
    """The recordings cannot be looked through."""


class BundleError(ProcessingError):
    """The ZIP cannot be written."""


class PublishError(ProcessingError):
    """The publication cannot be made, or removed."""


class AuditError(ProcessingError):
    """The audit trail cannot be written or read."""


class QueueError(ProcessingError):
    """The queue's folders cannot be used."""


class ConflictError(QueueError):
    """A request of the same id and other content is in the queue."""


class LeaseLostError(QueueError):
    """The request is no longer ours: somebody moved or removed its file by hand."""


class StoppedError(ProcessingError):
    """Somebody told the program to stop in the middle of its work."""
