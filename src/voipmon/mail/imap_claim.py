"""Whose a mail is, where several hosts read one mailbox: a keyword for each host, and a look at who else is there.

No command of IMAP is a lock by itself: servers let two hosts move one mail, and even two conditional STOREs succeed
that meet within a millisecond. But of two hosts that each set a keyword of their own and then look, the later one
always sees the other's. So the look decides, and the condition only makes it rare that both have to step back.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from imapclient.exceptions import IMAPClientError

from voipmon.mail.imap_connection import ImapConnection
from voipmon.mail.imap_words import ranges, uids_of
from voipmon.mail.inbox import Standing

DONE_KEYWORD = "$DoneByVoipmon"
CLAIM_PREFIX = "$Voipmon-"
_MOST = 50  # letters in a keyword, where Dovecot counts them
_TRIES = 4  # somebody who reads his mail changes flags, too; the last try asks no condition
_MODIFIED = re.compile(rb"\[MODIFIED ([0-9:,]+)\]")
_DONE, _PREFIX = DONE_KEYWORD.lower().encode(), CLAIM_PREFIX.lower().encode()


class KeywordsDroppedError(Exception):
    """The server takes keywords and keeps none."""


@dataclass(frozen=True, slots=True)
class _Flags:
    kept: frozenset[bytes]
    modseq: int

    def has(self, keyword: bytes) -> bool:
        return keyword in self.kept


class Claims:
    """The keywords on the messages of the selected folder, as *host* sets and sees them.

    *conditional* tells that the server has CONDSTORE for this folder. To be used within a `step` of the connection.
    """

    def __init__(self, server: ImapConnection, host: str, *, conditional: bool) -> None:
        self._server = server
        self._keyword = claim_keyword(host).encode()
        self._own = self._keyword.lower()
        self._conditional = conditional
        self._known: dict[int, _Flags] = {}

    def take(self, uids: list[int], *, from_others: bool) -> list[int]:
        """Put our keyword on those that are not done and nobody's (or *from_others*: anybody's); return which are ours.

        Raises:
            KeywordsDroppedError: nothing stuck.
        """
        seen = self._look(uids)
        ours = [uid for uid in seen if self._is_ours(seen[uid], from_others) and not self._others(seen[uid])]
        tried = [uid for uid in seen if self._is_free(seen[uid], from_others) and uid not in set(ours)]
        self._set(self._keyword, tried, seen, lambda flags: self._is_free(flags, from_others))
        ours += [uid for uid in tried if uid in seen and self._is_ours(seen[uid], from_others)]
        lost = [uid for uid in tried if uid in seen and seen[uid].has(self._own) and uid not in set(ours)]
        self._store(lost, {}, b"-FLAGS.SILENT", [self._own])  # where both step back the next pass decides
        self._take_off_others([uid for uid in ours if self._others(seen[uid])], seen)
        return sorted(ours)

    def finish(self, uids: list[int]) -> frozenset[int]:
        """Put the done mark on those that are no other host's; return those that are, or were done by another.

        Raises:
            KeywordsDroppedError: nothing stuck.
        """
        seen = self._as_known(uids)
        marked = [uid for uid in seen if self._is_free(seen[uid], from_others=False)]
        set_by_us = self._set(
            DONE_KEYWORD.encode(), marked, seen, lambda flags: self._is_free(flags, from_others=False)
        )
        lost = frozenset(uid for uid in seen if self._others(seen[uid]))
        too_early = [uid for uid in set_by_us & lost if seen[uid].has(_DONE)]
        self._store(too_early, {}, b"-FLAGS.SILENT", [_DONE])  # whoever holds it now has yet to do it
        return lost

    def standing(self, uids: list[int]) -> dict[int, Standing]:
        """Return how each stands; one that is gone is left out."""
        return {uid: self._standing(flags) for uid, flags in self._look(uids).items()}

    def _as_known(self, uids: list[int]) -> dict[int, _Flags]:
        """Return how the messages are; where there is a condition, as they were: it finds out what has changed."""
        if not self._conditional:
            self._server.client.noop()  # or servers show what they showed before
            return self._look(uids)
        known = {uid: self._known[uid] for uid in uids if uid in self._known}
        return known | self._look(uid for uid in uids if uid not in known)

    def _set(
        self, keyword: bytes, uids: list[int], seen: dict[int, _Flags], wanted: Callable[[_Flags], bool]
    ) -> set[int]:
        """Put *keyword* on the messages and note in *seen* how they are then; return on which we put it.

        What somebody else changed is tried again, as long as it is *wanted*.
        """
        left, set_by_us = uids, set[int]()
        for attempt in range(_TRIES):
            refused = self._store(left, seen if attempt < _TRIES - 1 else {}, b"+FLAGS.SILENT", [keyword])
            set_by_us |= set(left) - refused
            found = self._look(left)
            for uid in left:
                seen.pop(uid, None)  # it may be gone
            seen |= found
            left = [uid for uid, flags in found.items() if not flags.has(keyword.lower()) and wanted(flags)]
            if not left:
                return set_by_us
        if not any(self._others(seen[uid]) for uid in left):
            raise KeywordsDroppedError
        return set_by_us

    def _standing(self, flags: _Flags) -> Standing:
        if not flags.has(_DONE):
            return Standing.WAITING
        return Standing.THEIRS if self._others(flags) else Standing.OURS

    def _is_ours(self, flags: _Flags, from_others: bool) -> bool:  # noqa: FBT001 - as the caller was told
        return flags.has(self._own) and self._is_free(flags, from_others)

    def _is_free(self, flags: _Flags, from_others: bool) -> bool:  # noqa: FBT001 - as the caller was told
        return not flags.has(_DONE) and (from_others or not self._others(flags))

    def _others(self, flags: _Flags) -> frozenset[bytes]:
        return frozenset(flag for flag in flags.kept if flag.startswith(_PREFIX) and flag != self._own)

    def _take_off_others(self, uids: list[int], seen: dict[int, _Flags]) -> None:
        keywords = sorted(frozenset[bytes]().union(*(self._others(seen[uid]) for uid in uids)))
        if uids:
            self._store(uids, {}, b"-FLAGS.SILENT", keywords)
            self._look(uids)  # or what we changed ourselves would look like somebody else's change

    def _look(self, uids: Iterable[int]) -> dict[int, _Flags]:
        wanted = sorted(uids)
        if not wanted:
            return {}
        items = ["FLAGS", "MODSEQ"] if self._conditional else ["FLAGS"]
        answers: dict[int, dict[bytes, Any]] = self._server.client.fetch(wanted, items)
        found = {}
        for uid, answer in answers.items():
            modseq = answer.get(b"MODSEQ") or (0,)
            found[uid] = _Flags(frozenset(map(bytes.lower, answer.get(b"FLAGS", ()))), int(modseq[0]))
        for uid in wanted:
            self._known.pop(uid, None)
        self._known |= found
        return found

    def _store(self, uids: list[int], seen: dict[int, _Flags], how: bytes, keywords: list[bytes]) -> set[int]:
        """Change keywords; with *seen*, if the server can, only on messages that have not changed since.

        Returns those that had changed.

        imapclient has no call for a conditional STORE (RFC 7162, section 3.1.3): this is the one place that sends it.
        """
        if not uids:
            return set()
        words = [ranges(sorted(uids)), how, b"(" + b" ".join(keywords) + b")"]
        if self._conditional and seen:
            words.insert(1, b"(UNCHANGEDSINCE %d)" % max(seen[uid].modseq for uid in uids))
        client = self._server.client
        kind, said = client._raw_command(b"STORE", words)  # noqa: SLF001 - as the docstring says
        client._imap.untagged_responses.pop("FETCH", None)  # noqa: SLF001 - or they would mix with the next look
        client._imap.untagged_responses.pop("MODIFIED", None)  # noqa: SLF001
        refused = _MODIFIED.search(said[0] or b"")
        if kind != "OK" and refused is None:
            raise IMAPClientError(f"store failed: {(said[0] or b'').decode('utf-8', 'replace')}")
        return uids_of(refused[1]) if refused else set()


def claim_keyword(host: str) -> str:
    """Return the keyword that says that a message is *host*'s; another host's is another, however long the names."""
    room = _MOST - len(CLAIM_PREFIX)
    if len(host) > room:
        host = f"{host[: room - 9]}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return CLAIM_PREFIX + host
