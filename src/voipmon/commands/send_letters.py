"""What is in the outbox is sent, then marked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from voipmon.clock import Clock
from voipmon.errors import LetterRefusedError, ParameterError, ServerAwayError, UncertainError
from voipmon.mail.budget import DAY, Budget
from voipmon.mail.outbox import Outbox, Posted, Transport

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sending:
    """What came of one go at the outbox: the names of the letters that were sent, and why it stopped early, if so."""

    sent: frozenset[str]
    away: str | None = None


class Postman:
    """Sends the letters that are due, for one pass: each is tried once, the server no more once it is found away.

    *connect* makes the transport when there is a first letter to send, so that an idle pass needs none. In 24 hours no
    more than *per_day* recipients are written to; what is over that waits, and *tell* is called with how many letters
    do: it posts a letter of its own and returns True, or has done so before. Once *stop* says so no letter is begun.
    """

    def __init__(
        self,
        outbox: Outbox,
        connect: Callable[[], Transport],
        clock: Clock,
        *,
        per_day: int | None = None,
        tell: Callable[[int], bool] = lambda _: False,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._clock = clock
        self._per_day = per_day
        self._tell = tell
        self._stop = stop
        self._told = False
        self._transport: Transport | None = None
        self._away: str | None = None
        self._tried: set[str] = set()

    def send_letters(self) -> Sending:
        """Send what is due. Never raises for what the mail server does: what is not sent stays in the outbox."""
        budget = self._budget()
        sent = self._send_due(budget)
        if budget.waiting and not self._told:
            self._told = True
            reason = f"limits.recipients_per_day is {budget.limit}: the letters wait until it allows them"
            _log.warning("budget_spent", extra={"waiting": budget.waiting, "reason": reason})
            if self._tell(budget.waiting):
                sent |= self._send_due(budget)
        spent = f"limits.recipients_per_day, {budget.limit}, is used up" if budget.waiting else None
        return Sending(frozenset(sent), self._away or spent)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._transport is not None:
            self._transport.close()

    def _budget(self) -> Budget:
        if self._per_day is None or self._away is not None:
            return Budget()
        budget = Budget(self._per_day)
        for name, recipients in self._outbox.handed_over(self._clock() - DAY):
            budget.spend(name, recipients)
        return budget

    def _send_due(self, budget: Budget) -> set[str]:
        sent: set[str] = set()
        if self._away is not None or self._stop():
            return sent
        for posted in self._outbox.due(self._clock(), self._tried, budget):
            self._tried.add(posted.letter.name)
            try:
                if self._send(posted):
                    sent.add(posted.letter.name)
            except (ServerAwayError, ParameterError) as error:  # or the configuration has no password for it
                self._outbox.give_back(posted)
                self._away = str(error)
                _log.warning("mail_server_away", extra={"reason": self._away})
                break
            if self._stop():
                break
        return sent

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
