"""What the process that workers are forked from imports: the worker, with the whole application."""

import signal

from sharedplan.commands import imports

# A terminal and an init system send theirs to every process. This one ends by itself, after its parent and the last
# worker.
signal.signal(signal.SIGINT, signal.SIG_IGN)
# For a worker that is just being forked it waits until he can take it, or he would never hear of the stop.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

with imports():
    from sharedplan.commands import worker as worker
