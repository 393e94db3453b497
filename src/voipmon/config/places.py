"""Where a configuration is looked for."""

from collections.abc import Mapping
from pathlib import Path

from voipmon.errors import ConfigError

SYSTEM_FILE = Path("/etc/voipmon/voipmon.toml")
LOCAL_FILE = Path("config/voipmon.toml")


def find_config(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the file to read: *explicit*, `$VOIPMON_CONFIG`, the system's, the one below *cwd*; the first that is set.

    Raises:
        ConfigError: when none is named and none is there; names the places looked.
    """
    if explicit is not None:
        return explicit
    if named := environ.get("VOIPMON_CONFIG"):
        return Path(named)
    places = (SYSTEM_FILE, cwd / LOCAL_FILE)
    for place in places:
        if _is_there(place):
            return place
    looked = f"--config, $VOIPMON_CONFIG, {places[0]}, {places[1]}"
    raise ConfigError((f"there is no configuration; looked for it in this order: {looked}",))


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it may not be read; to go on to another file would hide that
    return True
