"""Whose calls who may have, by the configuration."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from voipmon import user

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voipmon.access.limits import Limits
    from voipmon.access.rights import Rights, Tenant
    from voipmon.access.settings import Tenant as TenantSettings
    from voipmon.config.model import Config


def limits(config: Config) -> Limits:
    """Return what one request may ask for."""
    from voipmon.access.limits import Limits

    return Limits(
        max_extensions=config.limits.max_extensions,
        max_days=config.limits.max_days,
        max_recordings=config.limits.max_recordings,
        max_bytes=config.limits.max_bytes,
        requests_per_sender_per_hour=config.limits.requests_per_sender_per_hour,
    )


def rights(config: Config) -> Rights:
    """Return whose requests are taken."""
    from voipmon.access.rights import rights_of

    tenants = [_tenant(tenant, config) for tenant in config.tenants]
    return rights_of(config.access.whitelist, config.access.staff, tenants=tenants)


def _tenant(tenant: TenantSettings, config: Config) -> Tenant:
    from voipmon.access.rights import Tenant
    from voipmon.domain.wanted import Share
    from voipmon.domain.wording import read_extensions

    extensions = frozenset(one.digits for one in read_extensions(",".join(tenant.extensions)))
    own = {name: value for name, value in vars(tenant.limits).items() if value is not None}
    return Tenant(
        name=tenant.name,
        senders=frozenset(tenant.senders),
        share=Share(extensions, frozenset(tenant.servers)),
        limits=replace(limits(config), **own),
        copies=tenant.cc,
        needs_code=tenant.code_file is not None,
        recordings="recordings" in tenant.rights,
        language=tenant.language,
    )


def code_of(config: Config, environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return who tells the code of a tenant by its name; each is read once, and only if it is asked for."""

    @cache
    def tell(name: str) -> str:
        from voipmon.config.secrets import code_of

        [tenant] = (tenant for tenant in config.tenants if tenant.name == name)
        with user.starter():
            return code_of(tenant, environ)

    return tell


def read_codes(config: Config, environ: Mapping[str, str]) -> int:
    """Read the codes of the tenants that have one, and return how many there are.

    Raises:
        ConfigError: with a sentence for each that cannot be read.
    """
    from voipmon.errors import ConfigError

    code = code_of(config, environ)
    problems: list[str] = []
    coded = [tenant.name for tenant in config.tenants if tenant.code_file is not None]
    for name in coded:
        try:
            code(name)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return len(coded)
