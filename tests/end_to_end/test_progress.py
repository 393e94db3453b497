"""Who waits at a terminal sees that the work goes on; a log file does not."""

import os
import pty

from support.world import World

_RECORDING = "internal-1121-2001-20251027-080000-1761562800.1.mp3"
_COMMAND = ("select-audios", "--ramais", "1121", "--inicio", "27/10/2025", "--fim", "27/10/2025")


def test_a_bar_is_shown_on_a_terminal_and_nowhere_else(slave: World) -> None:
    slave.record(_RECORDING, b"\0" * 3_000_000)
    terminal, stderr = pty.openpty()

    shown = slave.start(*_COMMAND, stderr=stderr)
    shown.communicate(timeout=60)
    os.close(stderr)
    silent = slave.run(*_COMMAND)

    screen = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "ZIP" in screen
    assert "100%" in screen
    assert "%" not in silent.stderr
