"""What every test gets: the modules of tests/support that define fixtures and hooks."""

from importlib.util import find_spec

_SUPPORT = (
    "support.sampling",
    "support.isolation",
    "support.systemd_box",
    "support.dovecot",
    "support.smtp_sink",
    "support.apache",
    "support.browser",
    "support.world",
)

pytest_plugins = [module for module in _SUPPORT if find_spec(module)]
