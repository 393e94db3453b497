import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.sampling import Sample

SKIPPING = """
import pytest

def test_without_its_server() -> None:
    pytest.skip("dovecot is not installed")

@pytest.mark.xfail
def test_that_is_known_to_fail() -> None:
    assert False
"""

LEAKING = """
import os

def test_it():
    assert "VOIPMON_MODE" not in os.environ
    os.environ["VOIPMON_MODE"] = "master"
"""


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    support = Path(__file__).parents[1]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "support.isolation",
            "-p",
            "no:cacheprovider",
            *options,
            "--rootdir",
            folder,
            folder,
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(support), **environment},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install everything")
def test_nothing_is_skipped_in_continuous_integration(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPING)

    outcome = run_pytest(tmp_path, CI="true")

    assert outcome.returncode == 1
    assert "1 failed, 1 xfailed" in outcome.stdout.splitlines()[-1]
    assert "dovecot is not installed" in outcome.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install everything")
def test_no_module_is_skipped_in_continuous_integration(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text('import pytest\npytest.importorskip("no_such_module")\n')

    outcome = run_pytest(tmp_path, CI="true")

    assert outcome.returncode == 2
    assert "1 error" in outcome.stdout.splitlines()[-1]
    assert "no_such_module" in outcome.stdout


def test_a_skip_elsewhere_is_a_skip(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPING)

    outcome = run_pytest(tmp_path)

    assert outcome.returncode == 0
    assert "1 skipped, 1 xfailed" in outcome.stdout.splitlines()[-1]


def test_configuration_left_in_the_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(LEAKING)

    outcome = run_pytest(tmp_path, VOIPMON_MODE="slave")

    assert outcome.returncode == 1
    assert "1 passed, 1 error" in outcome.stdout.splitlines()[-1]
    assert "VOIPMON_MODE" in outcome.stdout


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")])
def test_a_test_cannot_reach_another_machine(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as client, pytest.raises(pytest.fail.Exception, match="only loopback"):
        client.connect((address, 443))


def test_a_test_cannot_ask_for_the_address_of_another_machine() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("imap.example.com", 993), timeout=1)


def test_a_test_reaches_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    points = range(1000)

    assert Sample(full=False, seed=7, test="t")(points, 20) == Sample(full=False, seed=7, test="t")(points, 20)
    assert Sample(full=False, seed=7, test="t")(points, 20) != Sample(full=False, seed=8, test="t")(points, 20)


def test_a_sample_keeps_the_order_of_its_points() -> None:
    drawn = Sample(full=False, seed=7, test="t")(range(1000), 20)

    assert len(drawn) == 20
    assert drawn == sorted(set(drawn))


def test_a_full_sweep_visits_every_point() -> None:
    assert Sample(full=True, seed=7, test="t")(range(1000), 20) == list(range(1000))


# -- secrets that cry out ----------------------------------------------------------------------------------------------

TELLING = {
    "a log": 'logging.getLogger("voipmon.mail").debug("opened", extra={"as": secret("x")})',
    "a log in base64": 'logging.getLogger("voipmon").info("%s", base64.b64encode(b"\\0me\\0" + secret("x").encode()))',
    "a traceback in a log": (
        'exec("try:\\n 1 / 0\\nexcept ZeroDivisionError as e:\\n e.add_note(s)\\n'
        ' logging.getLogger(\'voipmon\').exception(\'crashed\')", {"s": secret("x"), "logging": logging})'
    ),
    "an error message": 'str(OutboxError("refused: " + secret("x").upper()))',
    "what is printed": 'print(secret("x"))',
    "what a command prints": 'subprocess.run([sys.executable, "-c", f"print({secret("x")!r})", "voipmon"], stdout=-1)',
    "a mail": 'look("a mail", b"Subject: " + secret("x").encode())',
}
TEST = """
import base64, logging, subprocess, sys
from support.canary import code, look, own, secret
from voipmon.errors import OutboxError

def test_it(tmp_path):
    {line}
"""
CANARY = ("-p", "support.canary")


@pytest.mark.parametrize("way", TELLING)
def test_a_test_that_tells_a_secret_fails(tmp_path: Path, way: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST.format(line=TELLING[way].replace('{secret("x")', "{secret('x')")))

    outcome = run_pytest(tmp_path, *CANARY)

    assert outcome.returncode == 1, outcome.stdout
    assert "told a secret: x in" in outcome.stdout


@pytest.mark.parametrize(
    "line",
    [
        '(tmp_path / "a.log").write_text("user " + secret("x"))',
        '(tmp_path / "a.log").write_text(code("x").lower())',
        '(tmp_path / "a.bin").write_bytes(b"\\0\\xff" + secret("x").encode() + b"\\0")',
    ],
)
def test_a_run_that_leaves_a_secret_in_a_file_fails_and_names_the_file(tmp_path: Path, line: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST.format(line=line))

    outcome = run_pytest(tmp_path, *CANARY, "--basetemp", str(tmp_path / "base"))

    assert outcome.returncode == 1
    assert "1 passed" in outcome.stdout
    assert f"{tmp_path}/base/test_it0/a." in outcome.stdout


@pytest.mark.parametrize(
    "line",
    [
        'own(tmp_path / "password").write_text(secret("x"))',
        'own(tmp_path); (tmp_path / "password").write_text(code("x"))',
        'secret("x"); logging.getLogger("voipmon").info("Canary"); print("Canary-y")',
        'logging.getLogger("aiosmtpd").info(secret("x"))',
    ],
)
def test_a_secret_in_its_own_place_is_none_of_our_business(tmp_path: Path, line: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST.format(line=line))

    outcome = run_pytest(tmp_path, *CANARY)

    assert outcome.returncode == 0, outcome.stdout
