"""`demo`: the whole flow, without any set-up."""

import os
import sys
from pathlib import Path

import click

from voipmon.clock import system_clock
from voipmon.errors import ExitCode, MissingExtraError


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use DIR instead of a new folder among the temporary files.",
)
@click.option("--serve", is_flag=True, help="Stay with the web server running until Ctrl-C.")
def demo(keep: Path | None, serve: bool) -> ExitCode:  # noqa: FBT001 - given by click
    """Show the whole flow on embedded servers, with made-up recordings."""
    from voipmon.demo.folder import demo_folder

    try:
        from voipmon.demo.story import play
    except ModuleNotFoundError as error:
        raise MissingExtraError("demo", "voipmon demo") from error
    with demo_folder(keep) as folder:
        click.echo(f"voipmon demo, in {folder.root}\n")
        play(folder, _Teller(), system_clock, serve=serve)
        click.echo("\nAll of it stays there." + ("" if serve else " With --serve you can listen."))
    return ExitCode.SUCCESS


class _Teller:
    """Writes on stdout: with check marks on a terminal, in plain ASCII elsewhere."""

    def __init__(self) -> None:
        self._utf = sys.stdout.encoding.lower().startswith("utf")
        signs = self._utf and sys.stdout.isatty()
        self._mark = click.style("✓", fg="green") if signs else "[ok]"
        self._margin = " " * (2 if signs else 5)
        self._color = False if "NO_COLOR" in os.environ else None

    def did(self, what: str) -> None:
        """Tell of a step that is done."""
        click.echo(f"{self._mark} {what}", color=self._color)

    def note(self, what: str) -> None:
        """Tell more about it."""
        line = f"{self._margin}{what}"
        click.echo(line if self._utf else line.encode("ascii", "replace").decode("ascii"))
