"""What is in the outbox is sent, then marked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from voipmon.clock import Clock
from voipmon.errors import LetterRefusedError, ParameterError, ServerAwayError, UncertainError
from voipmon.mail.outbox import Outbox, Posted, Transport

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sending:
    """What came of one go at the outbox: the names of the letters that were sent, and why it stopped early, if so."""

    sent: frozenset[str]
    away: str | None = None


class Postman:
    """Sends the letters that are due, for one pass: each is tried once, the server no more once it is found away.

    *connect* makes the transport when there is a first letter to send, so that an idle pass needs none.
    """

    def __init__(self, outbox: Outbox, connect: Callable[[], Transport], clock: Clock) -> None:
        self._outbox = outbox
        self._connect = connect
        self._clock = clock
        self._transport: Transport | None = None
        self._away: str | None = None
        self._tried: set[str] = set()

    def send_letters(self) -> Sending:
        """Send what is due. Never raises for what the mail server does: what is not sent stays in the outbox."""
        sent: set[str] = set()
        if self._away is None:
            for posted in self._outbox.due(self._clock(), self._tried):
                self._tried.add(posted.letter.name)
                try:
                    if self._send(posted):
                        sent.add(posted.letter.name)
                except (ServerAwayError, ParameterError) as error:  # or the configuration has no password for it
                    self._outbox.give_back(posted)
                    self._away = str(error)
                    _log.warning("mail_server_away", extra={"reason": self._away})
                    break
        return Sending(frozenset(sent), self._away)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, posted: Posted) -> bool:
        if self._transport is None:
            self._transport = self._connect()
        extra: dict[str, object] = {"letter": posted.letter.name, "attempt": posted.attempt}
        try:
            receipt = self._transport.send(posted.letter.content, posted.recipients)
        except UncertainError as error:
            self._outbox.keep(posted, self._clock(), str(error), uncertain=True)
            _log.warning("letter_uncertain", extra={**extra, "reason": str(error)})
            return False
        except LetterRefusedError as error:
            if error.retryable:
                self._outbox.keep(posted, self._clock(), str(error), uncertain=False)
                _log.warning("letter_deferred", extra={**extra, "reason": str(error)})
            else:
                self._outbox.give_up(posted, self._clock(), str(error))
                _log.error("letter_refused", extra={**extra, "reason": str(error)})
            return False
        except (ServerAwayError, ParameterError):
            raise
        except Exception as error:  # noqa: BLE001 - one letter that trips over a fault of ours must not stop the others
            self._outbox.keep(posted, self._clock(), f"unexpected {type(error).__name__}", uncertain=True)
            _log.exception("letter_crashed", extra=extra)
            return False
        self._outbox.sent(posted, self._clock(), refused=receipt.refused, later=receipt.later)
        _log.info("letter_sent", extra=extra)
        for address, reason in receipt.refused.items():
            _log.warning("recipient_refused", extra={**extra, "recipient": address, "reason": reason})
        return not receipt.later
