"""Secrets that the service keeps in its data directory: made at first use, and closed to everybody else.

Whoever needs one first makes it; several processes may. It is written beside its place and linked into it, so that
nobody ever reads half a secret, and of two makers one wins for both.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path


class UnusableSecret(Exception):
    """The file is there but cannot be used; the text says why."""


def secret_file(path: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds; if there is none, it is made with what `make` gives.

    Raises UnusableSecret for a file that others can read, OSError when it cannot be written.
    """
    if not path.exists():
        _write(path, make())
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UnusableSecret(f"{path} can be read by others (mode {mode:o}): chmod 600 it, or remove it for a new one")
    return path.read_bytes()


def _write(path: Path, secret: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # somebody else was first: theirs it is
            os.link(draft, path)
    finally:
        os.unlink(draft)
