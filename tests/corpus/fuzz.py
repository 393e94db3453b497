"""Changes the corpus's mails at random, and looks for one that voipmon cannot take in.

    cd tests && ../.venv/bin/python -m corpus.fuzz [MINUTES] [SEED]

Whatever is in a mail: the pass goes on, there is one verdict, it costs no more than half a second of CPU, what is kept
of it is printable, and nobody gets a letter but who may ask. What breaks that is printed; make it a case.
"""

import random
import sys
import time
from collections.abc import Callable

from corpus.cases import CASES, MANAGER
from corpus.intake import ADMIN, Office

_SECONDS = 0.5
_MOST_BYTES = 300_000
_PIECES = tuple(
    b'\r\n|\n|\r| |\t|\0|\x1b[31m|=?utf-8?B?|=?utf-8?Q?=0D=0A?=|?=|=?x?q?|(|)|\\|"|<|>|@|,|;|:|[|]|a@b|\xff|\xc3|'
    b"\xe2\x80\xae|From: |Subject: |Date: |Authentication-Results: |Received: |Message-ID: |dmarc=pass|RAMAIS=|"
    b"INICIO=|NUMERO=|MOTIVO=|[CODE]|31/12/9999 23:59|99999999999999999999|-|--|/".split(b"|")
)
Change = Callable[[random.Random, bytes], bytes]


def _place(luck: random.Random, raw: bytes) -> tuple[int, int]:
    first = luck.randrange(len(raw) + 1)
    return first, min(len(raw), first + int(luck.expovariate(1 / 20)))


def _cut(luck: random.Random, raw: bytes) -> bytes:
    first, end = _place(luck, raw)
    return raw[:first] + raw[end:]


def _repeat(luck: random.Random, raw: bytes) -> bytes:
    first, end = _place(luck, raw)
    return raw[:first] + raw[first:end] * luck.choice((2, 3, 50, 2000)) + raw[end:]


def _insert(luck: random.Random, raw: bytes) -> bytes:
    at = luck.randrange(len(raw) + 1)
    return raw[:at] + luck.choice(_PIECES) * luck.choice((1, 1, 2, 40, 3000)) + raw[at:]


def _flip(luck: random.Random, raw: bytes) -> bytes:
    at = luck.randrange(len(raw)) if raw else 0
    return raw[:at] + bytes([luck.randrange(256)]) + raw[at + 1 :]


def _cross(luck: random.Random, raw: bytes) -> bytes:
    other = luck.choice(CASES).mails[-1]
    return raw[: luck.randrange(len(raw) + 1)] + other[luck.randrange(len(other) + 1) :]


def _shuffle(luck: random.Random, raw: bytes) -> bytes:
    lines = raw.split(b"\r\n")
    luck.shuffle(lines)
    return b"\r\n".join(lines)


_CHANGES: tuple[Change, ...] = (_cut, _repeat, _insert, _insert, _flip, _flip, _cross, _shuffle)


def changed(luck: random.Random) -> bytes:
    """Return a mail of the corpus with some changes."""
    raw = luck.choice(CASES).mails[-1]
    for _ in range(luck.randint(1, 6)):
        raw = luck.choice(_CHANGES)(luck, raw)[:_MOST_BYTES]
    return raw


def wrong_with_any(raw: bytes) -> list[str]:
    """Take a mail in, whatever is in it; return what should not have happened."""
    office = Office()
    office.ledger.remember_mailbox(office.inbox.name, office.now)
    begun = time.process_time()
    _, tally = office.take_in(raw)
    taken = time.process_time() - begun
    known = (MANAGER, "@company.example.com", "mailbox@example.com", ADMIN)
    recipients = {address for letter in office.outbox.letters() for address in letter.recipients}
    kept = "".join(f"{seen.message_id}{seen.subject}{seen.sender}" for seen in office.ledger.seen)
    office.ledger.close()
    return [
        problem
        for problem, wrong in {
            f"{tally.failed} mails failed": tally.failed,
            f"{sum(tally.verdicts.values())} verdicts": sum(tally.verdicts.values()) != 1,
            f"{taken:.2f} s of CPU": taken > _SECONDS,
            "something kept is not printable": not kept.isprintable(),
            f"letters to {recipients}": not all(address.endswith(known) for address in recipients),
        }.items()
        if wrong
    ]


def main(minutes: float = 10, seed: int | None = None) -> int:
    """Go on for so long; return how many mails were found."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    luck, end, tried, found = random.Random(seed), time.monotonic() + 60 * minutes, 0, 0
    while time.monotonic() < end:
        raw = changed(luck)
        tried += 1
        if problems := wrong_with_any(raw):
            found += 1
            print(problems, raw[:2000], len(raw), flush=True)
    print(f"seed {seed}: {tried:,} mails tried, {found} found")
    return found


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3])) > 0)
