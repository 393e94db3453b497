import http.client
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from voipmon.demo.servers import HOST, Servers
from voipmon.errors import ProcessingError

USER, PASSWORD = "voip.audios@example.com", "secret"
MAIL = b"From: manager@example.com\r\nSubject: RAMAIS=1121\r\n\r\nBom dia\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mails").mkdir()
    (tmp_path / "public" / "token").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def servers(folder: Path) -> Iterator[Servers]:
    with _servers(folder) as running:
        yield running


def _servers(folder: Path) -> Servers:
    return Servers(folder / "mails", folder / "public", user=USER, password=PASSWORD)


def _connect(servers: Servers) -> IMAPClient:
    return IMAPClient(HOST, servers.imap_port, ssl=False, timeout=10)


def _get(servers: Servers, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, servers.web_port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_mailbox_gives_back_what_was_put_into_it(servers: Servers) -> None:
    with _connect(servers) as client:
        client.login(USER, PASSWORD)
        client.append("INBOX", MAIL)
        client.select_folder("INBOX")
        [uid] = client.search("ALL")

        fetched = client.fetch([uid], ["BODY.PEEK[]"])

    assert fetched[uid][b"BODY[]"] == MAIL


def test_the_mailbox_is_closed_to_a_wrong_password(servers: Servers) -> None:
    with _connect(servers) as client, pytest.raises(LoginError):
        client.login(USER, "guessed")


def test_no_server_asks_the_network_who_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_name: str = "") -> str:
        raise AssertionError("the full name of this machine was asked for")

    monkeypatch.setattr(socket, "getfqdn", ask)

    with _servers(folder) as servers, _connect(servers) as client:
        smtplib.SMTP(HOST, servers.smtp_port, local_hostname="client", timeout=10).quit()

        assert client.login(USER, PASSWORD)


def test_a_certificate_that_the_environment_names_is_none_of_its_business(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERT_FILE", "/nowhere.pem")

    with _servers(folder) as servers, _connect(servers) as client:
        assert client.login(USER, PASSWORD)


def test_each_mail_becomes_a_file_named_by_order_and_kind(servers: Servers, folder: Path) -> None:
    contents = [
        b"Message-ID: <20251111T114700Z-k7q2m9xd4t.confirmation@example.com>\r\n\r\nOne\r\n",
        b"Message-ID: <20251111T114700Z-k7q2m9xd4t.nothing-found.r2@example.com>\r\n\r\nTwo\r\n",
        b"Subject: no id\r\n\r\n.three\r\n",
    ]

    with smtplib.SMTP(HOST, servers.smtp_port, timeout=10) as client:
        for content in contents:
            client.sendmail(USER, ["manager@example.com", "admin@example.com"], content)

    files = sorted((folder / "mails").iterdir())
    assert [file.name for file in files] == ["01-confirmation.eml", "02-nothing-found.eml", "03-mail.eml"]
    assert [file.read_bytes() for file in files] == contents


def test_the_web_server_gives_files_and_parts_of_them_and_lists_no_folder(servers: Servers, folder: Path) -> None:
    (folder / "public" / "token" / "0001.mp3").write_bytes(bytes(range(200)))

    assert _get(servers, "/token/0001.mp3") == (200, bytes(range(200)))
    assert _get(servers, "/token/0001.mp3", Range="bytes=10-19") == (206, bytes(range(10, 20)))
    assert [_get(servers, path)[0] for path in ("/", "/token/", "/token/0002.mp3", "/../mails/")] == [404] * 4


def test_two_demos_at_once_take_different_ports_and_free_them(folder: Path) -> None:
    with _servers(folder) as one, _servers(folder) as other:
        ports = {port for each in (one, other) for port in (each.imap_port, each.smtp_port, each.web_port)}

    assert len(ports) == 6
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port), timeout=10)


def test_a_server_that_cannot_start_is_told_with_its_reason(tmp_path: Path) -> None:
    servers = Servers(tmp_path, tmp_path / "missing", user=USER, password=PASSWORD)

    with pytest.raises(ProcessingError, match=r"servers do not start: .*missing"):
        servers.__enter__()
