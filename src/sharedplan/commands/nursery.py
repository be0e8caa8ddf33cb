"""Where workers come from: a process that has imported all that they need, and is forked for each of them.

So many workers import once, share what they do not change, and one that died is replaced in a fifth of a second.
https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
"""

import os
from multiprocessing import forkserver, get_context

FORKS = get_context("forkserver")

CANNOT_START = 3
"""The exit code of a worker that found out, while starting, that it never will; uvicorn's too."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(512 * 1024), "MALLOC_TRIM_THRESHOLD_": str(1024 * 1024)}
"""To glibc: what large answers took goes back to the system when they are sent, rather than waiting in the worker for
the next ones (150 MiB against 157 after pages of a thousand plans by eight at once). Whoever sets these has his way."""


def prepare() -> None:
    """Begin; comes back at once, while the other process imports."""
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    FORKS.set_forkserver_preload(["sharedplan.commands.preloaded"])
    forkserver.ensure_running()
