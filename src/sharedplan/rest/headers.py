"""The request's headers as the interactions need them. https://hl7.org/fhir/R4/http.html"""

from collections.abc import Iterable, Set
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Prefer

RETURNS = {"minimal": "minimal", "representation": "representation", "operationoutcome": "OperationOutcome"}


class Headers:
    """The headers of one request, by lower-case name; a name may come more than once."""

    __slots__ = ("_values",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in raw:
            self._values.setdefault(name, []).append(value)

    @property
    def names(self) -> Set[bytes]:
        """The names of those that were sent."""
        return self._values.keys()

    def all(self, name: bytes) -> list[bytes]:
        """Every value of the header, as sent."""
        return self._values.get(name, [])

    def one(self, name: bytes) -> str | None:
        """The header's one value; None when absent.

        Raises Incorrect when it comes twice, for then two readers could choose differently.
        """
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise Incorrect(f"the header {name.decode('latin-1')} comes more than once")
        return values[0].decode("latin-1")

    def joined(self, name: bytes) -> str:
        """A list header's values as one; "" when absent."""
        values = self._values.get(name)
        return "" if values is None else b",".join(values).decode("latin-1")

    def instant(self, name: bytes) -> datetime | None:
        """An HTTP date, UTC; None when absent or unreadable, as RFC 9110 says of If-Modified-Since."""
        text = self.one(name)
        if text is None:
            return None
        try:
            read = parsedate_to_datetime(text)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the last hours of the year 9999, west of Greenwich
            return None

    def prefer(self) -> Prefer:
        """The Prefer header; preferences that we do not know are ignored, as RFC 7240 says."""
        text = self.joined(b"prefer")
        if not text:
            return _NO_PREFERENCE
        returning, lenient = None, False
        for part in text.replace(";", ",").split(","):
            name, _, value = part.strip().partition("=")
            value = value.strip().strip('"').lower()
            match name.strip().lower():
                case "return":
                    returning = RETURNS.get(value, returning)
                case "handling":
                    lenient = value == "lenient"
        return Prefer(returning, lenient)


_NO_PREFERENCE = Prefer()
