"""What the environment calls a key of the configuration."""


def environment_name(key: str) -> str:
    """Return what the environment calls *key*: `VOIPMON_IMAP__PORT` for `imap.port`."""
    return f"VOIPMON_{key.replace('.', '__').upper()}"
