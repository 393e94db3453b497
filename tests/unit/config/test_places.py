"""Where a configuration is looked for."""

from pathlib import Path

import pytest

from voipmon.config import places as config_places
from voipmon.config.places import find_config
from voipmon.errors import ConfigError, ExitCode


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Return a file at each place that is looked at."""
    found = {
        name: tmp_path / name
        for name in ("explicit.toml", "named.toml", "etc/voipmon.toml", "here/config/voipmon.toml")
    }
    for path in found.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(config_places, "SYSTEM_FILE", found["etc/voipmon.toml"])
    return found


def test_the_system_file_is_the_one_of_the_contract() -> None:
    assert Path("/etc/voipmon/voipmon.toml") == config_places.SYSTEM_FILE


def test_the_option_comes_first(places: dict[str, Path], tmp_path: Path) -> None:
    environ = {"VOIPMON_CONFIG": str(places["named.toml"])}

    assert find_config(places["explicit.toml"], environ, tmp_path / "here") == places["explicit.toml"]


def test_the_environment_comes_before_the_usual_places(places: dict[str, Path], tmp_path: Path) -> None:
    environ = {"VOIPMON_CONFIG": str(places["named.toml"])}

    assert find_config(None, environ, tmp_path / "here") == places["named.toml"]


def test_the_systems_file_comes_before_the_one_of_the_current_folder(places: dict[str, Path], tmp_path: Path) -> None:
    assert find_config(None, {}, tmp_path / "here") == places["etc/voipmon.toml"]


def test_the_file_of_the_current_folder_is_the_last(places: dict[str, Path], tmp_path: Path) -> None:
    places["etc/voipmon.toml"].unlink()

    assert find_config(None, {"VOIPMON_CONFIG": ""}, tmp_path / "here") == places["here/config/voipmon.toml"]


def test_without_a_file_the_places_looked_at_are_named(places: dict[str, Path], tmp_path: Path) -> None:
    for path in places.values():
        path.unlink()

    with pytest.raises(ConfigError) as caught:
        find_config(None, {}, tmp_path / "here")

    assert caught.value.exit_code is ExitCode.BAD_PARAMETERS
    for place in ("--config", "$VOIPMON_CONFIG", "etc/voipmon.toml", "here/config/voipmon.toml"):
        assert place in str(caught.value)


def test_a_file_that_is_named_is_not_replaced_by_another(places: dict[str, Path], tmp_path: Path) -> None:
    places["explicit.toml"].unlink()

    assert find_config(places["explicit.toml"], {}, tmp_path / "here") == places["explicit.toml"]


def test_a_system_file_that_may_not_be_looked_at_is_not_passed_over(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    monkeypatch.setattr(config_places, "SYSTEM_FILE", loop)

    assert find_config(None, {}, tmp_path / "here") == loop
