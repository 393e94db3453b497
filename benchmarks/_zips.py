# ruff: noqa: E402, I001, PLC0415, PTH116, PTH119 - each way imports what it needs and nothing else, and takes what is quickest
"""One ZIP made in one way, as a process of its own, which tells its seconds and its memory.

python benchmarks/_zips.py WAY LIST OUT [--zlib]

LIST names a file with a path in each line. WAY is a name of `WAYS`; with --zlib the extra [fast] is as if it were not
installed. What is printed: seconds from the first file to the end of the ZIP, bytes of memory before and at the peak.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])
if "--zlib" in sys.argv:
    sys.modules["isal"] = None  # type: ignore[assignment]  # so says an import that it is not there

import os
import time
from collections.abc import Callable

Work = Callable[[Path], None]


def stored(paths: list[str]) -> Work:
    """Python's zipfile, straight from the sources."""
    from zipfile import ZIP_STORED, ZipFile

    def work(out: Path) -> None:
        with ZipFile(out, "w", ZIP_STORED) as archive:
            for path in paths:
                archive.write(path, os.path.basename(path))

    return work


def deflated(paths: list[str]) -> Work:
    """Python's zipfile, straight from the sources, compressing."""
    from zipfile import ZIP_DEFLATED, ZipFile

    def work(out: Path) -> None:
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, os.path.basename(path))

    return work


def old(paths: list[str]) -> Work:
    """The way of the scripts before voipmon: copy all to a temporary folder, then compress that."""
    import shutil
    import tempfile

    def work(out: Path) -> None:
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            deflated([shutil.copy(path, folder) for path in paths])(out)

    return work


def writer(paths: list[str]) -> Work:
    """voipmon's ZIP alone: nothing is hashed and no play time is looked for, as in all that it is compared with."""
    from datetime import datetime

    from voipmon.delivery.hashing import BLOCK
    from voipmon.delivery.readahead import ReadAhead
    from voipmon.delivery.zipwriter import ZipWriter

    def work(out: Path) -> None:
        block = memoryview(bytearray(BLOCK))
        moment = datetime(2025, 1, 1)  # noqa: DTZ001 - a ZIP holds wall times
        archive = ZipWriter(os.open(out, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        with ReadAhead(paths) as ahead:
            for path in paths:
                source = os.open(path, os.O_RDONLY)
                size = os.fstat(source).st_size
                if os.readv(source, [block[:size]]) != size:
                    raise SystemExit(f"{path} is longer than a block")
                archive.add(os.path.basename(path), moment, block[:size])
                os.close(source)
                ahead.advance()
        archive.finish()

    return work


def bundle(paths: list[str]) -> Work:
    """All of voipmon's bundle: names, manifest with SHA-256 and play times; not yet on the disk."""
    from zoneinfo import ZoneInfo

    import tinytag  # noqa: F401 - or it would be imported late, and measured
    from voipmon.delivery.bundle import BundleWriter
    from voipmon.delivery.readahead import ReadAhead

    zone = ZoneInfo("America/Sao_Paulo")
    recordings = _recordings(paths)

    def work(out: Path) -> None:
        with BundleWriter(out, zone, lambda _size: None) as bundle, ReadAhead(paths) as ahead:
            for recording, path in zip(recordings, paths, strict=True):
                bundle.add(recording, Path(path))
                ahead.advance()
            bundle.finish()

    return work


def linked(paths: list[str]) -> Work:
    """A whole publication with links to the recordings: ZIP and pages, on the disk at the end."""
    return _published(paths, "symlink")


def copied(paths: list[str]) -> Work:
    """A whole publication with copies of the recordings, on the disk at the end."""
    return _published(paths, "copy")


def _published(paths: list[str], audio: str) -> Work:
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    import tinytag  # noqa: F401 - as above
    import voipmon.delivery.page  # noqa: F401 - as above
    from voipmon.delivery.local import LocalPublisher
    from voipmon.domain.ask import Ask, Extension
    from voipmon.domain.period import Period
    from voipmon.domain.recording import Findings

    zone, now = ZoneInfo("America/Sao_Paulo"), datetime.now(UTC)
    findings = Findings(tuple(_recordings(paths)))
    ask = Ask((Extension("1121"),), Period(now - timedelta(days=1), now))

    def work(out: Path) -> None:
        public = out / "public"
        public.mkdir(parents=True)
        publisher = LocalPublisher(
            public,
            "https://voip.example.com/audios",
            keep=timedelta(hours=1),
            audio="copy" if audio == "copy" else "symlink",
            recordings_root=Path(paths[0]).parent,
            state_dir=out / "state",
            language="pt_BR",
            zone=zone,
        )
        publisher.publish("r1", ask, findings, now)

    return work


def _recordings(paths: list[str]) -> "list[Recording]":  # noqa: F821 - imported where it is needed
    from datetime import UTC, datetime

    from voipmon.domain.recording import Recording

    made = []
    for path in paths:
        name = os.path.basename(path)
        _, origin, destination, day, clock, _ = name.split("-")
        start = datetime.strptime(day + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        made.append(Recording(name, start, origin, destination, os.stat(path).st_size))
    return made


WAYS: dict[str, Callable[[list[str]], Work]] = {
    way.__name__: way for way in (stored, deflated, old, writer, bundle, linked, copied)
}


def peak() -> int:
    """Return the most bytes of memory this program has held; unlike getrusage, not what its parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def main(way: str, listed: str, out: str) -> None:
    work = WAYS[way](Path(listed).read_text().splitlines())
    before = peak()
    start = time.perf_counter()
    work(Path(out))
    print(time.perf_counter() - start, before, peak())


if __name__ == "__main__":
    main(*sys.argv[1:4])
