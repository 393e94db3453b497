"""Every command, option, exit code, key and event is documented, and nothing is documented that is not there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from voipmon.cli.root import command_line
from voipmon.errors import ExitCode
from voipmon.mail.ledger import VerdictKind
from voipmon.mail.reason import Reason

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text()
_OPERATIONS = (_ROOT / "docs" / "operations.md").read_text()
_EVENTS = (_ROOT / "docs" / "events.md").read_text()


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


_ALL = dict(_commands(command_line))


@pytest.mark.parametrize("name", sorted(_ALL))
def test_every_command_has_a_help_text_and_a_row_in_the_manual_with_all_its_options(name: str) -> None:
    command = _ALL[name]
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]

    [row] = [line for line in _OPERATIONS.splitlines() if re.match(rf"\| `{name}[` ]", line)]

    assert command.help
    assert [option for option in options if f"`{option}" not in row] == []
    assert set(re.findall(r"`(--[a-z-]+)", row)) == set(options)


def test_every_exit_code_is_in_the_manual() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", _OPERATIONS, re.MULTILINE))

    assert {int(code) for code in rows} == {int(code) for code in ExitCode}


def test_every_reason_for_a_verdict_is_a_rule_in_the_manual() -> None:
    section = _OPERATIONS.partition("## Which mails are answered")[2].partition("## ")[0]
    rows = re.findall(r"^\| .+ \| (\w+) \| `(\w+)` \|$", section, re.MULTILINE)

    assert sorted(reason for _, reason in rows) == sorted(Reason)
    assert {verdict for verdict, _ in rows} <= set(VerdictKind)


def test_the_events_of_the_program_are_those_of_the_manual() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", _EVENTS, re.MULTILINE))

    assert documented == set(_events())


def test_the_events_of_the_audit_trail_are_those_of_its_manual() -> None:
    told = {
        str(node.args[0].value)
        for path in (_ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Event", "_ended"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    section = (_ROOT / "docs" / "audit.md").read_text().partition("## What is written down")[2].partition("## ")[0]

    assert told == set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))
    assert "delivered" in told


def test_the_readme_shows_on_its_first_screen_what_it_is_an_example_and_the_two_commands() -> None:
    screen = "\n".join(_README.splitlines()[:40])

    for needed in ("python3 dev.py demo", "python3 dev.py test", "RAMAIS=1121,1122 INICIO=27/10/2025 08:00"):
        assert needed in screen


def test_every_document_that_a_document_names_is_there() -> None:
    missing = []
    for document in (_ROOT / "README.md", _ROOT / "SECURITY.md", *sorted((_ROOT / "docs").glob("*.md"))):
        targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
        missing += [f"{document.name}: {target}" for target in targets if not (document.parent / target).exists()]

    assert missing == []


def _events() -> Iterator[str]:
    for path in (_ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error", "exception"}
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)
