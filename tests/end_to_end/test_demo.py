"""`voipmon demo` as a newcomer runs it."""

import email
import email.policy
import http.client
import os
import pty
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_DEMO = (sys.executable, "-m", "voipmon", "demo")
_RECORDINGS = 43  # calls of 1121 and 1122 in the period that is asked for, on every day that a demo runs
_WITHOUT_UVICORN = """
import sys
sys.modules["uvicorn"] = None
from voipmon.cli import run
sys.exit(run(["demo"]))
"""


def _run(*command: str, exits: int = 0) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == exits, f"exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def _place(told: str, name: str) -> str:
    [place] = re.findall(rf"^ *{name} +(\S+)$", told, re.MULTILINE)
    return str(place)


def test_it_tells_in_a_few_plain_lines_what_happened_and_where_mail_page_and_zip_lie(tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    ended = _run(*_DEMO, "--keep", str(folder))

    heading, *lines = ended.stdout.splitlines()
    assert str(folder) in heading
    assert len(lines) < 42
    assert "| 43 " in ended.stdout  # the mail's first words
    assert all(len(line) <= 100 for line in lines)
    assert all(line.isascii() for line in lines if "| " not in line)
    assert ended.stderr == ""
    assert re.search(r"manager@\S+ +confirmation", ended.stdout)
    assert re.search(r"supervisor@\S+ +rejection", ended.stdout)
    assert re.search(r"stranger@\S+ +no answer", ended.stdout)
    mail = email.message_from_bytes((folder / _place(ended.stdout, "mail")).read_bytes(), policy=email.policy.default)
    assert str(mail["To"]) == "manager@company.example.com"
    assert "<audio" in (folder / _place(ended.stdout, "page")).read_text("utf-8")
    with zipfile.ZipFile(folder / _place(ended.stdout, "ZIP")) as bundle:
        assert bundle.testzip() is None
        assert sum(name.endswith(".mp3") for name in bundle.namelist()) == _RECORDINGS


def test_it_can_be_run_again_into_the_same_folder_whatever_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "a \"démo\" of 'mine' \\ 📞"

    first, second = (_run(*_DEMO, "--keep", str(folder)).stdout for _ in range(2))

    assert not (folder / _place(first, "page")).exists()
    assert (folder / _place(second, "page")).exists()
    assert len(list((folder / "mails").iterdir())) == 3
    assert len(list((folder / "public").glob("[!.]*"))) == 1


def test_it_says_where_everything_stays_and_heeds_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("VOIPMON_CONFIG", "/nowhere.toml")
    monkeypatch.setenv("VOIPMON_MODE", "slave")
    monkeypatch.setenv("VOIPMON_NO_KEY", "at all")
    monkeypatch.setenv("VOIPMON_IMAP__PASSWORD", "another")

    ended = _run(*_DEMO)

    [folder] = (tmp_path / "tmp").iterdir()
    assert str(folder) in ended.stdout.splitlines()[0]
    assert len(list((folder / "mails").iterdir())) == 3


def test_on_a_terminal_each_step_has_a_check_mark_and_no_colour_where_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    told = _on_a_terminal(*_DEMO)

    assert told.count("✓") == 7
    assert "[ok]" not in told
    assert "\x1b" not in told
    assert len(told.splitlines()) < 42


def _on_a_terminal(*command: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs) as process, os.fdopen(ours, "rb", buffering=0) as terminal:
        os.close(theirs)
        told = b""
        with suppress(OSError):  # the terminal's way to say that nobody writes any more
            while part := terminal.read(4096):
                told += part
        assert process.wait(timeout=120) == 0
    return told.decode()


@contextmanager
def _serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a demo that has come to its end and serves, and the address of its page."""
    with subprocess.Popen(
        [*_DEMO, "--serve", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, told
                told += line
            [page] = re.findall(r"listen at (http://127\.0\.0\.1:[0-9]+/\S+)", told)
            yield process, page
        finally:
            process.kill()


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", parts.path)
    response = connection.getresponse()
    content = response.status, response.read()
    connection.close()
    return content


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_with_serve_the_page_is_there_until_it_is_told_to_end(
    ending: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with _serving() as (process, page):
        status, content = _get(page)

        process.send_signal(ending)
        _, complaints = process.communicate(timeout=30)

    assert status == 200
    assert content.count(b"<audio") == _RECORDINGS
    assert process.returncode == 0
    assert complaints == ""


def test_it_does_not_touch_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()

    ended = _run(*_DEMO, "--keep", str(tmp_path), exits=2)

    assert "holds files that are not a demo's: name a new or an empty folder" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    ended = _run(sys.executable, "-c", _WITHOUT_UVICORN, exits=2)

    assert "pip install 'voipmon[demo]'" in ended.stderr
