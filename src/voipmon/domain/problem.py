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
    EXTENSION_MALFORMED = "extension_malformed"
    RANGE_MALFORMED = "range_malformed"
    RANGE_BACKWARDS = "range_backwards"
    DATE_MALFORMED = "date_malformed"
    DATE_IMPOSSIBLE = "date_impossible"
    YEAR_OUT_OF_RANGE = "year_out_of_range"
    TIME_IMPOSSIBLE = "time_impossible"
    PERIOD_BACKWARDS = "period_backwards"
    SERVER_MALFORMED = "server_malformed"
    SUBJECT_TOO_LONG = "subject_too_long"
    ADDRESS_MALFORMED = "address_malformed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    TOO_MANY_EXTENSIONS = "too_many_extensions"
    PERIOD_TOO_LONG = "period_too_long"
    TOO_MANY_RECORDINGS = "too_many_recordings"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_REQUESTS = "too_many_requests"


_SENTENCES = {
    ProblemKind.EXTENSIONS_MISSING: "no extension is named: write RAMAIS=1121,1122",
    ProblemKind.START_MISSING: "the start is missing: write INICIO=27/10/2025 08:00",
    ProblemKind.KEY_TWICE: "{text} is given more than once: write it once",
    ProblemKind.VALUE_MISSING: "{text} has no value: write something after the equals sign",
    ProblemKind.EQUALS_MISSING: "the equals sign after {text} is missing: write {text}=",
    ProblemKind.UNKNOWN_KEY: "{text!r} is not a known key: the keys are RAMAIS, INICIO, FIM, SERVIDOR and MOTIVO",
    ProblemKind.UNKNOWN_WORD: "{text!r} is not understood: take it out, or put it after MOTIVO=",
    ProblemKind.EXTENSION_MALFORMED: "{text!r} is not an extension: an extension is 1 to 6 digits",
    ProblemKind.RANGE_MALFORMED: "{text!r} is not a range of extensions: write it as 1121-1130",
    ProblemKind.RANGE_BACKWARDS: "the range {text!r} runs backwards: write the smaller extension first",
    ProblemKind.DATE_MALFORMED: "{text!r} is not a date and time: write 27/10/2025 08:00",
    ProblemKind.DATE_IMPOSSIBLE: "the day {text!r} does not exist in the calendar",
    ProblemKind.YEAR_OUT_OF_RANGE: "the year of {text!r} is out of range: it must lie between 1990 and 2999",
    ProblemKind.TIME_IMPOSSIBLE: "the time {text!r} does not exist: hours run from 0 to 23, minutes and seconds to 59",
    ProblemKind.PERIOD_BACKWARDS: "the period ends before it starts: {text}",
    ProblemKind.SERVER_MALFORMED: "{text!r} is not a server name: use letters, digits, '.', '_' and '-'",
    ProblemKind.SUBJECT_TOO_LONG: "the text is longer than {limit} characters",
    ProblemKind.ADDRESS_MALFORMED: "{text!r} is not an e-mail address",
    ProblemKind.ADDRESS_NOT_ALLOWED: "{text} is not among the addresses that may receive recordings",
    ProblemKind.TOO_MANY_EXTENSIONS: "{count} extensions are asked for and {limit} are allowed in one request",
    ProblemKind.PERIOD_TOO_LONG: "the period has {count} days and {limit} are allowed in one request",
    ProblemKind.TOO_MANY_RECORDINGS: "{count} recordings match and {limit} are allowed in one request: ask for a shorter period",
    ProblemKind.TOO_MANY_BYTES: "{count} bytes match and {limit} are allowed in one request: ask for a shorter period",
    ProblemKind.TOO_MANY_REQUESTS: "more than {limit} requests came from this address within one hour: wait, and send it again",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the offending *text* as written, or how many where how many are allowed."""

    kind: ProblemKind
    text: str = ""
    count: int = 0
    limit: int = 0

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(text=self.text, count=self.count, limit=self.limit)


class RefusedError(ParameterError):
    """A request cannot be done as asked; *problems* has every reason, in the order they were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
