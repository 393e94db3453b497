"""No test reaches beyond this machine, inherits or leaves configuration, or is skipped unseen."""

import ipaddress
import os
import socket
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

_CONFIGURATION = ("VOIPMON_", "CREDENTIALS_DIRECTORY")


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Let the tests' own process connect to loopback and nowhere else; other names do not resolve."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _resolving_here_only(socket.getaddrinfo))
        yield


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            pytest.fail(f"the test would connect to {address[0]}: only loopback is allowed")
        return connect(self, address)

    return guarded


def _resolving_here_only(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(host: str | bytes | None, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_here(name) and not _is_address(name) and name != socket.gethostname():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *arguments, **options)

    return resolve


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    return host in ("", "localhost") or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _configuration() -> list[str]:
    return [name for name in os.environ if name.startswith(_CONFIGURATION)]


def pytest_configure() -> None:
    """Forget the configuration of whoever runs the tests, for their child processes too."""
    for name in _configuration():
        del os.environ[name]


@pytest.fixture(autouse=True)
def _no_configuration_left() -> Iterator[None]:
    yield
    left = _configuration()
    for name in left:
        del os.environ[name]
    assert not left, f"the test left {', '.join(left)} in the environment: use monkeypatch.setenv"


def _nothing_may_be_skipped() -> bool:
    return os.environ.get("CI") == "true" and os.geteuid() == 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped where everything can be installed: a skip there hides a broken set-up."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped itself where nothing may be skipped: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a module that skips itself as a whole."""
    report = yield
    if report.skipped and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} skipped itself where nothing may be skipped: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
