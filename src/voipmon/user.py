"""Whose rights are used: where root starts a command by hand, those of the user that the timers have."""

import logging
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger(__name__)


@contextmanager
def owner_of(folder: Path) -> Iterator[None]:
    """Work as the owner of *folder* while this lasts, if root started us and the folder is somebody else's.

    Else a command by hand would leave files of root's that the next timer cannot open; and what works by hand works by
    timer. Affects the whole process.
    """
    owner = _other_owner(folder)
    if owner is None:
        yield
        return
    _log.info("working_as", extra={"user": owner.pw_name})
    groups, group = os.getgroups(), os.getegid()
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setegid(owner.pw_gid)
    os.seteuid(owner.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def at_keyboard(environ: Mapping[str, str]) -> str:
    """Return who started us, as far as the system knows: the user, and who became it by sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    before = environ.get("SUDO_USER", "")[:64]
    return f"{name} (sudo by {before})" if before.isprintable() and before else name


@contextmanager
def starter() -> Iterator[None]:
    """Use the rights of whoever started us while this lasts: secrets are often root's alone."""
    effective, real = os.geteuid(), os.getuid()
    if effective == real:  # nothing to change, and the units forbid the call
        yield
        return
    os.seteuid(real)
    try:
        yield
    finally:
        os.seteuid(effective)


def _other_owner(folder: Path) -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        uid = folder.stat().st_uid
        return pwd.getpwuid(uid) if uid != 0 else None
    except (FileNotFoundError, KeyError):  # not there yet, or an owner without a name: root goes on as root
        return None
