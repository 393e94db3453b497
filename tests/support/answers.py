"""Made-up answers for the tests of what people see: one call, several, or far too many."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from voipmon.domain.ask import Ask, Extension
from voipmon.domain.outcome import Publication, Published
from voipmon.domain.period import Period
from voipmon.domain.problem import Problem, ProblemKind
from voipmon.domain.recording import STILL_GROWING, TOO_SMALL, DayCount, LeftOut, Recording
from voipmon.mail.facts import (
    BudgetSpent,
    Confirmation,
    Digest,
    Facts,
    Failure,
    Guide,
    NothingFoundFacts,
    Rejection,
    Result,
    Withheld,
)
from voipmon.mail.letters import Stationery

ZONE = ZoneInfo("America/Sao_Paulo")
NOON = datetime(2025, 11, 11, 15, 0, tzinfo=UTC)
REQUEST_ID = "20251111T114700Z-k7q2m9xd4t"
TOKEN = "Zk3v9QwXt1uLr5yB8nDf2s7hGmA"  # as long as a real one
FOLDER = f"https://voip.example.com/audios/{TOKEN}"
SUBJECT = "RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"

_PARTIES = (("2001", "1122"), ("1121", "1122"), ("", "1121"), ("1122", "08005551234"), ("anonymous", "1121"))


def make_ask(*extensions: str, reason: str | None = None, server: str | None = None) -> Ask:
    first = datetime(2025, 10, 27, 8, tzinfo=ZONE)
    last = datetime(2025, 10, 28, 18, 0, 59, tzinfo=ZONE)
    return Ask(tuple(map(Extension, extensions or ("1121", "1122"))), Period(first, last), server, reason)


def make_item(
    number: int, origin: str | None = None, destination: str | None = None, suffix: str = ".mp3"
) -> Published:
    """Return the *number*th call of a list, with parties of its own unless they are given."""
    start = datetime(2025, 10, 27, 8, 2, 11, tzinfo=ZONE) + timedelta(minutes=17, seconds=31) * number
    parties = _PARTIES[number % len(_PARTIES)]
    recording = Recording(
        path=f"2025/10/27/internal-{number}-{start:%Y%m%d-%H%M%S}-1761598420.{number}{suffix}",
        start=start,
        origin=parties[0] if origin is None else origin,
        destination=parties[1] if destination is None else destination,
        size=48_000 + 9_137 * (number % 90),
    )
    seconds = None if number % 7 == 5 else 12.0 + 37 * (number % 90)
    return Published(number, recording, f"{FOLDER}/{number:04}{suffix}", seconds, f"{number:064x}")


def make_publication(*items: Published, left_out: tuple[LeftOut, ...] = ()) -> Publication:
    together = sum(item.recording.size for item in items)
    return Publication(
        request_id=REQUEST_ID,
        key="4f1c9a02d7e83b56",
        page_url=f"{FOLDER}/",
        zip_url=f"{FOLDER}/gravacoes-{REQUEST_ID}.zip",
        expires_at=NOON + timedelta(hours=72),
        items=items,
        left_out=left_out,
        size=together + 512 * len(items),
        recordings=len(items),
        recordings_size=together,
    )


def publication_of(count: int) -> Publication:
    """Return *count* calls of ordinary numbers; from the second on something was left out."""
    left_out = (LeftOut("a.mp3", TOO_SMALL), LeftOut("b.mp3", TOO_SMALL), LeftOut("c.mp3", STILL_GROWING))
    return make_publication(*map(make_item, range(1, count + 1)), left_out=left_out if count > 1 else ())


def stationery(language: str = "pt_BR", admin: str | None = "admin@example.com") -> Stationery:
    return Stationery("voip.audios@example.com", admin, language, ZONE, "audio")


def letter_facts() -> dict[str, Facts]:
    """Return facts for each kind of letter, with one of everything and with several."""
    problems = (Problem(ProblemKind.DATE_IMPOSSIBLE, "31/02/2025"), Problem(ProblemKind.EXTENSION_MALFORMED, "40x1"))
    days = (DayCount(date(2025, 10, 24), 1), DayCount(date(2025, 10, 29), 1234))
    left_out = publication_of(2).left_out
    reasoned = make_ask(server="gv1p", reason="reclamação do cliente sobre a cobrança de outubro")
    return {
        "confirmation-next": Confirmation(REQUEST_ID, make_ask("1121"), 0),
        "confirmation-waiting": Confirmation(REQUEST_ID, reasoned, 3),
        "rejection-one": Rejection(REQUEST_ID, problems[:1], SUBJECT),
        "rejection-several": Rejection(REQUEST_ID, problems, SUBJECT),
        "guide": Guide(REQUEST_ID),
        "result-one": Result(REQUEST_ID, make_ask("1122"), publication_of(1)),
        "result-several": Result(REQUEST_ID, make_ask(), publication_of(12)),
        "nothing-found-never": NothingFoundFacts(REQUEST_ID, make_ask("1121"), (), ("*",)),
        "nothing-found-one": NothingFoundFacts(REQUEST_ID, make_ask("1121"), days[:1], ("internal",)),
        "nothing-found-several": NothingFoundFacts(REQUEST_ID, make_ask(), days, ("internal", "out"), left_out),
        "failure": Failure(REQUEST_ID),
        "withheld-one": Withheld(REQUEST_ID, ("ana@example.com",)),
        "withheld-two": Withheld(REQUEST_ID, ("ana@example.com", "bia@example.net")),
        "digest-one": Digest(date(2025, 11, 10), (("stranger", 1),)),
        "digest-several": Digest(date(2025, 11, 10), (("stranger", 3), ("thanks", 2))),
        "digest-quarantined": Digest(
            date(2025, 11, 10), (("bounce", 1),), (("dmarc_not_passed", 2), ("odd_from", 1)), (("no_result", 1),)
        ),
        "budget-spent-one": BudgetSpent(date(2025, 11, 11), 450, 1),
        "budget-spent-several": BudgetSpent(date(2025, 11, 11), 1_800, 1_234),
        "digest-doubtful": Digest(date(2025, 11, 10), doubtful=(("no_result", 2),)),
    }


def result_of(count: int) -> Result:
    return Result(REQUEST_ID, make_ask(), publication_of(count))


def result_of_long_numbers(count: int) -> Result:
    """Return *count* calls between parties as long as a file name allows, some of them hostile."""
    items = [
        make_item(number, "+5511987650000" + "9" * 60, '<b>"&' * 20 if number % 9 == 0 else "W" * 80)
        for number in range(1, count + 1)
    ]
    extensions = [f"{number:06}" for number in range(0, 200_000, 3_999)]
    return Result(REQUEST_ID, make_ask(*extensions), make_publication(*items))
