"""The sections [imap] and [smtp]: where letters come from and where they go."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from voipmon.settings import (
    AbsolutePath,
    Address,
    Duration,
    Host,
    Instance,
    Section,
    Text,
    Timeout,
    Whole,
    is_loopback,
)

Security = Literal["tls", "starttls", "plain"]

Port = Annotated[Whole, Field(ge=1, le=65535)]

Secret = Annotated[SecretStr, BeforeValidator(lambda value: SecretStr(value) if isinstance(value, str) else value)]
"""What no message and no log shows; taken to the letter, with the blanks around it."""


class Server(Section):
    """What both servers have in common. `config.secrets.secret_of` reads the password, wherever it is."""

    host: Host
    port: Port
    security: Security
    user: Text | None = None
    password: Secret | None = None
    password_file: AbsolutePath | None = None
    auth: Literal["password", "xoauth2"] = "password"
    token_command: Text | None = Field(None, validate_default=True)
    timeout: Timeout = timedelta(seconds=60)
    ca_file: AbsolutePath | None = None

    @field_validator("security")
    @classmethod
    def _plain_stays_at_home(cls, value: Security, info: ValidationInfo) -> Security:
        host = info.data.get("host")
        if value == "plain" and host and not is_loopback(host):
            raise ValueError(f"'plain' can be read on the way to {host}: write tls or starttls")
        return value

    @field_validator("token_command")
    @classmethod
    def _names_a_token(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("auth") == "xoauth2":
            raise ValueError('is missing, and auth = "xoauth2" needs it')
        return value


class NeededBy(str):
    """Stands, put there by Config, where a value is missing that may not be; says who needs it."""

    __slots__ = ()


class Imap(Server):
    """The mailbox that requests come to. *host* and *user* are empty only where no mail is read.

    *look_every* is how long `monitor --watch` waits for mail before it looks by itself, which renews IDLE: as often as
    the timer, and well within the patience of servers (29 minutes, RFC 2177) and of routers (four, some of them).
    """

    host: Host = ""
    port: Port = 993
    security: Security = "tls"
    user: Text = ""
    folder: Text = "INBOX"
    look_every: Duration = Field(timedelta(minutes=3), ge=timedelta(seconds=1), le=timedelta(minutes=10))

    @field_validator("host", "user", mode="before")
    @classmethod
    def _present(cls, value: object) -> object:
        if isinstance(value, NeededBy):
            raise ValueError(f"is missing, and {value} needs it")  # noqa: TRY004 - pydantic gathers ValueErrors only
        return value


class Smtp(Server):
    """The server that letters are given to. Without *user* there is no log-in."""

    port: Port = 587
    security: Security = "starttls"
    sender: Address


class Failover(Section):
    """Which hosts may read the mailbox, one at a time; without *peers* `mode` alone decides.

    *take_over_after* is how long the leader may be silent.
    """

    peers: tuple[Instance, ...] = ()
    take_over_after: Duration = Field(timedelta(minutes=12), ge=timedelta(seconds=1))

    @field_validator("peers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len({name.lower() for name in value}) < len(value):
            raise ValueError("names a host twice: upper and lower case are the same to mail servers")
        return value
