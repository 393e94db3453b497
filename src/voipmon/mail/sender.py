"""Who really sent a mail, and whether it may be answered at all. Pure.

A From field is what a stranger wrote. It is believed when the server that took the mail in says so: by its
Authentication-Results (RFC 8601), which carry the `authserv_id` of the configuration. That server has to take away
what others wrote in its name, as the RFC asks; a forgery that gets through must then also agree with all the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Literal

import authres
from authres.core import AuthenticationResultsHeader

from voipmon.mail.headers import Header
from voipmon.mail.reason import Reason

_MOST_FROM = 1_000  # bytes
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3
_MOST_RESULTS = 4_000  # letters, of all results together
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rb"(?![^@]*=\?)(" + _ATOM + rb"(?:\." + _ATOM + rb")*@" + _LABEL + rb"(?:\." + _LABEL + rb")*)"
_COMMENT = rb"\((?:[^()\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*+\)"
_QUOTED = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*+"'
_WORD = rb'[^\x00-\x20\x7f<>()@,;:\\"]+'
_NOTHING = rb"(?:[ \t]|" + _COMMENT + rb")*+"
_NAME = rb"(?:[ \t]|" + _COMMENT + rb"|" + _QUOTED + rb"|" + _WORD + rb")*+"
_FROM = re.compile(_NOTHING + _ADDRESS + _NOTHING + rb"|" + _NAME + rb"<[ \t]*" + _ADDRESS + rb"[ \t]*>" + _NOTHING)
_NOBODY = re.compile(
    r"mailer-daemon|postmaster|(?:do[-_.]?)?not?[-_.]?reply|nao[-_.]?responda"
    r"|owner-.+|.+-owner|.+-request|(?:.+-)?bounces?(?:-.+)?"
)
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_NO_REPLY_WANTED = frozenset({"all", "autoreply"})
_REPORT = "multipart/report"
_COMMENTS = re.compile(r"\([^()]*\)")
_DEEPEST_COMMENT = 3
_FROM_HOST = re.compile(r"from\s+([^\s;]+)", re.IGNORECASE)
_BY_HOST = re.compile(r"\bby\s+([^\s;]+)", re.IGNORECASE)
_THIS_HOST = frozenset({"localhost", "localhost.localdomain", "127.0.0.1", "[127.0.0.1]"})
_SERVER_OF_RESULT = re.compile(r'(?:\([^()]*\)|\s)*+"?([^\s;"]+)')
_OLDEST_DATE = timedelta(days=14)  # much less than the ledger keeps: what is older is known, or is not taken
_LATEST_DATE = timedelta(days=1)
_LONGEST_DATE = 100  # letters
_BLANKS = (" ", "\t", "\r", "\n", "(")
_FEATURES = authres.core_features()
_PARSER_ERRORS = (
    authres.AuthResError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip


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


Verify = Literal["require", "warn", "off"]


def judge(
    header: Header,
    arrived_at: datetime,
    *,
    own_addresses: frozenset[str],
    verify: Verify,
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
    silence = next(_reasons_not_to_write_to(address, own_addresses), None)
    if silence is not None:
        return Ignored(silence)
    if verify == "off":
        return Sender(address, verified=False)
    doubt = next(_doubts(header, address.rpartition("@")[2], authserv_id, arrived_at), None)
    if doubt is not None and verify == "require":
        return Quarantined(doubt, address)
    return Sender(address, verified=doubt is None, warning=doubt)


def _reasons_for_silence(header: Header, own_addresses: frozenset[str]) -> Iterator[Reason]:
    if header.x_voipmon or own_addresses & {word.strip("<>").lower() for word in header.x_loop}:
        yield Reason.OWN_MAIL
    if any(_first_word(value) != "no" for value in header.auto_submitted) or header.auto_replies:
        yield Reason.AUTOMATIC
    if any(_NO_REPLY_WANTED & set(re.split(r"[,;\s]+", value.lower())) for value in header.suppress):
        yield Reason.AUTOMATIC
    if any(_first_word(value) in _BULK for value in header.precedence):
        yield Reason.BULK
    if header.list_fields:
        yield Reason.MAILING_LIST
    if any("".join(value.split()) in ("", "<>") for value in header.return_path):
        yield Reason.BOUNCE
    if any(_first_word(value) == _REPORT for value in header.content_type):
        yield Reason.BOUNCE


def _reasons_not_to_write_to(address: str, own_addresses: frozenset[str]) -> Iterator[Reason]:
    if address in own_addresses:
        yield Reason.OWN_MAIL
    if _NOBODY.fullmatch(address.partition("@")[0].partition("+")[0]):
        yield Reason.NOBODY


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
    address = (match[1] or match[2]).decode("ascii").lower() if match else ""
    return address if 0 < len(address) <= _LONGEST_ADDRESS else Reason.ODD_FROM


@dataclass(frozen=True, slots=True)
class _Dmarc:
    result: str
    domains: tuple[str, ...]


def _doubts(header: Header, domain: str, authserv_id: str | None, arrived_at: datetime) -> Iterator[Reason]:
    """Yield why the sender's *domain* is not verified; nothing when it is: all that is believed must agree."""
    if authserv_id is None:
        yield Reason.NO_AUTHSERV_ID
        return
    if header.repeated & {"subject", "date", "message-id"}:
        yield Reason.REPEATED_FIELDS
    results = _results(header, authserv_id)
    if results is None:
        yield Reason.ODD_RESULT
    if results == []:
        yield Reason.NO_RESULT
    if any(dmarc.result != "pass" for dmarc in results or ()):
        yield Reason.DMARC_NOT_PASSED
    if not all(_aligned(domain, judged) for dmarc in results or () for judged in dmarc.domains or ("",)):
        yield Reason.OTHER_DOMAIN
    yield from _doubts_of_date(header.date, arrived_at)


def _doubts_of_date(date: str, arrived_at: datetime) -> Iterator[Reason]:
    """Yield why a mail may be an old one, sent again by somebody who has a copy: its signature is valid for ever."""
    try:
        sent = parsedate_to_datetime(date[:_LONGEST_DATE])
        late = arrived_at - (sent if sent.tzinfo else sent.replace(tzinfo=UTC))
    except _PARSER_ERRORS:
        yield Reason.ODD_DATE
        return
    if not -_LATEST_DATE <= late <= _OLDEST_DATE:
        yield Reason.OTHER_TIME


def _results(header: Header, authserv_id: str) -> list[_Dmarc] | None:
    """Return what our server says of DMARC, or None where that cannot be read."""
    believed = list(_believed(header, authserv_id.lower()))
    if sum(map(len, believed)) > _MOST_RESULTS:
        return None
    try:
        return [dmarc for value in believed for dmarc in _dmarc_results(value)]
    except _PARSER_ERRORS:
        return None


def _believed(header: Header, ours: str) -> Iterator[str]:
    """Yield what our server wrote, from above the first server that is not ours."""
    taken_in = False
    for stamp in header.trace:
        if stamp.name == "received":
            sender, receiver = _hosts(stamp.value)
            if _is_ours(receiver, ours):
                taken_in = True
            elif not _is_inner_step(sender, receiver, ours, taken_in=taken_in):
                return
        elif (match := _SERVER_OF_RESULT.match(stamp.value)) and match[1].lower() == ours:
            yield stamp.value


def _hosts(received: str) -> tuple[str, str]:
    """Return from whom and by whom a mail was received, each "" where that is not said."""
    for _ in range(_DEEPEST_COMMENT):
        received = _COMMENTS.sub(" ", received)
    sender, receiver = _FROM_HOST.match(received), _BY_HOST.search(received)
    return sender[1].lower() if sender else "", receiver[1].lower() if receiver else ""


def _is_ours(host: str, ours: str) -> bool:
    return host == ours or host.endswith("." + ours)


def _is_inner_step(sender: str, receiver: str, ours: str, *, taken_in: bool) -> bool:
    """Tell whether our server handed the mail on, to itself or to a host with another name.

    Above the step that took the mail in that may be to anybody, or from nowhere as Gmail writes it; below it, only to
    a filter on the same host: a mail that was here, went abroad and came back may have been changed there.
    """
    if taken_in:
        return _is_ours(sender, ours) and receiver in _THIS_HOST
    return not sender or _is_ours(sender, ours)


def _dmarc_results(value: str) -> Iterator[_Dmarc]:
    for found in _Results.parse_value(_FEATURES, value.rstrip("; ")).results:
        if found.method == "dmarc":
            properties = (each for each in found.properties if (each.type, each.name) == ("header", "from"))
            yield _Dmarc(found.result, tuple(str(each.value).lower().lstrip("@") for each in properties))


def _aligned(domain: str, judged: str) -> bool:
    """Tell whether one is the other, or below it."""
    shorter, longer = sorted((domain, judged), key=len)
    return longer == shorter or ("." in shorter and longer.endswith("." + shorter))


class _Results(AuthenticationResultsHeader):  # type: ignore[misc]  # it has no types
    """authres as it is, in a fifth of the time: each pattern is compiled once instead of at every step."""

    def _parse_rfc5322_cfws(self) -> Any:
        """Pass over blanks and comments, which are not looked for where there can be none: at most steps."""
        return super()._parse_rfc5322_cfws() if self._parse_text.startswith(_BLANKS) else None

    def _parse_pattern(self, pattern: Any) -> re.Match[str] | None:
        match = _compiled(pattern).search(self._parse_text)
        if match is not None:
            self._parse_text: str = self._parse_text[: match.start()] + self._parse_text[match.end() :]
        return match


@cache
def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    return pattern if isinstance(pattern, re.Pattern) else re.compile(f"^{pattern}", re.IGNORECASE)
