"""Takes each case in with half a second of processor time for a mail; the kernel ends what takes more.

`python -m corpus.processor`, in tests/, prints the name of each case before it is taken in.
"""

import signal
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from corpus.cases import ACCEPTED, CASES, OWN, Case, mail
from corpus.intake import Office, wrong_with

from voipmon.mail.letters import Letters, Stationery

SECONDS = 0.5
WRITER = Letters(Stationery(OWN, "admin@example.com", "pt_BR", ZoneInfo("America/Sao_Paulo"), "audio"))


def _heavy() -> Iterator[Case]:
    """Yield what fills 64 KiB with one thing."""
    units = ['"', "(", "<a@", "a.", "=?utf-8?Q?a?= ", "=?iso-2022-jp?B?GyRC?= ", "=?", "RAMAIS=1 ", "1121,", "1-9,",
             "hoje ", "a=b;", "[A1B2C3D4]", "re: ", "\u0301", "\ufdfa", "1/1/2025 "]  # fmt: skip
    names = ["Subject", "From", "References", "Message-ID", "Date", "Authentication-Results: mx.example.com;",
             "Received", "Auto-Submitted", "X-Loop", "Return-Path", "Content-Type"]  # fmt: skip
    for name in names:
        for unit in units:
            filled = f"{name}{'' if ':' in name else ':'} " + unit * (60_000 // len(unit.encode()))
            yield Case("filled", f"{name} with {unit}", ACCEPTED, None, (filled.encode() + b"\r\n" + mail(),))


def main() -> None:
    wrong_with(CASES[0], Office(WRITER))  # what is loaded late is loaded
    for case in [*CASES, *_heavy()]:
        print(case, flush=True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS * len(case.mails))
        wrong_with(case, Office(WRITER))
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
