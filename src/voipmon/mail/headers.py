"""The header of an incoming mail, read without trust: nothing that a stranger writes raises, or costs much.

The standard library's parsers raise a dozen kinds of error on odd headers and need seconds for some; here every step
is one pass over at most 64 KiB. Pure.
"""

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 65_536
"""As much of a header is read; what is longer is cut there and not `complete`."""

_LIST_FIELDS = (
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
)  # fmt: skip - RFC 2919, RFC 2369
_AUTO_REPLIES = ("x-autoreply", "x-autorespond")  # older than Auto-Submitted, and still in use
WANTED = (
    "from", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "precedence",
    "x-auto-response-suppress", *_AUTO_REPLIES, "x-loop", "x-voipmon", *_LIST_FIELDS, "return-path", "content-type",
    "authentication-results", "received",
)  # fmt: skip
"""The fields that are read; of the others nothing needs to be fetched."""

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_MOST_REFERENCES = 20
_LONGEST_NAME = 250
_ENCODED_WORD = re.compile(rb"=\?([!->@-~]{1,60})\?([BbQq])\?([^?]*+)\?=")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_CHARSET = re.compile(
    r"utf-?8|iso-?8859-(?:[1-9]|1[013-6])|latin-?1|(?:windows-|cp)125[0-8]|cp850|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|shift-jis|euc-(?:jp|kr)|iso-2022-(?:jp|kr)"
)  # known to be harmless; Python has others that are slow, or no charsets at all
_ONLY_ONCE = frozenset({"from", "subject", "date", "message-id", "in-reply-to", "references"})


@dataclass(frozen=True, slots=True)
class Stamp:
    """A field that servers put on top of a mail, `received` or `authentication-results`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Header:
    r"""What is decided on. Texts are one line, free of control characters and surrogates, `""` where a field is absent.

    *from_fields* are as they came, unfolded. *subject* and *date* are the first of their name; *repeated* names the
    fields that stand there more than once and may not. *message_id* and *in_reply_to* are None unless well formed;
    *references* are the last 20 that are. *trace* has the stamps in their order, the latest first. *complete* is
    False when there is more than was read. *name* is what people call the mail by: its Message-ID, however it is
    written, and "" where it has none.
    """

    complete: bool = True
    from_fields: tuple[bytes, ...] = ()
    subject: str = ""
    date: str = ""
    message_id: str | None = None
    name: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    auto_submitted: tuple[str, ...] = ()
    precedence: tuple[str, ...] = ()
    suppress: tuple[str, ...] = ()
    auto_replies: tuple[str, ...] = ()
    list_fields: tuple[str, ...] = ()
    return_path: tuple[str, ...] = ()
    content_type: tuple[str, ...] = ()
    x_loop: tuple[str, ...] = ()
    x_voipmon: tuple[str, ...] = ()
    trace: tuple[Stamp, ...] = ()
    repeated: frozenset[str] = frozenset()

    def key_words(self) -> tuple[str, str, str, str]:
        """Return what makes a mail itself, for `domain.request.mail_key`: Message-ID, From, Date and Subject."""
        sender = " ".join(_text(field) for field in self.from_fields)
        return self.message_id or "", " ".join(sender.split()), self.date, " ".join(self.subject.split())


def read_header(raw: bytes) -> Header:
    """Read a mail's header, or those fields of it that matter. Never raises."""
    complete = len(raw) < MOST_BYTES
    fields: dict[str, list[bytes]] = {}
    trace = []
    for name, value in _fields(raw[:MOST_BYTES]):
        fields.setdefault(name, []).append(value)
        if name in ("received", "authentication-results"):
            trace.append(Stamp(name, _text(value)))

    def texts(*names: str) -> tuple[str, ...]:
        return tuple(_text(value) for name in names for value in fields.get(name, ()))

    return Header(
        complete=complete,
        from_fields=tuple(fields.get("from", ())),
        subject=_decoded(fields.get("subject", [b""])[0]),
        date=_text(fields.get("date", [b""])[0]),
        message_id=_first_id(fields.get("message-id", [])[:1]),
        name=name_of(_text(fields.get("message-id", [b""])[0])),
        in_reply_to=_first_id(fields.get("in-reply-to", [])[:1]),
        references=_ids(fields.get("references", [])[:1])[-_MOST_REFERENCES:],
        auto_submitted=texts("auto-submitted"),
        precedence=texts("precedence"),
        suppress=texts("x-auto-response-suppress"),
        auto_replies=texts(*_AUTO_REPLIES),
        list_fields=texts(*_LIST_FIELDS),
        return_path=texts("return-path"),
        content_type=texts("content-type"),
        x_loop=texts("x-loop"),
        x_voipmon=texts("x-voipmon"),
        trace=tuple(trace),
        repeated=frozenset(name for name in _ONLY_ONCE if len(fields.get(name, ())) > 1),
    )


def name_of(message_id: str) -> str:
    """Return a Message-ID, however it is written, as it can be shown: not too long, with a space for what cannot be."""
    return "".join(sign if sign.isprintable() else " " for sign in message_id[:_LONGEST_NAME]).strip()


def _fields(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and unfolded value of each field, in their order; lines that are none are left out."""
    pending: list[bytes] = []
    for line in raw.split(b"\n"):
        bare = line.removesuffix(b"\r")
        if not bare:
            break
        if bare[:1] not in (b" ", b"\t"):
            yield from _field(pending)
            pending = []
        pending.append(bare)
    yield from _field(pending)


def _field(lines: list[bytes]) -> Iterator[tuple[str, bytes]]:
    match = _FIELD.fullmatch(b"".join(lines))
    if match is not None:
        yield match[1].decode("ascii").lower(), match[2].strip(b" \t")


def _text(value: bytes) -> str:
    return _clean(_plain(value))


def _plain(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def _ids(values: list[bytes]) -> tuple[str, ...]:
    return tuple(found.decode("ascii") for value in values for found in _ID.findall(value))


def _first_id(values: list[bytes]) -> str | None:
    found = _ids(values)
    return found[0] if found else None


def _decoded(value: bytes) -> str:
    """Return a text with its encoded words (RFC 2047); those that follow each other are one."""
    pieces: list[str] = []
    run: list[bytes] = []
    charset, end = "", 0
    for word in _ENCODED_WORD.finditer(value):
        gap = value[end : word.start()]
        name = word[1].decode("ascii").lower().replace("_", "-").partition("*")[0]  # RFC 2231: utf-8*pt-br
        follows = bool(run) and not gap.strip(b" \t")
        if not follows or name != charset:  # one letter's bytes may be spread over two words of one charset
            pieces.append(_in_charset(run, charset))
            run = []
        if not follows:
            pieces.append(_plain(gap))
        run.append(_payload(word[2], word[3]))
        charset, end = name, word.end()
    pieces += [_in_charset(run, charset), _plain(value[end:])]
    return _clean("".join(pieces))


def _payload(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return a2b_qp(text, header=True)
    digits = _NOT_BASE64.sub(b"", text)
    whole = digits[: -1 if len(digits) % 4 == 1 else None]
    return a2b_base64(whole + b"=" * (-len(whole) % 4))


def _in_charset(run: list[bytes], charset: str) -> str:
    known = _CHARSET.fullmatch(charset) is not None
    return b"".join(run).decode(charset if known else "utf-8", "replace")
