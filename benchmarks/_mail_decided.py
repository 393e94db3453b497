"""Reads a mailbox and decides on every mail as `voipmon monitor` does; what follows from that is kept in memory only.

python _mail_decided.py CONFIG: prints nothing. The verdicts are durable, and the mails are marked.
"""

import sys
from pathlib import Path

sys.path.pop(0)  # this folder: the standard library's own `queue` must be found
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # the ports in memory

from contextlib import closing
from dataclasses import replace
from datetime import datetime

from fakes.audit import MemoryAudit
from fakes.outbox import MemoryOutbox
from fakes.queue import MemoryQueue

from voipmon import wiring
from voipmon.commands.monitor import monitor
from voipmon.config.sources import load_config
from voipmon.mail.facts import Facts, Thread
from voipmon.mail.outbox import Letter, letter_name


class Plain:
    """Writes letters of a word."""

    def write(self, facts: Facts, thread: Thread | None, _now: datetime) -> Letter:
        assert thread is not None
        return Letter(letter_name(facts.request_id, facts.kind), (thread.recipient,), b"word")  # type: ignore[union-attr]


def main(path: Path) -> None:
    config = load_config(path, {}).config
    with closing(wiring.ledger(config)) as ledger:
        ports = {"queue": MemoryQueue(), "outbox": MemoryOutbox(), "audit": MemoryAudit(), "writer": Plain()}
        intake = replace(wiring.intake(config, ledger, {}), **ports)  # type: ignore[arg-type]
        with wiring.inbox(config, {}) as inbox:
            monitor(inbox, intake, lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
