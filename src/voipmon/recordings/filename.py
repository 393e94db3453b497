"""What the name of a recording says about the call: patterns, and how they are read. Pure."""

import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from voipmon.domain.recording import Recording
from voipmon.errors import ParameterError

_GROUPS = ("type", "orig", "dest", "date", "time", "epoch", "uid", "server", "ext")
_EXT = r"\.(?P<ext>(?i:wav|mp3|gsm|ogg|opus|webm|m4a|ulaw|alaw|sln))"
_STAMP = r"(?P<date>\d{8})-(?P<time>\d{6})"
_UID = r"(?P<uid>(?:\w+-)?\d{9,10}\.\d+)"
_PARTIES = r"(?P<orig>[^-/]*)-(?P<dest>[^-/]*)"

# Parties with hyphens are read from the stamp outwards; where one party may hold them, it is the caller's.
_PRESETS = {
    # internal-ORIGIN-DESTINATION-20251027-175340-1761598420.123.mp3, and anything after the stamp
    "origin_dest": rf"(?P<type>[A-Za-z]+)-(?P<orig>[^/]*?)-(?P<dest>[^-/]*)-{_STAMP}(?:[-.](?P<uid>[^/]+))?{_EXT}",
    # FreePBX 2.10 to 17, Issabel: internal-DESTINATION-ORIGIN-20251027-175340-1761598420.123.wav
    "freepbx": (
        rf"(?P<type>[A-Za-z]+|\d+)-(?P<dest>[^-/]*)-(?P<orig>[^/]*)-{_STAMP}"
        rf"(?:[-.](?P<uid>(?:[\w.-]+-)?\d+(?:\.\d+)?))?{_EXT}"
    ),
    # FreePBX 2.8, Elastix 1: OUT405-20080620-095526-1213973725.84.wav, g1-1207292249.1473.wav, q7000-…-in.wav
    "freepbx28": (
        r"(?=(?P<type>IN|OUT|g|q))(?:OUT-?(?P<orig>\d+)|(?:IN|g|q)-?(?P<dest>\d+))-"
        rf"(?:{_STAMP}-)?(?P<uid>(?P<epoch>\d{{9,10}})\.\d+)(?:-(?:in|out))?{_EXT}"
    ),
    # 20190716-194847-2807-1603-1563317326.240938-1563317327.wav
    "dt_orig_dest": rf"{_STAMP}-{_PARTIES}-{_UID}(?:-\d{{10}})?{_EXT}",
    # 1544013213.0-2018-12-05-15_33-102-2001.wav
    "uid_date_orig_dest": rf"{_UID}-(?P<date>\d{{4}}-\d\d-\d\d)-(?P<time>\d\d_\d\d(?:_\d\d)?)-{_PARTIES}{_EXT}",
    # 1540543700-20181026-114820-7004-7001.mp3
    "epoch_dt_orig_dest": rf"(?P<uid>\d{{10}})-{_STAMP}-{_PARTIES}{_EXT}",
    # [NAME]_100-2001_20190211124709(2).wav
    "3cx": (
        r"\[[^\]/]*\]_(?P<orig>[^-_/]*)-(?P<dest>[^-_/]*)_(?P<date>\d{8})(?P<time>\d{6})\((?P<uid>\d+)\)"
        rf"{_EXT}"
    ),
}
_PRESETS["dest_origin"] = _PRESETS["freepbx"]  # what the one who knows "origin_dest" will try

PRESETS = tuple(_PRESETS)
"""The names of the patterns that need not be written out."""

_PRESET_LIKE = re.compile(r"[A-Za-z0-9_-]*")
_NOT_DIGITS = re.compile(r"[^0-9]")
_DIGITS = re.compile(r"[0-9]+")
_SERVER_AND_ID = re.compile(r"(?:(?=[^A-Za-z]*[A-Za-z])([A-Za-z0-9][A-Za-z0-9._-]*)-)?(([0-9]{9,10})\.[0-9]+)")


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What one name says. *start* is aware; of an hour that came twice it is the one the *uid* tells.

    *kind* is the type of call (`internal`), *server* the name of the exchange that stands before its id of the
    call, *suffix* the ending in lower case with its dot. What the name does not say is empty, the server None.
    """

    start: datetime
    origin: str
    destination: str
    kind: str
    server: str | None
    uid: str
    suffix: str

    @property
    def numbers(self) -> tuple[str, str]:
        """The parties as they are compared with an extension: without a `+` in front."""
        return self.origin.removeprefix("+"), self.destination.removeprefix("+")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A regular expression for whole names, with groups that say which part is what."""

    expression: re.Pattern[str]

    @property
    def has_kind(self) -> bool:
        """Whether names tell the type of the call."""
        return "type" in self.expression.groupindex

    @property
    def has_day(self) -> bool:
        """Whether the digits of every name that can be read hold its day as `YYYYMMDD`."""
        return "epoch" not in self.expression.groupindex

    def takes(self, prefixes: Collection[str]) -> Callable[[str], bool]:
        """Return the test for the types of calls that *prefixes* name: `*` names all, also where names tell none."""
        kinds = frozenset(prefix.lower() for prefix in prefixes)
        if "*" in kinds or not self.has_kind:
            return lambda _kind: True
        return lambda kind: kind.lower() in kinds

    def read(self, name: str, zone: ZoneInfo) -> ParsedName | None:
        """Read a file name without its folder; its stamp is wall time in *zone*. None: no recording is named so."""
        match = self.expression.fullmatch(name)
        if match is None:
            return None
        fields = match.groupdict("")
        server, uid, epoch = _server_and_id(fields.get("uid", ""))
        start = _start(fields, zone, epoch)
        if start is None:
            return None
        return ParsedName(
            start=start,
            origin=fields.get("orig", ""),
            destination=fields.get("dest", ""),
            kind=fields.get("type", ""),
            server=fields.get("server") or server,
            uid=uid,
            suffix="." + (fields.get("ext") or name.rpartition(".")[2]).lower(),
        )


def compile_pattern(text: str) -> NamePattern:
    """Return the preset of that name, or the pattern that the regular expression *text* makes.

    The expression is matched with the whole name. Its groups are `type orig dest date time epoch uid server ext`:
    one party at least, and day and time in digits, year first, with anything between them, or else the epoch.

    Raises:
        ParameterError: it is neither, or lacks what a search needs.
    """
    if text in _PRESETS:
        return NamePattern(re.compile(_PRESETS[text], re.ASCII))
    if _PRESET_LIKE.fullmatch(text):
        import difflib  # noqa: PLC0415 - only for what is wrong

        nearest = difflib.get_close_matches(text.lower(), PRESETS, 1, 0.0)[0]
        raise ParameterError(
            f"{text!r} is not a known pattern: did you mean {nearest!r}? "
            f"The names are {', '.join(PRESETS)}; anything else is a regular expression with named groups"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # `[[`: it will mean something else one day
            expression = re.compile(text, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError, FutureWarning) as error:
        raise ParameterError(f"the pattern {text!r} is not a regular expression: {error}") from error
    _check_groups(text, expression.groupindex)
    return NamePattern(expression)


def oldest_first(recording: Recording) -> tuple[float, tuple[int, ...], str]:
    """Return what recordings are sorted by: moment, the numbers in the exchange's id of the call, path."""
    numbers = tuple(int(run) for run in _DIGITS.findall(recording.uid))
    return recording.start.timestamp(), numbers, recording.path


def digits_of(name: str) -> str:
    """Return the digits of *name* alone: a day reads the same whatever stands between its parts."""
    return _NOT_DIGITS.sub("", name)


def _check_groups(text: str, groups: Mapping[str, int]) -> None:
    unknown = sorted(groups.keys() - set(_GROUPS))
    if unknown:
        raise ParameterError(
            f"the pattern {text!r} has the unknown group {unknown[0]!r}: the groups are {', '.join(_GROUPS)}"
        )
    if not (groups.keys() >= {"date", "time"} or "epoch" in groups):
        raise ParameterError(
            f"the pattern {text!r} does not say when a call was: name groups 'date' and 'time', or 'epoch'"
        )
    if not groups.keys() & {"orig", "dest"}:
        raise ParameterError(f"the pattern {text!r} does not say whose call it was: name a group 'orig' or 'dest'")


def _server_and_id(text: str) -> tuple[str | None, str, int | None]:
    """Split `gv1p-1795340966.3` into the exchange's name and its id of the call; tell the id's epoch."""
    match = _SERVER_AND_ID.fullmatch(text)
    if match is None:
        return None, text, None
    return match[1], match[2], int(match[3])


def _start(fields: Mapping[str, str], zone: ZoneInfo, epoch: int | None) -> datetime | None:
    """Return when the call began, or None where the name holds no moment that exists."""
    try:
        if not fields.get("date"):
            return datetime.fromtimestamp(int(fields["epoch"]), zone) if fields.get("epoch") else None
        day, time = digits_of(fields["date"]), digits_of(fields["time"])
        if len(day) != 8 or len(time) not in {4, 6}:
            return None
        year, month, day_of_month = int(day[:4]), int(day[4:6]), int(day[6:])
        hour, minute, second = int(time[:2]), int(time[2:4]), int(time[4:] or 0)
        wall = datetime(year, month, day_of_month, hour, minute, second, tzinfo=zone)
    except (ValueError, OverflowError, OSError):
        return None
    return wall if epoch is None else _of_two_hours(wall, epoch)


def _of_two_hours(wall: datetime, epoch: int) -> datetime:
    """Return the pass of an hour that came twice that lies nearer to *epoch*; other moments as they are."""
    second_pass = wall.replace(fold=1)
    if second_pass.utcoffset() == wall.utcoffset():
        return wall
    if abs(second_pass.timestamp() - epoch) < abs(wall.timestamp() - epoch):
        return second_pass
    return wall
