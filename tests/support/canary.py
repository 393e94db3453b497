"""Secrets that cry out: each that a test puts into a configuration is looked for in all that the test run writes.

    world.settings["smtp.password"] = secret("smtp")      # a text that stands nowhere else
    own(file)                                             # the place where it belongs

While a test runs, its log records, the product's error messages, what its commands print, and the mails that arrive are
looked through, and what pytest has captured of it: the test that told a secret fails. When all have run, every file is
looked through that they left; a secret in one that is not its own fails the run. Secrets are found in any case, and in
base64, as protocols write them.
"""

import base64
import logging
import subprocess
import traceback
from collections.abc import Callable, Generator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from voipmon.errors import VoipmonError

_SECRETS: dict[str, str] = {}
_OWN: set[Path] = set()
_LEAKS: list[str] = []
_LEFT: list[str] = []
_SHORTEST = 12  # of a base64 text, to be told from others


def secret(name: str) -> str:
    """Return the secret of that name; it is looked for from now on."""
    return watch(name, f"Canary-{name}-{sha256(name.encode()).hexdigest()[:8]}")


def code(name: str) -> str:
    """Return the code of a tenant; it is looked for from now on."""
    digest = base64.b32encode(sha256(name.encode()).digest()).decode()
    return watch(name, f"QX7{digest[:5]}")


def own(path: Path) -> Path:
    """Declare that secrets belong into that file, or into the files of that folder."""
    _OWN.add(path)
    return path


def look(where: str, text: str | bytes) -> None:
    """Look for all secrets in *text*; one that is found fails the test that runs."""
    folded = (text if isinstance(text, str) else text.decode("utf-8", "replace")).lower()
    _LEAKS.extend(f"{_SECRETS[needle]} in {where}" for needle in _SECRETS if needle in folded)


def watch(name: str, value: str) -> str:
    """Look for that *value* from now on; return it."""
    for needle in (value, *_in_base64(value)):
        _SECRETS[needle.lower()] = name
    return value


def _in_base64(value: str) -> Iterator[str]:
    """Yield what base64 makes of *value* wherever it stands in a longer text, without the ends that depend on that."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value.encode()).decode().rstrip("=")
        core = encoded[4 if before else 0 : -2]
        if len(core) >= _SHORTEST:
            yield core


@pytest.fixture(scope="session", autouse=True)
def _everything_is_heard() -> Iterator[None]:
    """Look through log records of any level, the product's errors, and what its commands print, as they are made."""
    with pytest.MonkeyPatch.context() as patch:
        for level in ("debug", "info", "warning", "error", "exception"):
            patch.setattr(logging.Logger, level, _heard(getattr(logging.Logger, level)))
        patch.setattr(VoipmonError, "__init__", _said(VoipmonError.__init__))
        patch.setattr(subprocess.Popen, "communicate", _printed(subprocess.Popen.communicate))
        yield


def _heard(log: Callable[..., None]) -> Callable[..., None]:
    def heard(self: logging.Logger, event: str, *arguments: Any, **options: Any) -> None:
        if self.name.partition(".")[0] == "voipmon":
            look(f"the log, or its traceback ({event})", f"{event} {arguments} {options} {traceback.format_exc()}")
        log(self, event, *arguments, **options)

    return heard


def _said(make: Callable[..., None]) -> Callable[..., None]:
    def said(self: VoipmonError, *arguments: Any, **options: Any) -> None:
        look("an error message", f"{arguments} {options}")
        make(self, *arguments, **options)

    return said


def _printed(communicate: Callable[..., Any]) -> Callable[..., Any]:
    def printed(self: "subprocess.Popen[Any]", *arguments: Any, **options: Any) -> Any:
        output = communicate(self, *arguments, **options)
        words = self.args if isinstance(self.args, list | tuple) else [self.args]
        if any(str(word) == "voipmon" for word in words):
            for text in output:
                look("what a command printed", text or "")
        return output

    return printed


@pytest.fixture(autouse=True)
def _no_secret_is_told() -> Iterator[None]:
    _LEAKS.clear()
    yield
    leaks = sorted(set(_LEAKS))
    assert not leaks, f"the test told a secret: {'; '.join(leaks)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in whose captured output a secret stands."""
    report = yield
    found = [
        f"{_SECRETS[needle]} in {head}"
        for head, text in report.sections
        for needle in _SECRETS
        if needle in text.lower()
    ]
    if found and report.passed:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} told a secret: {'; '.join(sorted(set(found)))}"
    return report


def files_that_tell(folder: Path) -> list[str]:
    """Return the files below *folder* in which a secret stands that does not belong there; the largest are sound."""
    if not _SECRETS:
        return []
    needles = [word for needle in _SECRETS for word in ("-e", needle)]
    found = subprocess.run(
        ["find", folder, "-type", "f", "-size", "-64M", "-exec", "grep", "-liaFz", *needles, "{}", "+"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [name for name in found.stdout.splitlines() if not any(Path(name).is_relative_to(place) for place in _OWN)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look through all files that the tests left, and fail the run for one that tells a secret."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    if base is None:
        return
    _LEFT[:] = files_that_tell(base)
    if _LEFT and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the files that tell a secret, and say how many secrets were looked for."""
    if _LEFT:
        terminalreporter.section("files that tell a secret", red=True)
        for name in _LEFT:
            terminalreporter.line(name)
