"""The room of the audit trail: what was done with whose recordings, and that nobody has changed the account of it."""
