"""What every test gets: the modules of tests/support that define hooks and fixtures."""

pytest_plugins = (
    "support.sampling",
    "support.isolation",
    "support.canary",
    "support.dovecot",
    "support.smtp_sink",
    "support.apache",
    "support.debian_web",
    "support.browser",
    "support.world",
    "failover.hosts",
)
