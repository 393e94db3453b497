"""`doctor`: tries everything the configuration names."""

from dataclasses import asdict

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.show import json_text, plain
from voipmon.commands.doctor import Finding, examine
from voipmon.domain.request import read_address
from voipmon.errors import ExitCode


@click.command()
@click.option("--send-to", metavar="ADDR", help="Also send a letter there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(session: Session, send_to: str | None, as_json: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Try everything the configuration names, and say each remedy; ends with 0 or 3."""
    recipient = read_address(send_to) if send_to else None
    findings = []
    with session.at_work() as config:
        for finding in examine(wiring.checks(config, session.environ, recipient)):
            findings.append(finding)
            if not as_json:
                click.echo(_line(finding))
    healthy = all(finding.well for finding in findings)
    if as_json:
        shape = {"healthy": healthy, "checks": [asdict(finding) for finding in findings]}
        click.echo(json_text(shape))
    return ExitCode.SUCCESS if healthy else ExitCode.PROCESSING_ERROR


def _line(finding: Finding) -> str:
    mark = click.style("good", fg="green") if finding.well else click.style("BAD ", fg="red", bold=True)
    return f"{mark}  {finding.name}: {plain(finding.sentence)}"
