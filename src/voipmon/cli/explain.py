"""`explain`: the whole story of one request or mail."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

import click

from voipmon import wiring
from voipmon.cli.root import Session
from voipmon.cli.show import json_text, plain
from voipmon.clock import stamp
from voipmon.commands.explain import Story
from voipmon.commands.explain import explain as story_of
from voipmon.errors import ExitCode
from voipmon.mail.ledger import Verdict
from voipmon.mail.reason import Reason


@click.command()
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def explain(session: Session, name: str, as_json: bool) -> ExitCode:  # noqa: FBT001
    """Tell the whole story of one request or mail; ID is a request id or a Message-ID."""
    with session.at_work() as config, closing(wiring.ledger(config)) as ledger:
        story = story_of(name, ledger, wiring.queue_admin(config), wiring.outbox(config))
    if as_json:
        click.echo(json_text(_shape(story)))
    else:
        click.echo("\n".join(_lines(story, config.timezone)))
    return ExitCode.SUCCESS


def _shape(story: Story) -> dict[str, Any]:
    return {
        "request_id": story.request_id,
        "mail": _mail(story.verdict) if story.verdict else None,
        "state": story.state,
        "document": story.document or None,
        "letters": list(story.letters),
        "others": [{"request_id": other.request_id, **_mail(other)} for other in story.others],
    }


def _mail(verdict: Verdict) -> dict[str, Any]:
    return {
        "message_id": verdict.message_id,
        "sender": verdict.sender,
        "subject": verdict.subject,
        "arrived_at": stamp(verdict.arrived_at),
        "decided_at": stamp(verdict.decided_at) if verdict.decided_at else None,
        "verdict": verdict.kind.value,
        "reason": verdict.reason,
        "why": _why(verdict.reason),
        "doubt": verdict.doubt,
    }


def _why(reason: str) -> str:
    """Return the reason in words; that of a rejected mail is in words already."""
    return Reason(reason).sentence if reason in list(Reason) else reason


def _lines(story: Story, zone: Any) -> list[str]:
    def when(moment: str | datetime | None) -> str:
        if moment is None:
            return "-" * 19
        parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return f"{parsed.astimezone(zone):%d/%m/%Y %H:%M:%S}"

    lines = [f"request {story.request_id}"]
    if story.verdict is not None:
        lines += _lines_of_mail(story.verdict, when)
    for event in story.document.get("history", []):
        detail = f": {event['detail']}" if event.get("detail") else ""
        lines.append(f"{when(event.get('at'))}  {event.get('event')} on {event.get('instance', '?')}{detail}")
    if story.state is not None:
        lines.append(f"{'now':<19}  the request is in {story.state}/{_next(story, when)}")
    for letter in story.letters:
        ended = letter.get("sent_at") or letter.get("refused_at")
        why = f" ({letter['reason']})" if letter.get("reason") else ""
        recipients = ", ".join(letter.get("recipients", []))
        lines.append(f"{when(ended)}  letter {letter['name']} to {recipients}: {letter['state']}{why}")
    for other in story.others:
        lines += ["", f"another mail of that Message-ID, request {other.request_id}", *_lines_of_mail(other, when)]
    return list(map(plain, lines))


def _lines_of_mail(verdict: Verdict, when: Callable[[datetime | None], str]) -> list[str]:
    why = _why(verdict.reason)
    decided = f"{verdict.kind.value}: {verdict.reason}" + (f" ({why})" if why != verdict.reason else "")
    lines = [
        f"{when(verdict.arrived_at)}  mail from {verdict.sender or 'an unverified sender'}: {verdict.subject}",
        f"{when(verdict.decided_at)}  {decided}",
    ]
    if verdict.doubt is not None:
        lines.append(f"{'sender in doubt':<19}  {verdict.doubt} ({_why(verdict.doubt)})")
    return lines


def _next(story: Story, when: Any) -> str:
    result = story.document.get("result", {})
    told = f", {result['outcome']}" if "outcome" in result else ""
    told += f": {result['error']}" if result.get("error") else ""
    if story.document.get("not_before"):
        told += f", next attempt not before {when(story.document['not_before'])}"
    return told
