"""The port Lead in memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voipmon.errors import LeadLostError
from voipmon.mail.lead import Leadership


@dataclass(slots=True)
class Board:
    """What all hosts see: the epoch, the leader, and when each host last showed itself, by the server's clock *now*."""

    now: datetime = datetime(2025, 10, 27, 12, tzinfo=UTC)
    epoch: int = 0
    leader: str | None = None
    signs: dict[str | None, datetime] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)


@dataclass(slots=True)
class MemoryLead:
    """The lead as *instance* sees it."""

    board: Board
    instance: str
    mine: int = 0

    def look(self) -> Leadership:
        board = self.board
        was_read = bool(board.read)
        if board.leader == self.instance:
            self.mine = board.epoch
            return Leadership(board.leader, board.epoch, board.signs.get(board.leader), was_read=was_read)
        board.signs[self.instance] = board.now
        if board.leader not in board.signs:
            board.signs[board.leader] = board.now
            return Leadership(board.leader, board.epoch, None, was_read=was_read)
        heartbeat = board.signs[board.leader]
        return Leadership(board.leader, board.epoch, heartbeat, max(timedelta(), board.now - heartbeat), was_read)

    def take(self, seen: Leadership) -> bool:
        if (seen.leader, seen.epoch) != (self.board.leader, self.board.epoch):
            return False
        self.board.leader, self.board.epoch = self.instance, seen.epoch + 1
        self.mine = self.board.epoch
        return True

    def check(self) -> None:
        if not self.mine or (self.board.leader, self.board.epoch) != (self.instance, self.mine):
            raise LeadLostError(f"{self.instance} does not lead any more: {self.board.leader} leads")

    def beat(self) -> None:
        self.check()
        self.board.signs[self.instance] = self.board.now
        self.board.read.add(self.instance)
