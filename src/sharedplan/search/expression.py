"""The one small language that search and access share: what is asked for, and what may be seen.

An Expression is a value. `store/compile.py` turns it into SQL, `search/matching.py` tests it in memory; a property
test holds them to the same answers. A slice (what somebody may see) is an Expression too, so a limit is always
part of the query and never sifted out afterwards.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sharedplan.search.parameters import Parameter
from sharedplan.search.values.position import Circle


class Expression:
    """A condition on resources of one type."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Everything(Expression):
    """True of every resource."""


@dataclass(frozen=True, slots=True)
class Nothing(Expression):
    """True of none."""


@dataclass(frozen=True, slots=True)
class And(Expression):
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    part: Expression


@dataclass(frozen=True, slots=True)
class HasId(Expression):
    """The resource's id is one of these."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated(Expression):
    """`_lastUpdated`: not before `since`, and before `until`, UTC; None leaves that side open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class InCompartment(Expression):
    """In the compartment of that resource: it is the resource, or one of the parameters of the type's row in the
    CompartmentDefinition points at it. https://hl7.org/fhir/R4/compartmentdefinition.html"""

    compartment: str  # "Patient"
    id: str


@dataclass(frozen=True, slots=True)
class OfRegister(Expression):
    """It belongs to the register of that organisation."""

    organization: str


@dataclass(frozen=True, slots=True)
class OfClient(Expression):
    """It names that client, and no other."""

    client: str  # "Patient/1"


@dataclass(frozen=True, slots=True)
class ToldOf(Expression):
    """It is of the log, and that client's: it names him, or a refusal concerned him. What it says of others beside him
    is left out before anything is asked of it (`store/own_log.py`)."""

    client: str  # "Patient/1"


@dataclass(frozen=True, slots=True)
class Permitted(Expression):
    """The asker may see it of each client that it names, now: it is in a person's own register and he is concerned with
    the client, or the asker is on the client's team and the consents of the client permit it. What names no client is
    a person's to see in the own register.

    The asker is whom the token names, and what for: `access/asker.py` and `access/judgement.py` say what comes of that.
    `organization` is None for whoever stands alone.
    """

    person: str | None
    organization: str | None
    purpose: str


@dataclass(frozen=True, slots=True)
class Addressed(Expression):
    """It is a consultation that names no client (`search/consulting.py`), and asks whoever asks here: a person as
    himself, by a role that he holds at the organisation, or as one who acts for it; an organisation's system for that
    and for the roles that are held there. Register, teams and consents have no say in it.
    """

    person: str | None
    organization: str | None


@dataclass(frozen=True, slots=True)
class Opened(Expression):
    """The person broke the glass for the client that it names, at that organisation and with that purpose, and what he
    opened has not ended; and no ban of the client's is on it (`access/emergency.py`)."""

    person: str
    organization: str
    purpose: str


@dataclass(frozen=True, slots=True)
class OfOwnClients(Expression):
    """Each client that it names is one of the asker's own: in the register of the organisation, which he acts for, and
    a person is concerned with the client. Of the log, he is told of it what was done in that register, or by his own
    (`store/own_log.py`)."""

    person: str | None
    organization: str


@dataclass(frozen=True, slots=True)
class OfTargets(Expression):
    """Of a Provenance: the asker sees each thing of clients that it is of, now. Those are there, and of the clients and
    in the register that it was bound to (`interactions/targets.py`).

    `own`: the client, when he asks himself, who sees what names him alone; else the asker is one as of Permitted, and
    sees what is in his own register, too.
    """

    person: str | None
    organization: str | None
    purpose: str
    own: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenBy(Expression):
    """Its newest version was written by that client system, on behalf of that organisation and person, who are None
    where there is none; or nobody is known to have asked for it, since an operator brought it in. (Of a Subscription:
    what a later version asks for is asked by whoever wrote that.)"""

    client: str
    organization: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class OfNoOthersSubscription(Expression):
    """Of the log: it is about no Subscription, or what was done by that client system, on behalf of that organisation
    and person, whose own the Subscription may be."""

    client: str
    organization: str | None
    person: str | None


def asker_of(slice: Expression) -> Permitted | None:
    """Whom what a slice opens is open to by the team and the consents; None when all of it is by something else."""
    match slice:
        case Permitted():
            return slice
        case OfTargets(person, organization, purpose, None):
            return Permitted(person, organization, purpose)
        case And(parts) | Or(parts):
            return next((found for part in parts if (found := asker_of(part)) is not None), None)
    return None


@dataclass(frozen=True, slots=True)
class TargetsWithin(Expression):
    """Of a Provenance: nothing that it is of is of the types `without`, and what is of a type in `limits` is there and
    meets the condition beside it."""

    without: tuple[str, ...]
    limits: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Missing(Expression):
    """`:missing`: the parameter finds no value in the resource."""

    parameter: Parameter


@dataclass(frozen=True, slots=True)
class HasToken(Expression):
    """`code`, `system|code`, `|code` or `system|`: None is not asked, "" is asked to be absent."""

    parameter: Parameter
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class HasEntry(Expression):
    """The parameter's column holds one of these index entries, as `values/` writes them."""

    parameter: Parameter
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coded(Expression):
    """`:in` a value set, or `:above` or `:below` a code, until `terminology` has told which codes those are.

    `system` is None for `:in`, whose `code` is the value set's url or "ValueSet/id".
    """

    parameter: Parameter
    relation: str  # in, above, below
    system: str | None
    code: str


@dataclass(frozen=True, slots=True)
class RefersTo(Expression):
    """The parameter's element refers to any of these, written as the index has them ("Patient/1", or an absolute
    URL or urn)."""

    parameter: Parameter
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Related(Expression):
    """A reference `:above` or `:below` one in its hierarchy (Location.partOf), until it is known which those are."""

    parameter: Parameter
    relation: str  # above, below
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Chained(Expression):
    """The parameter's element refers to a resource of that type which meets `where`, and which the asker may see."""

    parameter: Parameter
    type: str
    where: Expression


@dataclass(frozen=True, slots=True)
class ReferredBy(Expression):
    """`_has`: some resource that the asker may see refers to this one by that parameter of its, and meets `where`."""

    parameter: Parameter  # of the other resource's type
    where: Expression


@dataclass(frozen=True, slots=True)
class InTime(Expression):
    """A date against [low, high), UTC, by prefix: eq, ne, gt, lt, ge, le, sa, eb or ap.

    `keys`: of a composite, the entries of its first component, one of which the same element must have.
    https://hl7.org/fhir/R4/search.html#date
    """

    parameter: Parameter
    prefix: str
    low: datetime
    high: datetime
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InRange(Expression):
    """A number or quantity by prefix: exactly `value`, which with its precision means [low, high).

    `keys`: what stands beside the ranges, one of which it must be: a unit, or of a composite a code and a unit.
    https://hl7.org/fhir/R4/search.html#number
    """

    parameter: Parameter
    prefix: str
    value: Decimal
    low: Decimal
    high: Decimal
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HasText(Expression):
    """A string: `how` is starts, contains or exact; `text` is folded for the first two."""

    parameter: Parameter
    text: str
    how: str = "starts"


@dataclass(frozen=True, slots=True)
class Begins(Expression):
    """Something of the parameter that `values/lookup.py` has begins with one of these, after its mark: a text that
    stands beside a code, or a composite's second component."""

    parameter: Parameter
    starts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identified(Expression):
    """`:identifier`: the reference names its target by one of these, as index entries of a token."""

    parameter: Parameter
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasWords(Expression):
    """`_text` and `_content`: the narrative, or all that is said, has these words in whatever form they are."""

    parameter: Parameter
    text: str


@dataclass(frozen=True, slots=True)
class HasUri(Expression):
    """A uri: `how` is exact, above or below."""

    parameter: Parameter
    uri: str
    how: str = "exact"


@dataclass(frozen=True, slots=True)
class Near(Expression):
    """`near`: the place lies within the circle."""

    parameter: Parameter
    circle: Circle
