"""What a pass that finds nothing to do costs, beside the bare import of its two libraries: CPU time, taken in turns.

python benchmarks/start.py [rounds]
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL = 3.0
_CONFIG = """\
state_dir = "{folder}/state"
[smtp]
host = "127.0.0.1"
security = "plain"
sender = "voip.audios@example.com"
[queue]
dir = "{folder}/spool"
[recordings]
dir = "{folder}"
[publish]
dir = "{folder}/publish"
base_url = "https://voip.example.com/audios"
"""


def cpu_seconds(command: list[str]) -> float:
    """Run a command and return the CPU seconds it took, user and system."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Measure, print a table, and return 1 where the goal is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "voipmon.toml"
        config.write_text(_CONFIG.format(folder=name))
        (Path(name) / "publish").mkdir()
        voipmon = [sys.executable, "-m", "voipmon", "--config", str(config), "--log-level", "warning"]
        commands = {
            "python -c 'import click, pydantic'": [sys.executable, "-c", "import click, pydantic"],
            "voipmon process-queue, idle": [*voipmon, "process-queue"],
            "voipmon monitor, slave": [*voipmon, "monitor"],
            "voipmon select-audios --refresh": [*voipmon, "select-audios", "--refresh"],
        }
        taken: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(rounds + 1):  # the first one warms up
            for label, command in commands.items():
                taken[label].append(cpu_seconds(command))
    base = taken["python -c 'import click, pydantic'"][1:]
    system = os.uname()
    python = sys.version.split()[0]
    print(f"{system.sysname} {system.release}, Python {python}, {os.cpu_count()} cores, {rounds} rounds\n")
    print("| command | CPU ms (median) | ratio (median of the rounds') |\n|---|---|---|")
    ratios = {}
    for label, values in taken.items():
        ratios[label] = statistics.median(one / other for one, other in zip(values[1:], base, strict=True))
        print(f"| `{label}` | {statistics.median(values[1:]) * 1000:.0f} | {ratios[label]:.2f} |")
    return int(ratios["voipmon process-queue, idle"] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
