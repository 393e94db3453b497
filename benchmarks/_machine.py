"""The machine a benchmark ran on, in the words of its table."""

import array
import fcntl
import os
import platform
from contextlib import suppress
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _TOP = 0x80086601, 0x40086602, 0x20000  # linux/fs.h; what chattr +T sets


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


def spread(folder: Path) -> None:
    """Have ext4 give each folder made in *folder* a place of its own, if it is ext4.

    Where many files were removed in the last minutes it takes up to a millisecond to make one: the places of the
    removed are looked at one by one before they are used again.
    """
    flags = array.array("i", [0])
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):
        fcntl.ioctl(descriptor, _GET_FLAGS, flags)
        flags[0] |= _TOP
        fcntl.ioctl(descriptor, _SET_FLAGS, flags)
    os.close(descriptor)
