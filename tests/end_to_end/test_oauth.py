"""Tokens instead of passwords, as docs/oauth.md says: curl asks for them, Dovecot and the mail server take them."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from support.canary import own, secret, watch
from support.dovecot import Mailbox
from support.smtp_sink import SmtpSink
from support.world import SUBJECT, World

pytestmark = [
    pytest.mark.dovecot,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt-get install curl)"),
]

SECRET = secret("oauth client")


class Endpoint(ThreadingHTTPServer):
    """A token endpoint (RFC 6749) that gives out *token* to whoever knows the secret."""

    def __init__(self, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.token = token
        self.asked = 0


class _Answer(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.server.asked += 1
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = form["client_secret"] == [SECRET] and form["grant_type"] == ["refresh_token"]
        answer = {"access_token": self.server.token, "expires_in": 3599} if right else {"error": "invalid_client"}
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint(mailbox: Mailbox) -> Iterator[Endpoint]:
    with Endpoint(watch("access token", mailbox.server.token(mailbox.user))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def oauth_world(tmp_path: Path, mailbox: Mailbox, endpoint: Endpoint) -> Iterator[World]:
    with SmtpSink(tokens={mailbox.user: endpoint.token}) as sink:
        world = World(tmp_path, sink, mailbox)
        for section in ("imap", "smtp"):
            world.settings |= {
                f"{section}.user": mailbox.user,
                f"{section}.auth": "xoauth2",
                f"{section}.token_command": f"curl --silent --show-error --config {tmp_path}/token",
            }
        del world.settings["imap.password"]
        keep(world, endpoint, SECRET)
        yield world


def keep(world: World, endpoint: Endpoint, told: str) -> None:
    lines = [
        f'url = "http://127.0.0.1:{endpoint.server_port}/token"',
        'data-urlencode = "grant_type=refresh_token"',
        f'data-urlencode = "client_secret={told}"',
    ]
    own(world.folder / "token").write_text("\n".join(lines) + "\n")


def test_mail_is_read_and_sent_with_tokens_that_curl_brings(oauth_world: World, endpoint: Endpoint) -> None:
    oauth_world.receive(SUBJECT)

    ended = oauth_world.run("monitor")

    assert [mail["Subject"] for mail in oauth_world.mails] == [f"Re: {SUBJECT}"]
    assert endpoint.asked == 2
    assert endpoint.token not in ended.stderr


def test_a_client_that_the_endpoint_does_not_know_is_named_without_its_secret(
    oauth_world: World, endpoint: Endpoint
) -> None:
    keep(oauth_world, endpoint, secret("another oauth client"))

    ended = oauth_world.run("monitor", exits=3)

    assert "imap.token_command 'curl' printed no token (invalid_client)" in ended.stderr
    assert "secret" not in ended.stderr
    assert endpoint.asked == 1
