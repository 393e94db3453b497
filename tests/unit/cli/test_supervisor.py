"""What a service manager is told, at a socket as systemd has it."""

import os
import socket
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from voipmon.cli.supervisor import Supervisor


@pytest.fixture(params=["a path", "an abstract name"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "a path" else f"@voipmon-{uuid.uuid4()}"


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        here.bind(address.replace("@", "\0", 1))
        here.settimeout(0)
        yield here


def told(manager: socket.socket) -> list[list[str]]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode().splitlines())
        except BlockingIOError:
            return messages


def test_the_first_wait_is_the_end_of_the_start(manager: socket.socket, address: str) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address})

    supervisor.ready("waiting for mail")
    supervisor.ready("the server\nis away")
    supervisor.stopping()

    assert told(manager) == [
        ["READY=1", "STATUS=waiting for mail", "WATCHDOG=1"],
        ["STATUS=the server is away", "WATCHDOG=1"],
        ["STOPPING=1", "STATUS=ending"],
    ]


def test_progress_is_told_a_few_times_within_the_patience_however_often_there_is_some(
    manager: socket.socket, address: str
) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000000", "WATCHDOG_PID": str(os.getpid())})

    for _ in range(1000):
        supervisor.alive()

    assert supervisor.patience == timedelta(minutes=10)
    assert told(manager) == [["WATCHDOG=1"]]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "/nowhere/notify"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "soon"},
    ],
)
def test_where_nobody_listens_or_waits_nothing_happens(environ: dict[str, str]) -> None:
    supervisor = Supervisor(environ)

    supervisor.ready("waiting for mail")
    supervisor.alive()
    supervisor.stopping()

    assert supervisor.patience is None
