"""How else mail can be read: each way is a process of its own that finds, reads and marks what is not done.

python _mail_rivals.py imap-tools|one-by-one PORT USER MOST: prints how many mails it had, MOST at most
"""

import email
import email.policy
import imaplib
import sys
from email.utils import parseaddr

from imap_tools import MailBoxUnencrypted

_PASSWORD = "secret"
_DONE = "$DoneByBenchmark"
_BATCH = 500


def imap_tools(port: int, user: str, most: int) -> int:
    """As its documentation says for many mails: headers only, in bulk; and flags in chunks."""
    with MailBoxUnencrypted("127.0.0.1", port).login(user, _PASSWORD) as mailbox:
        wanted = f"UNDELETED UNKEYWORD {_DONE}"
        found = mailbox.fetch(wanted, headers_only=True, bulk=_BATCH, mark_seen=False, limit=most)
        uids = [mail.uid for mail in found if mail.from_ and "RAMAIS" in mail.subject and mail.uid]
        mailbox.flag(uids, _DONE, value=True, chunks=_BATCH)
    return len(uids)


def one_by_one(port: int, user: str, most: int) -> int:
    """As short scripts do it: a command for each mail, and one more for its mark."""
    client = imaplib.IMAP4("127.0.0.1", port)
    client.login(user, _PASSWORD)
    client.select("INBOX")
    _, answer = client.uid("SEARCH", f"UNDELETED UNKEYWORD {_DONE}")
    done = 0
    for uid in answer[0].split()[:most]:
        _, parts = client.uid("FETCH", uid.decode(), "(BODY.PEEK[HEADER])")
        assert isinstance(parts[0], tuple)
        header = email.message_from_bytes(parts[0][1], policy=email.policy.default)
        if parseaddr(str(header["From"]))[1] and "RAMAIS" in str(header["Subject"]):
            client.uid("STORE", uid.decode(), "+FLAGS.SILENT", f"({_DONE})")
            done += 1
    client.logout()
    return done


def main() -> None:
    way, port, user, most = sys.argv[1:]
    print({"imap-tools": imap_tools, "one-by-one": one_by_one}[way](int(port), user, int(most)))


if __name__ == "__main__":
    main()
