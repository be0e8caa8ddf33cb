"""One worker of `sharedplan serve`."""

import signal
import socket
import sys
import threading
from multiprocessing.connection import Connection

from pydantic import SecretStr

from sharedplan import logs
from sharedplan.access.keys import BadKey
from sharedplan.app import application
from sharedplan.clock import SystemClock
from sharedplan.commands.nursery import CANNOT_START
from sharedplan.commands.options import read_settings
from sharedplan.rest.server import Server, server
from sharedplan.secret_files import UnusableSecret


def work(bound: socket.socket, database_url: str, parent: Connection) -> None:
    """Serve on the socket until told to stop, or until `parent` is closed: then whoever looks after it is gone.

    Exits with CANNOT_START where it never will.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # what came while he was forked, comes now
    settings = read_settings()
    logs.set_up(settings.log_level, settings.log_format)
    settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
    try:
        wired = application(settings, SystemClock())
    except (BadKey, UnusableSecret, OSError) as failure:
        logs.log.error("worker_cannot_start", reason=str(failure))
        sys.exit(CANNOT_START)
    running = server(wired.app, wired.health, settings)
    threading.Thread(target=_stop_with, args=(parent, running), daemon=True).start()
    running.run(sockets=[bound])


def _stop_with(parent: Connection, running: Server) -> None:
    parent.poll(None)  # nothing is ever said: it becomes readable by its end
    running.drain(at_once=True)
