"""The whole story of one request or mail, put together from what each room remembers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voipmon.errors import ParameterError
from voipmon.mail.ledger import Ledger, Verdict


class Requests(Protocol):
    """Knows the requests (`queue.admin.QueueAdmin`)."""

    def find(self, request_id: str) -> tuple[str, Mapping[str, Any]] | None:
        """Return where a request is, and its document."""
        ...


class Letters(Protocol):
    """Knows the letters (`mail.spool.SpoolOutbox`)."""

    def letters_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return what is known of a request's letters, each with its `name` and `state`."""
        ...


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one request: the mail's verdict, the queue's document and where it is, the letters.

    *others* are the verdicts of other mails that call themselves by the same Message-ID: copies, or forgeries.
    """

    request_id: str
    verdict: Verdict | None
    state: str | None
    document: Mapping[str, Any]
    letters: tuple[Mapping[str, Any], ...]
    others: tuple[Verdict, ...] = ()


def explain(name: str, ledger: Ledger, requests: Requests, letters: Letters) -> Story:
    """Tell the story of the request, or of the mail with the Message-ID, called *name*.

    Raises:
        ParameterError: nothing is known of it.
    """
    mails = ledger.verdicts_of_message(name)
    verdict = mails[0] if mails else ledger.verdict_of_request(name)
    request_id = verdict.request_id if verdict else name
    found = requests.find(request_id)
    sent = letters.letters_of(request_id)
    if verdict is None and found is None and not sent:
        raise ParameterError(f"nothing is known of {name!r}: give a request id or a Message-ID of the last 90 days")
    state, document = found or (None, {})
    return Story(request_id, verdict, state, document, tuple(sent), tuple(mails[1:]))
