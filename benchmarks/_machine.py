"""The machine a benchmark ran on, in the words of its table."""

import os
import platform
from pathlib import Path


def machine(folder: Path) -> dict[str, object]:
    """Describe kernel, Python, cores, load and the file system of *folder*."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "file_system": _file_system(folder.resolve()),
    }


def _file_system(folder: Path) -> str:
    """Return type and options of the mount that *folder* is in; /proc/self/mountinfo is described in proc(5)."""
    found = ""
    longest = -1
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        point = Path(mount.split()[4])
        if (folder == point or point in folder.parents) and len(point.parts) >= longest:
            longest = len(point.parts)
            kind, _, options = source.split(maxsplit=2)
            found = f"{kind} ({options})"
    return found
