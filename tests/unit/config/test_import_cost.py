"""What it costs to be told what to do: commands start every few minutes."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "config" / "voipmon.example.toml"
A_MODEL = "import pydantic; type('A', (pydantic.BaseModel,), {})"
LOADING = f"import pathlib, voipmon.config.sources as s; s.load_config(pathlib.Path({str(EXAMPLE)!r}), {{}})"
HEAVY = {
    "click",
    "email",
    "imapclient",
    "importlib.metadata",
    "jinja2",
    "logging",
    "smtplib",
    "sqlite3",
    "ssl",
    "tinytag",
}


def test_loading_imports_nothing_heavy_that_pydantic_does_not_import_itself() -> None:
    loaded = modules_after(LOADING) - modules_after(A_MODEL)

    assert "voipmon.mail.settings" in loaded
    assert not loaded & HEAVY


def test_a_valid_configuration_needs_no_look_for_likely_names() -> None:
    assert "difflib" not in modules_after(LOADING)


def modules_after(code: str) -> set[str]:
    """Return the names of the modules that a process has imported after *code*."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())
