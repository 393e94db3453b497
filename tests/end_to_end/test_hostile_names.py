"""Names that want to be more than names: through the whole pipeline, each is harmless wherever it comes out.

What they are turned into is judged by comparing: a page or a mail with hostile names has the same tags and attributes
as one with ordinary names, and a log has the same lines.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from support.world import MANAGER, Ended, World, html_of, members_of, text_of

HOSTILE = [
    "=cmd|' C calc'!A0", "+5511999990000", "@SUM(1+1)", "\t=1+1", "a;=1+1", "a;@x", "＝1+1", ";+1",
    "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "'onmouseover='alert(1)", "&lt;b&gt;", "<!--", "]]>",
    "{{7*7}}", "{%raw%}", "${7*7}", "%s%n", "..", "..\\..\\evil", "C:\\evil", "con", "~root", "$(reboot)", "`reboot`",
    "a\r\nBcc: eva@attacker.example", "a\nX: y", "a\n2025-11-11T12:00:00.000Z INFO letter_sent", "a\u2028b", "a\x0bb",
    "\u202egpm.exe", "\u2066a\u2069", "\u061ca", "2001\u200b", "\ufeffa", "\x1b[2J", "\x1b]0;title\x07", "\x9b31m",
    "\x7f", "javascript:alert(1)", "www.attacker.example", "attacker.example", "eva@attacker.example", "İ", "١١٢١",
    "\U000e0041", os.fsdecode(b"\xff\xfe"), "a" * 100, "🙂" * 20, "'", '"', "`", " ", "",
]  # fmt: skip
ORDINARY = [f"ORD{number:03}" for number in range(len(HOSTILE))]
QUESTION = ("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Shape(HTMLParser):
    """The tags of a document with the names of their attributes, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.words: list[str] = []
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}
        self.words += [value or "" for name, value in attrs if name not in ("style", "content")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", (data,)))


def put(world: World, parties: list[str]) -> None:
    for number, party in enumerate(parties):
        name = f"internal-{party}-1121-20251027-{number // 60:02}{number % 60:02}00-{1761561600 + number}.{number}.mp3"
        path = os.fsencode(world.folder / "recordings") + b"/" + os.fsencode(name)
        with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
            file.write(b"ID3" + number.to_bytes(2, "big") * 1000)
        os.utime(path, (1, 1))


def request(**more: object) -> dict[str, object]:
    parameters = {"ramais": "1121", "inicio": "27/10/2025", "fim": "27/10/2025", **more}
    return {"from_email": MANAGER, "parameters": parameters, "subject": "RAMAIS=1121 INICIO=27/10/2025"}


@pytest.fixture
def both(slave: World, tmp_path: Path) -> tuple[World, World]:
    """Two installations that have answered the same request: of hostile names, and of ordinary ones."""
    (tmp_path / "ordinary").mkdir()
    ordinary = World(tmp_path / "ordinary", slave.sink)
    for world, parties in ((slave, HOSTILE), (ordinary, ORDINARY)):
        put(world, parties)
        world.drop("ask.json", request())
    return slave, ordinary


def answer(world: World, *options: str) -> Ended:
    process = world.start(*options, "process-queue")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    return Ended(stdout, stderr)


def shapes(world: World) -> tuple[Shape, Shape]:
    """Return the shapes of the page and of the last mail's HTML."""
    [folder] = [path for path in world.published() if path.is_dir()]
    return Shape((folder / "index.html").read_text()), Shape(html_of(world.mails[-1]))


def test_pages_mails_and_logs_of_hostile_names_are_as_those_of_ordinary_ones(both: tuple[World, World]) -> None:
    hostile, ordinary = both
    their_log = answer(ordinary).stderr
    their_shapes, their_mail = shapes(ordinary), ordinary.mails[-1]
    log = answer(hostile).stderr
    mail = hostile.mails[-1]

    for mine, theirs in zip(shapes(hostile), their_shapes, strict=True):
        assert mine.tags == theirs.tags
        assert len(mine.links) == len(theirs.links)
        assert not any(re.match("(?i)javascript:|data:|vbscript:", link) for link in mine.links)
        assert not any("attacker" in link for link in mine.links)
        assert [word for word in mine.words if not re.sub("[\u200b\r\n]", "", word).isprintable()] == []
    assert mail.keys() == their_mail.keys()
    assert b"\nBcc:" not in hostile.sink.messages[-1].content
    lines = text_of(mail).replace("\u200b", "").splitlines()
    assert len(lines) == len(text_of(their_mail).splitlines())
    assert [line for line in lines if not line.isprintable()] == []
    assert len(log.splitlines()) == len(their_log.splitlines())
    assert all(line.isprintable() for line in log.splitlines())


def test_the_zip_unpacks_into_its_folder_and_its_list_holds_no_formula(both: tuple[World, World]) -> None:
    hostile, _ = both
    answer(hostile)
    [bundle] = (hostile.folder / "publish").glob("*/*.zip")

    members = members_of(bundle)

    assert len(members) == len(HOSTILE) + 1
    assert len({name.casefold() for name in members}) == len(members)
    for name in members:
        assert name == PurePosixPath(name).name == PureWindowsPath(name).name
        assert name.isprintable()
        assert not set(name) & set('<>:"|?*/\\')
        assert not PureWindowsPath(name).is_reserved()
        assert not name.startswith((".", "-", "~")) or name == "MANIFESTO.csv"
    manifest = members["MANIFESTO.csv"].decode()
    assert all(line.isprintable() for line in manifest.splitlines())
    rows = list(csv.DictReader(io.StringIO(manifest, newline="")))
    assert len(rows) == len(HOSTILE)
    assert all(row.keys() == rows[0].keys() for row in rows)
    for delimiter in ",;\t|":
        for row in csv.reader(io.StringIO(manifest, newline=""), delimiter=delimiter):
            assert not any(cell.strip().startswith(tuple("=+-@＝＋－＠")) for cell in row), (delimiter, row)


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is missing: apt-get install unzip")
def test_unzip_writes_nothing_beside_its_folder(both: tuple[World, World], tmp_path: Path) -> None:
    hostile, _ = both
    answer(hostile)
    [bundle] = (hostile.folder / "publish").glob("*/*.zip")
    place = tmp_path / "unpacked" / "here"
    place.mkdir(parents=True)

    ended = subprocess.run(["unzip", "-q", bundle], cwd=place, capture_output=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert len(list(place.iterdir())) == len(HOSTILE) + 1
    assert list(place.parent.iterdir()) == [place]


def test_no_url_and_no_published_name_holds_a_party(both: tuple[World, World]) -> None:
    hostile, _ = both
    answer(hostile)
    [folder] = [path for path in hostile.published() if path.is_dir()]

    assert all(re.fullmatch(r"[0-9]{4}\.mp3|index\.html|gravacoes-ask\.zip", path.name) for path in folder.iterdir())


def test_terminals_show_hostile_names_as_signs(both: tuple[World, World]) -> None:
    hostile, _ = both
    for number, text in enumerate(HOSTILE):
        if text.strip() and text.isprintable() | ("\udcff" not in text):
            more = request(motivo=text) | {"subject": f"RAMAIS=1121 {text}", "note": text}
            hostile.drop(f"odd-{number:03}.json", more)
    odd = hostile.folder / "spool" / "pending" / "evil\x1b[2J\u202e.json"
    odd.write_text("{")
    os.utime(odd, (1, 1))
    printed = [hostile.run(*QUESTION, "--dry-run").stdout]
    printed += [hostile.run(*QUESTION, "--dry-run", "--json").stdout]

    for form in ("text", "json"):
        log = answer(hostile, "--log-format", form, "--log-level", "debug").stderr
        printed.append(log)
        assert all(json.loads(line)["event"] for line in log.splitlines()) if form == "json" else True
    for document in [*hostile.queued("completed"), *hostile.queued("failed")]:
        for options in ((), ("--json",)):
            if document["request_id"].endswith("7"):  # each costs the start of a process
                printed.append(hostile.run("queue", "show", document["request_id"], *options).stdout)
                printed.append(hostile.run("explain", document["request_id"], *options).stdout)
    printed += [hostile.run(*command).stdout for command in (("queue", "list"), ("queue", "list", "--json"))]

    for text in printed:
        assert [line for line in text.splitlines() if not line.isprintable()] == []
        assert not _BIDI.search(text)
    assert json.loads(printed[1])["count"] == len(HOSTILE)
