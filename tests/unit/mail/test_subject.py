"""The grammar of the subject line."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from voipmon.domain.ask import Ask, Extension
from voipmon.domain.period import Period
from voipmon.domain.problem import ProblemKind
from voipmon.domain.wording import MOST_EXTENSIONS, tidy
from voipmon.mail.subject import (
    LONGEST_SUBJECT,
    Help,
    SubjectError,
    Understood,
    canonical_subject,
    example_ask,
    read_subject,
    strip_prefixes,
    without_code,
    without_number,
)

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2025, 11, 11, 14, 47, 12, tzinfo=UTC)  # a Tuesday, 11:47:12 by the wall clock
PLAIN = "RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"
DATES = "INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"
INICIO_TODAY = "11/11/2025 00:00"
UNTIL_NOW = "11/11/2025 11:47:12"

Told = tuple[ProblemKind, str]


def example_subject(understood: Understood, now: datetime, zone: ZoneInfo) -> str:
    return canonical_subject(example_ask(understood, now, zone))


def read(text: str) -> Ask | Help:
    return read_subject(text, NOW, ZONE)


def canonical(text: str) -> str:
    asked = read(text)
    assert isinstance(asked, Ask)
    return canonical_subject(asked)


def answer(text: str) -> Ask | Help | SubjectError:
    try:
        return read(text)
    except SubjectError as error:
        return error


def refused(text: str) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        read(text)
    return caught.value


def told(text: str) -> list[Told]:
    return [(problem.kind, problem.text) for problem in refused(text).problems]


def mended(text: str) -> str:
    return example_subject(refused(text).understood, NOW, ZONE)


def test_the_plain_subject_is_read() -> None:
    asked = read(PLAIN)

    assert asked == Ask(
        (Extension("1121"), Extension("1122")),
        Period(datetime(2025, 10, 27, 8, 0, tzinfo=ZONE), datetime(2025, 10, 28, 18, 0, 59, tzinfo=ZONE)),
    )


SLOPPY_AND_RIGHT = [
    ("ramais=1121,1122 inicio=27/10/2025 08:00 fim=28/10/2025 18:00", PLAIN),
    ("Fim=28/10/2025 18:00 Início=27/10/2025 08:00 Ramais=1121,1122", PLAIN),
    ("RAMAIS=1121,1122 INI\u0301CIO=27/10/2025 08:00 FIM=28/10/2025 18:00", PLAIN),
    ("RAMAL = 1121 , 1122   INICIO = 27/10/2025 08:00   FIM = 28/10/2025 18:00", PLAIN),
    ("RAMAIS=1121;1122; INICIO=27/10/2025 08:00; FIM=28/10/2025 18:00;", PLAIN),
    ("RAMAIS=1121, 1122, INICIO=27/10/2025 08:00, FIM=28/10/2025 18:00", PLAIN),
    ("RAMAIS=1121,1122INICIO=27/10/2025 08:00FIM=28/10/2025 18:00", PLAIN),
    (f"Re: {PLAIN}", PLAIN),
    (f"RES: ENC: Fwd: FW : rv: Re[2]: RE(3): {PLAIN}", PLAIN),
    (f"  Ｒｅ：  {PLAIN}\r\n\t", PLAIN),
    ("RAMAIS=1121,1122\r\n INICIO=27/10/2025\r\n\t08:00 FIM=28/10/2025\u202f18:00", PLAIN),
    ("ＲＡＭＡＩＳ＝１１２１，１１２２　ＩＮＩＣＩＯ＝２７／１０／２０２５　０８：００ FIM=28/10/2025 18:00", PLAIN),
    ("RA\u200bMAIS=1121\ufeff,1122 INICIO=27/10/2025\u00a008:00 FIM=28/10/2025 18:00", PLAIN),
    ("RAMAIS=1121-1122 INICIO=27/10/25 8h FIM=28/10/25 18h00", PLAIN),
    ("RAMAIS=1121–1122 INICIO=27/10 8h00 FIM=28/10 18h", PLAIN),
    ("RAMAIS=1122-1122,1121 INICIO=2025-10-27T08:00 FIM=2025-10-28 18:00:59", f"RAMAIS=1122,1121 {DATES}"),
    ("RAMAIS=1121,1122,1121 INICIO=27/10/2025 08:00:00 FIM=28/10/2025 18:00:59", PLAIN),
    ("[ABCD1234] " + PLAIN, PLAIN),
    (PLAIN.replace(" INICIO", " [a1b2c3d4] INICIO"), PLAIN),
    (PLAIN + " [ABCD1234][EFGH5678]", PLAIN),
    (PLAIN + " SERVIDOR=gv1p", PLAIN + " SERVIDOR=gv1p"),
    ("Servidor=gv1p, " + PLAIN, PLAIN + " SERVIDOR=gv1p"),
    (PLAIN + " motivo= Reclamação nº 7: FIM=nunca, RAMAIS?", PLAIN + " MOTIVO=Reclamação nº 7: FIM=nunca, RAMAIS?"),
    (PLAIN + " MOTIVO=; visto, ok;", PLAIN + " MOTIVO=; visto, ok;"),
    (PLAIN + " MOTIVO=visto [ABCD1234] ontem", PLAIN + " MOTIVO=visto ontem"),
    (PLAIN + ' MOTIVO="visto, FIM=nunca" SERVIDOR=gv1p', PLAIN + " SERVIDOR=gv1p MOTIVO=visto, FIM=nunca"),
    ("MOTIVO=“visto ontem” " + PLAIN, PLAIN + " MOTIVO=visto ontem"),
    (PLAIN + ' MOTIVO="visto ontem', PLAIN + " MOTIVO=visto ontem"),
    (f"RAMAIS=1121 NÚMERO=+55 (11) 99999-0000 {DATES}", f"RAMAIS=1121 NUMERO=5511999990000 {DATES}"),
    (f"{DATES} numero = 11 99999 0000", f"NUMERO=11999990000 {DATES}"),
    ("RAMAIS=1121 INICIO=hoje", f"RAMAIS=1121 INICIO={INICIO_TODAY} FIM={UNTIL_NOW}"),
    ("RAMAIS=1121 INICIO=ONTEM FIM=Hoje", "RAMAIS=1121 INICIO=10/11/2025 00:00 FIM=11/11/2025 23:59"),
    ("RAMAIS=1121 FIM=10h30 INICIO=hoje 8h", "RAMAIS=1121 INICIO=11/11/2025 08:00 FIM=11/11/2025 10:30"),
    ("RAMAIS=1121 INICIO=29/02 FIM=29/02", "RAMAIS=1121 INICIO=29/02/2024 00:00 FIM=29/02/2024 23:59"),
    ("RAMAIS=0011,11 INICIO=hoje", f"RAMAIS=0011,11 INICIO={INICIO_TODAY} FIM={UNTIL_NOW}"),
    ("RAMAIS=1121 INICIO=28/10 18:00:00 FIM=18:00:00", "RAMAIS=1121 INICIO=28/10/2025 18:00 FIM=28/10/2025 18:00:00"),
]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Re: RAMAIS=1121 NUMERO=+55 11 99999-0000 INICIO=hoje", "Re: RAMAIS=1121 NUMERO=… INICIO=hoje"),
        ("numero 5511999990000 RAMAIS=1121 INICIO=hoje", "numero … RAMAIS=1121 INICIO=hoje"),
        ("NUMERO=5511999990000x NUMERO=5511999990000x", "NUMERO=… NUMERO=…"),
        ("NUMERO=1121 RAMAIS=1121", "NUMERO=1121 RAMAIS=1121"),
        (PLAIN, PLAIN),
    ],
)
def test_a_number_is_taken_out_of_a_subject_that_others_read(text: str, masked: str) -> None:
    assert without_number(text) == masked


def test_a_subject_whose_number_was_taken_out_is_no_wider_request() -> None:
    assert told("RAMAIS=1121 NUMERO=… INICIO=hoje") == [(ProblemKind.NUMBER_MALFORMED, "…")]


@pytest.mark.parametrize(("text", "expected"), SLOPPY_AND_RIGHT)
def test_a_sloppy_subject_that_can_mean_only_one_thing_is_taken(text: str, expected: str) -> None:
    assert canonical(text) == expected


UNKNOWN_WORD, EQUALS_MISSING = ProblemKind.UNKNOWN_WORD, ProblemKind.EQUALS_MISSING
SLOPPY_AND_WRONG: list[tuple[str, list[Told], str]] = [
    (
        "RAMAIS 1121,1122 INICIO 27/10/2025 08:00 FIM 28/10/2025 18:00",
        [(EQUALS_MISSING, "RAMAIS"), (EQUALS_MISSING, "INICIO"), (EQUALS_MISSING, "FIM")],
        PLAIN,
    ),
    (
        "Ramais: 1121 e 1122, Início: 27/10/2025 às 08:00, Fim: 28/10/2025 às 18:00",
        [(EQUALS_MISSING, "RAMAIS"), (EQUALS_MISSING, "INICIO"), (EQUALS_MISSING, "FIM")],
        PLAIN,
    ),
    (PLAIN + " SERVIDOR gv1p", [(EQUALS_MISSING, "SERVIDOR")], PLAIN + " SERVIDOR=gv1p"),
    (PLAIN + " MOTIVO: fim de contrato", [(EQUALS_MISSING, "MOTIVO")], PLAIN + " MOTIVO=fim de contrato"),
    (
        "gravação do ramal 1121",
        [(UNKNOWN_WORD, "gravação do"), (EQUALS_MISSING, "RAMAIS"), (ProblemKind.START_MISSING, "")],
        "RAMAIS=1121 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "Ramais: todos",
        [(EQUALS_MISSING, "RAMAIS"), (ProblemKind.START_MISSING, "")],
        "RAMAIS=1121,1122 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "ramal 7 inicio ontem",
        [(EQUALS_MISSING, "RAMAIS"), (EQUALS_MISSING, "INICIO")],
        "RAMAIS=7 INICIO=10/11/2025 00:00 FIM=11/11/2025 11:47",
    ),
    (f"Bom dia, {PLAIN} obrigado!", [(UNKNOWN_WORD, "Bom dia"), (UNKNOWN_WORD, "obrigado!")], PLAIN),
    (f"no fim do dia {PLAIN}", [(UNKNOWN_WORD, "no fim do dia")], PLAIN),
    (f"AJUDA {PLAIN}", [(UNKNOWN_WORD, "AJUDA")], PLAIN),
    (
        "RAMAIS=1121,1122 por favor INICIO=27/10/2025 08:00 até FIM=28/10/2025 18:00",
        [(UNKNOWN_WORD, "por favor"), (UNKNOWN_WORD, "até")],
        PLAIN,
    ),
    (
        "RAMAIS=1121 1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00",
        [(ProblemKind.COMMA_MISSING, "1121 1122")],
        PLAIN,
    ),
    (
        "RAMAIS=1121 e 1122 INICIO=27/10/2025 às 08:00 FIM=28/10/2025 18:00",
        [(ProblemKind.EXTENSION_MALFORMED, "1121 e 1122"), (ProblemKind.DATE_MALFORMED, "27/10/2025 às 08:00")],
        PLAIN,
    ),
    (
        "RAMAIS=1121,4o01 INICIO=27/10/2025 FIM=28/10/2025",
        [(ProblemKind.EXTENSION_MALFORMED, "4o01")],
        "RAMAIS=1121 INICIO=27/10/2025 00:00 FIM=28/10/2025 23:59",
    ),
    (
        "RAMAIS=١١٢١ INICIO=hoje FIM=hoje",
        [(ProblemKind.EXTENSION_MALFORMED, "١١٢١")],
        "RAMAIS=1121,1122 INICIO=11/11/2025 00:00 FIM=11/11/2025 23:59",
    ),
    (
        "RAMAIS=1121 INICIO=٢٧/١٠/٢٠٢٥ FIM=hoje",
        [(ProblemKind.DATE_MALFORMED, "٢٧/١٠/٢٠٢٥")],
        "RAMAIS=1121 INICIO=11/11/2025 00:00 FIM=11/11/2025 23:59",
    ),
    (
        "RAMIAS=1121 INICIO=hoje FIM=hoje",
        [(ProblemKind.UNKNOWN_KEY, "RAMIAS"), (ProblemKind.EXTENSIONS_MISSING, "")],
        "RAMAIS=1121,1122 INICIO=11/11/2025 00:00 FIM=11/11/2025 23:59",
    ),
    (f"XYZ=1 {PLAIN} XYZ = 2", [(ProblemKind.UNKNOWN_KEY, "XYZ")], PLAIN),
    (
        f"{PLAIN} RAMAL=1123 FIM=hoje FIM=hoje",
        [(ProblemKind.KEY_TWICE, "RAMAIS"), (ProblemKind.KEY_TWICE, "FIM")],
        PLAIN,
    ),
    (
        "RAMAIS=1121 INICIO=31/02/2025 FIM=28/10/2025 18:00",
        [(ProblemKind.DATE_IMPOSSIBLE, "31/02/2025")],
        "RAMAIS=1121 INICIO=28/10/2025 00:00 FIM=28/10/2025 18:00",
    ),
    (
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=28/10/2025 25:00",
        [(ProblemKind.TIME_IMPOSSIBLE, "25:00")],
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=28/10/2025 23:59",
    ),
    (
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=amanhã",
        [(ProblemKind.DATE_MALFORMED, "amanhã")],
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=27/10/2025 23:59",
    ),
    (
        "RAMAIS=1121 INICIO=08:00 FIM=18:00",
        [(ProblemKind.DAY_MISSING, "08:00")],
        "RAMAIS=1121 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "RAMAIS=1121 INICIO=27/10/2025 22:00 FIM=06:00",
        [(ProblemKind.PERIOD_BACKWARDS, "27/10/2025 22:00:00 - 27/10/2025 06:00:59")],
        "RAMAIS=1121 INICIO=27/10/2025 22:00 FIM=28/10/2025 06:00",
    ),
    (
        "RAMAIS=1121 INICIO=28/10/2025 FIM=27/10/2025",
        [(ProblemKind.PERIOD_BACKWARDS, "28/10/2025 00:00:00 - 27/10/2025 23:59:59")],
        "RAMAIS=1121 INICIO=27/10/2025 00:00 FIM=28/10/2025 23:59",
    ),
    (
        "RAMAIS=1121 INICIO=28/10/2025 18:00 FIM=27/10/2025 08:00",
        [(ProblemKind.PERIOD_BACKWARDS, "28/10/2025 18:00:00 - 27/10/2025 08:00:59")],
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00",
    ),
    (
        "RAMAIS=1121 INICIO=27/10/2052",
        [(ProblemKind.START_IN_FUTURE, "27/10/2052 00:00")],
        "RAMAIS=1121 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "RAMAIS=4001 INICIO=01/01/9999 FIM=31/12/9999",
        [(ProblemKind.YEAR_OUT_OF_RANGE, "01/01/9999"), (ProblemKind.YEAR_OUT_OF_RANGE, "31/12/9999")],
        "RAMAIS=4001 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "RAMAIS=11x1 INICIO=hoje 8h",
        [(ProblemKind.EXTENSION_MALFORMED, "11x1")],
        "RAMAIS=1121,1122 INICIO=11/11/2025 08:00 FIM=11/11/2025 11:47",
    ),
    (
        "RAMAIS= INICIO= FIM= SERVIDOR= MOTIVO=",
        [
            (ProblemKind.EXTENSIONS_MISSING, ""),
            (ProblemKind.START_MISSING, ""),
            (ProblemKind.VALUE_MISSING, "FIM"),
            (ProblemKind.VALUE_MISSING, "SERVIDOR"),
            (ProblemKind.VALUE_MISSING, "MOTIVO"),
        ],
        "RAMAIS=1121,1122 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00",
    ),
    (
        "MOTIVO=teste",
        [(ProblemKind.EXTENSIONS_MISSING, ""), (ProblemKind.START_MISSING, "")],
        "RAMAIS=1121,1122 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00 MOTIVO=teste",
    ),
    (
        "RAMAIS=1121,1122, por favor INICIO=27/10/2025 08:00, até FIM=28/10/2025 18:00, SERVIDOR=gv1p, obrigado",
        [(UNKNOWN_WORD, "por favor"), (UNKNOWN_WORD, "até"), (UNKNOWN_WORD, "obrigado")],
        PLAIN + " SERVIDOR=gv1p",
    ),
    (
        "RAMAIS=1121 INICIO=ontem, ou FIM=hoje, ou",
        [(UNKNOWN_WORD, "ou")],
        "RAMAIS=1121 INICIO=10/11/2025 00:00 FIM=11/11/2025 23:59",
    ),
    (
        "RAMAIS=1121,1122 INICIO=27/10/2025, 08:00 FIM=28/10/2025; 18:00",
        [(ProblemKind.DATE_MALFORMED, "27/10/2025, 08:00"), (ProblemKind.DATE_MALFORMED, "28/10/2025; 18:00")],
        PLAIN,
    ),
    (
        "RAMAIS=1121 INICIO=27/10/2025 08:00:00 FIM=08:00:00 SERVIDOR=,",
        [(ProblemKind.VALUE_MISSING, "SERVIDOR")],
        "RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=27/10/2025 08:00:00",
    ),
    (PLAIN + " SERVIDOR=../etc", [(ProblemKind.SERVER_MALFORMED, "../etc")], PLAIN),
    (PLAIN + " SERVIDOR=gv1p gv2p", [(UNKNOWN_WORD, "gv2p")], PLAIN + " SERVIDOR=gv1p"),
    (PLAIN + " [ABC123]", [(ProblemKind.DATE_MALFORMED, "28/10/2025 18:00 [ABC123]")], PLAIN),
    (
        "RAMAIS==1121 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00",
        [(ProblemKind.EXTENSION_MALFORMED, "=1121")],
        f"RAMAIS=1121,1122 {DATES}",
    ),
]


@pytest.mark.parametrize(("text", "problems", "example"), SLOPPY_AND_WRONG, ids=[row[0] for row in SLOPPY_AND_WRONG])
def test_a_wrong_subject_gets_each_problem_and_an_example_of_what_was_meant(
    text: str, problems: list[Told], example: str
) -> None:
    assert told(text) == problems
    assert mended(text) == example


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Re: ENC:",
        "AJUDA",
        "ajuda",
        "Re: Ajuda por favor",
        "fim de semana",
        "Obrigado, ramal resolvido",
        "RE: ENC: ram al=",
        "RAMIAS=1121",
        "=",
        "=1121",
        "[ABCD1234]",
        "1121=1122",
        "motivo de força maior",
        "RAMAIS",
    ],
)
def test_a_subject_with_none_of_the_keys_asks_for_the_guide(text: str) -> None:
    assert read(text) == Help()


class TestTheOrderOfThings:
    @given(
        st.permutations(["ramais=1121,1122", "início=27/10/2025 08:00", "fim=28/10/2025 18:00", "servidor=gv1p"]),
        st.sampled_from([" ", "  ", "\t", "\r\n ", "\u00a0", " ; ", ", "]),
        st.sampled_from(["=", " =", "= ", " = ", "\u00a0＝\u200b"]),
        st.sampled_from([str.lower, str.upper, str.title, lambda text: text.replace("í", "i\u0301")]),
    )
    def test_order_spacing_and_case_change_nothing(
        self, words: list[str], space: str, equals: str, spelling: Callable[[str], str]
    ) -> None:
        text = space.join(spelling(word.partition("=")[0]) + equals + word.partition("=")[2] for word in words)

        assert canonical(text) == PLAIN + " SERVIDOR=gv1p"

    def test_problems_are_told_in_the_order_of_the_subject(self) -> None:
        kinds = [kind for kind, _ in told("ola FIM=x RAMAIS=y ABC=1 SERVIDOR=/ INICIO=z")]

        assert kinds == [
            ProblemKind.UNKNOWN_WORD,
            ProblemKind.DATE_MALFORMED,
            ProblemKind.EXTENSION_MALFORMED,
            ProblemKind.UNKNOWN_KEY,
            ProblemKind.SERVER_MALFORMED,
            ProblemKind.DATE_MALFORMED,
        ]

    def test_a_long_text_is_told_by_its_beginning(self) -> None:
        assert told(f"{'bla ' * 100}{PLAIN}") == [(UNKNOWN_WORD, "bla bla bla bla bla bla bla bla bla bla…")]


class TestTheCode:
    @pytest.mark.parametrize("text", [f"[ABCD1234] {PLAIN}", f"{PLAIN}［ａｂｃｄ１２３４］", f"Re:[00000000]{PLAIN}"])
    def test_it_is_ignored_where_none_is_asked(self, text: str) -> None:
        assert canonical(text) == PLAIN

    @pytest.mark.parametrize(
        ("text", "without"),
        [
            (f"{PLAIN} [ABCD1234]", PLAIN),
            ("fim [Ab12Cd34] de [EFGH5678]", "fim de"),
            ("[AB\u200bCD1234]", ""),
            ("[ABCD123]", "[ABCD123]"),
            ("[ABCD12345]", "[ABCD12345]"),
            ("[ABCD-123]", "[ABCD-123]"),
            ("(ABCD1234)", "(ABCD1234)"),
            ("ABCD1234", "ABCD1234"),
        ],
    )
    def test_it_is_eight_letters_or_digits_in_brackets(self, text: str, without: str) -> None:
        assert without_code(text) == without

    def test_nothing_is_left_of_any_of_several(self) -> None:
        assert without_code("Re: [ABCD1234] fim [EFGH[IJKL5678]9] [MNOP9999]") == "Re: fim [EFGH 9]"

    @given(st.text(max_size=20), st.text(max_size=20), st.from_regex(r"[A-Z]{4}[0-9]{4}", fullmatch=True))
    @example("RAMAIS=1121,", "x INICIO=27/10/2025", "ABCD1234")
    @example("RAMAIS=1121 INICIO=27/10", "2025 XYZ", "ABCD1234")
    @example("RAMAIS=1121 INICIO=27/10 [ABCD", "] XYZ", "ABCD1234")
    def test_it_is_in_no_problem_and_in_no_example(self, before: str, after: str, code: str) -> None:
        assume(code not in tidy(before) + tidy(after))

        error = refused(f"{before} RAMAIS=x [{code}] {after}")

        assert code not in str(error)
        assert code not in example_subject(error.understood, NOW, ZONE)


class TestPrefixes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Re: Gravações", "Gravações"),
            ("RES: Re: ENC: Fwd: fw: RV: AW: Gravações", "Gravações"),
            ("RE[12]:Re(2) : Gravações", "Gravações"),
            ("  Re:\u00a0 Gravações\r\n  de  ontem ", "Gravações de ontem"),
            ("Gravações Re: ontem", "Gravações Re: ontem"),
            ("Resumo: ontem", "Resumo: ontem"),
            ("Re Gravações", "Re Gravações"),
            ("Re: ", ""),
        ],
    )
    def test_they_are_taken_off_however_many_there_are(self, text: str, expected: str) -> None:
        assert strip_prefixes(text) == expected

    @given(st.lists(st.sampled_from(["Re: ", "RES:", "Enc : ", "Re[3]: ", "\t"])), st.text())
    def test_an_answer_has_what_it_answers_in_common_with_it(self, prefixes: list[str], text: str) -> None:
        assert strip_prefixes("".join(prefixes) + text) == strip_prefixes(text)


class TestLargeAndHostile:
    def test_twenty_thousand_extensions_are_read_and_written(self) -> None:
        digits = [f"{number:06}" for number in range(0, 60_000, 3)]

        asked = read(f"RAMAIS={','.join(digits)} INICIO=hoje")

        assert isinstance(asked, Ask)
        assert [extension.digits for extension in asked.extensions] == digits
        assert read(canonical_subject(asked)) == asked

    def test_a_range_of_twenty_thousand_is_written_as_a_range(self) -> None:
        assert canonical("RAMAIS=10000-29999 INICIO=hoje FIM=hoje") == (
            "RAMAIS=10000-29999 INICIO=11/11/2025 00:00 FIM=11/11/2025 23:59"
        )

    def test_more_extensions_than_there_can_be_are_counted_and_not_made(self) -> None:
        (problem,) = refused("RAMAIS=000000-999999 INICIO=hoje").problems

        assert (problem.kind, problem.count) == (ProblemKind.TOO_MANY_EXTENSIONS, 1_000_000)
        assert problem.limit == MOST_EXTENSIONS

    def test_a_subject_longer_than_any_is_not_read(self) -> None:
        assert canonical(PLAIN.ljust(LONGEST_SUBJECT)) == PLAIN

        error = refused(PLAIN.ljust(LONGEST_SUBJECT + 1))

        assert [(problem.kind, problem.limit) for problem in error.problems] == [
            (ProblemKind.SUBJECT_TOO_LONG, LONGEST_SUBJECT)
        ]
        assert error.understood == Understood()

    @pytest.mark.parametrize(
        "piece",
        ["a", "=", "a=", "a = ", "RAMAIS=", "fim ", "fim 1 ", "Re: ", "Re", "[", "[ABCD1234", "[ABCD1234]", ",", "1 ",
         "1-", "- ", "1/", "27/10/2025 ", "0-99999,", "a,", "\u0315\u0300", "a\u0301", "\u0f73", "\u00a0", "\u200b",
         "\ud800", "١", "²", "\x00", "MOTIVO=", "motivo ", "hoje "],
        ids=ascii,
    )  # fmt: skip
    @pytest.mark.parametrize("start", ["", "RAMAIS=", "RAMAIS=1121 INICIO=", "RAMAIS=1121 INICIO=hoje FIM="])
    def test_64_kilobytes_of_anything_get_their_answer(self, start: str, piece: str) -> None:
        said = answer(start + piece * (65_536 // len(piece)))

        if isinstance(said, SubjectError):
            assert all(len(problem.text) <= 50 for problem in said.problems)
            said = read(example_subject(said.understood, NOW, ZONE))
        assert isinstance(said, Ask | Help)


WORDS = st.sampled_from(
    ["RAMAIS", "RAMAL", "INICIO", "Início", "FIM", "fim", "SERVIDOR", "MOTIVO", "XYZ", "=", " = ", "=", " ", ",",
     ";", ":", "NUMERO", "1121", "+55 11 99999-0000", "0098-0102", "98-101", "1123-1121", "1-", "27/10/2025",
     "28/10", "29/02", "31/02/2025", "31/12/9999", "31/12/2999", "01/01/1990", "2025-10-27T08:00", "hoje", "ontem",
     "08:00", "18h", "25:00", "12:00:30", "gv1p", "[ABCD1234]", "Re: ", "bom dia", "١١", "１２", "\u00a0", "\u200b",
     "\u0301", "\ud800", "\x00", "²", "-", "–"]
)  # fmt: skip
NEAR_SUBJECTS = st.lists(WORDS | st.just(" ") | st.just("RAMAIS=1121 ") | st.text(max_size=3)).map("".join)


class TestAnyText:
    @given(st.text() | NEAR_SUBJECTS)
    @example("RAMAIS=4001 INICIO=01/01/9999 FIM=31/12/9999")
    @example("RAMAIS=1 INICIO=31/12/2999 18:00 FIM=08:00")
    @example("RAMAIS=0098-0101,099-1001,999998-999999,1 INICIO=x")
    @example("RAMAIS=1 INICIO=x FIM=01/01/1990")
    @example("RAMAIS=1 INICIO=04/11/2018 FIM=04/11/2018 00:30 x")
    @example("RAMAIS=1 INICIO=17/02/2018 23:30 FIM=17/02/2018 23:30 x")
    def test_it_is_read_or_refused_with_an_example_that_is_read(self, text: str) -> None:
        said = answer(text)

        if isinstance(said, SubjectError):
            assert said.problems
            said = example_ask(said.understood, NOW, ZONE)
        if isinstance(said, Ask):
            assert read(canonical_subject(said)) == said

    @given(NEAR_SUBJECTS)
    def test_every_problem_names_what_stands_there(self, text: str) -> None:
        computed = {ProblemKind.PERIOD_BACKWARDS, ProblemKind.START_IN_FUTURE}  # as the period was understood
        named = {ProblemKind.KEY_TWICE, ProblemKind.VALUE_MISSING, ProblemKind.EQUALS_MISSING}

        said = answer(text)

        for problem in said.problems if isinstance(said, SubjectError) else ():
            if problem.kind in named:
                assert problem.text in {"RAMAIS", "NUMERO", "INICIO", "FIM", "SERVIDOR", "MOTIVO"}
            elif problem.kind not in computed:
                assert problem.text.rstrip("…") in without_code(text)


class TestExamples:
    @pytest.mark.parametrize(
        ("now", "day"),
        [
            ("2025-11-10", "07/11/2025"),
            ("2025-11-11", "10/11/2025"),
            ("2025-11-15", "14/11/2025"),
            ("2025-11-16", "14/11/2025"),
        ],
    )
    def test_of_nothing_understood_the_example_is_of_the_last_work_day(self, now: str, day: str) -> None:
        noon = datetime.fromisoformat(f"{now}T12:00-03:00")

        example = example_subject(Understood(), noon, ZONE)

        assert example == f"RAMAIS=1121,1122 INICIO={day} 08:00 FIM={day} 18:00"

    @pytest.mark.parametrize(
        ("digits", "written"),
        [
            ("1121 1122", "1121,1122"),
            ("1121 1122 1123 1130", "1121-1123,1130"),
            ("1123 1122 1121", "1123,1122,1121"),
            ("98 99 100 101 102", "98,99,100-102"),
            ("0098 0099 0100 101", "0098-0100,101"),
            ("098 099 100 0101", "098-100,0101"),
            ("999998 999999 1 2 3", "999998,999999,1-3"),
        ],
    )
    def test_extensions_are_written_as_ranges_that_read_as_the_same(self, digits: str, written: str) -> None:
        extensions = tuple(map(Extension, digits.split()))

        example = example_subject(Understood(extensions), NOW, ZONE)

        assert example.split()[0] == f"RAMAIS={written}"
        asked = read(example)
        assert isinstance(asked, Ask)
        assert asked.extensions == extensions

    def test_a_reason_and_a_server_are_kept(self) -> None:
        assert mended("RAMAIS=1121 SERVIDOR=gv1p MOTIVO=reclamação de 27/10").endswith(
            " SERVIDOR=gv1p MOTIVO=reclamação de 27/10"
        )

    def test_what_was_understood_is_there_for_others(self) -> None:
        understood = refused("RAMAIS=1121 INICIO=27/10/2025 08:00 FIM=x SERVIDOR=gv1p MOTIVO=teste").understood

        start = datetime(2025, 10, 27, 8, 0, tzinfo=ZONE)
        assert understood == Understood((Extension("1121"),), start, None, "gv1p", "teste")
