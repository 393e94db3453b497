"""Break any rule, and a case of the corpus fails: a rule that nothing holds is no rule."""

import email.utils
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import policy
from types import ModuleType
from typing import Any

import pytest
from corpus.cases import CASES, MANAGER
from corpus.intake import wrong_with
from fakes import inbox as memory
from support.sampling import Sample

from voipmon.access.rights import Rights
from voipmon.commands import decide
from voipmon.mail import headers, sender
from voipmon.mail.ledger import Ledger, Verdict, VerdictKind
from voipmon.mail.reason import Reason

Break = Callable[[pytest.MonkeyPatch], None]


def is_held() -> bool:
    """Tell whether a case fails; a traceback is a failure, too."""
    try:
        return any(wrong_with(case) for case in CASES)
    except Exception:  # noqa: BLE001 - so would a test
        return True


def test_with_all_rules_in_place_no_case_fails() -> None:
    assert [problem for case in CASES for problem in wrong_with(case)] == []


# -- a reason that nobody gives any more ------------------------------------------------------------------------------

GIVEN_BY_A_TABLE = ["_reasons_for_silence", "_reasons_not_to_write_to", "_doubts"]
OF_THE_ADDRESS = {Reason.HEADER_TOO_LONG, Reason.NO_FROM, Reason.SEVERAL_FROM, Reason.ODD_FROM}
OF_THE_RESULT = {Reason.REQUEST, Reason.NO_REQUEST}
BY_HAND = {Reason.TOO_MANY_REFUSALS, Reason.REPLAYED, Reason.NO_AUTHSERV_ID}  # below, or another configuration
OF_CODES = {Reason.WRONG_CODE, Reason.TOO_MANY_CODES}  # test_who_may_hear_what.py
BY_A_FAULT = {Reason.UNDECIDABLE}  # of voipmon's own: tests/unit/commands/test_monitor.py


def test_every_reason_is_held_by_a_case(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    for reason in sample(sorted(set(Reason) - OF_THE_RESULT - BY_HAND - OF_CODES - BY_A_FAULT), 3):
        with monkeypatch.context() as patch:
            _silence(reason, patch)
            assert is_held(), reason


def _silence(reason: Reason, patch: pytest.MonkeyPatch) -> None:
    for module in (sender, decide):
        for name in GIVEN_BY_A_TABLE:
            if hasattr(module, name):
                patch.setattr(module, name, _without(reason, getattr(module, name)))
    if reason in OF_THE_ADDRESS:
        address = sender._address
        patch.setattr(sender, "_address", lambda header: MANAGER if address(header) is reason else address(header))


def _without(reason: Reason, given: Callable[..., Iterator[Reason]]) -> Callable[..., Iterator[Reason]]:
    return lambda *arguments: (each for each in given(*arguments) if each is not reason)


def test_every_field_that_is_fetched_is_needed_by_a_case(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in sample(headers.WANTED, 3):
        monkeypatch.setattr(memory, "WANTED", [name for name in headers.WANTED if name != field])
        assert is_held(), field


# -- a word that is not heeded any more -------------------------------------------------------------------------------


WORDS = {"_BULK": sender._BULK, "_NO_REPLY_WANTED": sender._NO_REPLY_WANTED, "_THIS_HOST": {"localhost"}}


def test_every_word_of_a_mark_is_held_by_a_case(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, word in sample([(name, word) for name, words in WORDS.items() for word in sorted(words)], 2):
        with monkeypatch.context() as patch:
            patch.setattr(sender, name, getattr(sender, name) - {word})
            assert is_held(), word


def test_every_name_that_nobody_reads_is_held_by_a_case(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    names = sender._NOBODY.pattern.split("|")
    for name in sample(names, 2):
        monkeypatch.setattr(sender, "_NOBODY", re.compile("|".join(other for other in names if other != name)))
        assert is_held(), name


# -- a rule that is softer, or harder, than it should be ---------------------------------------------------------------


def _set(module: ModuleType | type, name: str, value: Any) -> Break:
    return lambda patch: patch.setattr(module, name, value)


def _wrap(module: ModuleType | type, name: str, make: Callable[[Any], Any]) -> Break:
    return lambda patch: patch.setattr(module, name, make(getattr(module, name)))


def _parsed_by_parseaddr(header: headers.Header) -> str | Reason:
    if len(header.from_fields) != 1:
        return Reason.ODD_FROM
    return email.utils.parseaddr(header.from_fields[0].decode("latin-1"))[1].lower() or Reason.ODD_FROM


def _parsed_by_the_library(header: headers.Header) -> str | Reason:
    if not header.complete or len(header.from_fields) != 1 or len(header.from_fields[0]) > 1_000:
        return Reason.ODD_FROM
    parsed = policy.default.header_factory("From", header.from_fields[0].decode("latin-1")).addresses
    return parsed[0].addr_spec.lower() if len(parsed) == 1 else Reason.ODD_FROM


def _only_the(place: int) -> Callable[[Any], Any]:
    return lambda results: lambda *arguments: (results(*arguments) or [None])[place:][:1]


BREAKS: dict[str, Break] = {
    # who it is from
    "From is read by parseaddr": _set(sender, "_address", _parsed_by_parseaddr),
    "From is read by the library, defects or not": _set(sender, "_address", _parsed_by_the_library),
    "the address may stand anywhere in From": _set(
        sender, "_FROM", re.compile(rb".*?<?" + sender._ADDRESS + rb".*()", re.DOTALL)
    ),
    "From may be as long as it likes": _set(sender, "_MOST_FROM", 10**6),
    "an address may be as long as it likes": _set(sender, "_LONGEST_ADDRESS", 10**6),
    "capitals make another address": _wrap(
        sender, "_address", lambda read: lambda header: _capitals(header) or read(header)
    ),
    "a name may hold no quotes": _set(
        sender, "_FROM", re.compile(rb"[^\"]*<" + sender._ADDRESS + rb">()|" + sender._ADDRESS)
    ),
    # whose result is believed
    "results of any server are believed": _set(
        sender, "_SERVER_OF_RESULT", re.compile(r"(?=.*?(mx\.example\.com))|(?=())")
    ),
    "results of any server that says nothing are believed": _wrap(
        sender, "_believed", lambda _: lambda header, _ours: (s.value for s in header.trace if s.name != "received")
    ),
    "results from below a foreign server are believed": _wrap(
        sender, "_believed", lambda believed: lambda header, ours: believed(_without_servers(header), ours)
    ),
    "a host whose name ends alike is ours": _set(sender, "_is_ours", lambda host, ours: host.endswith(ours)),
    "a host below ours is not ours": _set(sender, "_is_ours", lambda host, ours: host == ours),
    "every inner step is foreign": _set(sender, "_is_inner_step", lambda *_, **__: False),
    "a step from nowhere is always ours": _wrap(
        sender, "_is_inner_step", lambda inner: lambda s, r, o, *, taken_in: not s or inner(s, r, o, taken_in=taken_in)
    ),
    "a step from us is always ours": _wrap(
        sender,
        "_is_inner_step",
        lambda inner: lambda s, r, o, *, taken_in: sender._is_ours(s, o) or inner(s, r, o, taken_in=taken_in),
    ),
    "a step to any local host is ours": _wrap(
        sender,
        "_is_inner_step",
        lambda inner: lambda s, r, o, *, taken_in: r in sender._THIS_HOST or inner(s, r, o, taken_in=taken_in),
    ),
    "a filter on our own host is foreign": _wrap(
        sender,
        "_is_inner_step",
        lambda inner: lambda s, r, o, *, taken_in: not taken_in and inner(s, r, o, taken_in=taken_in),
    ),
    "comments of a Received are read": _set(sender, "_DEEPEST_COMMENT", 0),
    "comments in comments of a Received are read": _set(sender, "_DEEPEST_COMMENT", 1),
    "the name of a server has capitals": _wrap(
        sender, "_believed", lambda believed: lambda header, ours: (v for v in believed(header, ours) if ours in v)
    ),
    # which result is believed
    "the first result decides": _wrap(sender, "_results", _only_the(0)),
    "the last result decides": _wrap(sender, "_results", _only_the(-1)),
    "one pass is enough": _wrap(
        sender,
        "_results",
        lambda results: (
            lambda *a: [r for r in found if r.result == "pass"] or found if (found := results(*a)) else found
        ),
    ),
    "what cannot be read is left out": _wrap(sender, "_results", lambda results: lambda *a: results(*a) or []),
    "4 kB of results are read": _set(sender, "_MOST_RESULTS", 10**6),
    "alignment is not looked at": _set(sender, "_aligned", lambda *_: True),
    "alignment is strict": _set(sender, "_aligned", lambda one, other: one == other),
    "alignment knows no labels": _set(
        sender, "_aligned", lambda one, other: one.endswith(other) or other.endswith(one)
    ),
    "a top level is aligned": _set(
        sender, "_aligned", lambda one, other: one == other or one.endswith("." + other) or other.endswith("." + one)
    ),
    "a result for nobody is a result": _wrap(
        sender, "_dmarc_results", lambda read: lambda value: (r for r in read(value) if r.domains)
    ),
    # replays
    "a Date may be of any age": _set(sender, "_OLDEST_DATE", timedelta(days=10**6)),
    "a Date may lie in the future": _set(sender, "_LATEST_DATE", timedelta(days=10**6)),
    "a Date must be of this hour": _set(sender, "_OLDEST_DATE", timedelta(hours=-1)),
    "a copy may come at any time": _set(decide, "_SAME_DELIVERY", timedelta(days=10**6)),
    "a copy may not come at all": _set(decide, "_SAME_DELIVERY", timedelta(days=-1)),
    "copies of what was not answered are put aside, too": _set(decide, "_ANSWERED", tuple(VerdictKind)),
    "copies of rejected mails are taken for them": _set(decide, "_ANSWERED", (VerdictKind.ACCEPTED,)),
    # identity
    "a mail is its Message-ID": _set(decide, "_words_of", lambda header, _: (header.message_id or "",)),
    "a mail is its Message-ID and From": _set(
        decide, "_words_of", lambda header, _: (header.message_id or "", str(header.from_fields))
    ),
    "a mail is its arrival": _set(decide, "_words_of", lambda _, message: (str(message.arrived_at),)),
    # machines
    "comments count in a mark": _set(sender, "_COMMENTS", re.compile(r"(?!)")),
    "parameters count in a mark": _set(sender, "_first_word", lambda value: value.strip().lower()),
    "capitals count in a mark": _set(sender, "_first_word", lambda value: value.partition(";")[0].strip()),
    "any report is answered": _set(sender, "_REPORT", "none"),
    "no.reply is somebody": _set(
        sender, "_NOBODY", re.compile(sender._NOBODY.pattern.replace("not?[-_.]?reply", "not?[-_]?reply"))
    ),
    "names that begin like nobody's are nobody's": _set(
        sender, "_NOBODY", re.compile(f"(?:{sender._NOBODY.pattern}).*")
    ),
    # people
    "anybody may ask": _set(Rights, "allows", lambda *_: True),
    "only addresses may ask": _set(Rights, "allows", lambda rights, address: address in rights.allowed),
    "a domain below one that may ask may ask": _set(
        Rights, "allows", lambda rights, address: any(address.endswith(entry.lstrip("@")) for entry in rights.allowed)
    ),
    "old mail is answered": _set(decide, "_TOO_OLD", timedelta(days=10**6)),
    "mail of last week is old": _set(decide, "_TOO_OLD", timedelta(days=7)),
    "every answer in a thread is a thank-you": _set(decide, "_says_the_same", lambda *_: True),
    "prefixes make another subject": _set(decide, "strip_prefixes", lambda text: text),
    "a code makes another subject": _set(decide, "without_code", lambda text: text),
    "any Message-ID with a dot is ours": _wrap(
        Ledger, "verdict_of_request", lambda find: lambda ledger, name: find(ledger, name) or _first_verdict(ledger)
    ),
    # floods
    "refusals have no end": _set(decide, "REFUSALS_PER_HOUR", 10**6),
    "four refusals are enough": _set(decide, "REFUSALS_PER_HOUR", 4),
    "guides are no refusals": _set(decide, "REFUSALS", (VerdictKind.REJECTED,)),
    "requests count as refusals": _set(decide, "REFUSALS", (*decide.REFUSALS, VerdictKind.ACCEPTED)),
    "refusals count for a day": _set(decide, "_HOUR", timedelta(days=1)),
    "refusals count for a minute": _set(decide, "_HOUR", timedelta(minutes=1)),
    "nobody's requests are counted": _set(Ledger, "count_since", lambda *_: 0),
    "limits are not looked at": _set(decide, "check_ask", lambda *_: None),
    # headers
    "a header may be as long as it likes": _set(headers, "MOST_BYTES", 10**9),
    "raw letters are UTF-8": _set(headers, "_plain", lambda value: value.decode("utf-8", "ignore")),
    "every charset is tried": _set(headers, "_CHARSET", re.compile(".*", re.DOTALL)),
    "control characters are kept": _set(headers, "_CONTROL", re.compile(r"(?!)")),
    "encoded words are not read": _set(headers, "_decoded", headers._text),
    "the last of two fields counts": _wrap(headers, "_fields", lambda fields: lambda raw: reversed([*fields(raw)])),
}


def _first_verdict(ledger: Ledger) -> Verdict | None:
    keys = ledger._all("SELECT key FROM verdict LIMIT 1")
    return ledger.verdict(keys[0][0]) if keys else None


def _capitals(header: headers.Header) -> str | None:
    field = header.from_fields[0] if header.from_fields else b""
    return field.decode("latin-1") if b"COMPANY" in field else None


def _without_servers(header: headers.Header) -> headers.Header:
    return replace(header, trace=tuple(stamp for stamp in header.trace if stamp.name != "received"))


def test_every_rule_is_held_by_a_case(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in sample(BREAKS, 10):
        with monkeypatch.context() as patch:
            BREAKS[name](patch)
            assert is_held(), name
