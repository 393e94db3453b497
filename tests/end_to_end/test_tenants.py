"""Companies, as their files say, through the real commands: every one a process, every server real."""

import json
import re

from support.canary import code, own
from support.world import MANAGER, SUBJECT, World, members_of, text_of

CODE, WRONG = code("acme"), code("a guess at acme")
ACME = """
name = "Acme"
senders = ["ana@acme.example.com"]
extensions = ["1121-1122"]
servers = ["gv1p"]
cc = ["dpo@acme.example.com"]
limits.max_days = 2
"""
ZENITH = """
name = "Zenith"
senders = ["@zenith.example.com"]
extensions = [1121]
servers = ["gv2p"]
"""


def found(world: World, *companies: str) -> None:
    """Write the files of the companies, and put recordings of both there."""
    (world.folder / "tenants.d").mkdir(exist_ok=True)
    for number, text in enumerate(companies):
        (world.folder / "tenants.d" / f"{number}.toml").write_text(text)
    for server, number in (("gv1p-", 1), ("gv2p-", 2), ("", 3)):
        world.record(f"internal-1121-200{number}-20251027-090000-{server}1761566400.{number}.mp3")


def coded(world: World) -> str:
    file = own(world.folder / "code-of-acme")
    file.write_text(f"{CODE}\n")
    return f"{ACME}code_file = '{file}'\n"


def test_two_companies_with_the_same_extension_hear_their_own_calls_and_no_others(world: World) -> None:
    found(world, ACME, ZENITH)
    world.receive(SUBJECT, "ana@acme.example.com")
    world.receive("RAMAIS=1121 INICIO=27/10/2025 FIM=27/10/2025", "zoe@zenith.example.com")
    world.receive("RAMAIS=1121 INICIO=27/10/2025 FIM=27/10/2025 SERVIDOR=gv1p", "zoe@zenith.example.com")

    world.run("monitor")
    world.run("process-queue")

    tenants = {document["tenant"]: document["result"]["recordings"] for document in world.queued("completed")}
    assert tenants == {"Acme": 1, "Zenith": 1}
    members = [sorted(members_of(path)) for path in sorted((world.folder / "publish").glob("*/*.zip"))]
    assert sorted(names[0] for names in members) == [
        "2025-10-27_09-00-00_1121_para_2001.mp3",
        "2025-10-27_09-00-00_1121_para_2002.mp3",
    ]
    recipients = [set(received.recipients) - {"admin@example.com"} for received in world.sink.messages]
    assert recipients.count({"ana@acme.example.com", "dpo@acme.example.com"}) == 2
    assert recipients.count({"zoe@zenith.example.com"}) == 3
    [refused] = [text_of(mail) for mail in world.mails if "Sua empresa não tem ramais" in text_of(mail)]
    assert "“gv1p”" in refused


def test_a_code_is_asked_for_and_stands_nowhere(world: World) -> None:
    found(world, coded(world))
    for number, told in enumerate(("", f" [{WRONG}]", f" [{CODE}]")):
        world.receive(f"{SUBJECT}{told}", "ana@acme.example.com", Message_ID=f"<{number}@mail.example.com>")

    world.run("--log-format", "json", "monitor")
    world.run("process-queue")

    [document] = world.queued("completed")
    assert document["subject"] == SUBJECT
    printed = [world.run("queue", "show", document["request_id"]).stdout]
    printed += [world.run("explain", name).stdout for name in (document["request_id"], "<1@mail.example.com>")]
    assert "wrong_code" in printed[2]
    everything = "\n".join([*printed, *map(text_of, world.mails), *(mail["Subject"] for mail in world.mails)]).lower()
    assert CODE.lower() not in everything
    assert WRONG.lower() not in everything


def test_a_companys_people_are_written_to_in_its_language_and_others_are_not(world: World) -> None:
    found(world, f'{ACME}language = "en"\n')
    for sender in ("ana@acme.example.com", MANAGER):
        world.receive(SUBJECT, sender)
    world.receive("RAMAIS=2001 INICIO=27/10/2025", "ana@acme.example.com")

    world.run("monitor")
    world.run("process-queue")

    said = {"ana@acme.example.com": "", MANAGER: ""}
    for mail in world.mails:
        said[mail["To"].addresses[0].addr_spec] += text_of(mail)
    for words in ("Request received", "Your request needs a correction", "Listen "):
        assert words in said["ana@acme.example.com"]
    assert "Pedido recebido" in said[MANAGER]
    assert "edido" not in said["ana@acme.example.com"]
    pages = [path.read_text() for path in (world.folder / "publish").glob("*/index.html")]
    assert sorted(re.findall('<html lang="(.*)">', "".join(pages))) == ["en", "pt-BR"]


def test_a_tenants_limits_are_its_own(world: World) -> None:
    found(world, ACME)
    world.receive("RAMAIS=1121 INICIO=25/10/2025 FIM=28/10/2025", "ana@acme.example.com")
    world.receive("RAMAIS=1121 INICIO=25/10/2025 FIM=28/10/2025")

    world.run("monitor")
    world.run("process-queue")

    [mine] = [mail for mail in world.mails if mail["To"].addresses[0].addr_spec == "ana@acme.example.com"]
    assert "O período tem 4 dias, e cada pedido pode ter até 2" in text_of(mine)
    [document] = world.queued("completed")
    assert (document.get("tenant"), document["result"]["recordings"]) == (None, 3)


def test_a_code_that_cannot_be_read_leaves_the_mail_and_no_others(world: World) -> None:
    text = coded(world)
    found(world, text)
    (world.folder / "code-of-acme").unlink()
    world.receive(f"{SUBJECT} [{CODE}]", "ana@acme.example.com")
    world.receive(SUBJECT)

    ended = world.run("monitor", exits=3)
    world.run("monitor", exits=3)
    world.run("monitor", exits=3)
    world.run("monitor", exits=3)

    assert f"there is no {world.folder}/code-of-acme" in ended.stderr
    assert len(world.queued("pending")) == 1
    coded(world)
    world.run("monitor")
    assert len(world.queued("pending")) == 2


def test_a_tenant_that_is_added_changed_or_removed_holds_at_the_next_pass(slave: World) -> None:
    found(slave)
    question = ("queue", "add", "--ramais", "1121", "--inicio", "27/10/2025", "--email", "ana@acme.example.com")
    slave.run("queue", "list")
    slave.run(*question, exits=2)

    found(slave, ACME.replace("max_days = 2", "max_days = 9999"))
    slave.run(*question)
    found(slave, ACME.replace("1121", "1122"))
    refused = slave.run(*question, exits=2)
    (slave.folder / "tenants.d" / "0.toml").unlink()
    unknown = slave.run(*question, exits=2)

    assert "not of your company: 1121" in refused.stderr
    assert "is not allowed by [access]" in unknown.stderr
    slave.run("process-queue")
    [document] = slave.queued("failed")
    assert document["tenant"] == "Acme"
    assert [mail["To"].addresses[0].addr_spec for mail in slave.mails] == ["admin@example.com"]


def test_check_config_shows_the_tenants_and_what_is_wrong_with_them(slave: World) -> None:
    found(slave, coded(slave), ZENITH)
    good = slave.run("check-config").stdout

    (slave.folder / "code-of-acme").write_text("no code\n")
    no_code = slave.run("check-config", exits=2).stdout
    doctor = slave.run("doctor", exits=3).stdout
    found(slave, ACME.replace("gv1p", "gv2p"), ZENITH.replace("senders", "sender"))
    typing = slave.run("check-config", exits=2).stdout
    found(slave, ACME.replace("gv1p", "gv2p"), ZENITH)
    overlap = slave.run("check-config", exits=2).stdout

    assert good.splitlines()[1:] == [
        "tenant Acme: senders ana@acme.example.com; extensions 2; servers gv1p; with a code",
        "tenant Zenith: senders @zenith.example.com; extensions 1; servers gv2p",
    ]
    assert no_code == (
        f"code_file of the tenant 'Acme': {slave.folder}/code-of-acme must hold the code, 8 letters or digits, "
        "alone on one line\n"
    )
    assert f"BAD   tenants: {no_code}" in doctor
    assert typing.splitlines() == [
        f"{slave.folder}/tenants.d/1.toml: senders: is missing",
        f"{slave.folder}/tenants.d/1.toml: sender: is no key; the nearest is senders",
    ]
    assert overlap.startswith("tenants 'Acme' and 'Zenith': both have 1121: ")


def test_by_hand_on_the_command_line_no_right_is_asked_for(slave: World) -> None:
    found(slave, coded(slave), ZENITH)

    ended = slave.run(
        "select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025", "--dry-run", "--json"
    )

    assert json.loads(ended.stdout)["count"] == 3
