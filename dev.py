#!/usr/bin/env python3
"""Set voipmon up in this clone, and run it or its tests.

    python3 dev.py demo [--keep DIR] [--serve]   the whole flow on embedded servers
    python3 dev.py test [--full] [PYTEST ARGS]   every check, then the tests
    python3 dev.py lint                          the checks alone
    python3 dev.py format                        write the code as the formatter wants it
    python3 dev.py bench [NAME [OPTIONS]]        one of benchmarks/, or all of them
    python3 dev.py lock [--upgrade]              pin the dependencies anew in the two requirements.lock

Needs Python 3.11 or newer with pip, or uv; the first run fetches the rest into .venv and .tools.
As root on Debian or Ubuntu, `test` also installs the servers it tests against.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an old Python must be told so, and must be able to read up to here
    sys.exit("dev.py: voipmon needs Python 3.11 or newer: run it as python3.11 dev.py, or with a later one")

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "voipmon-set-up"
TOOLS = ROOT / ".tools"
LOCK = ROOT / "requirements.lock"
BENCHMARKS = ROOT / "benchmarks"
# The interpreter behind a virtual environment, should one be active: .venv must not be made from itself.
PYTHON = getattr(sys, "_base_executable", sys.executable)
UV = "uv==0.13.9"

CHECKS = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",), ("lint-imports", "--no-logo"))


class SystemPackage(NamedTuple):
    """A Debian package some tests need: what shows that it or its like is there, and what is skipped without it."""

    name: str
    brings: tuple[str, ...]
    tests: str
    service: str | None = None

    def is_there(self) -> bool:
        """Look for any one of the programs or, by a pattern with slashes, files it brings."""
        path = _environment()["PATH"]
        return any(
            any(Path("/").glob(thing[1:])) if thing[0] == "/" else shutil.which(thing, path=path)
            for thing in self.brings
        )


SYSTEM_PACKAGES = (
    SystemPackage("dovecot-imapd", ("/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap"), "dovecot", "dovecot"),
    SystemPackage("apache2", ("apache2",), "apache", "apache2"),
    SystemPackage("nginx-light", ("nginx",), "nginx", "nginx"),
    SystemPackage("openssl", ("openssl",), "dovecot"),
    SystemPackage("curl", ("curl",), "dovecot"),
    SystemPackage("chromium-headless-shell", ("chromium-headless-shell", "chromium"), "browser"),
    # What playwright drives the browser with does not start without it.
    SystemPackage("libatomic1", ("/usr/lib/*/libatomic.so.1", "/usr/lib64/libatomic.so.1"), "browser"),
    SystemPackage("fonts-dejavu-core", ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu"), "browser"),
    SystemPackage("unzip", ("unzip",), "delivery"),
    SystemPackage("p7zip-full", ("7z",), "delivery"),
    SystemPackage("xfsprogs", ("mkfs.xfs",), "delivery"),
    SystemPackage("btrfs-progs", ("mkfs.btrfs",), "delivery"),
    SystemPackage("strace", ("strace",), "safety"),
    SystemPackage("systemd", ("systemd-analyze",), "systemd"),
)


def main(arguments: Sequence[str]) -> None:
    """Run the command named by the first argument; the others are for what it runs."""
    commands = {"demo": demo, "test": test, "lint": lint, "format": reformat, "bench": bench, "lock": lock}
    if arguments and arguments[0] in commands:
        commands[arguments[0]](arguments[1:])
    elif arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
    else:
        sys.exit(f"dev.py: which command?\n\n{__doc__}")


def demo(options: Sequence[str]) -> None:
    """Show the whole flow."""
    set_up()
    _become("voipmon", "demo", *options)


def test(options: Sequence[str]) -> None:
    """Run every check, then pytest with *options*."""
    set_up()
    install_system_packages()
    check()
    os.chdir(ROOT)
    _become("pytest", *options)


def lint(_options: Sequence[str]) -> None:
    """Run the checks alone."""
    set_up()
    check()


def reformat(_options: Sequence[str]) -> None:
    """Write the code as the formatter wants it, with the repairs the linter is sure of."""
    set_up()
    _run("ruff", "check", "--fix-only", "--quiet", ".")
    _run("ruff", "format", ".")


def bench(options: Sequence[str]) -> None:
    """Run the benchmark named by the first option with the others, or each; end with 1 should one miss a goal."""
    names = sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py"))
    if options and options[0] not in names:
        sys.exit(f"dev.py: which benchmark? one of {' '.join(names)}, or none for all")
    set_up()
    _install_rivals()
    codes = [_try("python", f"benchmarks/{name}.py", *options[1:]) for name in options[:1] or names]
    sys.exit(max(codes))


def _install_rivals() -> None:
    """Bring what the benchmarks compare voipmon with into .venv, unless it is there already."""
    wanted = hashlib.sha256((BENCHMARKS / LOCK.name).read_bytes()).hexdigest()
    stamp = VENV / "benchmarks-set-up"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    _say("installing what voipmon is compared with into .venv, once")
    _install(["--require-hashes", "--requirement", str(BENCHMARKS / LOCK.name)])
    stamp.write_text(wanted)


def lock(options: Sequence[str]) -> None:
    """Write both requirements.lock: exact versions and hashes, for every system at once."""
    TOOLS.mkdir(exist_ok=True)
    uv = _uv()
    if uv is None:
        sys.exit("dev.py: no uv to make the lock file with, and pip cannot fetch it; check the network, or install uv")
    how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", *options]
    anywhere = ["--no-emit-index-url", "--custom-compile-command", "python3 dev.py lock"]
    compiled = [uv, "pip", "compile", "--quiet", "--python", PYTHON, *how, *anywhere, "--output-file"]
    _run(*compiled, LOCK.name, "--extra", "dev", "pyproject.toml")
    rivals = f"{BENCHMARKS.name}/requirements.in"
    _run(*compiled, f"{BENCHMARKS.name}/{LOCK.name}", "--constraint", LOCK.name, rivals)


def check() -> None:
    """Run the checks in their order; the first that fails ends it all with its exit code."""
    for command in CHECKS:
        _run(*command)


def set_up() -> None:
    """Make .venv as requirements.lock says, unless it is like that already."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "set-up.lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)  # a second run waits for the first instead of tearing it down
        wanted = _fingerprint()
        if STAMP.is_file() and STAMP.read_text() == wanted:
            return
        _say("setting up .venv, once, in less than a minute")
        STAMP.unlink(missing_ok=True)
        if VENV.exists():
            shutil.rmtree(VENV)
        _fill_venv()
        STAMP.write_text(wanted)


def _fingerprint() -> str:
    """Everything .venv depends on: the files it is made from, this Python and this place."""
    here = f"{Path(PYTHON).resolve()} {sys.version} {ROOT}"
    facts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), here.encode()]
    return hashlib.sha256(b"\0".join(facts)).hexdigest()


def _fill_venv() -> None:
    # Without ensurepip, which Debian keeps in a package of its own: whatever installs does so from outside.
    _quietly([PYTHON, "-m", "venv", "--without-pip", str(VENV)])
    _install(
        ["--require-hashes", "--requirement", str(LOCK)],
        ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    )


def _install(*wishes: Sequence[str]) -> None:
    """Install one after the other into .venv, or end with the reason."""
    problem = "python3 has no pip: as root, apt-get install python3-pip"
    for installer in _installers():
        try:
            for wish in wishes:
                _quietly([*installer, *wish])
        except subprocess.CalledProcessError as error:
            problem = f"the packages could not be installed; check the network ({_last_words(error)})"
        else:
            return
    sys.exit(f"dev.py: {problem}; then run this again")


def _installers() -> Iterator[list[str]]:
    """Yield commands that install into .venv, the fastest first."""
    python = str(VENV / "bin" / "python")
    uv = _uv()
    if uv:
        yield [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]  # as pip does
    if _has_pip():
        yield [*_pip("--python", python), "install", "--quiet"]


def _uv() -> str | None:
    """Find uv, or fetch it into .tools with pip; None where neither works."""
    own = TOOLS / "uv" / "bin" / "uv"
    for found in (shutil.which("uv"), str(own)):
        if found and _works([found, "--version"]):
            return found
    if not _has_pip():
        return None
    shutil.rmtree(TOOLS / "uv", ignore_errors=True)
    # The one way of pip that a system Python under PEP 668 allows, and that leaves no trace elsewhere.
    return str(own) if _works(_pip("install", "--quiet", "--target", str(TOOLS / "uv"), UV)) else None


def _pip(*arguments: str) -> list[str]:
    quiet = ["--disable-pip-version-check", "--no-input", "--retries", "1"]
    return [PYTHON, "-m", "pip", *quiet, *arguments]


def _has_pip() -> bool:
    return _works([PYTHON, "-m", "pip", "--version"])


def install_system_packages() -> None:
    """Install what is missing of the servers and tools the tests use, or say in one line what that skips."""
    missing = _missing_packages()
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        _say(f"{_skipped(missing)}; to run them: sudo apt-get install {_names(missing)}")
        return
    _say(f"installing {_names(missing)} with apt-get, once")
    problem = _apt_install([package.name for package in missing])
    for package in missing:
        if package.service and package.is_there():
            _stop_service(package.service)
    left = _missing_packages()
    if left:
        _say(f"{_skipped(left)}: apt-get could not install {_names(left)} ({problem})")


def _missing_packages() -> list[SystemPackage]:
    return [package for package in SYSTEM_PACKAGES if not package.is_there()]


def _names(packages: Sequence[SystemPackage]) -> str:
    return " ".join(package.name for package in packages)


def _skipped(packages: Sequence[SystemPackage]) -> str:
    return f"skipping the tests of {', '.join(sorted({package.tests for package in packages}))}"


def _apt_install(names: Sequence[str]) -> str:
    """Install *names*, one by one if not all can be had together; return what went wrong, else ""."""
    wait = ["--option", "DPkg::Lock::Timeout=300", "--yes"]
    problem = ""
    try:
        _quietly(["apt-get", "update"])
        _quietly(["apt-get", "install", *wait, "--no-install-recommends", *names])
    except subprocess.CalledProcessError as error:
        problem = _last_words(error)
        for name in names:
            _works(["apt-get", "install", *wait, "--no-install-recommends", name])
    return problem


def _stop_service(name: str) -> None:
    """Stop what a package started on its own: the tests start their servers themselves."""
    booted = Path("/run/systemd/system").is_dir()
    _works(["systemctl", "disable", "--now", name] if booted else ["service", name, "stop"])


def _environment() -> Mapping[str, str]:
    """Return the environment of everything run from here: .venv first, nobody's settings in between."""
    environment = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_REQUIRE_VIRTUALENV", "PIP_USER"):
        environment.pop(name, None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # without byte code every command of the tests is compiled anew
    path = [str(VENV / "bin"), environment.get("PATH", os.defpath), "/usr/sbin", "/sbin"]  # su leaves the last two out
    environment["PATH"] = os.pathsep.join(path)
    environment["VIRTUAL_ENV"] = str(VENV)
    environment["DEBIAN_FRONTEND"] = "noninteractive"
    if not sys.stdout.isatty():
        environment.setdefault("NO_COLOR", "1")
    return environment


def _run(*command: str) -> None:
    """Run *command* in the clone with its output in sight; end with its exit code should it fail."""
    code = _try(*command)
    if code != 0:
        sys.exit(code)


def _try(*command: str) -> int:
    """Run *command* in the clone with its output in sight; return its exit code."""
    print(f"$ {Path(command[0]).name} {' '.join(command[1:])}".rstrip(), flush=True)
    code = subprocess.run(command, cwd=ROOT, env=_environment(), check=False).returncode
    return code if code >= 0 else 128 - code


def _become(program: str, *arguments: str) -> NoReturn:
    """Let *program* of .venv take this process over: its last line, exit code and signals are ours."""
    os.execve(VENV / "bin" / program, [program, *arguments], _environment())


def _quietly(command: Sequence[str]) -> None:
    """Run *command* and keep its output for the sentence that says why it failed."""
    subprocess.run(
        command,
        cwd=ROOT,
        env=_environment(),
        check=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _works(command: Sequence[str]) -> bool:
    try:
        _quietly(command)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _last_words(error: subprocess.CalledProcessError) -> str:
    """Return what a failed program says went wrong: its first complaint, and the cause named last."""
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    complaints = [line for line in lines if line.lower().startswith(("error", "cause", "e:"))] or lines or [str(error)]
    return " ... ".join(dict.fromkeys([complaints[0], complaints[-1]]))


def _say(sentence: str) -> None:
    print(f"dev.py: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"dev.py: {Path(error.cmd[0]).name} failed: {_last_words(error)}")
    except OSError as error:
        sys.exit(f"dev.py: {error}")
