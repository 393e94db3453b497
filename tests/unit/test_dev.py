"""dev.py in a made-up clone, with made-up tools where real ones would fetch half the Internet."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()

# Notes how it was called; `uv pip install --requirement` fills .venv with tools that do the same.
UV = """\
#!/bin/sh
echo "uv $*" >>calls
case "$*" in *--requirement*)
    test -e no-network && { echo "error: Request failed"; echo "  cause: failed to look up address"; exit 2; }
    for tool in ruff mypy lint-imports pytest voipmon; do
        printf '#!/bin/sh\\necho "%s $*" >>calls\\necho "%s says so"\\nexit $(cat %s.exit 2>/dev/null || echo 0)\\n' \\
            $tool $tool $tool >.venv/bin/$tool
        chmod +x .venv/bin/$tool
    done
esac
"""


class Clone:
    """A clone of the project with nothing in it but what dev.py reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "bin"
        self.tools.mkdir()
        shutil.copy(ROOT / "dev.py", folder)
        (folder / "requirements.lock").write_text("")
        (folder / "pyproject.toml").write_text("")

    def has(self, name: str, script: str) -> None:
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def calls(self) -> list[str]:
        """Return the commands run since the last question."""
        log = self.folder / "calls"
        calls = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return calls

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.folder / "dev.py", *arguments],
            cwd=self.folder,
            env={"PATH": f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    clone = Clone(tmp_path)
    clone.has("uv", UV)
    clone.has("apt-get", "#!/bin/sh\nexit 1\n")
    return clone


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_run_fills_the_environment_from_the_lock_file(clone: Clone) -> None:
    outcome = clone.run("demo")

    assert outcome.returncode == 0, outcome.stderr
    fetch, install = (call for call in clone.calls() if "install" in call)
    assert f"--python {clone.folder}/.venv/bin/python --require-hashes --requirement" in fetch
    assert f"--no-deps --no-build-isolation --editable {clone.folder}" in install


def test_the_second_run_sets_nothing_up(clone: Clone) -> None:
    clone.run("demo")
    clone.calls()

    outcome = clone.run("demo", "--keep", "folder")

    assert clone.calls() == ["voipmon demo --keep folder"]
    assert outcome.stdout == "voipmon says so\n"
    assert outcome.stderr == ""


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_dependency_sets_everything_up_again(clone: Clone, name: str) -> None:
    clone.run("demo")
    clone.calls()

    (clone.folder / name).write_text("# changed\n")

    assert clone.run("demo").returncode == 0
    assert any("--requirement" in call for call in clone.calls())


def test_an_interrupted_set_up_is_done_again_from_the_start(clone: Clone) -> None:
    clone.run("demo")
    (clone.folder / ".venv/voipmon-set-up").unlink()
    left_over = clone.folder / ".venv/bin/half-a-tool"
    left_over.touch()

    assert clone.run("demo").returncode == 0
    assert not left_over.exists()


def test_without_a_network_one_sentence_says_so(clone: Clone) -> None:
    (clone.folder / "no-network").touch()
    (clone.folder / "pip.py").write_text("raise SystemExit('no pip')")

    outcome = clone.run("test")

    assert outcome.returncode == 1
    assert "cause: failed to look up address" in outcome.stderr.splitlines()[-1]
    assert "Traceback" not in outcome.stderr
    assert clone.run("test").returncode == 1, "what failed must not count as set up"


def test_without_uv_and_pip_one_sentence_names_the_package(clone: Clone) -> None:
    clone.has("uv", "#!/bin/sh\nexit 1\n")
    bare = clone.folder / "bare-python"
    bare.write_text(f'#!/bin/sh\n[ "$2" = pip ] && exit 1\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)
    code = f"import runpy, sys; sys._base_executable = {str(bare)!r}; sys.argv = ['dev.py', 'demo']; "

    outcome = subprocess.run(
        [sys.executable, "-c", code + "runpy.run_path('dev.py', run_name='__main__')"],
        cwd=clone.folder,
        env={"PATH": f"{clone.tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 1
    assert "apt-get install python3-pip" in outcome.stderr.splitlines()[-1]


def test_the_checks_run_before_the_tests_and_pytest_has_the_last_word(clone: Clone) -> None:
    clone.run("demo")
    clone.calls()

    outcome = clone.run("test", "--full", "-k", "some")

    assert clone.calls() == [
        "ruff format --check .",
        "ruff check .",
        "mypy ",
        "lint-imports --no-logo",
        "pytest --full -k some",
    ]
    assert outcome.stdout.splitlines()[-1] == "pytest says so"


def test_the_first_tool_that_fails_ends_it_with_its_exit_code(clone: Clone) -> None:
    clone.run("demo")
    clone.calls()
    (clone.folder / "mypy.exit").write_text("7")

    outcome = clone.run("test")

    assert outcome.returncode == 7
    assert [call.split()[0] for call in clone.calls()] == ["ruff", "ruff", "mypy"]


def test_the_exit_code_of_the_tests_is_passed_on(clone: Clone) -> None:
    (clone.folder / "pytest.exit").write_text("5")

    assert clone.run("test").returncode == 5


def benchmarks(clone: Clone, **codes: int) -> None:
    """Put benchmarks into the clone that note their options and end with the given codes."""
    folder = clone.folder / "benchmarks"
    folder.mkdir()
    (folder / "requirements.lock").write_text("# rivals\n")
    (folder / "_helper.py").write_text("raise SystemExit('this is no benchmark')")
    for name, code in codes.items():
        script = f"import sys\nopen('calls', 'a').write(f'{name} {{sys.argv[1:]}}\\n')\nsys.exit({code})\n"
        (folder / f"{name}.py").write_text(script)


def test_one_benchmark_is_run_with_its_options_and_exit_code(clone: Clone) -> None:
    benchmarks(clone, queue=1, start=0)

    outcome = clone.run("bench", "queue", "--rounds", "3")

    assert outcome.returncode == 1
    assert clone.calls()[-1] == "queue ['--rounds', '3']"
    assert clone.run("bench", "start").returncode == 0


def test_without_a_name_every_benchmark_is_run_and_one_missed_goal_is_enough(clone: Clone) -> None:
    benchmarks(clone, queue=1, start=0)

    outcome = clone.run("bench")

    assert outcome.returncode == 1
    assert clone.calls()[-2:] == ["queue []", "start []"]


def test_what_the_benchmarks_compare_with_is_installed_once(clone: Clone) -> None:
    benchmarks(clone, queue=0)

    clone.run("bench")
    first = [call for call in clone.calls() if "benchmarks/requirements.lock" in call]
    clone.run("bench")

    assert len(first) == 1
    assert "--require-hashes" in first[0]
    assert clone.calls() == ["queue []"]


def test_an_unknown_benchmark_is_answered_with_the_known_ones(clone: Clone) -> None:
    benchmarks(clone, queue=0, start=0)

    outcome = clone.run("bench", "quue")

    assert outcome.returncode == 1
    assert outcome.stderr == "dev.py: which benchmark? one of queue start, or none for all\n"


def test_an_unknown_command_is_answered_with_the_known_ones(clone: Clone) -> None:
    outcome = clone.run("tests")

    assert outcome.returncode == 1
    assert "python3 dev.py test" in outcome.stderr


def test_an_older_python_is_told_which_one_is_needed() -> None:
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('dev.py', run_name='__main__')"

    outcome = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert outcome.returncode == 1
    assert (
        outcome.stderr
        == "dev.py: voipmon needs Python 3.11 or newer: run it as python3.11 dev.py, or with a later one\n"
    )
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 7))


def test_dev_needs_nothing_but_python() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.fixture
def bare_system(dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system with one package missing; returns the program that package brings."""
    program = tmp_path / "strace"
    package = dev.SystemPackage("strace", (str(program),), "safety")
    monkeypatch.setattr(dev, "SYSTEM_PACKAGES", (package,))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return program


def apt(program: Path, script: str) -> None:
    """Install an apt-get that notes its calls."""
    path = program.with_name("apt-get")
    path.write_text(f'#!/bin/sh\necho "$*" >>"{program.with_name("calls")}"\n{script}\n')
    path.chmod(0o755)


def test_root_gets_what_is_missing_installed(
    dev: ModuleType, bare_system: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(bare_system, f'case "$*" in *install*) touch "{bare_system}";; esac')

    dev.install_system_packages()
    dev.install_system_packages()

    calls = bare_system.with_name("calls").read_text().splitlines()
    assert len(calls) == 2, "the second time there is nothing to do"
    assert calls[0] == "update"
    assert calls[1].endswith("strace")
    assert "skipping" not in capsys.readouterr().err


def test_what_apt_cannot_install_is_said_with_the_tests_it_skips(
    dev: ModuleType, bare_system: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(bare_system, 'echo "E: Unable to locate package strace"; exit 100')

    dev.install_system_packages()

    said = capsys.readouterr().err.splitlines()[-1]
    assert "skipping the tests of safety" in said
    assert "Unable to locate package strace" in said


def test_others_are_told_what_is_skipped_and_how_to_have_it(
    dev: ModuleType, bare_system: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    apt(bare_system, "exit 0")

    dev.install_system_packages()

    said = capsys.readouterr().err
    assert said == "dev.py: skipping the tests of safety; to run them: sudo apt-get install strace\n"
    assert not bare_system.with_name("calls").exists()


@pytest.mark.parametrize(("name", "fewest"), [("requirements.lock", 20), ("benchmarks/requirements.lock", 3)])
def test_every_pin_has_its_hashes_and_no_place_it_came_from(name: str, fewest: int) -> None:
    text = (ROOT / name).read_text()

    hashes = r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    pins = re.findall(rf"^[a-z0-9._-]+==\S+(?: ; [^\\\n]+)? \\\n{hashes}", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.startswith((" ", "#"))]

    assert len(pins) == len(lines) >= fewest
    assert not re.search(r"://|@|--index|(?<![\w.])/", text)


def test_the_lock_file_holds_what_the_project_asks_for() -> None:
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for names in project["optional-dependencies"].values() for name in names),
    ]

    for requirement in map(Requirement, wanted):
        if requirement.name != "voipmon":
            assert requirement.specifier.contains(Version(pinned[requirement.name])), requirement


def test_continuous_integration_runs_what_a_person_runs(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci")
    (tmp_path / "dev.py").write_text("import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['CI'])")

    outcome = subprocess.run([tmp_path / ".ci/run"], cwd="/", capture_output=True, text=True, check=True)

    assert outcome.stdout == f"['test'] {tmp_path} true\n"
