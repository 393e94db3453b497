"""What a data-protection officer asks, and what an admin does when a link must die."""

import csv
import gzip
import io
import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.world import MANAGER, SUBJECT, World, html_of, links_of

_CALL = "internal-1121-2001-20251027-080000-1761562800.1.mp3"
_OTHER = "internal-2001-1122-20251028-110000-1761660000.2.mp3"
_LOG = '{address} - - [{time}] "{method} {path} HTTP/1.1" {status} 1000 "-" "{agent}"\n'


def give(world: World) -> str:
    """Have a request answered; return its token."""
    world.record(_CALL)
    world.record(_OTHER)
    world.run(
        "queue", "add", "--ramais", "1121,1122", "--inicio", "27/10/2025", "--fim", "28/10/2025", "--email", MANAGER
    )
    world.run("process-queue")
    [folder] = world.published()
    return folder.name


def shown(world: World, *options: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(world.run("audit", "show", "--format", "json", *options).stdout)
    return rows


def log_line(
    path: str,
    *,
    method: str = "GET",
    status: int = 200,
    minute: int = 0,
    address: str = "192.0.2.7",
    agent: str = "Fox",
) -> str:
    moment = datetime(2026, 1, 5, 12, minute, tzinfo=UTC)
    return _LOG.format(
        address=address, time=f"{moment:%d/%b/%Y:%H:%M:%S} +0000", method=method, path=path, status=status, agent=agent
    )


def test_one_command_tells_which_files_whose_of_when_were_given_to_whom_and_opened_from_where(
    slave: World, tmp_path: Path
) -> None:
    token = give(slave)
    log = tmp_path / "access.log"
    log.write_text(
        log_line(f"/audios/{token}/index.html")
        + log_line(f"/audios/{token}/0001.mp3", status=206, minute=1)
        + log_line(f"/audios/{token}/0001.mp3", status=206, minute=2)
        + log_line(f"/audios/{token}/0002.mp3", method="HEAD")
        + log_line(f"/audios/{token}/0009.mp3", status=404)
        + log_line(f"/audios/{'A' * len(token)}/0001.mp3")
    )

    told = json.loads(slave.run("audit", "import-access-log", "--json", str(log)).stdout)
    [row] = [row for row in shown(slave, "--extension", "1121") if row["event"] == "delivered"]

    assert told == {"hits": 3, "openings": 2}
    assert row["file"] == _CALL
    assert (row["origin"], row["destination"], row["call"]) == ("1121", "2001", "2025-10-27T11:00:00Z")
    assert (row["who"], row["to"]) == (MANAGER, MANAGER)
    assert row["bytes"] == len((slave.folder / "recordings" / _CALL).read_bytes())
    assert row["opened"] == [{"at": "2026-01-05T12:01:00Z", "address": "192.0.2.7", "agent": "Fox", "item": "0001.mp3"}]
    assert [row["event"] for row in shown(slave, "--extension", "1121")] == ["request_taken", "delivered", "opened"]
    assert shown(slave, "--extension", "9999") == []


def test_the_same_log_again_grown_rotated_or_packed_adds_nothing_twice(slave: World, tmp_path: Path) -> None:
    token = give(slave)
    log, packed = tmp_path / "access.log", tmp_path / "access.log.1.gz"
    first = log_line(f"/audios/{token}/0001.mp3", status=206)
    log.write_text(first)

    def imported(*paths: Path) -> int:
        told = json.loads(slave.run("audit", "import-access-log", "--json", *map(str, paths)).stdout)
        return int(told["openings"])

    assert imported(log) == 1
    assert imported(log, log) == 0
    log.write_text(first + log_line(f"/audios/{token}/0001.mp3", status=206, minute=30))
    assert imported(log) == 0  # the same player
    packed.write_bytes(gzip.compress(log.read_bytes()))
    log.write_text(log_line(f"/audios/{token}/0001.mp3", address="192.0.2.8"))
    assert imported(packed, log) == 1
    assert slave.run("audit", "verify").stdout.count("whole") == 1


def test_who_answers_a_request_at_the_keyboard_is_told(slave: World) -> None:
    slave.record(_CALL)
    slave.run("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "28/10/2025")

    [asked] = [row for row in shown(slave) if row["event"] == "request_taken"]

    assert asked["who"] == pwd.getpwuid(os.getuid()).pw_name


def test_a_log_that_cannot_be_read_is_named(slave: World, tmp_path: Path) -> None:
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(b"x" * 10_000)[:-20])

    assert "access.log.gz cannot be read" in slave.run("audit", "import-access-log", str(packed), exits=2).stderr
    assert "no-such.log cannot be read" in slave.run("audit", "import-access-log", "no-such.log", exits=2).stderr


def test_openings_are_told_after_the_publication_is_over(slave: World, tmp_path: Path) -> None:
    token = give(slave)
    [record] = (slave.folder / "state" / "publications").glob("*.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"expires_at": "2026-01-01T00:00:00+00:00"}))
    os.utime(record, (1_700_000_000, 1_700_000_000))
    slave.run("process-queue")
    assert slave.published() == []
    log = tmp_path / "access.log"
    log.write_text(log_line(f"/audios/{token}/gravacoes-x.zip") + log_line(f"/audios/{token}/0002.mp3"))

    slave.run("audit", "import-access-log", str(log))

    rows = shown(slave)
    assert "expired" in [row["event"] for row in rows]
    assert [len(row["opened"]) for row in rows if row["event"] == "delivered"] == [0, 1]


def test_the_trail_knows_no_token_no_link_and_no_code(world: World) -> None:
    world.record(_CALL)
    world.receive(f"{SUBJECT} [ABCD1234]")
    world.receive("RAMAIS=x[WXYZ9876] INICIO=ontem MOTIVO=[QRST4567] x")
    world.run("monitor")
    world.run("process-queue")

    trail = b"".join(path.read_bytes() for path in (world.folder / "state" / "audit").iterdir() if path.is_file())

    assert b'"verdict"' in trail
    assert b'"delivered"' in trail
    [folder] = world.published()
    for secret in (folder.name, "ABCD1234", "WXYZ9876", "QRST4567", "http://127.0.0.1:1/audios"):
        assert secret.encode() not in trail
    kinds = [json.loads(line)["event"] for line in trail_of(world)]
    assert kinds == ["configuration", "verdict", "request_taken", "verdict", "delivered"]


def test_what_strangers_wrote_is_no_formula_and_moves_no_cursor(slave: World) -> None:
    slave.record("internal-=HYPERLINK(1)-1121-20251027-080000-1761562800.1.mp3")
    slave.record("internal-+5511999990000-1121-20251027-090000-1761566400.2.mp3")
    slave.record("internal-2001;＝1+1-1121-20251027-100000-1761570000.3.mp3")
    slave.run("queue", "add", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "28/10/2025", "--email", MANAGER)
    slave.run("process-queue")

    table = slave.run("audit", "show", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(table)))

    assert [row["origin"] for row in rows if row["event"] == "delivered"] == [
        "'=HYPERLINK(1)",
        "'+5511999990000",
        "2001;'＝1+1",
    ]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_a_change_of_the_configuration_is_told_once_and_without_secrets(slave: World) -> None:
    slave.settings["smtp.user"], slave.settings["smtp.password"] = "voip", "hunter2hunter2"
    path = slave.config
    for _ in range(2):
        slave.run("process-queue", prefix=())
        os.utime(path, (1_700_000_000, 1_700_000_000))
    slave.settings["publish.keep"] = "24h"
    slave.run("process-queue")

    rows = [json.loads(line) for line in trail_of(slave)]

    changes = [row for row in rows if row["event"] == "configuration"]
    assert changes[0]["owner"] == changes[0]["noticed_by"] == os.getuid()
    assert len({row["sha256"] for row in changes}) == 2
    assert "hunter2" not in json.dumps(rows)


def trail_of(world: World) -> list[str]:
    return [
        line
        for path in sorted((world.folder / "state" / "audit").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_an_idle_pass_writes_nothing_to_the_trail(slave: World) -> None:
    give(slave)
    slave.run("process-queue")
    folder = slave.folder / "state" / "audit"
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    config = slave.folder / "voipmon.toml"

    process = slave.start("process-queue", config=config)
    process.communicate()

    assert process.returncode == 0
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_verify_names_the_place_and_ends_with_three(slave: World) -> None:
    give(slave)
    assert ": whole, " in slave.run("audit", "verify").stdout
    [path] = (slave.folder / "state" / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"1121", b"1123", 1))

    said = slave.run("audit", "verify", exits=3).stdout
    told = json.loads(slave.run("audit", "verify", "--json", exits=3).stdout)

    assert f"{path.name}, line 2: altered" in said
    assert told["damages"] == [{"file": path.name, "line": 2, "what": "altered"}]


def test_a_publication_is_listed_without_its_link_and_called_back_at_once(slave: World) -> None:
    token = give(slave)
    listing = slave.run("publication", "list")
    [one] = json.loads(slave.run("publication", "list", "--json").stdout)

    said = slave.run("publication", "revoke", one["request_id"])

    assert "in 2 d" in listing.stdout
    assert token not in listing.stdout + listing.stderr + said.stdout + said.stderr
    assert one["recordings"] == 2
    assert slave.published() == []
    assert json.loads(slave.run("publication", "list", "--json").stdout) == []
    [row] = [row for row in shown(slave) if row["event"] == "revoked"]
    assert row["request"] == one["request_id"]
    assert row["who"]


def test_a_publication_is_called_back_by_its_own_id_and_an_unknown_one_is_named(slave: World) -> None:
    give(slave)
    [one] = json.loads(slave.run("publication", "list", "--json").stdout)

    refused = slave.run("publication", "revoke", "no-such-id", one["publication"], "../../etc", exits=2)

    assert (
        "nothing is published under no-such-id, ../../etc: 'voipmon publication list' shows what is" in refused.stderr
    )
    assert slave.published() == []


def test_purge_tells_what_it_removes_and_a_dry_run_removes_nothing(slave: World) -> None:
    give(slave)
    [letter] = (slave.folder / "state" / "outbox" / "sent").iterdir()
    left = slave.folder / "state" / ".try-12345"
    left.write_text("x")
    os.utime(left, (1_700_000_000, 1_700_000_000))
    slave.settings |= {"queue.keep": "0s"}

    would = json.loads(slave.run("purge", "--dry-run", "--json").stdout)
    assert left.exists()
    done = json.loads(slave.run("purge", "--json").stdout)

    assert would == {**done, "dry_run": True}
    assert done["archived"]["files"] == 1
    assert done["left_over"] == {"files": 1, "size": 1}
    assert not left.exists()
    assert slave.queued("completed") == []
    assert len(slave.published()) == 1
    assert letter.exists()
    assert "together" in slave.run("purge").stdout


def test_purge_never_touches_an_original(slave: World) -> None:
    give(slave)
    slave.settings |= {"queue.keep": "0s", "queue.keep_archive": "0s", "publish.keep": "1s", "audit.keep": "1d"}
    before = {path.name: path.read_bytes() for path in (slave.folder / "recordings").iterdir()}

    slave.run("purge")

    assert {path.name: path.read_bytes() for path in (slave.folder / "recordings").iterdir()} == before


def test_a_mail_says_nothing_of_the_key_of_a_publication(slave: World) -> None:
    give(slave)
    [one] = json.loads(slave.run("publication", "list", "--json").stdout)

    [mail] = slave.mails

    assert links_of(mail)
    assert one["publication"] not in html_of(mail)


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_period_is_given_in_days_of_the_configured_zone(slave: World, option: str) -> None:
    give(slave)
    yesterday = f"{datetime.now(UTC) - timedelta(days=2):%d/%m/%Y}"
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%d/%m/%Y}"

    inside, outside = (yesterday, tomorrow) if option == "--from" else (tomorrow, yesterday)

    assert [row for row in shown(slave, option, inside) if row["event"] == "delivered"]
    assert [row for row in shown(slave, option, outside) if row["event"] == "delivered"] == []
