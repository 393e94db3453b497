"""A throw-away machine: a real systemd as process 1, over a copy-on-write view of this machine's files.

It has its own processes, mounts, control groups, host name and network (loopback only). What it writes
lies in memory and is gone with it. It needs root, overlayfs, util-linux and the systemd package, and
neither a container engine nor a host that runs systemd.

Run as a program, this file is the two steps that build the machine around themselves (see `Box._boot`).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("unshare", "nsenter", "setpriv", "mount", "systemctl")
SYSTEMD = Path("/lib/systemd/systemd")

# What reaches the kernel that machine and host have in common, or waits for hardware that is not there.
_MASKED = [
    "systemd-sysctl.service",
    "systemd-modules-load.service",
    "kmod-static-nodes.service",
    "systemd-binfmt.service",
    "systemd-udevd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udev-trigger.service",
    "systemd-journald-audit.socket",
    "systemd-pstore.service",
    "systemd-remount-fs.service",
    "systemd-timesyncd.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "getty.target",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
]
# The clock, the kernel's modules, memory and log are the host's.
_WITHHELD = "-sys_time,-sys_module,-sys_rawio,-syslog,-wake_alarm,-mac_admin,-mac_override"
_WRITTEN = "/run/written"  # the upper layer of its disk
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "SYSTEMD_COLORS": "0"}


def missing() -> str | None:
    """Return why no such machine can be had here, or None."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    if lacking or not SYSTEMD.exists():
        return f"booting a systemd needs {', '.join(lacking) or SYSTEMD}: apt-get install systemd"
    return None


class Box:
    """A running machine; everything in it is done as its root."""

    def __init__(self, folder: Path, shared: Mapping[str, Path]) -> None:
        """Prepare a machine that works in *folder* and sees each folder of *shared* read-only at its key."""
        self._folder = folder
        self._group = f"voipmon-box-{uuid.uuid4().hex[:8]}"
        self._plan = {
            "folder": str(folder),
            "group": self._group,
            "shared": {place: str(source) for place, source in shared.items()},
        }
        self._leader = 0

    @contextmanager
    def running(self) -> Iterator["Box"]:
        """Boot, and power off at the end."""
        log = self._folder / "boot.log"
        with log.open("w") as output:
            keeper = self._boot(output.fileno())
        try:
            self._await_boot(keeper, log)
            yield self
        finally:
            self._power_off(keeper)

    def run(self, *command: str, check: bool = True, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run *command* in the machine with *given* on its standard input; its output is in the result."""
        # Its own control group, or systemd would count the command among the host's.
        enter = 'echo 0 >/sys/fs/cgroup/init.scope/cgroup.procs; exec "$@"'
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
        done = subprocess.run(
            ["nsenter", "--target", str(self._leader), *spaces, "sh", "-c", enter, "sh", *command],
            input=given,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def write(self, path: str, text: str, *, mode: str = "644", owner: str = "root:root") -> None:
        """Write a file, with the folders above it."""
        self.run(
            "sh",
            "-c",
            'mkdir -p "${1%/*}" && cat >"$1" && chmod "$2" "$1" && chown "$3" "$1"',
            "sh",
            path,
            mode,
            owner,
            given=text,
        )

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Ask *true* until it says so, for at most *seconds*; return what it said last."""
        end = time.monotonic() + seconds
        while not (said := true()) and time.monotonic() < end:
            time.sleep(0.1)
        return said

    def written(self) -> dict[str, str]:
        """Return the files written to its disk since the boot, each with the time of its last change."""
        lines = self.run("find", _WRITTEN, "-not", "-type", "d", "-printf", "/%P\\t%T@\\n").stdout.splitlines()
        return dict(line.split("\t") for line in lines)

    def journal(self, unit: str) -> str:
        """Return what *unit* and systemd about it have logged since the boot."""
        return self.run("journalctl", "--no-pager", "--output=short-monotonic", f"--unit={unit}").stdout

    def _boot(self, log: int) -> subprocess.Popen[bytes]:
        """Start the steps below; the machine dies with this process, however that ends."""
        return subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                "--mount",
                "--propagation",
                "private",
                sys.executable,
                "-IS",
                __file__,
                "fence",
                json.dumps(self._plan),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _await_boot(self, keeper: subprocess.Popen[bytes], log: Path) -> None:
        def up() -> bool:
            if keeper.poll() is not None:
                return True
            self._leader = self._leader or _systemd_below(keeper.pid)
            if not self._leader:
                return False
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            return state in ("running", "degraded")

        if not self.wait_until(up, 60) or keeper.poll() is not None:
            raise AssertionError(f"the machine did not boot: {log.read_text()}")

    def _power_off(self, keeper: subprocess.Popen[bytes]) -> None:
        if self._leader and keeper.poll() is None:
            os.kill(self._leader, signal.SIGRTMIN + 4)
        try:
            keeper.wait(10)
        except subprocess.TimeoutExpired:
            keeper.kill()  # takes process 1 along, and that all others
            keeper.wait()
        sweep = 'mount -t cgroup2 cgroup2 "$1" && find "$1/$2" -depth -type d -exec rmdir {} +'
        place = self._folder / "disk"
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", sweep, "sh", str(place), self._group], check=False, capture_output=True
        )


def _systemd_below(parent: int) -> int:
    try:
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
    except FileNotFoundError:
        pass
    return 0


# ---- the steps that build the machine, each in the name spaces the one before made ----------------------------


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


def _mount(kind: str, place: Path, options: str = "nosuid,nodev,noexec") -> None:
    place.mkdir(parents=True, exist_ok=True)
    _do("mount", "-t", kind, "-o", options, kind, str(place))


def _show(source: Path, place: Path, *, writable: bool) -> None:
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()
    _do("mount", "--bind", str(source), str(place))
    if not writable:
        _do("mount", "-o", "remount,bind,ro", str(place))


def fence(plan: dict[str, object]) -> None:
    """With mounts of its own: make room in memory, join a new control group, go on as process 1."""
    disk = Path(str(plan["folder"])) / "disk"
    # Not below the root file system, which is the overlay's lower layer and must not hold the upper one.
    _mount("tmpfs", disk, "mode=755")
    for name in ("upper", "work", "root"):
        (disk / name).mkdir()
    _mount("cgroup2", disk / "groups")
    group = disk / "groups" / str(plan["group"])
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    spaces = ["--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net"]
    step = [sys.executable, "-IS", __file__, "become", json.dumps(plan)]
    os.execvp("unshare", ["unshare", "--fork", "--kill-child=KILL", *spaces, *step])


def become(plan: dict[str, object]) -> None:
    """As process 1 in name spaces of its own: lay out the file system, move into it, become systemd."""
    disk = Path(str(plan["folder"])) / "disk"
    root = disk / "root"
    _do("umount", str(disk / "groups"))
    _mount("overlay", root, f"lowerdir=/,upperdir={disk / 'upper'},workdir={disk / 'work'}")
    _lay_out_kernel(root)
    _lay_out_devices(root / "dev")
    _lay_out_settings(root / "etc")
    _show(disk / "upper", root / _WRITTEN.lstrip("/"), writable=False)
    for place, source in dict(plan["shared"]).items():  # type: ignore[call-overload]
        _show(Path(source), root / place.lstrip("/"), writable=False)
    os.chdir(root)
    Path("host").mkdir()
    _do("pivot_root", ".", "host")
    _do("umount", "-l", "/host")
    Path("/host").rmdir()
    # systemd does this for itself only where it is not in a container; LoadCredential= is empty without.
    _do("mount", "--make-rshared", "/")
    command = ["setpriv", f"--bounding-set={_WITHHELD}", str(SYSTEMD), "--unit=basic.target", "--show-status=0"]
    os.execvpe("setpriv", command, {**_ENVIRONMENT, "container": "box"})


def _lay_out_kernel(root: Path) -> None:
    _mount("proc", root / "proc")
    for name in ("sys", "sysrq-trigger", "irq", "bus"):  # the kernel's knobs are the host's
        if (root / "proc" / name).exists():
            _show(root / "proc" / name, root / "proc" / name, writable=False)
    _mount("sysfs", root / "sys", "ro,nosuid,nodev,noexec")
    _mount("cgroup2", root / "sys/fs/cgroup")
    _mount("tmpfs", root / "run", "mode=755,nosuid,nodev")
    _mount("tmpfs", root / "tmp", "mode=1777,nosuid,nodev")


def _lay_out_devices(dev: Path) -> None:
    _mount("tmpfs", dev, "mode=755,nosuid")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        _show(Path("/dev") / name, dev / name, writable=True)
    _mount("devpts", dev / "pts", "newinstance,ptmxmode=666,mode=620,gid=5")
    _mount("tmpfs", dev / "shm", "mode=1777,nosuid,nodev")
    for name, target in {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1"}.items():
        (dev / name).symlink_to(target)


def _lay_out_settings(etc: Path) -> None:
    units = etc / "systemd/system"
    _mount("tmpfs", units, "mode=755")  # nothing the host has enabled starts here
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    (etc / "fstab").write_text("")
    (etc / "hostname").write_text("box\n")
    (etc / "machine-id").unlink(missing_ok=True)
    (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
    journal = etc / "systemd/journald.conf.d"
    journal.mkdir(parents=True, exist_ok=True)
    (journal / "box.conf").write_text("[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n")


if __name__ == "__main__":
    {"fence": fence, "become": become}[sys.argv[1]](json.loads(sys.argv[2]))
