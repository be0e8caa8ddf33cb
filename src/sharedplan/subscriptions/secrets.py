"""The header lines that a Subscription hides: sealed beside it, and opened when it is told."""

from collections.abc import Mapping

from sharedplan.errors import Incorrect
from sharedplan.interactions.cursors import Cursors
from sharedplan.interactions.subscribing import TYPE


class Secrets:
    """Header lines by the lines that stand for them, sealed with the key of the page links."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def opened(self, id: str, sealed: str | None) -> dict[str, str]:
        """What was sealed for that Subscription; nothing when the key is another one now."""
        if sealed is None:
            return {}
        try:
            found = self._cursors.opened(sealed, client=f"{TYPE}/{id}")
        except Incorrect:
            return {}
        return {str(line): str(real) for line, real in found.items()}

    def sealed(self, id: str, secrets: Mapping[str, str]) -> str | None:
        """The same sealed for that Subscription; None for none."""
        return self._cursors.sealed(dict(secrets), client=f"{TYPE}/{id}") if secrets else None
