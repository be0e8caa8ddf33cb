"""The parent of the workers, and the signals that it gets."""

import subprocess
import sys

SIGNALLED = """
import os, signal, socket
from datetime import timedelta
from sharedplan.commands.supervisor import Supervisor

supervisor = Supervisor(socket.socket(), {}, 0, timedelta(seconds=1))
with supervisor.stopping._cond:  # as whoever waits for the event has it for a moment
    os.kill(os.getpid(), signal.SIGTERM)
supervisor.run()
supervisor.stop()
assert supervisor.stopping.is_set()
"""


def test_a_signal_stops_it_whatever_it_is_doing() -> None:
    assert subprocess.run([sys.executable, "-c", SIGNALLED], timeout=30).returncode == 0
