"""The companies: written below [[tenants]] or in a file each, checked whole, and every problem named with its place."""

import os
from pathlib import Path

import pytest
from support.ordinary_user import ordinary_user, reachable_folder

from voipmon.access.settings import Tenant, TenantLimits
from voipmon.config import tenants
from voipmon.config.secrets import code_of
from voipmon.config.sources import load_config
from voipmon.errors import ConfigError

ROOT = Path(__file__).parents[3]
NEEDED = 'smtp.host = "smtp.example.com"\nsmtp.sender = "voip@example.com"\npublish.base_url = "https://voip.example.com/a"\n'
ACME = 'name = "Acme"\nsenders = ["@acme.example.com"]\nextensions = ["1100-1149"]\n'
ZENITH = 'name = "Zenith"\nsenders = ["@zenith.example.com"]\nextensions = [1140, "1150"]\n'


class Folder:
    """A configuration file and the tenants' folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "voipmon.toml"
        self.path.write_text(NEEDED)
        self.tenants = folder / "tenants.d"
        self.tenants.mkdir()

    def write(self, name: str, text: str) -> Path:
        file = self.tenants / name
        file.write_text(text)
        return file

    def load(self, **environ: str) -> tuple[Tenant, ...]:
        return load_config(self.path, environ).config.tenants

    def problems(self, **environ: str) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            load_config(self.path, environ)
        return caught.value.problems


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_file_is_a_tenant_and_so_is_a_table_in_the_configuration(folder: Folder) -> None:
    folder.write("acme.toml", ACME)
    folder.path.write_text(
        f"{NEEDED}\n[[tenants]]\nname = 'Globex'\nsenders = ['boss@example.net']\nextensions = [2001]\n"
    )

    globex, acme = folder.load()

    assert (globex.name, globex.senders, globex.extensions) == ("Globex", ("boss@example.net",), ("2001",))
    assert (acme.name, acme.senders, acme.extensions) == ("Acme", ("@acme.example.com",), ("1100-1149",))
    assert acme.rights == ("recordings",)


def test_the_example_of_a_tenant_loads_with_and_without_what_it_leaves_out(folder: Folder) -> None:
    text = (ROOT / "config" / "tenant.example.toml").read_text()
    folder.write("example.toml", text)
    [short] = folder.load()
    folder.write(
        "example.toml", "\n".join(line.removeprefix("#") if " = " in line else line for line in text.split("\n"))
    )
    [long] = folder.load()

    assert set(long.model_dump(exclude_defaults=True)) == set(Tenant.model_fields) - {"rights"}
    assert set(long.limits.model_dump(exclude_none=True)) == set(TenantLimits.model_fields)
    assert short.limits == TenantLimits()


def test_every_key_of_a_tenant_is_in_the_manual_and_in_the_example() -> None:
    manual, example = ((ROOT / name).read_text() for name in ("docs/tenants.md", "config/tenant.example.toml"))

    for key in tenants._KEYS:
        assert key == "limits" or f"| `{key}` |" in manual
        assert key == "limits" or f"{key.removeprefix('limits.')} = " in example


def test_another_folder_may_be_named_in_the_file_or_in_the_environment(folder: Folder, tmp_path: Path) -> None:
    folder.tenants.rename(tmp_path / "companies")
    folder.tenants = tmp_path / "companies"
    folder.write("acme.toml", ACME)
    assert folder.load() == ()

    [acme] = folder.load(VOIPMON_ACCESS__TENANTS_DIR=str(tmp_path / "companies"))
    folder.path.write_text(f"{NEEDED}access.tenants_dir = '{tmp_path}/companies'\n")

    assert folder.load() == (acme,)


def test_a_folder_that_is_named_must_be_there(folder: Folder) -> None:
    folder.path.write_text(f"{NEEDED}access.tenants_dir = '{folder.tenants}/nowhere'\n")

    assert folder.problems() == (
        f"access.tenants_dir: cannot read {folder.tenants}/nowhere: No such file or directory",
    )


def test_a_file_that_is_not_read_is_told(folder: Folder) -> None:
    folder.write("acme.tml", ACME)
    folder.write(".acme.toml.swp", "")

    loaded = load_config(folder.path, {})

    assert loaded.config.tenants == ()
    assert loaded.notices == (
        f"access.tenants_dir: {folder.tenants}/acme.tml is not read: the name of a tenant's file ends in .toml",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ACME + "sender = 'x'", "sender: is no key; the nearest is senders"),
        (ACME + "limits.max_day = 3", "limits.max_day: is no key; the nearest is limits.max_days"),
        (ACME + "limits.max_days = 0", "limits.max_days: should be greater than or equal to 1, not 0"),
        (ACME.replace("Acme", ""), "name: must not be empty"),
        (ACME.replace("Acme", "Acme, Zenith"), "name: a tenant's name has no comma"),
        (ACME.replace("Acme", "Acme\\u202e"), "name: a tenant's name has no comma"),
        (ACME.replace("@acme", "acme@x@"), "senders: 'acme@x@.example.com' is neither an address nor @ and a domain"),
        (ACME.replace("1100-1149", "1149-1100"), "extensions: the range '1149-1100' runs backwards"),
        (ACME.replace("1100-1149", "1121000"), "extensions: '1121000' is not an extension"),
        ('senders = ["a@example.com"]\nextensions = [1]', "name: is missing"),
        (ACME.replace('["1100-1149"]', "[]"), "extensions: must not be empty"),
        (ACME + "servers = ['g v']", "servers: 'g v' is not a server name"),
        (ACME + "rights = ['all']", "rights: should be 'recordings', 'checkip' or 'macchange', not 'all'"),
        (ACME + "cc = ['nobody']", "cc: 'nobody' is no address"),
        (ACME + "name = 'Twice'", "cannot overwrite a value"),
        ("name = ", "invalid value (at line 1, column 8"),
        ("[[tenants]]\n" + ACME, "name: is missing"),
    ],
)  # fmt: skip
def test_every_problem_is_told_with_its_file_and_its_key(folder: Folder, text: str, problem: str) -> None:
    file = folder.write("acme.toml", text)
    folder.write("zenith.toml", ZENITH.replace("1150", "11x"))

    problems = folder.problems()

    assert any(line.startswith(f"{file}: {problem}") for line in problems), problems
    assert any(line.startswith(f"{folder.tenants}/zenith.toml: extensions: '11x' is not") for line in problems)


def test_the_place_of_a_table_in_the_configuration_is_told_by_its_number(folder: Folder) -> None:
    folder.path.write_text(f"{NEEDED}[[tenants]]\n{ACME}[[tenants]]\n{ZENITH}color = 'red'\n")

    assert folder.problems() == ("tenants, the 2.: color: is no key; the nearest is code_file",)


def test_one_pair_of_brackets_is_one_too_few(folder: Folder) -> None:
    folder.path.write_text(f"{NEEDED}[tenants]\n{ACME}")

    assert folder.problems() == ("tenants: begins with [[tenants]], in two brackets: there may be several",)


def test_a_code_that_stands_where_its_file_belongs_is_not_told(folder: Folder) -> None:
    folder.write("acme.toml", ACME + "code_file = 'K7Q2M9XD'\n")

    [problem] = folder.problems()

    assert "code_file: must be the whole path" in problem
    assert "K7Q2M9XD" not in problem


def test_a_file_that_may_not_be_read_is_named() -> None:
    with reachable_folder() as place:
        folder = Folder(place)
        file = folder.write("acme.toml", ACME)
        file.chmod(0)
        with ordinary_user():
            problems = folder.problems()

    assert problems == (f"cannot read {file}: Permission denied",)


class TestExtensionsOfTwoTenants:
    def test_both_names_and_the_extensions_are_told(self, folder: Folder) -> None:
        folder.write("acme.toml", ACME)
        folder.write("zenith.toml", ZENITH)

        [problem] = folder.problems()

        assert problem.startswith("tenants 'Acme' and 'Zenith': both have 1140: take that out of one of them, or name")

    @pytest.mark.parametrize(
        ("one", "other", "apart"),
        [("gv1p", "gv2p", True), ("gv1p", "GV1P", False), ("gv1p", None, False), (None, "gv2p", False)],
    )
    def test_only_on_one_exchange_they_are_the_same(
        self, folder: Folder, one: str | None, other: str | None, *, apart: bool
    ) -> None:
        folder.write("acme.toml", ACME + (f"servers = ['{one}']" if one else ""))
        folder.write("zenith.toml", ZENITH + (f"servers = ['gv3p', '{other}']" if other else ""))

        if apart:
            assert len(folder.load()) == 2
        else:
            assert len(folder.problems()) == 1

    def test_a_name_is_given_once_in_whatever_case(self, folder: Folder) -> None:
        folder.write("acme.toml", ACME)
        folder.write("zenith.toml", ZENITH.replace("1140, ", "").replace("Zenith", "ACME"))

        [problem] = folder.problems()

        assert "zenith.toml: name: 'ACME' is the name of a tenant in" in problem


def test_130_files_with_1378_extensions_are_read_with_one_look_at_each(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(130):
        first = 1000 + 11 * number
        folder.write(
            f"{number:03}.toml",
            f'name = "Company {number}"\nsenders = ["@c{number}.example.com"]\n'
            f'extensions = ["{first}-{first + (9 if number < 52 else 10)}"]\n',
        )
    read: list[Path] = []
    monkeypatch.setattr(tenants, "read_text", lambda path: read.append(path) or (path.read_text(), 0o600))  # type: ignore[func-returns-value]

    found = folder.load()

    assert len(found) == 130
    assert len(read) == len(set(read)) == 130
    assert sum(int(last) - int(first) + 1 for one in found for first, last in [one.extensions[0].split("-")]) == 1378


class TestCode:
    def tenant(self, file: Path) -> Tenant:
        return Tenant(name="Acme", senders=("a@example.com",), extensions=("1121",), code_file=file)

    def test_it_is_read_from_its_file(self, tmp_path: Path) -> None:
        file = tmp_path / "acme"
        file.write_text("k7q2m9xd\n")

        assert code_of(self.tenant(file), {}) == "k7q2m9xd"

    def test_the_credential_of_the_same_name_comes_first(self, tmp_path: Path) -> None:
        file = tmp_path / "acme"
        file.write_text("k7q2m9xd\n")
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials" / "acme").write_text("XXXXYYYY")

        assert code_of(self.tenant(file), {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}) == "XXXXYYYY"

    @pytest.mark.parametrize("content", ["", "k7q2m9x", "k7q2m9xde", "[k7q2m9x]", "k7q2 9xd", "k7q2m9xd\nk7q2m9xd\n"])
    def test_what_is_no_code_is_refused_and_not_told(self, tmp_path: Path, content: str) -> None:
        file = tmp_path / "acme"
        file.write_text(content)

        with pytest.raises(ConfigError) as caught:
            code_of(self.tenant(file), {})

        assert str(file) in str(caught.value)
        assert "'Acme'" in str(caught.value)
        assert "k7q2" not in str(caught.value)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"there is no {tmp_path}/acme: put 8 letters or digits there"):
            code_of(self.tenant(tmp_path / "acme"), {})


def test_an_old_file_has_tenants_beside_it_too(folder: Folder) -> None:
    folder.write("acme.toml", ACME)
    old = folder.path.parent / "monitor_config.txt"
    old.write_text(
        "EMAIL_SERVICE=voip@example.com\nSMTP_SERVER=smtp.example.com\nBASE_URL=https://voip.example.com/a\n"
    )

    [acme] = load_config(old, {}).config.tenants

    assert acme.name == "Acme"


def test_a_folder_is_found_beside_a_relative_path(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("acme.toml", ACME)
    monkeypatch.chdir(folder.path.parent)

    config = load_config(Path("voipmon.toml"), {}).config

    assert len(config.tenants) == 1
    assert config.access.tenants_dir == Path(os.getcwd()) / "tenants.d"  # noqa: PTH109 - as the test changed it
