"""A configuration file from the lines a test is about, and what becomes of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from voipmon.config.sources import Loaded, load_config
from voipmon.errors import ConfigError

NEEDED = (
    'smtp.host = "smtp.example.com"',
    'smtp.sender = "voip.audios@example.com"',
    'publish.base_url = "https://voip.example.com/audios"',
)
NEEDED_BY_A_MASTER = (
    'mode = "master"',
    'imap.host = "imap.example.com"',
    'imap.user = "voip.audios@example.com"',
)

Load = Callable[..., Loaded]
Problems = Callable[..., tuple[str, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file of *lines*, each `key = value`, over the keys without which nothing works."""

    def load(*lines: str, environ: Mapping[str, str] | None = None, master: bool = False) -> Loaded:
        keys = dict(line.split(" = ", 1) for line in (*NEEDED, *(NEEDED_BY_A_MASTER if master else ()), *lines))
        path = tmp_path / "voipmon.toml"
        path.write_text("\n".join(f"{key} = {value}" for key, value in keys.items() if value))
        path.chmod(0o600)
        return load_config(path, environ or {})

    return load


@pytest.fixture
def problems(load: Load) -> Problems:
    """Load such a file, and return what is wrong with it. `key = ` leaves a needed key out."""

    def problems(*lines: str, environ: Mapping[str, str] | None = None, master: bool = False) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            load(*lines, environ=environ, master=master)
        return caught.value.problems

    return problems


@pytest.fixture
def load_old(tmp_path: Path) -> Load:
    """Load an old file of *lines*, each `KEY=VALUE`."""

    def load_old(*lines: str, environ: Mapping[str, str] | None = None, name: str = "monitor_config.txt") -> Loaded:
        path = tmp_path / name
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        return load_config(path, environ or {})

    return load_old
