"""The sentence for each thing that can be wrong."""

import re
import string

import pytest

from voipmon.domain.problem import Problem, ProblemKind
from voipmon.mail.sentences import MOST_SENTENCES, sentences

LANGUAGES = ["pt_BR", "en"]


def made(kind: ProblemKind, language: str) -> str:
    return sentences([Problem(kind, "{o'que} <b>", 51_000, 50_000)], language)[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ProblemKind, ids=str)
def test_every_problem_has_a_sentence_in_every_language(kind: ProblemKind, language: str) -> None:
    sentence = made(kind, language)

    assert sentence.endswith(".")
    assert sentence[0] not in string.ascii_lowercase
    assert not re.search(r"\{(text|count|limit)", sentence)


@pytest.mark.parametrize("kind", ProblemKind, ids=str)
def test_both_languages_name_the_same_things(kind: ProblemKind) -> None:
    named = [
        [bool(re.search(thing, made(kind, language))) for thing in (r"o'que", r"\b5[01][.,]?0*")]
        for language in LANGUAGES
    ]

    assert named[0] == named[1]


def test_the_sentence_of_a_supervisor_in_a_hurry_says_what_and_how() -> None:
    problems = [Problem(ProblemKind.DATE_IMPOSSIBLE, "31/02/2025"), Problem(ProblemKind.EXTENSION_MALFORMED, "40x1")]

    assert sentences(problems, "pt_BR") == [
        "O dia “31/02/2025” não existe no calendário: confira o dia e o mês, nessa ordem.",
        "“40x1” não é um ramal: cada ramal tem de 1 a 6 algarismos, e entre um e outro vai uma vírgula.",
    ]
    assert sentences(problems, "en") == [
        "The day '31/02/2025' is not in the calendar: write the day first, then the month.",
        "'40x1' is not an extension: an extension is 1 to 6 digits.",
    ]


@pytest.mark.parametrize(
    ("count", "limit", "portuguese", "english"),
    [
        (21_474_836_480, 20_000_000_000, ("21,48 GB", "20 GB"), ("21.48 GB", "20 GB")),
        (20_000_000_001, 20_000_000_000, ("20,01 GB", "20 GB"), ("20.01 GB", "20 GB")),
        (1_500_000_000_000, 500_000, ("1,5 TB", "500 kB"), ("1.5 TB", "500 kB")),
        (2_000_000, 999, ("2 MB", "999 bytes"), ("2 MB", "999 bytes")),
    ],
)
def test_bytes_are_told_in_a_unit_that_people_use(
    count: int, limit: int, portuguese: tuple[str, str], english: tuple[str, str]
) -> None:
    problem = Problem(ProblemKind.TOO_MANY_BYTES, count=count, limit=limit)

    for language, amounts in (("pt_BR", portuguese), ("en", english)):
        sentence = sentences([problem], language)[0]
        assert all(amount in sentence for amount in amounts)


def test_large_numbers_are_grouped_as_the_language_does() -> None:
    problem = Problem(ProblemKind.TOO_MANY_RECORDINGS, count=10_001, limit=10_000)

    assert "10.001 gravações" in sentences([problem], "pt_BR")[0]
    assert "10,001 recordings" in sentences([problem], "en")[0]


@pytest.mark.parametrize(("language", "more"), [("pt_BR", "outros 1.982 "), ("en", "1,982 more ")])
def test_a_hostile_subject_does_not_make_an_endless_letter(language: str, more: str) -> None:
    problems = [Problem(ProblemKind.UNKNOWN_KEY, f"X{number}") for number in range(2_001)]

    told = sentences(problems, language)

    assert len(told) == MOST_SENTENCES
    assert more in told[-1]
    assert len(sentences(problems[:MOST_SENTENCES], language)) == MOST_SENTENCES
    assert "X19" in sentences(problems[:MOST_SENTENCES], language)[-1]
