"""Whose calls a search is about: what a person asks for, and no more than that person may have."""

from collections.abc import Collection
from dataclasses import dataclass

from voipmon.domain.number import Number


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody may have: the calls of *extensions*.

    With *servers*, in lower case, only those whose name tells one of them: a call that may have been another
    exchange's is nobody's.
    """

    extensions: frozenset[str]
    servers: frozenset[str] = frozenset()

    def holds(self, party: str, server: str | None) -> bool:
        """Tell whether the calls of *party* on *server*, as their names tell it, are in the share."""
        return party in self.extensions and (not self.servers or (server or "").lower() in self.servers)

    def common(self, other: "Share") -> "Share | None":
        """Return what both hold; None: nothing."""
        extensions = self.extensions & other.extensions
        servers = self.servers & other.servers if self.servers and other.servers else self.servers | other.servers
        nowhere = self.servers and other.servers and not servers
        return Share(extensions, servers) if extensions and not nowhere else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The calls of *extensions*, but for those whose name tells another exchange than *server*.

    With a *number* only calls with it, and of any extension where none is named. With *shares* only calls that one of
    them holds.
    """

    extensions: frozenset[str]
    server: str | None = None
    shares: tuple[Share, ...] | None = None
    number: Number | None = None

    @property
    def keys(self) -> frozenset[str]:
        """What is to be looked up: every wanted call has one of these among its parties or, as a number, their keys."""
        return self.extensions if self.number is None else frozenset({self.number.key})

    def includes(self, parties: Collection[str], server: str | None) -> bool:
        """Tell whether the call of these *parties*, without a `+` in front, on *server* is meant."""
        if self.server is not None and server is not None and self.server.lower() != server.lower():
            return False
        if self.number is not None and not any(map(self.number.matches, parties)):
            return False
        any_extension = self.number is not None and not self.extensions
        own = frozenset(parties) if any_extension else self.extensions.intersection(parties)
        if self.shares is None:
            return bool(own)
        return any(share.holds(party, server) for share in self.shares for party in own)
