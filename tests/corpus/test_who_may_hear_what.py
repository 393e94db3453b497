"""Who x what x how: every cell of the table, from the mail to its answer, and every word that must be nowhere.

The mails go through `monitor` and `process-queue` over the real queue, outbox, ledger and letters.
"""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from corpus.cases import mail
from fakes.catalogue import MemoryCatalogue
from fakes.inbox import MemoryInbox
from fakes.publisher import MemoryPublisher
from fakes.transport import MemoryTransport
from support.canary import code
from support.sampling import Sample
from support.world import html_of, text_of

from voipmon.access import rights
from voipmon.access.limits import Limits
from voipmon.access.rights import EVERYTHING, Grant, Rights, Tenant, rights_of
from voipmon.audit.trail import Trail
from voipmon.commands import admit
from voipmon.commands import process_queue as process_queue_module
from voipmon.commands.decide import Intake
from voipmon.commands.monitor import monitor
from voipmon.commands.process_queue import Work, process_queue
from voipmon.commands.select_audios import Desk
from voipmon.commands.send_letters import Postman
from voipmon.delivery.publisher import no_progress
from voipmon.domain.recording import Recording
from voipmon.domain.wanted import Share
from voipmon.mail.ledger import Ledger, Verdict
from voipmon.mail.letters import Letters, Stationery
from voipmon.mail.outbox import Letter
from voipmon.mail.spool import SpoolOutbox
from voipmon.queue.retry import RetryRule
from voipmon.queue.spool import SpoolQueue

NOON = datetime(2025, 11, 11, 15, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
LIMITS = Limits(50, 90, 10_000, 20 * 10**9, 30)
CODE, WRONG = code("coded"), code("a guess")


def company(name: str, extension: str, senders: str, *, needs_code: bool = False) -> Tenant:
    return Tenant(
        name,
        frozenset(senders.split()),
        Share(frozenset({extension})),
        LIMITS,
        (f"dpo@{name.lower()}.example",),
        needs_code,
    )


COMPANIES = (
    company("Acme", "1121", "ana@acme.example both@example.net"),
    company("Coded", "1131", "bia@coded.example both@example.net", needs_code=True),
    company("Zenith", "2001", "zoe@zenith.example"),
)
PEOPLE = {
    "acme": "ana@acme.example",
    "coded": "bia@coded.example",
    "both": "both@example.net",
    "whitelist": "manager@company.example.com",
    "staff": "noc@example.com",
    "stranger": "eva@elsewhere.example",
    "spoofed": "ana@acme.example",
    "former": "ana@acme.example",
}
RIGHTS = rights_of([PEOPLE["whitelist"]], [PEOPLE["staff"]], tenants=COMPANIES)
OWN = {"coded": "1131", "both": "1121,1131"}
ASKED = {"own": "{own}", "foreign": "2001", "mixed": "{own},2001", "unknown": "7777"}
HOW = {"without": "", "with": f" [{CODE}]", "wrong": f" [{WRONG}]"}

# What a mail comes to: Answered; refused as Not theirs; Missing or Wrong code; Ignored; Quarantined; failed in Silence.
TABLE = """
            own  .    .     | foreign . .    | mixed  .  .    | unknown . .
who         without with wrong without with wrong without with wrong without with wrong
acme        A    A    A       N    N    N       N    N    N       N    N    N
coded       M    A    W       M    N    W       M    N    W       M    N    W
both        M    A    W       M    N    W       M    N    W       M    N    W
whitelist   A    A    A       A    A    A       A    A    A       A    A    A
staff       A    A    A       A    A    A       A    A    A       A    A    A
stranger    I    I    I       I    I    I       I    I    I       I    I    I
spoofed     Q    Q    Q       Q    Q    Q       Q    Q    Q       Q    Q    Q
former      S    S    S       N    N    N       N    N    N       N    N    N
"""
CELLS = [
    pytest.param(row.split()[0], what, how, outcome, id=f"{row.split()[0]}-{what}-{how}")
    for row in TABLE.strip().splitlines()[2:]
    for (what, how), outcome in zip([(what, how) for what in ASKED for how in HOW], row.split()[1:], strict=True)
]
SAID = {
    "N": "Não são ramais da sua empresa",
    "M": "Faltou o código da sua empresa",
    "W": "O código entre colchetes não é o da sua empresa",
}


@dataclass
class Office:
    """An installation in *folder*; *logged* is what it wrote."""

    folder: Path
    logged: pytest.LogCaptureFixture
    rights: Rights = RIGHTS
    now: datetime = NOON
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def __post_init__(self) -> None:
        self.inbox = MemoryInbox()
        self.queue = SpoolQueue(self.folder / "spool", instance="audio")
        self.outbox = SpoolOutbox(self.folder / "outbox")
        self.ledger = Ledger(self.folder / "ledger.sqlite3")
        self.ledger.remember_mailbox(self.inbox.name, NOON)
        self.audit = Trail(self.folder / "audit", lambda: self.now)
        self.transport = MemoryTransport()
        self.writer = Letters(Stationery("voip.audios@example.com", "admin@example.com", "pt_BR", ZONE, "audio"))
        start = datetime(2025, 11, 10, 10, tzinfo=ZONE)
        self.catalogue = MemoryCatalogue(
            Recording(f"{number}.mp3", start, number, "5000", 4000) for number in ("1121", "1131", "2001")
        )

    def receive(self, who: str, subject: str) -> Verdict:
        """Take a mail in; return its verdict."""
        sender = PEOPLE[who]
        domain = sender.partition("@")[2]
        result = "fail" if who == "spoofed" else "pass"
        first = (f"Authentication-Results: mx.example.com; dmarc={result} header.from={domain}",)
        number = f"<{next(self.numbers)}@mail.example>"
        raw = mail(first=first, sender=f"From: {sender}", subject=subject, number=number)
        self.inbox.deliver(raw, self.now)
        intake = Intake(
            ledger=self.ledger,
            queue=self.queue,
            outbox=self.outbox,
            audit=self.audit,
            writer=self.writer,
            rights=self.rights,
            limits=LIMITS,
            zone=ZONE,
            clock=lambda: self.now,
            own_addresses=frozenset({"voip.audios@example.com"}),
            verify_sender="require",
            authserv_id="mx.example.com",
            code_of={"Coded": CODE}.__getitem__,
        )
        with self.inbox:
            monitor(self.inbox, intake, lambda: False)
        [verdict] = self.ledger.verdicts_of_message(number)
        return verdict

    def answer(self) -> None:
        """Answer what waits, and send all letters."""
        desk = Desk(
            catalogue=self.catalogue,
            publisher=MemoryPublisher(),
            outbox=self.outbox,
            audit=self.audit,
            writer=self.writer,
            limits=LIMITS,
            zone=ZONE,
            prefixes=("internal",),
            clock=lambda: self.now,
        )
        postman = Postman(self.outbox, lambda: self.transport, lambda: self.now)
        rule = RetryRule(5)
        work = Work(self.queue, desk, postman, self.rights, rule, lambda: 0.5, lambda: False, admin=True)
        process_queue(work, no_progress)

    @property
    def letters(self) -> dict[str, Letter]:
        """The letters that were sent, by their kind."""
        return {letter.name.rpartition(".")[2]: letter for letter in self.sent}

    @property
    def sent(self) -> list[Letter]:
        """The letters that were sent, in order."""
        named = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE)
        return [Letter(named.search(one.content)[1].decode(), *astuple(one)) for one in self.transport.sent]  # type: ignore[index]

    def everything(self) -> str:
        """Return all that was written anywhere, as people and programs read it."""
        files = [path.read_bytes().decode("utf-8", "replace") for path in self.folder.rglob("*") if path.is_file()]
        records = [json.dumps(vars(record), default=str) for record in self.logged.records]
        return "\n".join([*files, *records, *map(read, self.sent)])


def read(letter: Letter) -> str:
    """Return the headers and both parts of a letter, decoded."""
    message = message_from_bytes(letter.content, policy=policy.default)
    headers = "\n".join(f"{name}: {value}" for name, value in message.items() if name != "Content-Type")
    return f"{headers}\n{text_of(message)}\n{html_of(message)}"  # type: ignore[arg-type]


@pytest.fixture
def office(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Office]:
    caplog.set_level(logging.DEBUG, "voipmon")
    office = Office(tmp_path, caplog)
    yield office
    office.ledger.close()


def subject_of(who: str, what: str, how: str) -> str:
    extensions = ASKED[what].format(own=OWN.get(who, "1121"))
    return f"RAMAIS={extensions} INICIO=10/11/2025 FIM=10/11/2025{HOW[how]}"


def ask(office: Office, who: str, what: str, how: str) -> Verdict:
    """Let the mail arrive, the former employee leave, and the queue be worked on."""
    verdict = office.receive(who, subject_of(who, what, how))
    if who == "former":
        office.rights = rights_of([PEOPLE["whitelist"]], tenants=COMPANIES[1:])
    office.answer()
    return verdict


@pytest.mark.parametrize(("who", "what", "how", "outcome"), CELLS)
def test_every_cell(office: Office, who: str, what: str, how: str, outcome: str) -> None:
    verdict = ask(office, who, what, how)

    letters, sent = office.letters, {kind: read(letter) for kind, letter in office.letters.items()}
    told = {recipient for letter in letters.values() for recipient in letter.recipients} - {"admin@example.com"}
    copies = {
        f"dpo@{one.name.lower()}.example"
        for one in COMPANIES
        if one.senders & {PEOPLE[who]}
        and (who, what) != ("both", "own")
        and one.share.extensions & set(ASKED[what].format(own=OWN.get(who, "1121")).split(","))
    }
    match outcome:
        case "A":
            assert verdict.kind == "accepted"
            assert sorted(sent) == ["confirmation", "nothing-found" if what == "unknown" else "result"]
            assert told == {PEOPLE[who], *copies}
        case "N" | "M" | "W":
            assert verdict.kind == "rejected"
            assert sorted(sent) == ["rejection"]
            assert told == {PEOPLE[who]}
            assert [letter for letter, words in SAID.items() if words in sent["rejection"]] == [outcome]
        case "I" | "Q":
            assert verdict.kind == {"I": "ignored", "Q": "quarantined"}[outcome]
            assert sent == {}
        case "S":
            assert verdict.kind == "accepted"
            assert sorted(sent) == ["confirmation", "withheld"]
            assert letters["confirmation"].recipients == (PEOPLE[who], "dpo@acme.example", "admin@example.com")
            assert letters["withheld"].recipients == ("admin@example.com",)
            assert "estas gravações: ana@acme.example." in sent["withheld"]
            [failed] = (office.folder / "spool" / "failed").glob("*.json")
            assert "recordings may not be sent to ana@acme.example" in json.loads(failed.read_text())["result"]["error"]
        case _:
            raise AssertionError(outcome)


# What holds the table: without it a cell is another one.
BREAKS: dict[str, tuple[object, str, object]] = {
    "every extension is everybody's": (Grant, "problems", lambda *_: []),
    "nobody is asked for a code": (Grant, "opened", lambda grant, *_: grant),
    "every code is right": (rights, "_same", lambda *_: True),
    "no code is right": (rights, "_same", lambda *_: False),
    "everybody is of every company": (Rights, "_tenants_of", lambda every, _address: list(every.tenants)),
    "only tenants have rights": (rights, "EVERYTHING", Grant()),
    "rights are not asked for again": (process_queue_module, "_grant", lambda *_: EVERYTHING),
    "a wrong code is told like a missing one": (admit, "codes_in", lambda _subject: []),
    "who has lost his rights is told": (process_queue_module, "_strangers", lambda *_: ()),
}


def test_every_rule_of_the_table_is_held_by_a_cell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    for name in sample(BREAKS, 3):
        with monkeypatch.context() as patch:
            patch.setattr(*BREAKS[name])
            number = count(1)
            assert any(_differs(tmp_path / f"{name} {next(number)}", caplog, *cell.values) for cell in CELLS), name


def _differs(folder: Path, caplog: pytest.LogCaptureFixture, who: str, what: str, how: str, outcome: str) -> bool:
    office = Office(folder, caplog)
    try:
        test_every_cell(office, who, what, how, outcome)
    except (AssertionError, ValueError):
        return True
    finally:
        office.ledger.close()
    return False


@pytest.mark.parametrize(("who", "what", "how"), [cell.values[:3] for cell in CELLS])
def test_no_cell_tells_a_code_or_another_company(office: Office, who: str, what: str, how: str) -> None:
    ask(office, who, what, how)

    everything = office.everything().lower()
    for secret in (CODE, WRONG):
        assert secret.lower() not in everything
    said = "\n".join(read(letter) for letter in office.sent).lower()
    assert "zenith" not in said


@pytest.mark.parametrize("who", ["acme", "coded", "both"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("foreign", "unknown"), [("2001", "7777"), ("{own},2001", "{own},7777")])
def test_the_words_are_the_same_whether_an_extension_of_others_exists_or_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, who: str, how: str, foreign: str, unknown: str
) -> None:
    told = []
    for extensions in (foreign, unknown):
        office = Office(tmp_path / extensions[-4:], caplog)
        number = extensions[-4:]
        office.receive(who, f"RAMAIS={extensions.format(own=OWN.get(who, '1121'))} INICIO=10/11/2025{HOW[how]}")
        office.answer()
        [letter] = office.sent
        told.append(read(letter).replace(letter.name.partition(".")[0], "").replace(number, "NUMBER"))
        office.ledger.close()

    assert told[0] == told[1]


# -- the code ----------------------------------------------------------------------------------------------------------

GOOD = "RAMAIS=1131 INICIO=10/11/2025"


@pytest.mark.parametrize(
    "written", [CODE, CODE.lower(), f"MOTIVO=meu código é {CODE}", f"[{CODE[:4]} {CODE[4:]}]", f"[{CODE[:7]}]"]
)
def test_a_code_that_is_written_otherwise_is_not_taken_and_nowhere_told(office: Office, written: str) -> None:
    verdict = office.receive("coded", f"{GOOD} {written}")
    office.answer()

    assert verdict.kind == "rejected"
    everything = office.everything().lower().replace("[codigo]", "")
    assert CODE[:7].lower() not in everything
    assert f"{CODE[:4]} {CODE[4:]}".lower() not in everything


def test_a_code_beside_the_right_one_does_not_matter(office: Office) -> None:
    assert office.receive("coded", f"[EXTERNAL] {GOOD} [{CODE}]").kind == "accepted"


def test_who_needs_no_code_for_what_is_asked_may_write_any(office: Office) -> None:
    assert office.receive("both", f"RAMAIS=1121 INICIO=10/11/2025 [{WRONG}]").kind == "accepted"


def test_the_corrected_subject_is_taken_once_the_code_stands_in_its_place(office: Office) -> None:
    office.receive("coded", "RAMAIS=1131 INICIO=10/11/2025 FIM=10/11/2025")
    office.answer()
    [letter] = office.sent
    [example] = {line.strip() for line in read(letter).splitlines() if line.strip().startswith("RAMAIS=")}

    assert example == "RAMAIS=1131 INICIO=10/11/2025 00:00 FIM=10/11/2025 23:59 [CODIGO]"
    assert office.receive("coded", example).reason.startswith("your company's code is missing")
    assert office.receive("coded", example.replace("[CODIGO]", f"[{CODE}]")).kind == "accepted"


def test_the_guide_needs_no_code(office: Office) -> None:
    assert office.receive("coded", "AJUDA").kind == "guided"


def test_after_five_refusals_in_an_hour_no_code_is_looked_at(office: Office) -> None:
    wrong = [office.receive("coded", f"{GOOD} [GUESS00{number}]").reason for number in range(5)]
    right = office.receive("coded", f"{GOOD} [{CODE}]")

    assert wrong == ["wrong_code"] * 5
    assert (right.kind, right.reason) == ("ignored", "too_many_refusals")
    office.now += timedelta(minutes=61)
    assert office.receive("coded", f"{GOOD} [{CODE}]").kind == "accepted"


def test_after_ten_wrong_codes_in_a_day_no_code_is_looked_at_until_the_day_is_over(office: Office) -> None:
    for number in range(10):
        office.now += timedelta(minutes=20)
        assert office.receive("coded", f"{GOOD} [GUESS00{number}]").reason == "wrong_code"
    office.now += timedelta(hours=2)

    locked = office.receive("coded", f"{GOOD} [{CODE}]")

    assert (locked.kind, locked.reason) == ("ignored", "too_many_codes")
    assert office.receive("both", f"RAMAIS=1131 INICIO=10/11/2025 [{CODE}]").kind == "accepted"
    office.now += timedelta(hours=22)
    assert office.receive("coded", f"{GOOD} [{CODE}]").kind == "accepted"


def test_the_count_of_wrong_codes_is_told(office: Office) -> None:
    office.receive("coded", f"{GOOD} [{WRONG}]")
    office.receive("coded", f"{GOOD} FIM=10/11/2025 [{WRONG}]")
    office.answer()

    assert ["erro 1 de 10" in read(letter) for letter in office.sent] == [True, False]
    assert "erro 2 de 10" in read(office.sent[1])


def test_what_needs_no_code_is_answered_although_codes_are_not_looked_at(office: Office) -> None:
    for number in range(5):
        office.receive("both", f"{GOOD} [GUESS00{number}]")

    assert office.receive("both", f"RAMAIS=1121 INICIO=10/11/2025 [{CODE}]").kind == "accepted"


# -- asked again when it is answered -----------------------------------------------------------------------------------


def test_an_extension_that_went_to_another_company_meanwhile_is_refused(office: Office) -> None:
    office.receive("acme", GOOD.replace("1131", "1121"))
    office.rights = rights_of(tenants=[replace(COMPANIES[0], share=Share(frozenset({"1122"})))])

    office.answer()

    assert sorted(office.letters) == ["confirmation", "rejection"]
    assert SAID["N"] in read(office.letters["rejection"])


def test_what_is_sent_is_what_both_may_have_who_asks_and_who_receives(office: Office) -> None:
    pending = office.folder / "spool" / "pending"
    pending.mkdir(parents=True, exist_ok=True)
    for name, asked, received in [
        ("staff-to-acme", PEOPLE["staff"], PEOPLE["acme"]),
        ("acme-to-zenith", PEOPLE["acme"], "zoe@zenith.example"),
        ("acme-to-staff", PEOPLE["acme"], PEOPLE["staff"]),
        ("by-hand-without-code", PEOPLE["coded"], PEOPLE["coded"]),
    ]:
        extension = "1131" if "code" in name else "1121" if name == "acme-to-zenith" else "1121,2001"
        parameters = {"ramais": extension, "inicio": "10/11/2025", "fim": "10/11/2025", "email": received}
        (pending / f"{name}.json").write_text(json.dumps({"from_email": asked, "parameters": parameters}))

    office.answer()

    states = {path.stem: path.parent.name for path in (office.folder / "spool").rglob("*.json")}
    assert states == {
        "staff-to-acme": "failed",
        "acme-to-zenith": "failed",
        "acme-to-staff": "failed",
        "by-hand-without-code": "completed",
    }
