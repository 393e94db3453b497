"""Letters: mails written once, with everything that keeps them in their thread and out of loops."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from voipmon.domain.period import Period
from voipmon.domain.wording import tidy
from voipmon.mail import mime
from voipmon.mail.facts import Facts, Report, Result, Thread
from voipmon.mail.outbox import Letter, letter_name, report_name
from voipmon.mail.sentences import sentences
from voipmon.mail.subject import CODE_HERE, canonical_subject, strip_prefixes, without_code, without_number
from voipmon.prose import environment, harmless

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 150
"""The most recordings that a letter lists."""

MOST_HTML = 90_000
"""The most bytes of HTML in a letter; Gmail cuts what is longer than 102 kB."""

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_REFERENCES = 20
_LONGEST_SUBJECT = 400
_LONGEST_LINK = 1900  # mail programs are started with about 2,000 signs at most
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>")


@dataclass(frozen=True, slots=True)
class Stationery:
    """What all letters have in common: who sends them, who gets a copy, their language and the zone of their times.

    Compiled templates are *kept* in that folder, if there is one.
    """

    sender: str
    admin: str | None
    language: str
    zone: ZoneInfo
    instance: str
    kept: Path | None = None


class Letters:
    """Writes letters; the templates are loaded with the first one."""

    def __init__(self, stationery: Stationery) -> None:
        self._stationery = stationery

    def write(self, facts: Facts, thread: Thread | None, now: datetime) -> Letter:
        """Return the letter that says *facts* in *thread*; without a thread it goes to the admin.

        The same arguments give the same bytes. A result lists at most MOST_ROWS recordings, and as many as MOST_HTML
        holds; it links to the page that has all.

        Raises:
            ValueError: without a thread and without an admin there is nobody to write to.
        """
        if thread is not None and thread.language not in {None, self._stationery.language}:
            return Letters(replace(self._stationery, language=thread.language)).write(facts, thread, now)
        name = self._name(facts)
        recipients = self._recipients(thread)
        text, html = self._parts(facts, code=thread is not None and thread.needs_code)
        subject = reply_subject(thread.subject or "") if thread else ""
        headers = {
            "From": mime.mailbox(self._render("sender.j2", facts), self._stationery.sender),
            "To": harmless(recipients[0]),
            "Cc": harmless(", ".join(recipients[1:])),
            "Subject": mime.unstructured("Subject", subject or self._render("subject.j2", facts)),
            "Date": mime.date_time(now),
            "Message-ID": f"<{name}@{self._stationery.sender.rpartition('@')[2]}>",
            **thread_headers(thread),
            "Auto-Submitted": "auto-replied" if thread else "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "X-Voipmon": mime.unstructured("X-Voipmon", harmless(self._stationery.instance)),
        }
        content = mime.compose({header: value for header, value in headers.items() if value}, text, html)
        return Letter(name, recipients, content)

    def _name(self, facts: Facts) -> str:
        if isinstance(facts, Report):
            return report_name(facts.day, self._stationery.instance, facts.kind)
        return letter_name(facts.request_id, facts.kind, getattr(facts, "round", 1))

    def _recipients(self, thread: Thread | None) -> tuple[str, ...]:
        admin = self._stationery.admin
        first = thread.recipient if thread else admin
        if first is None:
            raise ValueError("a letter without a thread goes to the admin, and there is none")
        others = (*(thread.copies if thread else ()), *([] if admin is None else [admin]))
        return tuple({address.lower(): address for address in reversed((first, *others))}.values())[::-1]

    def _parts(self, facts: Facts, *, code: bool) -> tuple[str, str]:
        """Return the text and the HTML, with as many rows in both as the HTML may have."""
        rows = min(MOST_ROWS, len(facts.publication.items)) if isinstance(facts, Result) else 0
        html = self._render(f"{facts.kind}.html.j2", facts, rows, code=code)
        while rows and (size := len(html.encode()) + html.count("\n")) > MOST_HTML:  # each line ends in two bytes
            rows = min(rows - 1, rows * MOST_HTML // size)
            html = self._render(f"{facts.kind}.html.j2", facts, rows, code=code)
        text = self._render(f"{facts.kind}.txt.j2", facts, rows, code=code)
        return re.sub(r"\n{3,}", "\n\n", text) + "\n", html

    def _render(self, template: str, facts: Facts, rows: int = 0, *, code: bool = False) -> str:
        page = _templates(self._stationery).get_template(template)
        sender, admin = self._stationery.sender, self._stationery.admin
        return page.render(facts=facts, rows=rows, sender=sender, admin=admin, code=code)


@cache
def _templates(stationery: Stationery) -> "Environment":
    made = environment(_TEMPLATES, stationery.language, stationery.zone, stationery.kept)
    made.filters.update(
        subject=lambda ask, code: f"{canonical_subject(ask)} {CODE_HERE}" if code else canonical_subject(ask),
        sentences=lambda problems: sentences(problems, stationery.language),
        mailto=lambda subject: _mailto(stationery.sender, subject),
        by_reason=lambda left_out: Counter(file.reason for file in left_out).items(),
        on=lambda ask, day: replace(ask, period=_whole(day, stationery.zone)),
    )
    return made


def reply_subject(subject: str) -> str:
    """Return the subject of an answer: one line, one `Re:`, no code and no number; empty when nothing is left of it."""
    line = harmless(subject[: 4 * _LONGEST_SUBJECT])
    words = strip_prefixes(without_number(without_code(line)))
    if len(words) > _LONGEST_SUBJECT:
        words = words[: _LONGEST_SUBJECT - 1] + "…"
    return f"Re: {words}" if words else ""


def thread_headers(thread: Thread | None) -> dict[str, str]:
    """Return what ties a letter to the mail it answers; what is no Message-ID is dropped."""
    if thread is None:
        return {}
    answered = thread.message_id or ""
    known = list(dict.fromkeys(filter(_MESSAGE_ID.fullmatch, (*thread.references, answered))))
    if len(known) > _MOST_REFERENCES:
        known[1 : 1 - _MOST_REFERENCES] = []  # the first mail of the thread and the latest
    return {
        "In-Reply-To": answered if _MESSAGE_ID.fullmatch(answered) else "",
        "References": "\n ".join(known),
    }


def _whole(day: date, zone: ZoneInfo) -> Period:
    return Period(datetime.combine(day, time.min, zone), datetime.combine(day, time(23, 59, 59), zone))


def _mailto(address: str, subject: str) -> str:
    query = f"?subject={quote(harmless(subject), safe='')}"
    told = len(query) <= _LONGEST_LINK and without_number(subject) == tidy(subject)
    return f"mailto:{quote(address, safe='@')}" + (query if told else "")
