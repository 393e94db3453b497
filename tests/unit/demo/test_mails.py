import email
import email.policy
import socket
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from imapclient import IMAPClient

from voipmon.demo.mails import MAILBOX, MANAGER, PASSWORD, STRANGER, SUPERVISOR, answers_in, deliver, three_mails
from voipmon.demo.servers import HOST, Servers
from voipmon.errors import ProcessingError

ZONE = ZoneInfo("America/Sao_Paulo")
FIRST, LAST = datetime(2025, 10, 27, 8, tzinfo=ZONE), datetime(2025, 10, 28, 18, tzinfo=ZONE)
NOW = datetime(2025, 11, 11, 11, 47, tzinfo=UTC)
MAILS = three_mails(("1121", "1122"), FIRST, LAST)


def test_one_request_is_good_one_has_a_typo_and_one_is_a_stranger_s() -> None:
    good = "RAMAIS=1121,1122 INICIO=27/10/2025 08:00 FIM=28/10/2025 18:00"

    assert [(mail.sender, mail.subject) for mail in MAILS] == [
        (MANAGER, good),
        (SUPERVISOR, "RAMAIS=1125 INICIO=31/02/2025 08:00 FIM=28/10/2025 18:00"),
        (STRANGER, good),
    ]


def test_mails_arrive_as_they_were_written(tmp_path: Path) -> None:
    with Servers(tmp_path, tmp_path, user=MAILBOX, password=PASSWORD) as servers:
        deliver(MAILS, HOST, servers.imap_port, NOW)

        with IMAPClient(HOST, servers.imap_port, ssl=False, timeout=10) as client:
            client.normalise_times = False
            client.login(MAILBOX, PASSWORD)
            client.select_folder("INBOX")
            arrived = client.fetch(client.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"]).values()

    contents = [email.message_from_bytes(mail[b"BODY[]"], policy=email.policy.default) for mail in arrived]
    assert [mail[b"INTERNALDATE"] for mail in arrived] == [NOW] * 3
    assert [(str(mail["From"]), str(mail["Subject"]), str(mail["To"])) for mail in contents] == [
        (mail.sender, mail.subject, MAILBOX) for mail in MAILS
    ]
    assert [mail.get_content().strip() for mail in contents] == [mail.text for mail in MAILS]
    assert len({mail["Message-ID"] for mail in contents}) == 3


def test_a_mailbox_that_is_away_is_told() -> None:
    with socket.create_server((HOST, 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(ProcessingError, match=r"mailbox does not take mail: .*refused"):
        deliver(MAILS, HOST, port, NOW)


def test_answers_are_read_in_their_order_with_the_links_of_their_text(tmp_path: Path) -> None:
    (tmp_path / "02-result.eml").write_text(
        "To: manager@company.example.com\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\nContent-Type: text/plain; charset=utf-8\n\nOuça: http://127.0.0.1:80/t/\nhttp://127.0.0.1:80/t/1.zip\n"
        "--b\nContent-Type: text/html; charset=utf-8\n\n<a href='http://127.0.0.1/other'>\n--b--\n"
    )
    (tmp_path / "01-nothing-found.eml").write_text("To: supervisor@company.example.com\n\nNada.\n")

    nothing, result = answers_in(tmp_path)

    assert (nothing.file.name, nothing.kind, nothing.recipient, nothing.links) == (
        "01-nothing-found.eml", "nothing-found", SUPERVISOR, (),
    )  # fmt: skip
    assert (result.kind, result.recipient) == ("result", MANAGER)
    assert result.links == ("http://127.0.0.1:80/t/", "http://127.0.0.1:80/t/1.zip")
