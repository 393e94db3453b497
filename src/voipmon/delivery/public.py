"""Whether the web server gives out what is published, and shows nobody what else there is."""

import http.client
import os
import shutil
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from voipmon.delivery.records import Record, Records, usable
from voipmon.errors import PublishError

_REQUEST = "voipmon-doctor-probe"
_LIFE = timedelta(hours=1)  # so long lies what a killed doctor leaves

_TIMEOUT = timedelta(seconds=15)
_MOST_BYTES = 100_000
_USUAL_ROOTS = (Path("/var/www/html"), Path("/usr/share/nginx/html"), Path("/srv/www/htdocs"), Path("/srv/http"))


@dataclass(frozen=True, slots=True)
class Probe:
    """A small publication that was made to be looked for: its folder's address, a file in it, and what that holds."""

    folder_url: str
    file_name: str
    content: bytes


@contextmanager
def probe_in(folder: Path, base_url: str, records: Records, token: str, now: datetime) -> Iterator[Probe]:
    """Make a publication of one small file under *token*, with the rights of any other; it is gone afterwards.

    Raises:
        PublishError: *folder* cannot be written.
    """
    probe = Probe(f"{base_url.rstrip('/')}/{token}", "probe.txt", f"voipmon doctor, {now:%H:%M:%S}\n".encode())
    place = folder / token
    with usable(folder):
        with records.locked():
            records.save(Record(_REQUEST, token, now + _LIFE))
        for_all = folder.stat().st_mode & stat.S_IXOTH
        place.mkdir(mode=0o700)
        (place / probe.file_name).write_bytes(probe.content)
        (place / probe.file_name).chmod(0o644 if for_all else 0o640)
        place.chmod(0o711 if for_all else 0o710)
    try:
        yield probe
    finally:
        shutil.rmtree(place, ignore_errors=True)
        with records.locked():
            records.remove(_REQUEST)


def check_public(
    base_url: str, probe: Probe, originals_url: str | None, original: str | None = None, timeout: timedelta = _TIMEOUT
) -> str:
    """Ask the web server for *probe*, and for what it must not give: lists, and originals.

    *originals_url* is where those may be, and *original* the path of one of them below it.

    Raises:
        PublishError: the probe is not there, a folder can be listed, or an original is given out.
    """
    status, body = _get(f"{probe.folder_url}/{probe.file_name}", timeout)
    if status != 200 or body != probe.content:
        raise PublishError(
            f"{base_url} does not give out what is published ({status}): let the web server serve publish.dir there"
        )
    for url, what in (
        (probe.folder_url, "a publication"),
        (base_url, "all publications"),
        (originals_url, "originals"),
    ):
        if url is not None and _is_list(*_get(f"{url}/", timeout)):
            raise PublishError(f"{_shown(url, probe)} lists {what} to anybody: switch the listing off, or move them")
    if originals_url is not None and original is not None:
        status, _ = _get(f"{originals_url}/{quote(original)}", timeout)
        if status == 200:
            raise PublishError(
                f"{originals_url} gives out originals to whoever knows their names: have the web server deny that "
                "folder (config/web), or move them"
            )
    return f"{base_url} gives out what is published, and lists nothing"


def one_original(recordings: Path) -> str | None:
    """Return the path of some file below *recordings*, to be asked for; None: there is none, or none can be seen."""
    for folder, _, names in os.walk(recordings):
        for name in names:
            return (Path(folder) / name).relative_to(recordings).as_posix()
    return None


def originals_url(base_url: str, folder: Path, recordings: Path) -> str | None:
    """Return where the web server that serves *folder* at *base_url* would serve the originals; None: nowhere.

    Where *folder* is served under another name, the root may be any that web servers usually have.
    """
    url = urlsplit(base_url)
    parts = [part for part in url.path.split("/") if part]
    roots: tuple[Path, ...] = _USUAL_ROOTS
    if list(folder.parts[len(folder.parts) - len(parts) :]) == parts:
        roots = (Path(*folder.parts[: len(folder.parts) - len(parts)]),)
    for root in roots:
        if recordings.is_relative_to(root):
            return f"{url.scheme}://{url.netloc}/{recordings.relative_to(root).as_posix()}"
    return None


def _get(url: str, timeout: timedelta) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": "voipmon doctor"})  # noqa: S310 - the admin's own base_url
    try:
        with urllib.request.urlopen(request, timeout=timeout.total_seconds()) as answer:  # noqa: S310 - likewise
            return answer.status, answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        host = urlsplit(url).netloc
        raise PublishError(
            f"{host} cannot be reached ({reason}): correct publish.base_url, or start the server"
        ) from error


def _is_list(status: int, body: bytes) -> bool:
    """Tell whether an answer is a list of files, as Apache, nginx and their like write it."""
    return status == 200 and (b"Index of" in body or b"Directory listing" in body or b'href="../"' in body)


def _shown(url: str, probe: Probe) -> str:
    return "a publication's folder" if url == probe.folder_url else url
