"""Letters in and letters out: the mailbox, the subject's grammar, the outbox, SMTP."""
