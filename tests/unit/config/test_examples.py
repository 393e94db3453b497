"""The example files and docs/configuration.md: every key, no other, and the defaults that hold."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from voipmon.config.legacy import IGNORED, SPELLINGS, read_legacy
from voipmon.config.names import environment_name
from voipmon.config.problems import checked, known_keys
from voipmon.config.sources import load_config
from voipmon.mail.settings import Imap

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "voipmon.example.toml"
OLD_EXAMPLE = ROOT / "config" / "monitor_config.txt.example"
DOCUMENT = ROOT / "docs" / "configuration.md"

NEEDED: dict[str, Any] = {
    "smtp": {"host": "smtp.example.com", "sender": "voip.audios@example.com"},
    "publish": {"base_url": "https://voip.example.com/audios"},
}


def test_the_example_loads_by_itself() -> None:
    loaded = load_config(EXAMPLE, {})

    assert loaded.notices == ()
    assert loaded.config.access.whitelist == ("manager@example.com", "@company.example.com")


def test_the_example_is_good_for_a_master_too() -> None:
    assert load_config(EXAMPLE, {"VOIPMON_MODE": "master"}).notices == ()


def test_the_example_has_every_key_once_and_no_other() -> None:
    assert sorted(key for key, _, _ in example_lines()) == sorted(known_keys())


def test_what_the_example_leaves_out_may_be_taken_in() -> None:
    text = re.sub(r"^#(?=\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)

    checked(tomllib.loads(text.replace('password = ""', 'password = "s3cret"')), {}, ())


def test_every_key_of_the_example_says_what_it_is_and_its_default() -> None:
    for key, _, comment in example_lines():
        assert re.search(r"[Dd]efault", comment), key
        assert len(comment) > 20, key


def test_the_defaults_of_the_example_hold() -> None:
    told = {
        key: match[1]
        for key, _, comment in example_lines()
        if (match := re.search(r'Default: ("[^"]*"|\[.*?\]|\d+)', comment))
    }

    assert len(told) > 25
    assert_defaults(told)


def test_the_old_example_loads_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "monitor_config.txt"
    path.write_text(OLD_EXAMPLE.read_text())

    loaded = load_config(path, {})

    assert [notice.split(":")[0] for notice in loaded.notices] == list(IGNORED)
    assert isinstance(loaded.config.imap, Imap)


def test_the_old_example_has_every_old_key_with_a_comment_and_no_other() -> None:
    text = OLD_EXAMPLE.read_text()

    keys = re.findall(r"^(\w+)=", text, re.MULTILINE)

    assert sorted(keys) == sorted({*SPELLINGS.values(), *IGNORED})
    assert read_legacy(text).problems == ()
    blocks = re.split(r"\n(?=#)|\n\n", text)
    assert all("#" in block for block in blocks if "=" in block)


def test_the_document_has_every_key_once_and_no_other() -> None:
    assert sorted(row[0] for row in document_rows()) == sorted(known_keys())


@pytest.mark.parametrize("key", known_keys())
def test_the_document_names_each_key_in_the_environment(key: str) -> None:
    (row,) = (row for row in document_rows() if row[0] == key)

    assert row[4] == f"`{environment_name(key)}`"


def test_the_defaults_of_the_document_hold() -> None:
    told = {row[0]: row[2][1:-1] for row in document_rows() if re.fullmatch(r'`("[^"]*"|\[.*\]|\d+)`', row[2])}

    assert len(told) > 25
    assert_defaults(told)


def test_the_document_has_every_old_key() -> None:
    rows = DOCUMENT.read_text().partition("| old key |")[2]

    for spelling in {*SPELLINGS.values(), *IGNORED}:
        assert f"`{spelling}`" in rows
    for key, spelling in SPELLINGS.items():
        (row,) = (row for row in rows.split("\n") if row.startswith(f"| `{spelling}`"))
        assert f"`{key}`" in row


def example_lines() -> list[tuple[str, str, str]]:
    """Return key, value and comment of each line that sets a key or would; the comment with the lines around it."""
    found: list[tuple[str, str, str]] = []
    section = before = ""
    for line in EXAMPLE.read_text().split("\n"):
        if match := re.match(r"\[(\w+)\]", line):
            section = f"{match[1]}."
        elif match := re.match(r'#?(\w+) = ("[^"]*"|\[.*?\]|\d+) *(?:# (.*))?$', line):
            found.append((section + match[1], match[2], f"{before} {match[3] or ''}"))
        elif match := re.match(r" +# (.*)", line):
            key, value, comment = found[-1]
            found[-1] = (key, value, f"{comment} {match[1]}")
        before = line[2:] if line.startswith("# ") else ""
    return found


def document_rows() -> list[list[str]]:
    """Return the cells of the table of every key."""
    table = DOCUMENT.read_text().partition("## Every key")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n") if line.startswith("| `")
    ]
    return [[row[0].strip("`"), *row[1:]] for row in rows]


def assert_defaults(told: dict[str, str]) -> None:
    """Assert that a configuration with these *told* values, in TOML, is the one without them."""
    data = tomllib.loads("\n".join(f"{key} = {value}" for key, value in told.items()))
    for section, values in NEEDED.items():
        data.setdefault(section, {}).update(values)

    assert checked(data, {}, ()) == checked(NEEDED, {}, ())
