"""Everything due comes to its end, and one thing that resists does not keep the others."""

import pytest

from voipmon.commands.tidy import Kind, tidy
from voipmon.errors import ProcessingError
from voipmon.retention import Amount


class Shelf:
    """Kinds, and the names of those that were brought to their end."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def kind(self, name: str, amount: Amount, error: ProcessingError | None = None) -> Kind:
        def end() -> None:
            if error is not None:
                raise error
            self.ended.append(name)

        return Kind(name, lambda: amount, end)


def test_what_is_due_is_counted_and_brought_to_its_end() -> None:
    shelf = Shelf()

    done = tidy([shelf.kind("letters", Amount(2, 100)), shelf.kind("audit", Amount())])

    assert done == {"letters": Amount(2, 100), "audit": Amount()}
    assert shelf.ended == ["letters", "audit"]


def test_a_dry_run_only_counts() -> None:
    shelf = Shelf()

    assert tidy([shelf.kind("letters", Amount(2, 100))], dry_run=True) == {"letters": Amount(2, 100)}

    assert shelf.ended == []


def test_what_cannot_be_ended_is_said_and_keeps_no_other() -> None:
    shelf = Shelf()
    stuck = ProcessingError("the disk is gone")

    with pytest.raises(ProcessingError, match="the disk is gone"):
        tidy([shelf.kind("letters", Amount(1, 1), stuck), shelf.kind("audit", Amount(1, 1))])

    assert shelf.ended == ["audit"]
