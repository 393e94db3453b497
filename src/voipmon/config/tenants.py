"""The tenants: [[tenants]] in the configuration file, and one file for each in the folder beside it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voipmon.access.settings import Tenant, TenantLimits
from voipmon.config.problems import complaint, printable
from voipmon.config.toml import parse_toml, read_text
from voipmon.domain.wording import read_extensions, write_extensions
from voipmon.errors import ConfigError

FOLDER = "tenants.d"
"""The folder's name, where the configuration names none."""

_KEYS = (*Tenant.model_fields, *(f"limits.{key}" for key in TenantLimits.model_fields))
_LONGEST_LIST = 100


@dataclass(slots=True)
class Found:
    """The tenants that are good, what is wrong with the others, and what the admin should know."""

    tenants: list[Tenant] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def take(self, place: str, table: object) -> None:
        """Take the tenant that *table* makes, which is written at *place*."""
        try:
            self.tenants.append(Tenant.model_validate(table))
        except ValidationError as error:
            for line in error.errors(include_url=False):
                key = ".".join(part for part in line["loc"] if isinstance(part, str))
                where = f"{place}: {printable(key)}" if key else place
                self.problems.append(f"{where}: {complaint(key, line, _KEYS)}")
        else:
            self.places.append(place)


def read_tenants(path: Path, data: Mapping[str, Any]) -> Found:
    """Return the tenants in the configuration *data* of the file at *path*, and those in their folder."""
    found = Found()
    tables = data.get("tenants", [])
    if isinstance(tables, list):
        for number, table in enumerate(tables, 1):
            found.take(f"tenants, the {number}.", table)
    else:
        found.problems.append("tenants: begins with [[tenants]], in two brackets: there may be several")
    for file in _files(path, data.get("access"), found):
        try:
            found.take(str(file), parse_toml(file, read_text(file)[0]))
        except ConfigError as error:
            found.problems += error.problems
    found.problems += _overlaps(found)
    return found


def folder_of(path: Path, access: object) -> Path:
    """Return where the tenants' files are: the section [access] of the file at *path* may say."""
    told = access.get("tenants_dir") if isinstance(access, Mapping) else None
    return Path(told) if isinstance(told, str | Path) else path.absolute().parent / FOLDER


def _files(path: Path, access: object, found: Found) -> list[Path]:
    folder = folder_of(path, access)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are enough
    except OSError as error:
        told = isinstance(access, Mapping) and "tenants_dir" in access
        if told or not isinstance(error, FileNotFoundError):
            found.problems.append(f"access.tenants_dir: cannot read {folder}: {error.strerror}")
        return []
    names = [name for name in names if not name.startswith(".")]
    found.notices += [
        f"access.tenants_dir: {folder / name} is not read: the name of a tenant's file ends in .toml"
        for name in names
        if not name.endswith(".toml")
    ]
    return [folder / name for name in names if name.endswith(".toml")]


def _overlaps(found: Found) -> Iterator[str]:
    """Yield a sentence for each two tenants of one name, and for each two that have an extension in common."""
    seen: dict[str, str] = {}
    for tenant, place in zip(found.tenants, found.places, strict=True):
        earlier = seen.setdefault(tenant.name.lower(), place)
        if earlier is not place:
            yield f"{place}: name: {tenant.name!r} is the name of a tenant in {earlier} too: give one another name"
    for one, other, common in _shared(found.tenants):
        yield (
            f"tenants {one.name!r} and {other.name!r}: both have {common}: take that out of one of them, "
            "or name in servers which exchange is whose"
        )


def _shared(tenants: Sequence[Tenant]) -> Iterator[tuple[Tenant, Tenant, str]]:
    owners: dict[str, list[int]] = {}
    common: dict[tuple[int, int], list[str]] = {}
    for number, tenant in enumerate(tenants):
        for digits in dict.fromkeys(one.digits for one in read_extensions(",".join(tenant.extensions))):
            others = owners.setdefault(digits, [])
            for earlier in others:
                if _meet(tenants[earlier].servers, tenant.servers):
                    common.setdefault((earlier, number), []).append(digits)
            others.append(number)
    for (one, another), shared in common.items():
        yield tenants[one], tenants[another], _listed(shared)


def _meet(one: Iterable[str], other: Iterable[str]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)


def _listed(digits: list[str]) -> str:
    text = write_extensions(digits)
    return text if len(text) <= _LONGEST_LIST else text[:_LONGEST_LIST].rpartition(",")[0] + ",…"
