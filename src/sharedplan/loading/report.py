"""What came of a load: counts, and each refusal with its place and reason."""

from collections import Counter
from dataclasses import dataclass, field

from sharedplan.errors import SharedplanError
from sharedplan.logs import place


class Stumbled(SharedplanError):
    """A mistake of ours came to light: what it was about is refused, and the load goes on."""


def known(failure: Exception) -> SharedplanError:
    """The failure as one of our own kind; one that nobody foresaw says where it happened, and nothing of content."""
    if isinstance(failure, SharedplanError):
        return failure
    return Stumbled(f"a fault of the service, not of the resource: {type(failure).__name__} at {place(failure)}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was not stored: where it stands ("file:line"), its entry in the Bundle there (None when the
    whole text is meant), what it is ("Patient/1"), and why."""

    place: str
    entry: int | None
    what: str | None
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        entry = "" if self.entry is None else f" entry {self.entry}"
        what = "" if self.what is None else f" ({self.what})"
        return f"{self.place}{entry}{what}: {'; '.join(self.reasons)}"


@dataclass(slots=True)
class Outcome:
    """What came of one item, or of all.

    `created`, `updated` and `unchanged` count resources by type, also those that a condition found to be there;
    `deleted` too. `left_out` counts by type the entries of types that are not offered, `references_cut` the references
    to them.
    """

    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    references_cut: int = 0
    refused: list[Refusal] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """How many resources are now as the files say."""
        return sum(count.total() for count in (self.created, self.updated, self.unchanged, self.deleted))

    def add(self, other: "Outcome") -> None:
        """Counts what came of another item, too."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.left_out += other.left_out
        self.references_cut += other.references_cut
        self.refused += other.refused
