"""What every Transport does: the fake, and SMTP with a real server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

import pytest
from fakes.transport import MemoryTransport
from support.smtp_sink import SmtpSink, Stage, Trouble

from voipmon.errors import LetterRefusedError, ServerAwayError, UncertainError
from voipmon.mail.outbox import Transport
from voipmon.mail.smtp import SmtpTransport

LETTER = b"Subject: Re: RAMAIS=1121\r\n\r\nTexto\r\n.\r\n..fim\r\n"
ASKER = "manager@example.com"
ADMIN = "admin@example.com"


class World(Protocol):
    """The server at the other end, and what can happen to it."""

    transport: Transport

    def delivered(self) -> list[tuple[tuple[str, ...], bytes]]: ...

    def refuse_recipient(self, address: str) -> None: ...

    def postpone_recipient(self, address: str) -> None: ...

    def refuse_letters(self, *, for_now: bool) -> None: ...

    def break_after_content(self) -> None: ...

    def go_away(self) -> None: ...

    def be_well(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.transport = MemoryTransport()

    def delivered(self) -> list[tuple[tuple[str, ...], bytes]]:
        return [(sent.recipients, sent.content) for sent in self.transport.sent]

    def refuse_recipient(self, address: str) -> None:
        self.transport.refused[address] = "550 no such user"

    def postpone_recipient(self, address: str) -> None:
        self.transport.later.add(address)

    def refuse_letters(self, *, for_now: bool) -> None:
        self.transport.trouble = LetterRefusedError("refused", retryable=for_now)

    def break_after_content(self) -> None:
        self.transport.trouble = UncertainError("cut")

    def go_away(self) -> None:
        self.transport.trouble = ServerAwayError("away", retryable=True)

    def be_well(self) -> None:
        self.transport.trouble = None


class SmtpWorld:
    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        self.transport = SmtpTransport(
            host=sink.host,
            port=sink.port,
            security="plain",
            sender="voip.audios@example.com",
            timeout=timedelta(seconds=5),
        )

    def delivered(self) -> list[tuple[tuple[str, ...], bytes]]:
        return [(message.recipients, message.content) for message in self.sink.messages]

    def refuse_recipient(self, address: str) -> None:
        self.sink.refused[address] = "550 5.1.1 no such user"

    def postpone_recipient(self, address: str) -> None:
        self.sink.refused[address] = "450 4.2.1 mailbox busy"

    def refuse_letters(self, *, for_now: bool) -> None:
        self.sink.script(Stage.CONTENT, "451 4.3.0 try again" if for_now else "554 5.7.1 spam")

    def break_after_content(self) -> None:
        self.sink.script(Stage.CONTENT, Trouble.CUT)

    def go_away(self) -> None:
        self.sink.stop()

    def be_well(self) -> None:
        self.sink.script(Stage.CONTENT, None)
        self.sink.start()


@pytest.fixture(params=["memory", "smtp"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    with SmtpSink() as sink:
        smtp = SmtpWorld(sink)
        yield smtp
        smtp.transport.close()


def test_a_letter_reaches_all_its_recipients_as_it_is(world: World) -> None:
    receipt = world.transport.send(LETTER, (ASKER, ADMIN))

    assert world.delivered() == [((ASKER, ADMIN), LETTER)]
    assert (receipt.refused, receipt.later) == ({}, ())


def test_a_refused_copy_does_not_stop_the_letter(world: World) -> None:
    world.refuse_recipient(ADMIN)

    receipt = world.transport.send(LETTER, (ASKER, ADMIN))

    assert world.delivered() == [((ASKER,), LETTER)]
    assert list(receipt.refused) == [ADMIN]
    assert receipt.refused[ADMIN].startswith("550")
    assert receipt.later == ()


def test_a_recipient_that_is_busy_is_named_for_later(world: World) -> None:
    world.postpone_recipient(ASKER)

    receipt = world.transport.send(LETTER, (ASKER, ADMIN))

    assert world.delivered() == [((ADMIN,), LETTER)]
    assert (receipt.refused, receipt.later) == ({}, (ASKER,))


def test_a_letter_that_nobody_will_ever_take_is_refused_for_ever(world: World) -> None:
    world.refuse_recipient(ASKER)

    with pytest.raises(LetterRefusedError) as caught:
        world.transport.send(LETTER, (ASKER,))

    assert caught.value.retryable is False
    assert world.delivered() == []


def test_a_letter_that_nobody_takes_now_is_refused_for_now(world: World) -> None:
    world.refuse_recipient(ADMIN)
    world.postpone_recipient(ASKER)

    with pytest.raises(LetterRefusedError) as caught:
        world.transport.send(LETTER, (ASKER, ADMIN))

    assert caught.value.retryable is True
    assert world.delivered() == []


@pytest.mark.parametrize("for_now", [True, False])
def test_a_refused_letter_does_not_stop_the_next(world: World, for_now: bool) -> None:
    world.refuse_letters(for_now=for_now)
    with pytest.raises(LetterRefusedError) as caught:
        world.transport.send(LETTER, (ASKER,))
    assert caught.value.retryable is for_now

    world.be_well()
    world.transport.send(LETTER, (ADMIN,))

    assert world.delivered() == [((ADMIN,), LETTER)]


def test_a_line_that_breaks_after_the_content_leaves_it_uncertain(world: World) -> None:
    world.break_after_content()
    with pytest.raises(UncertainError):
        world.transport.send(LETTER, (ASKER,))

    world.be_well()
    world.transport.send(LETTER, (ADMIN,))

    assert world.delivered() == [((ADMIN,), LETTER)]


def test_a_server_that_comes_back_is_used_again(world: World) -> None:
    world.transport.send(LETTER, (ASKER,))
    world.go_away()
    with pytest.raises(ServerAwayError) as caught:
        world.transport.send(LETTER, (ASKER,))
    assert caught.value.retryable is True

    world.be_well()
    world.transport.send(LETTER, (ADMIN,))

    assert world.delivered() == [((ASKER,), LETTER), ((ADMIN,), LETTER)]


def test_closing_never_fails(world: World) -> None:
    world.transport.close()
    world.transport.send(LETTER, (ASKER,))
    world.go_away()

    world.transport.close()
    world.transport.close()
