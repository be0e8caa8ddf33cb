"""One worker of `sharedplan serve`: `python -m sharedplan.commands.worker FD`, never called by hand.

Standard input first carries the address of the database, and its end says that the parent is gone.
"""

import socket
import sys
import threading
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sharedplan import logs
from sharedplan.clock import SystemClock
from sharedplan.commands import imports
from sharedplan.commands.options import read_settings
from sharedplan.commands.supervisor import CANNOT_START
from sharedplan.secret_files import UnusableSecret

if TYPE_CHECKING:
    from sharedplan.rest.server import Server


def main() -> None:
    """Serve on the socket with that file descriptor until told to stop."""
    with imports():
        from sharedplan.access.keys import BadKey
        from sharedplan.app import application
        from sharedplan.rest.server import server
    settings = read_settings()
    logs.set_up(settings.log_level, settings.log_format)
    bound = socket.socket(fileno=int(sys.argv[1]))
    database_url = sys.stdin.readline().strip()
    if not database_url:
        return  # the parent gave up before it began
    settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
    try:
        wired = application(settings, SystemClock())
    except (BadKey, UnusableSecret, OSError) as failure:
        logs.log.error("worker_cannot_start", reason=str(failure))
        sys.exit(CANNOT_START)
    running = server(wired.app, wired.health, settings)
    threading.Thread(target=_stop_with_the_parent, args=(running,), daemon=True).start()
    running.run(sockets=[bound])


def _stop_with_the_parent(running: "Server") -> None:
    sys.stdin.read()
    running.drain(at_once=True)


if __name__ == "__main__":
    main()
