"""A progress bar on long work, where a person looks."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voipmon.delivery.publisher import Progress


@contextmanager
def shown() -> "Iterator[Progress]":
    """Yield what shows bytes done of bytes in all: a bar when stderr is a terminal, nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with _Bar() as bar:
        yield bar.show


class _Bar:
    """A click progress bar for one bundle after the other."""

    def __init__(self) -> None:
        self._bar: Any = None  # click does not name the type

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def show(self, done: int, total: int) -> None:
        """Move the bar on, or begin a new one."""
        if self._bar is None:
            self._bar = click.progressbar(length=total, label="ZIP", file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)
        if done >= total:
            self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
