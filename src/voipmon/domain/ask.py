"""What a person asks for: whose calls, and of when."""

import re
from dataclasses import dataclass

from voipmon.domain.number import Number
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.wanted import Share, Wanted

_EXTENSION = re.compile(r"[0-9]{1,6}")

SERVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""What the whole name of a telephone exchange looks like."""


@dataclass(frozen=True, slots=True, order=True)
class Extension:
    """An internal telephone number, 1 to 6 digits. Text, because leading zeros count.

    Raises:
        RefusedError: when it is anything else.
    """

    digits: str

    def __post_init__(self) -> None:
        if not _EXTENSION.fullmatch(self.digits):
            raise RefusedError([Problem(ProblemKind.EXTENSION_MALFORMED, self.digits)])

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish for recordings: *extensions* in the order written, each once, and a period.

    *server* names one telephone exchange, *reason* is the free text of MOTIVO. With a *number* only calls with it are
    meant, and no extension need be named: then they are those of all extensions that the asker may have.
    """

    extensions: tuple[Extension, ...]
    period: Period
    server: str | None = None
    reason: str | None = None
    number: Number | None = None

    def __post_init__(self) -> None:
        if not self.extensions and self.number is None:
            raise RefusedError([Problem(ProblemKind.EXTENSIONS_MISSING)])
        if self.server is not None and not SERVER_NAME.fullmatch(self.server):
            raise RefusedError([Problem(ProblemKind.SERVER_MALFORMED, self.server)])

    def wanted(self, shares: tuple[Share, ...] | None = None) -> Wanted:
        """Return what is to be looked for: with *shares*, as much of it as they hold."""
        extensions = frozenset(extension.digits for extension in self.extensions)
        return Wanted(extensions, self.server, shares, self.number)
