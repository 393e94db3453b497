"""The lead as an IMAP folder: `Voipmon-Leader-7-audio` says that audio leads, in epoch 7.

RENAME of a folder succeeds for exactly one of all that try, on every server: who renames it to the next epoch leads.
Beside it, in `Voipmon-Alive`, each host that is alive has a mail; that of the leader is its heartbeat. How old they
are, only the server's own dates tell. They are not in the folder that is renamed: servers cut the line of whoever has a
folder open that goes away.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from voipmon.errors import LeadLostError
from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.imap_words import ranges
from voipmon.mail.lead import Leadership

LEAD_FOLDERS = "Voipmon-Leader-"
ALIVE_FOLDER = "Voipmon-Alive"
_NOBODY = "nobody"  # leads in epoch 0
_HOST, _DID = "X-Voipmon-Host", "X-Voipmon-Did"
_READ, _WATCH = "read", "watch"
_ALIVE = f"""\
{_HOST}: {{host}}
{_DID}: {{did}}
Subject: voipmon: {{host}} is alive
Message-ID: <{{id}}@voipmon.invalid>

voipmon keeps this mail, so that another host takes over when this one falls silent.
""".replace("\n", "\r\n")


@dataclass(frozen=True, slots=True)
class _Epoch:
    number: int
    leader: str

    @property
    def folder(self) -> str:
        return f"{LEAD_FOLDERS}{self.number}-{self.leader.replace('.', '+')}"  # a dot may part folders


@dataclass(frozen=True, slots=True)
class _Sign:
    uid: int
    at: datetime
    did: str


@dataclass(slots=True)
class ImapLead:
    """The lead over IMAP, on a connection that is open. Leaves another folder selected, or none.

    *instance* is this host's name; as leader it shows itself alive within a pass that takes longer than *beat_every*.
    """

    server: ImapConnection
    instance: str
    beat_every: timedelta = timedelta(minutes=3)
    _mine: _Epoch | None = field(default=None, init=False, repr=False)
    _earlier: list[_Epoch] = field(default_factory=list, init=False, repr=False)
    _beaten_at: float = field(default_factory=monotonic, init=False, repr=False)

    def look(self) -> Leadership:
        """Return who leads now, and show ourselves alive if it is another."""
        epoch = self._epoch() or self._begin()
        leads = epoch.number > 0 and epoch.leader == self.instance
        if leads:
            self._mine = epoch
            self._remove_earlier()
        else:
            self._show(self.instance, _WATCH)
        signs = self._signs()
        was_read = any(sign.did == _READ for sign in signs.values())
        leader = epoch.leader if epoch.number else None
        heartbeat, now = signs.get(epoch.leader), signs.get(self.instance)
        if heartbeat is None and not leads:  # it never came so far: its silence counts from now
            self._show(epoch.leader, _WATCH)
        if heartbeat is None or now is None:
            return Leadership(leader, epoch.number, None, was_read=was_read)
        return Leadership(leader, epoch.number, heartbeat.at, max(timedelta(), now.at - heartbeat.at), was_read)

    def take(self, seen: Leadership) -> bool:
        """Lead from now on, if all is still as *seen*."""
        old = _Epoch(seen.epoch, seen.leader or _NOBODY)
        new = _Epoch(seen.epoch + 1, self.instance)
        with self.server.step("taking the lead"):
            try:
                self.server.client.rename_folder(self.server.path(old.folder), self.server.path(new.folder))
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                if self._epoch() == old:
                    raise  # nobody was faster: the server does not want it
                return False
        if self._epoch() != new:
            return False
        self._mine = new
        return True

    def check(self) -> None:
        """Make sure that we still lead, and show it if that was long ago."""
        self._compare()
        if monotonic() - self._beaten_at > self.beat_every.total_seconds():
            self.beat()

    def beat(self) -> None:
        """Show that the leader is alive."""
        self._compare()
        self._show(self.instance, _READ)
        self._beaten_at = monotonic()

    def _compare(self) -> None:
        now = self._epoch()
        if self._mine is None or now != self._mine:
            who = f"{now.leader} leads in epoch {now.number}" if now else "the folder of the lead is gone"
            raise LeadLostError(f"{self.instance} does not lead any more: {who}")

    def _epoch(self) -> _Epoch | None:
        """Return the epoch that is now; of two that began at once, which the first epoch can, the first by name."""
        pattern = self.server.path(LEAD_FOLDERS)
        with self.server.step("asking who leads"):
            names = [name for _, _, name in self.server.client.list_folders(pattern=f"{pattern}*")]
        epochs = [epoch for name in names if (epoch := _read(name[len(pattern) :])) is not None]
        epochs.sort(key=lambda epoch: (-epoch.number, epoch.leader))
        self._earlier = epochs[1:]
        return epochs[0] if epochs else None

    def _begin(self) -> _Epoch:
        """Make the folder of the epoch before the first, unless a rival does; return what is there then."""
        first = _Epoch(0, _NOBODY)
        self._make(first.folder)
        return self._epoch() or first

    def _show(self, host: str, did: str) -> None:
        text = _ALIVE.format(host=host, did=did, id=uuid.uuid4().hex)  # Gmail takes two with one id for one
        folder = self.server.path(ALIVE_FOLDER)
        with self.server.step("showing that this host is alive"):
            try:
                self.server.client.append(folder, text.encode("ascii"), (rb"\Seen",))
            except IMAPClientAbortError:
                raise
            except IMAPClientError:  # no such folder yet
                self._make(ALIVE_FOLDER)
                self.server.client.append(folder, text.encode("ascii"), (rb"\Seen",))

    def _make(self, name: str) -> None:
        with self.server.step("making the folder of the lead"):
            try:
                self.server.client.create_folder(self.server.path(name))
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                if not self.server.client.folder_exists(self.server.path(name)) and self._epoch() is None:
                    raise  # no rival made it

    def _signs(self) -> dict[str, _Sign]:
        """Return the newest sign of life of each host, and remove the others."""
        with self.server.step("looking who is alive"):
            try:
                self.server.client.select_folder(self.server.path(ALIVE_FOLDER))
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                self._make(ALIVE_FOLDER)  # and if that was not the reason, the server says it again:
                self.server.client.select_folder(self.server.path(ALIVE_FOLDER))
            uids = list(self.server.client.search("ALL"))
            items = ["INTERNALDATE", f"BODY.PEEK[HEADER.FIELDS ({_HOST} {_DID})]".upper()]
            found: dict[int, dict[bytes, Any]] = self.server.client.fetch(uids, items)
            newest: dict[str, _Sign] = {}
            for uid, answer in sorted(found.items()):
                host, did = _told(answer)
                newest[host] = _Sign(uid, answer[b"INTERNALDATE"], did)
            old = sorted(found.keys() - {sign.uid for sign in newest.values()})
            if old:
                self._remove(old)
        return newest

    def _remove_earlier(self) -> None:
        """Remove what several hosts that began at once left over."""
        for other in self._earlier:
            with self.server.step("removing an old folder of the lead"):
                self.server.client.delete_folder(self.server.path(other.folder))

    def _remove(self, uids: list[int]) -> None:
        client = self.server.client
        client.add_flags(ranges(uids), [rb"\Deleted"], silent=True)
        if self.server.can("UIDPLUS"):
            client.uid_expunge(ranges(uids))
        else:
            client.expunge()


def _read(rest: str) -> _Epoch | None:
    number, dash, leader = rest.partition("-")
    if not dash or not (number.isascii() and number.isdigit()):
        return None
    return _Epoch(int(number), leader.replace("+", "."))


def _told(answer: dict[bytes, Any]) -> tuple[str, str]:
    """Return which host a sign of life is of, and what it did."""
    headers = [value for item, value in answer.items() if item.startswith(b"BODY[HEADER")]
    lines = (headers[0] or b"").decode("ascii", "replace").splitlines() if headers else []
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return fields.get(_HOST.lower(), ""), fields.get(_DID.lower(), "")
