from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from voipmon.clock import system_clock
from voipmon.demo import story
from voipmon.demo.folder import DemoFolder, demo_folder
from voipmon.errors import ProcessingError


@dataclass
class Meddler:
    """Listens, and does something once it hears of the step whose words hold *at*."""

    at: str
    deed: Callable[[], object]

    def did(self, what: str) -> None:
        if self.at in what:
            self.deed()

    def note(self, what: str) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DemoFolder]:
    with demo_folder(tmp_path) as made:
        yield made


def test_a_recording_that_is_not_delivered_is_noticed(folder: DemoFolder) -> None:
    def lose_one() -> None:
        within = sorted(folder.recordings.glob("*-1121-*-1[0-6]????-*"), key=lambda path: path.stat().st_mtime)
        within[-1].unlink()  # of the day before today, between 10:00 and 16:59

    with pytest.raises(ProcessingError, match=r"the demo went wrong: .* 43 recordings"):
        story.play(folder, Meddler("three mails", lose_one), system_clock, serve=False)


def test_a_command_that_fails_is_told_with_what_it_said(folder: DemoFolder) -> None:
    meddler = Meddler("three mails", lambda: folder.config.write_text("mode = 3\n"))

    with pytest.raises(ProcessingError, match=r"'voipmon monitor' ended with 2: .*configuration_wrong"):
        story.play(folder, meddler, system_clock, serve=False)


def test_a_command_that_does_not_end_is_ended(folder: DemoFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "_PATIENCE", 0.01)

    with pytest.raises(ProcessingError, match="'voipmon monitor' did not end"):
        story.play(folder, Meddler("nothing", lambda: None), system_clock, serve=False)
