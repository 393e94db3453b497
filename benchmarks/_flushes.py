"""How often an engine waits for the disk, counted by strace.

python -m benchmarks._flushes ENGINE FOLDER COUNT puts and takes that many, with a mark between that strace sees.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks._engines import KINDS, wishes

_MARK = "/benchmark/"
_COUNT = 50


def flushes(name: str, folder: Path) -> tuple[float, float] | None:
    """Return the flushes for each put and for each take; None where strace is missing or not allowed."""
    if shutil.which("strace") is None:
        return None
    folder.mkdir()
    log = folder.with_suffix(".calls")
    trace = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=/^f(data)?sync$|access"]
    act = [sys.executable, "-m", "benchmarks._flushes", name, str(folder), str(_COUNT)]
    ended = subprocess.run([*trace, *act], cwd=Path(__file__).parents[1], check=False, capture_output=True, text=True)
    if ended.returncode:
        print(f"strace cannot count: {ended.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    _, put, take = log.read_text().split(f'"{_MARK}')[0:3]
    return put.count("sync(") / _COUNT, take.count("sync(") / _COUNT


def main(name: str, folder: Path, count: int) -> None:
    engine = KINDS[name].make(folder)
    first, *others = wishes(count + 1, "seen")
    engine.put(first)  # tables and folders are made with the first one
    engine.take()
    os.access(f"{_MARK}put", os.F_OK)
    for wish in others:
        engine.put(wish)
    os.access(f"{_MARK}take", os.F_OK)
    while engine.take():
        pass


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
