"""The port Audit in memory."""

from collections.abc import Sequence

from voipmon.audit.port import Event
from voipmon.errors import AuditError


class MemoryAudit:
    """Keeps *events*, each once. While *error* is set, every call raises it."""

    error: AuditError | None = None

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, events: Sequence[Event]) -> int:
        if self.error is not None:
            raise self.error
        known = {event.id for event in self.events}
        new = list({event.id: event for event in reversed(events) if event.id not in known}.values())[::-1]
        self.events += new
        return len(new)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]
