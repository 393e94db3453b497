"""Files as text, and texts as TOML: what cannot be read is said with its place."""

import os
import tomllib
from pathlib import Path
from typing import Any

from voipmon.errors import ConfigError


def read_text(path: Path) -> tuple[str, int]:
    """Return what a file in UTF-8 says, and its mode.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content, permissions = file.read(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ConfigError((f"cannot read {path}: {error.strerror}",)) from error
    try:
        return content.decode("utf-8-sig"), permissions
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{path}: line {line} is not UTF-8: save the file in UTF-8",)) from None


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return what the *text* of the file at *path* says.

    Raises:
        ConfigError: it is no TOML; names the line and the column.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError((f"{path}: is nested too deeply",)) from error
    except ValueError as error:  # also for a number of more than 4300 digits
        end = f"at line {text.count(chr(10)) + 1}, column {len(text) - text.rfind(chr(10))}, the end of the file"
        said = str(error).replace("at end of document", end)
        raise ConfigError((f"{path}: {said[0].lower()}{said[1:]}",)) from error
