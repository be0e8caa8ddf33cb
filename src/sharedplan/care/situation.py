"""Everything that is known of one client and his shared plan at a moment, as a value that the rules look at; pure.

It holds what whoever asks may see; or, to judge a write, all that there is (`interactions/gathering.py` fetches it).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from operator import is_

from sharedplan.care import codes
from sharedplan.care.traits import Traits
from sharedplan.fhir.exchanges import Json


@dataclass(frozen=True, slots=True)
class Trace:
    """What the log tells of one who was at the client's data, a person or (without one) an organisation's system.

    `person`, `organization`: as tokens name them ("Practitioner/1"). `last`: when last, `wrote`: when last to write
    something; `fetched`: when first the plan was read as it is now. All UTC, of the time that was looked at.
    """

    person: str | None
    organization: str | None
    last: datetime
    wrote: datetime | None = None
    fetched: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """`at`: the moment, UTC. `resources`: by reference ("Goal/1"), those of the client and what they name of the
    directory. `client`: "Patient/1". `plan`: "CarePlan/1", the one that is looked at; None without one. `registers`:
    whose register each is in, as far as it is known. `base`: the FHIR base, which absolute references may begin with.
    `is_cut`: there is more than was looked at. `traces`: who was at the client's data, by the log; None when that is
    not known, or not to be seen. `partly`: types of which the one who looks may see only some of the client's, or
    nothing. `others`: by reference, what the plan or something of it refers to that is not of the client.
    """

    at: datetime
    resources: Mapping[str, Json]
    client: str | None = None
    plan: str | None = None
    registers: Mapping[str, str | None] = field(default_factory=dict)
    base: str = ""
    is_cut: bool = False
    traces: tuple[Trace, ...] | None = None
    partly: frozenset[str] = frozenset()
    others: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def traits(self) -> Traits:
        """What has been found out of its resources, each for itself."""
        return Traits(self.base)

    @cached_property
    def _by_type(self) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        for each in self.resources.values():
            found[each["resourceType"]].append(each)
        return found

    @property
    def types(self) -> Iterable[str]:
        """Those of its resources."""
        return self._by_type

    def of(self, type: str) -> list[Json]:
        """All resources of a type."""
        return self._by_type.get(type, [])

    def name_of(self, reference: Json | str | None) -> str | None:
        """ "Type/id" of what a Reference leads to on this server; None when it does not tell."""
        return self.traits.name_of(reference)

    def get(self, reference: Json | str | None) -> Json | None:
        """The resource that a Reference, or "Type/id", leads to; None when it is not known or not seen."""
        return self.resources.get(self.name_of(reference) or "")

    def refers(self, references: Json | Iterable[Json] | None, name: str | None) -> bool:
        """Whether a Reference, or one of several, leads to that "Type/id"."""
        listed = [references] if isinstance(references, dict) else references or ()
        return name is not None and any(self.name_of(each) == name for each in listed)

    def is_client(self, reference: Json | None) -> bool:
        """Whether a Reference means the client: by his address; without any, by an identifier that his Patient has, or
        by nothing but a name of his. https://hl7.org/fhir/R4/references.html#logical"""
        if reference is None or self.client is None:
            return False
        if "reference" in reference:
            return self.name_of(reference) == self.client
        patient, identifier = self.patient or {}, reference.get("identifier", {})
        if reference.get("type", "Patient") != "Patient":
            return False
        if "value" in identifier:
            own = [(each.get("system"), each.get("value")) for each in patient.get("identifier", ())]
            return (identifier.get("system"), identifier["value"]) in own
        return "display" in reference and reference["display"] in _texts(patient.get("name", ()))

    def with_(self, *changed: Json, without: Iterable[str] = ()) -> "Situation":
        """The same with these resources in place of what they were, and without those that are named."""
        gone = set(without)
        kept = {name: each for name, each in self.resources.items() if name not in gone}
        kept |= {f"{each['resourceType']}/{each['id']}": each for each in changed}
        return replace(self, resources=kept).knowing(self.traits)

    def knowing(self, traits: Traits) -> "Situation":
        """The same with what was found out before, for a server with the same base."""
        self.__dict__["traits"] = traits
        return self

    def is_same(self, other: "Situation", types: Iterable[str]) -> bool:
        """Whether the resources of these types are the very same ones."""
        return all(
            len(mine := self.of(type)) == len(theirs := other.of(type)) and all(map(is_, mine, theirs))
            for type in types
        )

    def later(self, at: datetime, traces: tuple[Trace, ...] | None, partly: frozenset[str]) -> "Situation":
        """The same resources at another moment: what has been found out about them is not found out again."""
        made = replace(self, at=at, traces=traces, partly=partly)
        for name in ("_by_type", "traits", "episode", "teams"):
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name]
        return made

    # The plan and what belongs to it

    @property
    def care_plan(self) -> Json | None:
        """The plan that is looked at."""
        return self.resources.get(self.plan or "")

    @property
    def patient(self) -> Json | None:
        return self.resources.get(self.client or "")

    @cached_property
    def episode(self) -> str | None:
        """The EpisodeOfCare that the plan belongs to, which is the spine of all else."""
        return self.episode_of(self.care_plan) if self.care_plan is not None else None

    def episode_of(self, resource: Json) -> str | None:
        """The EpisodeOfCare that a resource belongs to: by its own element, else by the extension."""
        own = resource.get("episodeOfCare")
        if isinstance(own, list) and own:
            return self.name_of(own[0])
        found = codes.extension(resource, codes.EPISODE)
        return self.name_of(found.get("valueReference")) if found is not None else None

    @cached_property
    def teams(self) -> list[Json]:
        """The teams of the plan: those it names; one that names none has those of its episode."""
        plan = self.care_plan or {}
        named = [each for each in map(self.get, plan.get("careTeam", ())) if each is not None]
        if named or self.episode is None:
            return named
        return [each for each in self.of("CareTeam") if self.episode_of(each) == self.episode]

    # Names

    @property
    def client_called(self) -> str:
        """What people call the client; one whom the plan names by nothing but a display, by that."""
        return self.called(self.client or (self.care_plan or {}).get("subject"))

    def called(self, reference: Json | str | None) -> str:
        """What people call it: the name of a person or an organisation, else its display, else "Type/id"."""
        name = self.name_of(reference)
        resource = self.resources.get(name or "")
        if resource is not None and (found := self._own_name(resource)):
            return found
        if isinstance(reference, dict) and (display := reference.get("display")):
            return str(display)
        if name is not None:
            return name
        return str((reference or {}).get("reference", "?")) if isinstance(reference, dict) else str(reference or "?")

    def _own_name(self, resource: Json) -> str | None:
        if resource["resourceType"] == "PractitionerRole":
            person = self.get(resource.get("practitioner"))
            return self._own_name(person) if person is not None else resource.get("practitioner", {}).get("display")
        names = resource.get("name")
        if isinstance(names, str):
            return names
        return next(_texts(names), None) if isinstance(names, list) else None


def _texts(names: Iterable[Json]) -> Iterator[str]:
    """Each HumanName as people say it. https://hl7.org/fhir/R4/datatypes.html#HumanName"""
    for each in names:
        whole = each.get("text") or " ".join(filter(None, [*each.get("given", ()), each.get("family")]))
        if whole:
            yield whole
