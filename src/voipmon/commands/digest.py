"""What the admin is told, once a day: which mails got no reply, and that letters wait for the budget."""

from datetime import datetime, timedelta

from voipmon.commands.drafts import Letters
from voipmon.commands.select_audios import Writer
from voipmon.mail.facts import BudgetSpent, Digest
from voipmon.mail.ledger import Ledger
from voipmon.mail.outbox import Outbox, report_name


def report_silence(ledger: Ledger, outbox: Letters, writer: Writer, admin: str | None, now: datetime) -> None:
    """Post the admin's lines for the days before today, if there are any; once a day. Old verdicts end there, too.

    They count the mails that got no reply, those in quarantine, and those taken although their sender is in doubt.
    """
    today = now.date()
    if ledger.is_reported(today):
        return
    found = ledger.unreported(today)
    if admin is not None and (found.ignored or found.quarantined or found.doubtful):
        facts = Digest(today - timedelta(days=1), found.ignored, found.quarantined, found.doubtful)
        outbox.post(writer.write(facts, None, now), now)
    ledger.mark_reported(today, now)


def report_budget(outbox: Outbox, writer: Writer, instance: str, limit: int, waiting: int, now: datetime) -> bool:
    """Post that letters wait for the budget, and tell whether that is new: once a day for each host."""
    today = now.date()
    if outbox.has(report_name(today, instance, BudgetSpent.kind)):
        return False
    return outbox.post(writer.write(BudgetSpent(today, limit, waiting), None, now), now)
