"""`select-audios`: one request, given by options."""

import json
import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from voipmon import user, wiring
from voipmon.cli.root import Session
from voipmon.cli.show import plain
from voipmon.clock import stamp, system_clock
from voipmon.errors import ExitCode, OutboxError

if TYPE_CHECKING:
    from voipmon.commands.select_audios import Answer
    from voipmon.config.model import Config
    from voipmon.domain.outcome import Publication
    from voipmon.domain.recording import Findings
    from voipmon.domain.request import Request

_log = logging.getLogger(__name__)


@click.command("select-audios")
@click.option("--ramais", metavar="LIST", help="Extensions: 1121,1122 or 1121-1130.")
@click.option("--numero", metavar="NUMBER", help="The other party's number; alone, of any extension.")
@click.option("--inicio", metavar="MOMENT", help="From when: 'DD/MM/YYYY HH:MM'.")
@click.option("--fim", metavar="MOMENT", help="Until when, included; without it: now.")
@click.option("--email", metavar="ADDR", help="Who gets the mail; without it: nobody.")
@click.option("--servidor", metavar="NAME", help="Only calls of this exchange.")
@click.option("--modo", metavar="MODE", help="Accepted for the old scripts; changes nothing.", expose_value=False)
@click.option("--dry-run", is_flag=True, help="Only list what matches; write and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--refresh", is_flag=True, help="Only bring the catalogue up to date.")
@click.pass_obj
def select_audios(
    session: Session, /, *, email: str | None, dry_run: bool, as_json: bool, refresh: bool, **wish: str | None
) -> ExitCode:
    """Find recordings, bundle and publish them, and mail the link."""
    with session.at_work() as config:
        if refresh:
            if as_json:
                raise click.UsageError("--refresh prints one line: it takes no --json")
            return _refresh(config)
        request = _request(wish, email)
        if dry_run:
            findings, publication = _find(config, request), None
        else:
            answered = _answer(session, request)
            findings, publication = answered.findings, answered.publication
        shape = _json(request, findings, config) | ({} if dry_run else _places(publication))
        click.echo(json.dumps(shape, indent=2) if as_json else _text(findings, publication, config))
        if request.recipient and not dry_run:
            _send(session, request, "result" if publication else "nothing-found")
    return ExitCode.SUCCESS if findings.recordings else ExitCode.NOTHING_FOUND


def _refresh(config: "Config") -> ExitCode:
    with wiring.only_one(config, "refresh") as alone:
        click.echo(wiring.catalogue(config).refresh() if alone else "another refresh is at work on this state_dir")
    return ExitCode.SUCCESS


def _request(wish: dict[str, str | None], email: str | None) -> "Request":
    """Make a new request of the options; each run is one of its own."""
    from voipmon.domain.request import Request, mail_key, read_address, request_id

    parameters = {name: value for name, value in wish.items() if value is not None}
    recipient = read_address(email) if email is not None else ""
    now = system_clock()
    key = mail_key(*parameters.values(), recipient, now.isoformat(), str(os.getpid()))
    return Request(
        id=request_id(now, key),
        requester=recipient,
        recipient=recipient,
        parameters=parameters,
        created_at=now,
    )


def _find(config: "Config", request: "Request") -> "Findings":
    from voipmon.commands.find_recordings import find_recordings

    return find_recordings(request, wiring.catalogue(config), wiring.limits(config), config.timezone)[1]


def _answer(session: Session, request: "Request") -> "Answer":
    from voipmon.cli.progress import shown
    from voipmon.commands.select_audios import answer

    with shown() as progress:
        return answer(request, wiring.desk(session.config, user.at_keyboard(session.environ)), progress)


def _send(session: Session, request: "Request", kind: str) -> None:
    """Send the letter, which waits in the outbox; raise OutboxError where it still does after that."""
    from voipmon.mail.outbox import letter_name

    name = letter_name(request.id, kind)
    with closing(wiring.postman(session.config, session.environ)) as postman:
        sending = postman.send_letters()
    if name not in sending.sent:
        raise OutboxError(_why_not_sent(session.config, request, name, sending.away))


def _why_not_sent(config: "Config", request: "Request", name: str, away: str | None) -> str:
    """Say where the letter is now, and what the server said."""
    letters = {letter["name"]: letter for letter in wiring.outbox(config).letters_of(request.id)}
    letter = letters.get(name, {})
    reason = away or letter.get("reason") or "the server has not taken it for everybody"
    if letter.get("state") == "refused":
        return f"the mail to {request.recipient} will never be taken ({reason}): give the link above by hand"
    return f"the mail to {request.recipient} is not sent yet and waits in the outbox: {reason}"


def _json(request: "Request", findings: "Findings", config: "Config") -> dict[str, Any]:
    folder = config.recordings.dir
    return {
        "request_id": request.id,
        "count": len(findings.recordings),
        "bytes": sum(recording.size for recording in findings.recordings),
        "recordings": [
            {
                "path": str(folder / recording.path),
                "start": stamp(recording.start),
                "origin": recording.origin,
                "destination": recording.destination,
                "bytes": recording.size,
            }
            for recording in findings.recordings
        ],
        "left_out": [
            {"path": str(folder / left_out.path), "reason": left_out.reason} for left_out in findings.left_out
        ],
    }


def _places(publication: "Publication | None") -> dict[str, str | None]:
    """Return where the answer is; there is none where nothing was found."""
    return {
        "page": publication.page_url if publication else None,
        "zip": publication.zip_url if publication else None,
        "expires_at": stamp(publication.expires_at) if publication else None,
    }


def _text(findings: "Findings", publication: "Publication | None", config: "Config") -> str:
    found = findings.recordings
    lines = [f"{len(found)} recording{'s' * (len(found) != 1)}, {sum(recording.size for recording in found):,} bytes"]
    if publication:
        until = publication.expires_at.astimezone(config.timezone)
        lines += [
            f"page:  {publication.page_url}",
            f"zip:   {publication.zip_url}",
            f"until: {until:%d/%m/%Y %H:%M}",
        ]
    else:
        lines += [
            f"{recording.start.astimezone(config.timezone):%d/%m/%Y %H:%M:%S}  {recording.origin} -> "
            f"{recording.destination}  {recording.size:,} bytes  {recording.path}"
            for recording in found
        ]
    lines += [f"left out: {left_out.path} ({left_out.reason})" for left_out in findings.left_out]
    return "\n".join(map(plain, lines))
