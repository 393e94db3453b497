"""Problems as sentences, in the language of the letters."""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from voipmon.domain.problem import Problem

MOST_SENTENCES = 20
"""The most sentences a letter has; the last one counts the problems that have none."""

_TEMPLATES = Path(__file__).parent / "templates"
_MORE = "more"


def sentences(problems: Iterable[Problem], language: str) -> list[str]:
    """Return a sentence for each problem, in *language*: `pt_BR` or `en`. They hold what strangers wrote."""
    told = list(problems)
    left = 0 if len(told) <= MOST_SENTENCES else len(told) - MOST_SENTENCES + 1
    written = [_sentence(problem, language) for problem in told[: len(told) - left]]
    return [*written, _more(left, language)] if left else written


def _sentence(problem: Problem, language: str) -> str:
    if language == "en":
        sentence = str(problem)
        return f"{sentence[0].upper()}{sentence[1:]}."
    count, limit = (_with_comma(problem.amount(number)) for number in (problem.count, problem.limit))
    return _prose(language)[problem.kind].format(text=problem.text, count=count, limit=limit)


def _more(count: int, language: str) -> str:
    if language == "en":
        return f"There are {count:,} more things to mend."
    return _prose(language)[_MORE].format(count=_with_comma(f"{count:,}"))


def _with_comma(amount: str) -> str:
    """Return *amount* as Brazilians write it: `20.000`, `21,47 GB`."""
    return amount.translate({ord(","): ".", ord("."): ","})


@cache
def _prose(language: str) -> dict[str, str]:
    return tomllib.loads((_TEMPLATES / language / "problems.toml").read_text("utf-8"))
