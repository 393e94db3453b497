"""What is said of folders that cannot be read."""

import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from voipmon.domain.recording import FOLDER_UNREADABLE, Findings, LeftOut
from voipmon.errors import CatalogueError

_log = logging.getLogger(__name__)


def unreadable_root(root: Path, error: OSError) -> CatalogueError:
    """Return what is raised where the recordings' own folder cannot be read."""
    denied = isinstance(error, PermissionError)
    remedy = "give this user the right to read it" if denied else "mount it, or correct recordings.dir"
    return CatalogueError(f"cannot read the recordings' folder {root} ({error.strerror}): {remedy}", retryable=True)


def warn_of(folders: Collection[str]) -> None:
    """Log once that folders below the root could not be searched, if there are any."""
    if folders:
        _log.warning("folders_unreadable", extra={"count": len(folders), "folder": min(folders)})


def with_folders(findings: Findings, folders: Collection[str]) -> Findings:
    """Name in the findings the folders that could not be searched."""
    left_out = (LeftOut(folder, FOLDER_UNREADABLE) for folder in sorted(folders))
    return replace(findings, left_out=(*findings.left_out, *left_out))
