import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, UndefinedError
from support.answers import ZONE
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.prose import environment, harmless

EVENING = datetime(2025, 10, 27, 21, 0, 59, tzinfo=UTC)  # 18:00:59 in São Paulo


def write(template: str, language: str = "pt_BR", **facts: object) -> str:
    return environment(Path(), language, ZONE).from_string(template).render(facts)


@pytest.mark.parametrize(
    ("written", "portuguese", "english"),
    [
        ("{{ now | day }}", "27/10/2025", "27 Oct 2025"),
        ("{{ now | moment }}", "27/10/2025 18:00:59", "27 Oct 2025 18:00:59"),
        ("{{ now | start }}", "27/10/2025 18:00:59", "27 Oct 2025 18:00:59"),
        ("{{ now | end }}", "27/10/2025 18:00", "27 Oct 2025 18:00"),
        ("{{ now | minute }}", "18:00", "18:00"),
        ("{{ day | weekday }}", "domingo", "Sunday"),
        ("{{ 1234567 | number }}", "1.234.567", "1,234,567"),
        ("{{ '' | party }}", "desconhecido", "unknown"),
    ],
)
def test_values_are_written_as_each_language_writes_them(written: str, portuguese: str, english: str) -> None:
    facts = {"now": EVENING, "day": date(2025, 11, 9)}

    assert write(written, "pt_BR", **facts) == portuguese
    assert write(written, "en", **facts) == english


def test_a_late_call_is_on_the_day_of_the_people_who_made_it() -> None:
    late = datetime(2025, 10, 28, 2, 30, tzinfo=UTC)

    assert write("{{ late | day }}", late=late) == "27/10/2025"
    assert write("{{ late | start }}", late=late) == "27/10/2025 23:30"


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (48_700, "49 kB"),
        (999_700, "1,0 MB"),
        (12_440_000, "12,4 MB"),
        (20 * 10**9, "20,0 GB"),
        (3 * 10**15, "3.000,0 TB"),
    ],
)
def test_sizes_are_short(size: int, written: str) -> None:
    assert write("{{ size | size }}", size=size) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.2, "0:00"), (59.6, "1:00"), (205, "3:25"), (3600, "1:00:00"), (36_065.4, "10:01:05")]
)
def test_durations_are_minutes_and_seconds(seconds: float, written: str) -> None:
    assert write("{{ seconds | duration }}", seconds=seconds) == written


@pytest.mark.parametrize(
    ("hostile", "written"),
    [
        ("1121\r\nBcc: x@example.com", "1121 Bcc: x@example.com"),
        ("\u202e1211\u202c", "1211"),
        ("11\u200b21\ufeff", "1121"),
        ("a\x00\x1b[31mb\x7f", "a [31mb"),
        ("n\udcffo", "n\ufffdo"),
        ("a\u2028b\u00a0c\ue000", "a b c\ufffd"),
        ("  two  words ", "two  words"),
    ],
)
def test_what_nobody_sees_does_not_come_through(hostile: str, written: str) -> None:
    assert harmless(hostile) == written
    assert write("{{ hostile }}", hostile=hostile) == written


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_printed(text: str) -> None:
    assert harmless(text).isprintable()
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(
    ("party", "written"),
    [
        ("+5511987650000", "+5511987650000"),
        ("*98", "*98"),
        ("192.0.2.7", "192.0.2.7"),
        ("www.example.com", "www.\u200bexample.\u200bcom"),
        ("joe@example.com", "joe@\u200bexample.\u200bcom"),
        ("7" * 41, "7" * 39 + "…"),
    ],
)
def test_a_caller_cannot_put_a_link_into_a_mail(party: str, written: str) -> None:
    assert write("{{ party | party }}", party=party) == written


def test_text_is_filled_to_78_columns_and_hangs_under_its_first_word() -> None:
    written = write("{{ text | wrap('  - ', 4) }}", text="palavra " * 30)

    lines = written.split("\n")
    assert max(map(len, lines)) <= 78
    assert lines[0].startswith("  - palavra")
    assert all(line.startswith("    palavra") for line in lines[1:])


def test_a_long_list_is_broken_between_its_numbers_only() -> None:
    numbers = [f"{number:06}" for number in range(50)]

    lines = write("{{ text | wrap('', 4) }}", text=f"RAMAIS={','.join(numbers)}").split("\n")

    assert max(map(len, lines)) <= 78
    assert "".join(line.replace(" ", "") for line in lines) == f"RAMAIS={','.join(numbers)}"
    assert all(line.endswith(",") for line in lines[:-1])


def test_a_missing_fact_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="nobody"):
        write("{{ nobody }}")


def test_html_is_escaped_and_text_is_not(tmp_path: Path) -> None:
    for name in ("x.html.j2", "x.txt.j2"):
        (tmp_path / name).write_text("{{ '<b>\"&' ~ more }}")
    made: Environment = environment(tmp_path, "en", ZoneInfo("UTC"))

    assert made.get_template("x.html.j2").render(more="'") == "&lt;b&gt;&#34;&amp;&#39;"
    assert made.get_template("x.txt.j2").render(more="'") == "<b>\"&'"


def compiles(folder: Path, text: str, kept: Path, zone: str = "UTC") -> list[str]:
    """Write the template `a` and render it in a new environment; return what it says, and whether it was compiled."""
    (folder / "a").write_text(text)
    made = environment(folder, "en", ZoneInfo(zone), kept)
    compiled = []
    real = made._compile
    made._compile = lambda *arguments: compiled.append("compiled") or real(*arguments)  # type: ignore[method-assign]
    return [made.get_template("a").render(fact="facts"), *compiled]


def test_a_template_is_compiled_once_and_again_when_it_changes(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "kept"

    assert compiles(tmp_path, "{{ fact }}", kept) == ["facts", "compiled"]
    assert compiles(tmp_path, "{{ fact }}", kept) == ["facts"]
    assert compiles(tmp_path, "new {{ fact }}", kept) == ["new facts", "compiled"]
    assert compiles(tmp_path, "new {{ fact }}", kept, zone="America/Sao_Paulo") == ["new facts", "compiled"]
    assert len(list(kept.iterdir())) == 1
    assert kept.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 100, -1])
def test_a_compiled_template_that_was_cut_off_is_made_anew(tmp_path: Path, size: int) -> None:
    compiles(tmp_path, "{{ fact }}", tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:size])

    assert compiles(tmp_path, "{{ fact }}", tmp_path / "kept") == ["facts", "compiled"]
    assert file.read_bytes() == content


def test_compiled_templates_that_cannot_be_kept_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()

    assert compiles(tmp_path, "{{ fact }}", tmp_path / "a file" / "below") == ["facts", "compiled"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work with another user's rights")
def test_root_at_work_for_another_user_runs_nothing_that_user_could_have_put_there() -> None:
    with reachable_folder() as folder:
        folder.chmod(0o777)
        kept = folder / "kept"
        with ordinary_user():
            assert compiles(folder, "{{ fact }}", kept) == ["facts", "compiled"]
            assert compiles(folder, "{{ fact }}", kept) == ["facts", "compiled"]
        assert not kept.exists()
