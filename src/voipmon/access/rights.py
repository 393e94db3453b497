"""Who may have whose calls. Pure: every answer follows from the arguments."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from hmac import compare_digest

from voipmon.access.limits import Limits, beyond
from voipmon.domain.ask import Ask, Extension
from voipmon.domain.problem import Problem, ProblemKind, RefusedError
from voipmon.domain.wanted import Share
from voipmon.domain.wording import write_extensions

MOST_CODES = 3
"""The most codes in one subject that are looked at: mail gateways write `[EXTERNAL]` in front."""

_LONGEST_LIST = 300
_BETWEEN = ", "  # names of tenants; none holds a comma


@dataclass(frozen=True, slots=True)
class Tenant:
    """One company: its people, by their addresses and `@domain`, and the calls that they may have.

    Without the right to *recordings* its people are known and may have none. *copies* are the addresses that get a
    copy of every answer to its own people. With *needs_code* its people prove themselves by the code in brackets too.
    They are written to in their *language*, None: in that of the installation.
    """

    name: str
    senders: frozenset[str]
    share: Share
    limits: Limits
    copies: tuple[str, ...] = ()
    needs_code: bool = False
    recordings: bool = True
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one person may have: what the *shares* hold, or everything where they are None; under whose rights."""

    shares: tuple[Share, ...] | None = ()
    tenants: tuple[Tenant, ...] = ()

    @property
    def needs_code(self) -> bool:
        """Whether some of it is open only with a code."""
        return any(tenant.needs_code for tenant in self.tenants)

    @property
    def language(self) -> str | None:
        """The language to write in, if the tenants have one in common; None: that of the installation."""
        languages = {tenant.language for tenant in self.tenants}
        return languages.pop() if len(languages) == 1 else None

    def problems(self, ask: Ask) -> list[Problem]:
        """Return what of *ask* is not in the grant, whether it exists or not."""
        if self.shares is None:
            return []
        if not self.shares:
            return [Problem(ProblemKind.RECORDINGS_NOT_YOURS)]
        shares = [share for share in self.shares if _is_on(share, ask.server)]
        if not shares:
            return [Problem(ProblemKind.SERVER_NOT_YOURS, ask.server or "")]
        foreign = [one.digits for one in ask.extensions if not _is_in(one, shares)]
        return [Problem(ProblemKind.EXTENSIONS_NOT_YOURS, _listed(foreign))] if foreign else []

    def nearest(self, ask: Ask) -> Ask:
        """Return as much of *ask* as is in the grant; where that is nothing, the first extension that is."""
        if not self.shares:
            return ask
        server = ask.server if any(_is_on(share, ask.server) for share in self.shares) else None
        shares = [share for share in self.shares if _is_on(share, server)]
        own = tuple(one for one in ask.extensions if _is_in(one, shares))
        first = (Extension(min(min(share.extensions) for share in shares)),) if ask.extensions else ()
        return replace(ask, extensions=own or first, server=server)

    def limits(self, default: Limits) -> Limits:
        """Return the most that one request may ask for: of several tenants, the most that each limit says."""
        if self.shares is None or not self.tenants:
            return default
        return Limits(
            **{
                field.name: max(getattr(tenant.limits, field.name) for tenant in self.tenants)
                for field in fields(Limits)
            }
        )

    def tenants_of(self, ask: Ask) -> tuple[Tenant, ...]:
        """Return the tenants under whose rights *ask* is answered; none: by the rights of [access]."""
        if not ask.extensions:
            return self.tenants
        return tuple(tenant for tenant in self.tenants if any(_is_in(one, [tenant.share]) for one in ask.extensions))

    def common(self, other: "Grant") -> "Grant":
        """Return what both persons may have, under the rights of the first one, or else of the other one."""
        if other.shares is None or self == other:
            return self
        if self.shares is None:
            return other
        pairs = [one.common(another) for one in self.shares for another in other.shares]
        return Grant(tuple(share for share in pairs if share is not None), self.tenants)

    def opened(self, given: Iterable[str], code_of: Callable[[str], str]) -> "Grant":
        """Return what is left of the grant for who has *given* these codes: of tenants that need none, or one of them.

        *code_of* tells the code of the tenant of a name. The comparison takes as long whatever is right of a code.
        """
        if self.shares is None:
            return self
        codes = list(given)[: MOST_CODES + 1]
        tries = codes if len(codes) <= MOST_CODES else []
        return granted(
            tenant
            for tenant in self.tenants
            if not tenant.needs_code or any([_same(code, code_of(tenant.name)) for code in tries])  # noqa: C419 - all of them
        )


EVERYTHING = Grant(None)
"""What who works on this machine may have, and who is in `access.whitelist` or `access.staff`."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Whose requests are taken.

    *allowed* holds who may have everything: addresses, and `@domain` for every address of exactly that domain. The
    people of *tenants* may have what is their tenant's.
    """

    allowed: frozenset[str]
    tenants: tuple[Tenant, ...] = ()

    def allows(self, address: str) -> bool:
        """Tell whether *address* (lower case) may ask, and receive answers."""
        return _is_among(address, self.allowed) or bool(self._tenants_of(address))

    def grant(self, address: str, named: str | None = None) -> Grant:
        """Return what *address* may have.

        A request that was taken has *named* its tenants: others that need a code were not open to it.
        """
        if _is_among(address, self.allowed):
            return EVERYTHING
        tenants = (tenant for tenant in self._tenants_of(address) if tenant.recordings)
        if named is None:
            return granted(tenants)
        names = named.split(_BETWEEN)
        return granted(tenant for tenant in tenants if tenant.name in names or not tenant.needs_code)

    def language(self, address: str) -> str | None:
        """Return the language to write to *address* in; None: that of the installation."""
        return granted(self._tenants_of(address)).language

    def _tenants_of(self, address: str) -> list[Tenant]:
        return [tenant for tenant in self.tenants if _is_among(address, tenant.senders)]


def rights_of(*lists: Sequence[str], tenants: Iterable[Tenant] = ()) -> Rights:
    """Return the union of the lists' rights and those of the tenants."""
    return Rights(frozenset(entry.lower() for entries in lists for entry in entries), tuple(tenants))


def check_ask(ask: Ask, grant: Grant, limits: Limits) -> None:
    """Check what can be checked before the search.

    Raises:
        RefusedError: with one problem for what is not in the grant, and for each limit that is passed.
    """
    problems = [*grant.problems(ask), *beyond(ask, limits)]
    if problems:
        raise RefusedError(problems)


def granted(tenants: Iterable[Tenant]) -> Grant:
    """Return what the people of these tenants may have: all that one of them has."""
    found = tuple(tenants)
    return Grant(tuple(tenant.share for tenant in found), found)


def names_of(tenants: Iterable[Tenant]) -> str | None:
    """Return the tenants as a request names them."""
    return _BETWEEN.join(tenant.name for tenant in tenants) or None


def _is_among(address: str, entries: frozenset[str]) -> bool:
    name, _, domain = address.rpartition("@")
    return bool(name) and (address in entries or f"@{domain}" in entries)


def copies_of(tenants: Iterable[Tenant]) -> tuple[str, ...]:
    """Return who else gets the answers to what is asked under the rights of these tenants.

    Under those of several nobody does: there are calls among them that are not his.
    """
    found = tuple(tenants)
    return found[0].copies if len(found) == 1 else ()


def _same(given: str, code: str) -> bool:
    return compare_digest(given.upper().encode(), code.upper().encode())


def _is_on(share: Share, server: str | None) -> bool:
    return server is None or not share.servers or server.lower() in share.servers


def _is_in(extension: Extension, shares: Iterable[Share]) -> bool:
    return any(extension.digits in share.extensions for share in shares)


def _listed(extensions: list[str]) -> str:
    text = write_extensions(extensions)
    return text if len(text) <= _LONGEST_LIST else text[:_LONGEST_LIST].rpartition(",")[0] + ",…"
