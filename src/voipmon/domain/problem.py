"""What can be wrong with what a person asked for, free of any language but the program's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from voipmon.errors import ParameterError


class ProblemKind(StrEnum):
    """Each thing that can be wrong; the value names it in JSON, logs and templates."""

    EXTENSIONS_MISSING = "extensions_missing"
    START_MISSING = "start_missing"
    KEY_TWICE = "key_twice"
    VALUE_MISSING = "value_missing"
    EQUALS_MISSING = "equals_missing"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_WORD = "unknown_word"
    TEXT_EXPECTED = "text_expected"
    EXTENSION_MALFORMED = "extension_malformed"
    COMMA_MISSING = "comma_missing"
    RANGE_MALFORMED = "range_malformed"
    RANGE_BACKWARDS = "range_backwards"
    DATE_MALFORMED = "date_malformed"
    DATE_IMPOSSIBLE = "date_impossible"
    DAY_MISSING = "day_missing"
    YEAR_OUT_OF_RANGE = "year_out_of_range"
    TIME_IMPOSSIBLE = "time_impossible"
    PERIOD_BACKWARDS = "period_backwards"
    START_IN_FUTURE = "start_in_future"
    SERVER_MALFORMED = "server_malformed"
    NUMBER_MALFORMED = "number_malformed"
    SUBJECT_TOO_LONG = "subject_too_long"
    ADDRESS_MALFORMED = "address_malformed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    RECORDINGS_NOT_YOURS = "recordings_not_yours"
    EXTENSIONS_NOT_YOURS = "extensions_not_yours"
    SERVER_NOT_YOURS = "server_not_yours"
    CODE_MISSING = "code_missing"
    CODE_WRONG = "code_wrong"
    TOO_MANY_EXTENSIONS = "too_many_extensions"
    PERIOD_TOO_LONG = "period_too_long"
    TOO_MANY_RECORDINGS = "too_many_recordings"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_REQUESTS = "too_many_requests"


_SENTENCES = {
    ProblemKind.EXTENSIONS_MISSING: "no extension is named: write RAMAIS=1121,1122",
    ProblemKind.START_MISSING: "the start is missing: write INICIO=27/10/2025 08:00",
    ProblemKind.KEY_TWICE: "{text} is given more than once: write it once",
    ProblemKind.VALUE_MISSING: "{text} has no value: complete it or take it out",
    ProblemKind.EQUALS_MISSING: "the equals sign after {text} is missing: write {text}=",
    ProblemKind.UNKNOWN_KEY: "{text!r} is no key: the keys are RAMAIS, NUMERO, INICIO, FIM, SERVIDOR and MOTIVO",
    ProblemKind.UNKNOWN_WORD: "{text!r} is not understood: take it out, or put it at the end after MOTIVO=",
    ProblemKind.TEXT_EXPECTED: "the value of {text} is not a text: write it in quotes",
    ProblemKind.EXTENSION_MALFORMED: "{text!r} is not an extension: an extension is 1 to 6 digits",
    ProblemKind.COMMA_MISSING: "the commas in {text!r} are missing: write 1121,1122",
    ProblemKind.RANGE_MALFORMED: "{text!r} is not a range of extensions: write it as 1121-1130",
    ProblemKind.RANGE_BACKWARDS: "the range {text!r} runs backwards: write the smaller extension first",
    ProblemKind.DATE_MALFORMED: "{text!r} is not a date and time: write 27/10/2025 08:00",
    ProblemKind.DATE_IMPOSSIBLE: "the day {text!r} is not in the calendar: write the day first, then the month",
    ProblemKind.DAY_MISSING: "the start {text!r} has no day: write 27/10/2025 08:00",
    ProblemKind.YEAR_OUT_OF_RANGE: "the year of {text!r} is out of range: it must lie between 1990 and 2999",
    ProblemKind.TIME_IMPOSSIBLE: "the time {text!r} does not exist: hours run from 0 to 23, minutes and seconds to 59",
    ProblemKind.PERIOD_BACKWARDS: "the period ends before it starts: {text}",
    ProblemKind.START_IN_FUTURE: "the start {text} is still to come, and without FIM a period ends now: mend the start",
    ProblemKind.SERVER_MALFORMED: "{text!r} is not a server name: use letters, digits, '.', '_' and '-'",
    ProblemKind.NUMBER_MALFORMED: (
        "{text!r} is not a telephone number: write 8 to 20 digits, with the area code, such as 11999990000"
    ),
    ProblemKind.SUBJECT_TOO_LONG: "the subject is longer than {limit} characters: ask in several mails",
    ProblemKind.ADDRESS_MALFORMED: "{text!r} is not an e-mail address",
    ProblemKind.ADDRESS_NOT_ALLOWED: "recordings may not be sent to {text}: the admin can allow it",
    ProblemKind.RECORDINGS_NOT_YOURS: "this address may not ask for recordings: the admin can allow it",
    ProblemKind.EXTENSIONS_NOT_YOURS: "not of your company: {text}: take that out, or ask the admin whose it is",
    ProblemKind.SERVER_NOT_YOURS: "your company has nothing on the server {text!r}: take SERVIDOR out",
    ProblemKind.CODE_MISSING: "your company's code is missing: write it in brackets, where [CODIGO] stands below",
    ProblemKind.CODE_WRONG: (
        "the code in brackets is not your company's: that was wrong code {count} of {limit}, "
        "and after {limit} in a day no code of yours is looked at for 24 hours"
    ),
    ProblemKind.TOO_MANY_EXTENSIONS: "{count} extensions are asked for and {limit} are allowed in one request",
    ProblemKind.PERIOD_TOO_LONG: "the period has {count} days and {limit} are allowed in one request",
    ProblemKind.TOO_MANY_RECORDINGS: ("{count} recordings match and {limit} are allowed: ask for a shorter period"),
    ProblemKind.TOO_MANY_BYTES: "{count} match and {limit} are allowed in one request: ask for a shorter period",
    ProblemKind.TOO_MANY_REQUESTS: (
        "more than {limit} requests came from this address in one hour: wait, and send it again"
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the offending *text* as written, or how many where how many are allowed."""

    kind: ProblemKind
    text: str = ""
    count: int = 0
    limit: int = 0

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(
            text=self.text, count=self.amount(self.count), limit=self.amount(self.limit)
        )

    def amount(self, number: int) -> str:
        """Return *number*, this problem's count or limit, as people read it: `20,000`, or `21.47 GB` of bytes."""
        return _size(number) if self.kind is ProblemKind.TOO_MANY_BYTES else f"{number:,}"


def _size(size: int) -> str:
    unit, name = next((pair for pair in _UNITS if size >= pair[0]), (1, "bytes"))
    hundredths = -(-size * 100 // unit)  # rounded up: what is over the limit must not read like the limit
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".") + f" {name}"


_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


class RefusedError(ParameterError):
    """A request cannot be done as asked; *problems* has every reason, in the order they were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
