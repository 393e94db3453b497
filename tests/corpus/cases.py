"""Nasty mails, each with the verdict it must get.

A case is one mail, or several of which the last is judged. All are addressed to a mailbox whose server is
`mx.example.com`, and come from `manager@company.example.com`, who may ask, unless they say otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from voipmon.mail.ledger import VerdictKind
from voipmon.mail.reason import Reason

NOON = datetime(2025, 11, 11, 15, tzinfo=UTC)
MANAGER = "manager@company.example.com"
OTHER = "a@attacker.example.org"
OWN = "voip.audios@example.com"
GOOD = "RAMAIS=1121,1122 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00"
OURS = b"@ID-OF-OUR-REPLY@"
"""Stands in a mail for the Message-ID of the reply to the mail before it."""

FROM = f"From: Ana <{MANAGER}>"
DATE = "Date: Tue, 11 Nov 2025 12:00:00 -0300"
VOUCHED = "Authentication-Results: mx.example.com; dmarc=pass (p=reject) header.from=company.example.com"
IN = "Received: from mail.company.example.com by mx.example.com with ESMTPS id 1; Tue, 11 Nov 2025 12:00:02 -0300"
FOREIGN = "Received: from [192.0.2.7] by mail.company.example.com; Tue, 11 Nov 2025 12:00:01 -0300"

ACCEPTED, REJECTED, GUIDED, IGNORED, QUARANTINED = VerdictKind
CATEGORIES = (
    "doubled fields", "size", "parsers that raise or burn", "encoded subjects", "odd subjects", "header injection",
    "identity", "sender tricks", "whose result", "what result", "replays", "automatic replies", "bulk and lists",
    "bounces", "nobody", "our own mail", "floods", "who may ask",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """The last of *mails*, each *gap* after the one before, gets *kind* and *reason*; None: whatever is wrong.

    It is read after it has *waited*. *known*: it is no other than the one before, and nothing follows from it.
    """

    category: str
    name: str
    kind: VerdictKind
    reason: str | None
    mails: tuple[bytes, ...]
    gap: timedelta = timedelta(minutes=1)
    waited: timedelta = timedelta(0)
    size: int = 0
    known: bool = False

    def __str__(self) -> str:
        return f"{self.category}: {self.name}"


def mail(
    *more: str | bytes, subject: str | bytes | None = GOOD, first: Iterable[str | bytes] = (VOUCHED, IN),
    sender: str | bytes | None = FROM, date: str | bytes | None = DATE, number: str | bytes | None = "<1@mail.example>",
) -> bytes:  # fmt: skip
    """Return a mail that is accepted unless an argument spoils it; None leaves a field out."""
    fields = [
        *first,
        sender,
        date,
        None if number is None else b"Message-ID: " + _bytes(number),
        None if subject is None else b"Subject: " + _bytes(subject),
        *more,
    ]
    return b"\r\n".join(_bytes(field) for field in fields if field is not None) + b"\r\n\r\nPlease.\r\n"


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _from(field: str | bytes) -> bytes:
    return mail(sender=b"From: " + _bytes(field))


def _each(
    category: str, kind: VerdictKind, reason: str | None, mails: Mapping[str, bytes | tuple[bytes, ...]], *,
    known: bool = False,
) -> list[Case]:  # fmt: skip
    return [
        Case(category, name, kind, reason, each if isinstance(each, tuple) else (each,), known=known)
        for name, each in mails.items()
    ]


def _result(text: str) -> str:
    return f"Authentication-Results: mx.example.com; {text}"


def _passed(domain: str) -> str:
    return _result(f"dmarc=pass header.from={domain}")


def _judged(*first: str) -> bytes:
    return mail(first=first)


_REQUEST = mail()
_BAD = [mail(subject="RAMAIS=11x", number=f"<{n}@mail.example>") for n in range(7)]
_WIDE = ",".join(str(n) for n in range(1001, 1041))

CASES: list[Case] = [
    # -- what must be taken ------------------------------------------------------------------------------------------
    *_each("who may ask", ACCEPTED, Reason.REQUEST, {
        "an ordinary mail": _REQUEST,
        "an address in capitals": _from("Ana <Manager@COMPANY.example.com>"),
        "a domain that is whitelisted": mail(sender="From: new.person@company.example.com"),
        "a Reply-To elsewhere is not looked at": mail(f"Reply-To: {OTHER}"),
    }),
    *_each("who may ask", IGNORED, Reason.STRANGER, {
        "a stranger whom his own server vouches for": mail(
            sender=f"From: {OTHER}",
            first=(_passed("attacker.example.org"), IN),
        ),
        "a stranger whom nobody vouches for": mail(sender=f"From: {OTHER}", first=()),
        "a domain below one that may ask": mail(
            sender="From: a@sub.company.example.com", first=(_passed("sub.company.example.com"), IN)
        ),
        "a domain that ends alike": mail(
            sender="From: a@notcompany.example.com", first=(_passed("notcompany.example.com"), IN)
        ),
        "an empty subject of a stranger": mail(sender=f"From: {OTHER}", subject=""),
        "a Reply-To that may ask": mail(f"Reply-To: {MANAGER}", sender=f"From: {OTHER}"),
        "a Sender that may ask": mail(f"Sender: {MANAGER}", sender=f"From: {OTHER}"),
    }),
    *_each("who may ask", GUIDED, Reason.NO_REQUEST, {
        "a call for help": mail(subject="AJUDA"),
        "no subject at all": mail(subject=None),
        "a chat": mail(subject="bom dia"),
    }),
    Case("who may ask", "a mail that lay there for weeks", IGNORED, Reason.TOO_OLD, (_REQUEST,),
         waited=timedelta(days=15)),
    Case("who may ask", "a mail that lay there for days", ACCEPTED, Reason.REQUEST, (_REQUEST,),
         waited=timedelta(days=13)),
    # -- doubled fields ----------------------------------------------------------------------------------------------
    *_each("doubled fields", QUARANTINED, Reason.SEVERAL_FROM, {
        "two From, the allowed one first": mail(f"From: {OTHER}"),
        "two From, the allowed one last": mail(FROM, sender=f"From: {OTHER}"),
        "the same From twice": mail(FROM),
        "a From in capitals": mail(f"FROM : {OTHER}"),
    }),
    *_each("doubled fields", QUARANTINED, Reason.REPEATED_FIELDS, {
        "a second Subject on top of a signed mail": mail("Subject: RAMAIS=1-999 INICIO=hoje"),
        "a second Date": mail("Date: Mon, 10 Nov 2025 12:00:00 -0300"),
        "a second Message-ID": mail("Message-ID: <2@mail.example>"),
    }),
    *_each("doubled fields", ACCEPTED, Reason.REQUEST, {
        "two To": mail("To: a@example.com", "To: b@example.com"),
        "two References": mail("References: <a@b>", "References: <c@d>"),
        "a Subject in the body": mail() + b"Subject: other\r\nFrom: other@example.com\r\n",
    }),
    # -- size --------------------------------------------------------------------------------------------------------
    *_each("size", ACCEPTED, Reason.REQUEST, {
        "8,000 recipients": mail("To: " + ",\r\n ".join(f"p{n}@example.com" for n in range(8_000))),
        "a thousand fields that nobody wants": mail(*[f"X-Nobody-{n}: {'x' * 60}" for n in range(1_000)]),
        "a signature of 20 kB": mail("DKIM-Signature: " + "\r\n ".join(["b=" + "A" * 70] * 300)),
    }),
    *_each("size", QUARANTINED, Reason.HEADER_TOO_LONG, {
        "64 kB of subject before the From": mail(sender=None, subject="x" * 66_000) ,
        "64 kB of references": mail("References: " + "\r\n ".join(["<a@example.com>"] * 5_000)),
        "64 kB of servers, and a second From behind them": mail(*[FOREIGN] * 900, f"From: {OTHER}"),
    }),
    Case("size", "12 MB", ACCEPTED, Reason.REQUEST, (_REQUEST,), size=12_000_000),
    # -- parsers that raise or burn ----------------------------------------------------------------------------------
    *_each("parsers that raise or burn", ACCEPTED, Reason.REQUEST, {
        "an empty Message-ID": mail(number="<>"),
        "a Message-ID in brackets": mail(number="<[ABC=@microsoft.com]>"),
        "a Message-ID without an end": mail(number="<" + "x" * 3_000),
        "a Message-ID that turns the writing round": mail(number="<1@mail.exam\u202eple>"),
        "a Message-ID with a blank of another charset": mail(number=b"<1\xa0mail.example>"),
        "no Message-ID": mail(number=None),
        "odd References": mail("References: <<>> <a@b> ,;\x00 <" + "(" * 500, "In-Reply-To: <>"),
        "an odd Return-Path": mail("Return-Path: <@@a:b@>"),
        "an odd Content-Type": mail('Content-Type: ;="\\'),
        "a subject parted by control characters": mail(subject="RAMAIS=1121\x01INICIO=27/10/2025\x0cFIM=28/10/2025"),
        "a control character behind a word": mail("Auto-Submitted: no\x01"),
        "bytes that are no text": mail(b"X-Loop: \xff\xfe\x80", b"\xff\xfe: \xff"),
        "a To that is no address": mail("To: <>"),
    }),
    *_each("parsers that raise or burn", QUARANTINED, Reason.ODD_FROM, {
        "20 kB of quotes": _from('"' * 20_000 + f"<{MANAGER}>"),
        "3,000 nested comments": _from("(" * 3_000 + ")" * 3_000 + f" <{MANAGER}>"),
        "quotes that end nowhere": _from('"' * 499 + f" <{MANAGER}>"),
        "dots": _from("a." * 400 + "@company.example.com"),
        "nothing": _from(""),
        "no address": _from("Ana"),
        "an empty address": _from("Ana <>"),
        "a name of 1,000 letters": _from("Ana" * 340 + f" <{MANAGER}>"),
        "an address of 300 letters": _from("m" * 290 + "@company.example.com"),
    }),
    *_each("parsers that raise or burn", GUIDED, Reason.NO_REQUEST, {
        "4,000 encoded words": mail(subject="=?utf-8?Q?a?= " * 4_000),
        "words that never end": mail(subject="=?utf-8?Q?" * 6_000),
        "a charset that is a compressor": mail(subject="=?zlib?B?eJwDAAAAAAE=?="),
        "a slow charset": mail(subject=b"=?idna?Q?" + b"\xc3\xa9" * 20_000 + b"?="),
    }),
    *_each("parsers that raise or burn", QUARANTINED, Reason.ODD_RESULT, {
        "a result of brackets": _judged(VOUCHED, _result("(" * 3_000), IN),
        "4 kB of results": _judged(*[VOUCHED] * 60, IN),
        "a result that stops": _judged("Authentication-Results: mx.example.com", IN),
    }),
    # -- subjects ----------------------------------------------------------------------------------------------------
    *_each("encoded subjects", ACCEPTED, Reason.REQUEST, {
        "a word in the middle": mail(subject="RAMAIS==?utf-8?Q?1121?= INICIO=10/11/2025"),
        "two words that are one": mail(subject="=?utf-8?B?UkFNQUlT?= =?utf-8?Q?=3D1121_INICIO=3D10/11/2025?="),
        "a letter in two words": mail(subject="RAMAIS=1121 =?utf-8?Q?IN=C3?=\r\n =?utf-8?Q?=8DCIO=3D10/11/2025?="),
        "iso-8859-1": mail(subject="=?iso-8859-1?Q?RAMAIS=3D1121_IN=CDCIO=3D10/11/2025?="),
        "an unknown charset": mail(subject="=?klingon?Q?RAMAIS=3D1121_INICIO=3D10/11/2025?="),
        "a charset with a language": mail(subject="=?utf-8*pt-br?Q?RAMAIS=3D1121_IN=C3=8DCIO=3D10/11/2025?="),
        "raw UTF-8": mail(subject="RAMAIS=1121 INÍCIO=10/11/2025"),
        "raw latin-1": mail(subject="RAMAIS=1121 INÍCIO=10/11/2025".encode("latin-1")),
        "folded with a tab": mail(subject="RAMAIS=1121\r\n\tINICIO=10/11/2025"),
        "wide digits": mail(subject="RAMAIS=１１２１ INICIO=10/11/2025"),
        "base64 without its end": mail(subject="=?utf-8?B?UkFNQUlTPTExMjEgSU5JQ0lPPTEwLzExLzIwMjU?="),
    }),
    *_each("odd subjects", REJECTED, None, {
        "Arabic digits": mail(subject="RAMAIS=١١٢١ INICIO=10/11/2025"),
        "superscript digits": mail(subject="RAMAIS=11² INICIO=10/11/2025"),
        "a month that is none": mail(subject="RAMAIS=1121 INICIO=10/13/2025"),
        "an end before the start": mail(subject="RAMAIS=1121 INICIO=10/11/2025 FIM=09/11/2025"),
        "a million extensions": mail(subject="RAMAIS=000000-999999 INICIO=10/11/2025"),
        "more extensions than one may ask for": mail(subject="RAMAIS=1000-1050 INICIO=10/11/2025"),
        "ten years": mail(subject="RAMAIS=1121 INICIO=10/11/2015"),
        "the year 9999": mail(subject="RAMAIS=1121 INICIO=01/01/9999 FIM=31/12/9999"),
        "a key that is none": mail(subject=f"{GOOD} SENHA=1234"),
        "a surrogate": mail(subject=b"RAMAIS=1121 INICIO=10/11/2025 \xed\xa0\x80"),
    }),
    Case("odd subjects", "a long list", ACCEPTED, Reason.REQUEST, (mail(subject=f"RAMAIS={_WIDE} INICIO=10/11/2025"),)),
    *_each("header injection", GUIDED, Reason.NO_REQUEST, {
        "a Bcc in an encoded word": mail(subject="=?utf-8?Q?AJUDA=0D=0ABcc=3A_b=40example.com?="),
        "a body in an encoded word": mail(subject="=?utf-8?B?QUpVREENCg0KPGgxPmE8L2gxPg==?="),
        "a lone CR": mail(subject=b"AJUDA\rBcc: b@example.com"),
        "a vertical tab and a zero": mail(subject=b"AJUDA\x0b\x00\x1b[31m"),
        "a line separator": mail(subject="AJUDA\u2028Bcc: b@example.com"),
        "a Message-ID with a line break": mail(subject="AJUDA", number=b"<a\rBcc:b@x>"),
        "References with a line break": mail(b"References: <a\rBcc:b@x> <c@d>", subject="AJUDA"),
        "right to left": mail(subject="AJUDA \u202egnp.exe"),
        "markup": mail(subject="AJUDA <script>alert(1)</script>"),
    }),
    # -- identity ----------------------------------------------------------------------------------------------------
    *_each("identity", ACCEPTED, Reason.REQUEST, {
        "the same mail twice": (_REQUEST, _REQUEST),
        "the same mail, folded elsewhere": (mail(subject="RAMAIS=1121 INICIO=10/11/2025"),
                                            mail(subject="RAMAIS=1121\r\n INICIO=10/11/2025")),
    }, known=True),
    *_each("identity", REJECTED, None, {
        "another mail of the same Message-ID": (_REQUEST, mail(subject="RAMAIS=11x")),
        "another mail of the same words, an hour on": (
            _REQUEST, mail(subject="RAMAIS=11x", number="<2@x>", date="Date: Tue, 11 Nov 2025 12:01:00 -0300")
        ),
    }),
    *_each("identity", IGNORED, Reason.STRANGER, {
        "a stranger who took a Message-ID": (_REQUEST, mail(sender=f"From: {OTHER}")),
    }),
    # -- sender tricks -----------------------------------------------------------------------------------------------
    *_each("sender tricks", QUARANTINED, Reason.ODD_FROM, {
        "g<a>": _from(f"{MANAGER}<{OTHER}>"),
        "<g>a": _from(f"<{MANAGER}>{OTHER}"),
        "name <g> <a>": _from(f"Gerente <{MANAGER}> <{OTHER}>"),
        "g)<a": _from(f"{MANAGER})<{OTHER}"),
        "a list with g": _from(f"lista: {MANAGER};"),
        "two addresses": _from(f"{MANAGER}, {OTHER}"),
        "an encoded address": _from("=?utf-8?q?manager=40company.example.com?="),
        "an encoded local part": _from("=?utf-8?q?manager?=@company.example.com"),
        "a Cyrillic a in the domain": _from("manager@comp\u0430ny.example.com"),
        "raw latin-1 in the address": _from("managér@company.example.com".encode("latin-1")),
        "a NUL in the address": _from(b"manager@company.example.com\x00.example.org"),
        "a CR in front of another address": _from(f"{MANAGER}\r<{OTHER}>"),
        "a route": _from(f"<@attacker.example.org:{MANAGER}>"),
        "an address literal": _from("manager@[192.0.2.7]"),
        "a quoted local part": _from('"manager@company.example.com"@attacker.example.org'),
        "two at signs": _from(f"{MANAGER}@attacker.example.org"),
        "a dot at the end": _from(f"{MANAGER}."),
        "a bare comma in the name": _from(f"Silva, Ana <{MANAGER}>"),
        "a bracket that does not close": _from(f"Ana <{MANAGER}"),
        "a quote that does not close": _from(f'"Ana <{MANAGER}>'),
    }),
    *_each("sender tricks", IGNORED, Reason.STRANGER, {
        "the allowed address as a name": _from(f'"{MANAGER}" <{OTHER}>'),
        "the allowed address as a comment": _from(f"({MANAGER}) {OTHER}"),
        "the allowed address as an encoded name": _from(f"=?utf-8?q?manager=40company.example.com_=3C?= <{OTHER}>"),
        "the allowed address before a plus": _from(f"{MANAGER.replace('@', '+')}@attacker.example.org"),
    }),
    *_each("sender tricks", ACCEPTED, Reason.REQUEST, {
        "a stranger as a name": _from(f'"{OTHER}" <{MANAGER}>'),
        "a name with quotes in it": _from(f'"Ana \\"RH\\"" <{MANAGER}>'),
        "a name in raw latin-1": _from(f"José <{MANAGER}>".encode("latin-1")),
        "an encoded name": _from(f"=?utf-8?Q?Jos=C3=A9?= <{MANAGER}>"),
        "a folded field": _from(f"Ana\r\n <{MANAGER}>"),
    }),
    Case("sender tricks", "no From", QUARANTINED, Reason.NO_FROM, (mail(f"Sender: {MANAGER}", sender=None),)),
    Case("sender tricks", "a From without a colon", QUARANTINED, Reason.NO_FROM, (mail(sender=f"From {MANAGER}"),)),
    Case("sender tricks", "a From in the body", QUARANTINED, Reason.NO_FROM, (mail(sender=None) + FROM.encode(),)),
    # -- whose result ------------------------------------------------------------------------------------------------
    *_each("whose result", QUARANTINED, Reason.NO_RESULT, {
        "none": _judged(IN),
        "another server's": _judged(VOUCHED.replace("mx.example.com", "mx.attacker.example.org"), IN),
        "of a server whose name ours begins": _judged(
            VOUCHED.replace("mx.example.com;", "mx.example.com.example.org;"), IN
        ),
        "of a server whose name ours ends": _judged(VOUCHED.replace("mx.example.com", "notmx.example.com"), IN),
        "of a server below ours": _judged(VOUCHED.replace("mx.example.com", "a.mx.example.com"), IN),
        "without a server's name": _judged("Authentication-Results: spf=pass (sender IP is 192.0.2.1); dmarc=pass", IN),
        "below the first foreign server": _judged(IN, FOREIGN, VOUCHED),
        "below a foreign server that is the only one": _judged(FOREIGN, VOUCHED),
        "below a server whose name ends alike": _judged(FOREIGN.replace("mail.company", "notmx"), VOUCHED),
        "from before the mail went abroad and came back": _judged(
            IN, "Received: from mx.example.com by relay.example.net; x", IN, VOUCHED
        ),
        "below a step from nowhere": _judged(IN, "Received: by mail.company.example.com; x", VOUCHED),
        "behind a boast in a comment": _judged(
            IN, "Received: from x (by mx.example.com (x)) by relay.example.net; x", VOUCHED
        ),
        "below a filter elsewhere": _judged(IN, "Received: from relay.example.net by localhost; x", VOUCHED),
    }),
    *_each("whose result", ACCEPTED, Reason.REQUEST, {
        "in capitals": _judged(VOUCHED.replace("mx.example.com", "MX.Example.com"), IN),
        "with a version": _judged(VOUCHED.replace("mx.example.com", "mx.example.com 1"), IN),
        "behind a comment": _judged(VOUCHED.replace("mx.example.com", "(a) mx.example.com"), IN),
        "below the step that took it in": _judged(IN, VOUCHED, FOREIGN),
        "below inner steps from nowhere": _judged("Received: by 2001:db8::1 with SMTP id 2; x", IN, VOUCHED, FOREIGN),
        "below a step to an inner host": _judged("Received: from mx.example.com by store.example.net; x", IN, VOUCHED),
        "below a step by a host below ours": _judged(IN.replace("by mx.", "by in1.mx."), VOUCHED, FOREIGN),
        "below a filter on our own host": _judged(
            "Received: from localhost by mx.example.com", "Received: from mx.example.com by localhost", IN, VOUCHED
        ),
        "beside another server's failure": _judged(
            "Authentication-Results: relay.example.net; dmarc=fail header.from=company.example.com", VOUCHED, IN
        ),
    }),
    # -- what result -------------------------------------------------------------------------------------------------
    *_each("what result", QUARANTINED, Reason.DMARC_NOT_PASSED, {
        "fail": _judged(_result("dmarc=fail header.from=company.example.com"), IN),
        "none": _judged(_result("dmarc=none header.from=company.example.com"), IN),
        "temperror": _judged(_result("dmarc=temperror header.from=company.example.com"), IN),
        "bestguesspass": _judged(_result("dmarc=bestguesspass header.from=company.example.com"), IN),
        "pass, and fail below it": _judged(VOUCHED, _result("dmarc=fail header.from=company.example.com"), IN),
        "fail, and pass below it": _judged(_result("dmarc=fail header.from=company.example.com"), VOUCHED, IN),
        "both in one field": _judged(
            _result("dmarc=pass header.from=company.example.com; dmarc=fail header.from=company.example.com"), IN
        ),
    }),
    *_each("what result", QUARANTINED, Reason.NO_RESULT, {
        "SPF alone": _judged(_result("spf=pass smtp.mailfrom=company.example.com"), IN),
        "DKIM alone": _judged(_result("dkim=pass header.d=company.example.com"), IN),
        "none at all": _judged(_result("none"), IN),
        "pass in a comment": _judged(_result("spf=fail (dmarc=pass header.from=company.example.com)"), IN),
    }),
    *_each("what result", QUARANTINED, Reason.OTHER_DOMAIN, {
        "for an attacker's domain": _judged(_passed("attacker.example.org"), IN),
        "for a domain that ends alike": _judged(_passed("notcompany.example.com"), IN),
        "for a whole top level": _judged(_passed("com"), IN),
        "for nobody": _judged(_result("dmarc=pass"), IN),
        "for the envelope": _judged(_result("dmarc=pass smtp.mailfrom=company.example.com"), IN),
        "for two": _judged(_result("dmarc=pass header.from=company.example.com header.from=attacker.example.org"), IN),
        "for the right one, and another below": _judged(VOUCHED, _passed("attacker.example.org"), IN),
    }),
    *_each("what result", ACCEPTED, Reason.REQUEST, {
        "for the organisation": _judged(_passed("example.com"), IN),
        "beside a failed signature of another": _judged(
            _result("dkim=fail header.d=other.example.com; dmarc=pass header.from=company.example.com"), IN
        ),
        "in capitals": _judged(_result("DMARC=Pass header.from=Company.Example.COM"), IN),
    }),
    # -- replays -----------------------------------------------------------------------------------------------------
    *_each("replays", QUARANTINED, Reason.OTHER_TIME, {
        "15 days old": mail(date="Date: Mon, 27 Oct 2025 11:00:00 -0300"),
        "years old": mail(date="Date: Mon, 11 Nov 2019 12:00:00 -0300"),
        "from tomorrow evening": mail(date="Date: Wed, 12 Nov 2025 13:00:00 -0300"),
        "from 2099": mail(date="Date: Wed, 11 Nov 2099 12:00:00 -0300"),
    }),
    *_each("replays", QUARANTINED, Reason.ODD_DATE, {
        "without a date": mail(date=None),
        "with words for a date": mail(date="Date: yesterday"),
        "with a day that is none": mail(date="Date: Tue, 31 Nov 2025 12:00:00 -0300"),
        "with a zone that is none": mail(date="Date: Tue, 11 Nov 2025 12:00:00 +9999"),
        "with a date that goes on": mail(date="Date: " + "Tue, " * 3_000),
    }),
    Case("replays", "of a request, two days later", QUARANTINED, Reason.REPLAYED, (_REQUEST,) * 2,
         gap=timedelta(days=2)),
    Case("replays", "of a rejected mail, two days later", QUARANTINED, Reason.REPLAYED,
         (mail(subject="RAMAIS=11x"),) * 2, gap=timedelta(days=2)),
    Case("replays", "of a replay", QUARANTINED, Reason.REPLAYED, (_REQUEST,) * 3, gap=timedelta(days=2)),
    Case("replays", "a copy by another way, hours later", ACCEPTED, Reason.REQUEST, (_REQUEST,) * 2,
         gap=timedelta(hours=20), known=True),
    Case("replays", "of what was not answered", IGNORED, Reason.STRANGER, (mail(sender=f"From: {OTHER}"),) * 2,
         gap=timedelta(days=2)),
    # -- machines ----------------------------------------------------------------------------------------------------
    *_each("automatic replies", IGNORED, Reason.AUTOMATIC, {
        "auto-replied": mail("Auto-Submitted: auto-replied"),
        "auto-generated with a parameter": mail("Auto-Submitted: auto-generated; owner-email=x"),
        "auto-notified behind a comment": mail("Auto-Submitted: (no) Auto-Notified"),
        "an empty mark": mail("Auto-Submitted:"),
        "a second mark": mail("Auto-Submitted: no", "Auto-Submitted: auto-replied"),
        "no reply wanted": mail("X-Auto-Response-Suppress: All"),
        "no automatic reply wanted": mail("X-Auto-Response-Suppress: DR, OOF, AutoReply"),
        "an old mark": mail("X-Autoreply: yes"),
        "another old mark": mail("X-Autorespond: out of office"),
        "a mark with comments that do not end": mail("Auto-Submitted: no" + "(" * 3_000),
        "with an odd From": mail("Auto-Submitted: auto-replied", sender="From: a, b"),
    }),
    *_each("automatic replies", ACCEPTED, Reason.REQUEST, {
        "marked as no automatic one": mail("Auto-Submitted: no"),
        "the same with a comment": mail("Auto-Submitted: No (a person); x=y"),
        "no receipts wanted": mail("X-Auto-Response-Suppress: DR, RN, NRN"),
    }),
    *_each("bulk and lists", IGNORED, Reason.BULK, {
        "bulk": mail("Precedence: bulk"),
        "junk": mail("Precedence: JUNK"),
        "list": mail("Precedence: list"),
        "auto_reply": mail("Precedence: auto_reply"),
    }),
    *_each("bulk and lists", IGNORED, Reason.MAILING_LIST, {
        field: mail(f"{field}: <mailto:people@lists.example.com>")
        for field in ("List-Id", "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner",
                      "List-Archive")
    } | {"an empty List-Id": mail("LIST-ID:")}),
    *_each("bulk and lists", ACCEPTED, Reason.REQUEST, {
        "first class": mail("Precedence: first-class"),
        "a list that is none": mail("X-List-Id: people", "Listing: x"),
    }),
    *_each("bounces", IGNORED, Reason.BOUNCE, {
        "nobody to return it to": mail("Return-Path: <>"),
        "the same with a blank": mail("Return-Path: < >"),
        "the same without brackets": mail("Return-Path:"),
        "a delivery report": mail("Content-Type: multipart/report; report-type=delivery-status; boundary=x"),
        "a read receipt": mail("Content-Type: Multipart/Report;\r\n report-type=disposition-notification"),
    }),
    Case("bounces", "an ordinary Return-Path and type", ACCEPTED, Reason.REQUEST,
         (mail(f"Return-Path: <{MANAGER}>", "Content-Type: multipart/mixed; boundary=multipart/report"),)),
    *_each("nobody", IGNORED, Reason.NOBODY, {
        name: mail(sender=f"From: {name}@company.example.com")
        for name in ("MAILER-DAEMON", "postmaster", "noreply", "no-reply", "do_not_reply", "nao-responda",
                     "no.reply+4711", "owner-people", "people-owner", "people-request", "people-bounces", "bounce-4711")
    }),
    *_each("nobody", ACCEPTED, Reason.REQUEST, {
        name: mail(sender=f"From: {name}@company.example.com")
        for name in ("noreen", "nora.reply", "postmaster.ana", "request", "owner", "bouncer")
    }),
    *_each("our own mail", IGNORED, Reason.OWN_MAIL, {
        "our mark": mail("X-Voipmon: audio"),
        "our mark, empty": mail("X-Voipmon:"),
        "our address in X-Loop": mail(f"X-Loop: <{OWN.title()}>"),
        "our sender": mail(sender=f"From: Audios <{OWN}>"),
        "our log-in": mail(sender="From: MAILBOX@example.com"),
    }),
    Case("our own mail", "somebody else's loop", ACCEPTED, Reason.REQUEST, (mail("X-Loop: someone@example.com"),)),
    *_each("our own mail", IGNORED, Reason.THANKS, {
        "thanks in the thread": (_REQUEST, mail(b"In-Reply-To: " + OURS, subject=f"RES: Re: {GOOD}", number="<2@x>")),
        "thanks by References alone": (
            _REQUEST, mail(b"References: <0@x> " + OURS, subject=f"Re: {GOOD}", number="<2@x>")
        ),
        "thanks with a code": (
            _REQUEST, mail(b"In-Reply-To: " + OURS, subject=f"Re: [A1B2C3D4] {GOOD}", number="<2@x>")
        ),
    }),
    *_each("our own mail", ACCEPTED, Reason.REQUEST, {
        "a new wish in the thread": (
            _REQUEST, mail(b"In-Reply-To: " + OURS, subject="Re: RAMAIS=1199 INICIO=10/11/2025", number="<2@x>")
        ),
        "the same wish in a thread of others": (
            _REQUEST, mail("In-Reply-To: <20251111T150000Z-aaaaaaaaaa.result@example.com>", number="<2@x>")
        ),
        "a forwarded request": mail(subject=f"Fwd: Enc: {GOOD}"),
    }),
    # -- floods ------------------------------------------------------------------------------------------------------
    Case("floods", "the fifth refusal", REJECTED, None, tuple(_BAD[:5])),
    Case("floods", "the sixth refusal", IGNORED, Reason.TOO_MANY_REFUSALS, tuple(_BAD[:6])),
    Case("floods", "a guide after five refusals", IGNORED, Reason.TOO_MANY_REFUSALS,
         (*_BAD[:5], mail(subject="AJUDA", number="<9@x>"))),
    Case("floods", "a request after five refusals", ACCEPTED, Reason.REQUEST, (*_BAD[:5], mail(number="<9@x>"))),
    Case("floods", "the sixth refusal, spread over more than an hour", REJECTED, None, tuple(_BAD[:6]),
         gap=timedelta(minutes=13)),
    Case("floods", "one request more than an hour may have", REJECTED, None,
         tuple(mail(number=f"<{n}@x>", subject=f"RAMAIS={1121 + n} INICIO=10/11/2025") for n in range(11))),
    Case("floods", "as many requests as an hour may have", ACCEPTED, Reason.REQUEST,
         tuple(mail(number=f"<{n}@x>", subject=f"RAMAIS={1121 + n} INICIO=10/11/2025") for n in range(10))),
]  # fmt: skip
"""A sender may make ten requests an hour."""
