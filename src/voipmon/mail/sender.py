"""Who really sent a mail, and whether it may be answered at all. Pure.

A From field is what a stranger wrote. It is believed when the server that took the mail in says so: by its
Authentication-Results (RFC 8601), which carry the `authserv_id` of the configuration. That server has to take away
what others wrote in its name, as the RFC asks; a forgery that gets through must then also agree with all the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import authres

from voipmon.mail.headers import Header

_MOST_FROM = 1_000  # bytes
_MOST_RESULTS = 6_000  # letters, of all results together
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rb"(?![^@]*=\?)(" + _ATOM + rb"(?:\." + _ATOM + rb")*@" + _LABEL + rb"(?:\." + _LABEL + rb")*)"
_COMMENT = rb"\((?:[^()\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*+\)"
_QUOTED = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*+"'
_WORD = rb'[^\x00-\x20\x7f<>()@,;:\\"]+'
_NOTHING = rb"(?:[ \t]|" + _COMMENT + rb")*+"
_NAME = rb"(?:[ \t]|" + _COMMENT + rb"|" + _QUOTED + rb"|" + _WORD + rb")*+"
_FROM = re.compile(_NOTHING + _ADDRESS + _NOTHING + rb"|" + _NAME + rb"<[ \t]*" + _ADDRESS + rb"[ \t]*>" + _NOTHING)
_NOBODY = re.compile(r"mailer-daemon|postmaster|(?:do[-_.]?)?not?[-_.]?reply|nao[-_.]?responda")
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_COMMENTS = re.compile(r"\([^()]*\)")
_HOSTS = re.compile(r"\b(?:from|by)\s+([^\s;()]+)", re.IGNORECASE)
_FROM_CLAUSE = re.compile(r"from\s", re.IGNORECASE)
_SERVER_OF_RESULT = re.compile(r'(?:\([^()]*\)|\s)*+"?([^\s;"]+)')
_PARSER_ERRORS = (authres.AuthResError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Reason(StrEnum):
    """Why a mail is not answered, or only with a warning; `sentence` says it to people."""

    OWN_MAIL = "own_mail"
    AUTOMATIC = "automatic"
    BULK = "bulk"
    MAILING_LIST = "mailing_list"
    BOUNCE = "bounce"
    NOBODY = "nobody"
    HEADER_TOO_LONG = "header_too_long"
    NO_FROM = "no_from"
    SEVERAL_FROM = "several_from"
    ODD_FROM = "odd_from"
    REPEATED_FIELDS = "repeated_fields"
    NO_AUTHSERV_ID = "no_authserv_id"
    NO_RESULT = "no_result"
    ODD_RESULT = "odd_result"
    DMARC_NOT_PASSED = "dmarc_not_passed"
    OTHER_DOMAIN = "other_domain"

    @property
    def sentence(self) -> str:
        """What was found, and what to do where something can be done."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.OWN_MAIL: "it comes from voipmon itself",
    Reason.AUTOMATIC: "a program sent it, such as an absence notice (Auto-Submitted, X-Auto-Response-Suppress)",
    Reason.BULK: "it is bulk mail (Precedence)",
    Reason.MAILING_LIST: "it comes from a mailing list (List-Id)",
    Reason.BOUNCE: "it reports on another mail (its Return-Path is empty)",
    Reason.NOBODY: "nobody reads what is sent to its sender's address",
    Reason.HEADER_TOO_LONG: "its header is longer than 64 KiB",
    Reason.NO_FROM: "it has no From field",
    Reason.SEVERAL_FROM: "it has more than one From field",
    Reason.ODD_FROM: "its From field is not exactly one ordinary address",
    Reason.REPEATED_FIELDS: "it has a second Subject, Date or Message-ID, which no signature covers",
    Reason.NO_AUTHSERV_ID: (
        "nobody says who sent it: name the server that checks DMARC for this mailbox in access.authserv_id, "
        'or set access.verify_sender to "warn" or "off"'
    ),
    Reason.NO_RESULT: "the server named in access.authserv_id wrote no DMARC result on it",
    Reason.ODD_RESULT: "an Authentication-Results field of the server named in access.authserv_id cannot be read",
    Reason.DMARC_NOT_PASSED: "it did not pass DMARC: its sender may be forged",
    Reason.OTHER_DOMAIN: "it passed DMARC for another domain than that of its From field",
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent it: a lower-case address. *warning* says why it is not *verified*, where that was asked for."""

    address: str
    verified: bool
    warning: Reason | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A mail that must not be answered: it is no person's, or may start a loop (RFC 3834)."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A mail whose sender is in doubt; *address* is who it claims to come from, where that can be told."""

    reason: Reason
    address: str | None = None


def judge(
    header: Header,
    *,
    own_addresses: frozenset[str],
    verify: Literal["require", "warn", "off"],
    authserv_id: str | None,
) -> Sender | Ignored | Quarantined:
    """Say who sent the mail, or why it gets no answer. *own_addresses* are voipmon's own, in lower case.

    With *verify* "require" an unverified sender is quarantined, with "warn" taken with a warning; "off" asks nobody.
    """
    silence = next(_reasons_for_silence(header, own_addresses), None)
    if silence is not None:
        return Ignored(silence)
    address = _address(header)
    if isinstance(address, Reason):
        return Quarantined(address)
    if address in own_addresses:
        return Ignored(Reason.OWN_MAIL)
    if _NOBODY.fullmatch(address.partition("@")[0].partition("+")[0]):
        return Ignored(Reason.NOBODY)
    return _verified(address, header, verify, authserv_id)


def _verified(
    address: str, header: Header, verify: Literal["require", "warn", "off"], authserv_id: str | None
) -> Sender | Quarantined:
    if verify == "off":
        return Sender(address, verified=False)
    doubt = _doubt(header, address.rpartition("@")[2], authserv_id)
    if doubt is not None and verify == "require":
        return Quarantined(doubt, address)
    return Sender(address, verified=doubt is None, warning=doubt)


def _reasons_for_silence(header: Header, own_addresses: frozenset[str]) -> Iterator[Reason]:
    if header.x_voipmon or own_addresses & {word.strip("<>").lower() for word in header.x_loop}:
        yield Reason.OWN_MAIL
    if any(_first_word(value) != "no" for value in header.auto_submitted):
        yield Reason.AUTOMATIC
    if any({"all", "autoreply"} & set(re.split(r"[,;\s]+", value.lower())) for value in header.suppress):
        yield Reason.AUTOMATIC
    if any(_first_word(value) in _BULK for value in header.precedence):
        yield Reason.BULK
    if header.list_id:
        yield Reason.MAILING_LIST
    if any("".join(value.split()) in ("", "<>") for value in header.return_path):
        yield Reason.BOUNCE


def _first_word(value: str) -> str:
    return _COMMENTS.sub(" ", value).partition(";")[0].strip().lower()


def _address(header: Header) -> str | Reason:
    """Return the one address of the one From field; what can be read in two ways is not read at all."""
    if not header.complete:
        return Reason.HEADER_TOO_LONG
    if not header.from_fields:
        return Reason.NO_FROM
    if len(header.from_fields) > 1:
        return Reason.SEVERAL_FROM
    field = header.from_fields[0]
    match = _FROM.fullmatch(field) if len(field) <= _MOST_FROM else None
    if match is None:
        return Reason.ODD_FROM
    return (match[1] or match[2]).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class _Dmarc:
    result: str
    domains: tuple[str, ...]


def _doubt(header: Header, domain: str, authserv_id: str | None) -> Reason | None:
    """Return why the sender's *domain* is not verified, or None when it is: all that is believed must agree."""
    if authserv_id is None:
        return Reason.NO_AUTHSERV_ID
    if header.repeated & {"subject", "date", "message-id"}:
        return Reason.REPEATED_FIELDS
    believed = list(_believed(header, authserv_id))
    if sum(map(len, believed)) > _MOST_RESULTS:
        return Reason.ODD_RESULT
    try:
        results = [dmarc for value in believed for dmarc in _dmarc_results(value)]
    except _PARSER_ERRORS:
        return Reason.ODD_RESULT
    return _doubt_in(results, domain)


def _doubt_in(results: list[_Dmarc], domain: str) -> Reason | None:
    if not results:
        return Reason.NO_RESULT
    if any(dmarc.result != "pass" for dmarc in results):
        return Reason.DMARC_NOT_PASSED
    if not all(_aligned(domain, judged) for dmarc in results for judged in dmarc.domains or ("",)):
        return Reason.OTHER_DOMAIN
    return None


def _believed(header: Header, authserv_id: str) -> Iterator[str]:
    """Yield what our server wrote, from above the first server that is not ours."""
    ours = authserv_id.lower()
    for stamp in header.trace:
        if stamp.name == "received":
            if not _received_by(stamp.value, ours):
                return
        elif (match := _SERVER_OF_RESULT.match(stamp.value)) and match[1].lower() == ours:
            yield stamp.value


def _received_by(received: str, ours: str) -> bool:
    """Tell whether a mail was taken in or handed on by our server; Gmail's inner steps come from nowhere."""
    hosts = [host.lower() for host in _HOSTS.findall(received)]
    inside = _FROM_CLAUSE.match(received) is None
    return inside or any(host == ours or host.endswith("." + ours) for host in hosts)


def _dmarc_results(value: str) -> Iterator[_Dmarc]:
    for found in authres.AuthenticationResultsHeader.parse_value(value.rstrip("; ")).results:
        if found.method == "dmarc":
            properties = (each for each in found.properties if (each.type, each.name) == ("header", "from"))
            yield _Dmarc(found.result, tuple(str(each.value).lower().lstrip("@") for each in properties))


def _aligned(domain: str, judged: str) -> bool:
    """Tell whether one is the other, or below it."""
    shorter, longer = sorted((domain, judged), key=len)
    return longer == shorter or ("." in shorter and longer.endswith("." + shorter))
