"""`coded-content`: the share of what was recorded that says by a known code what it is, by the system that recorded it
(R4.6); pure."""

from collections.abc import Iterator
from datetime import timedelta

from sharedplan.care import coding
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.figures import Around, Group, Question, Value, chunks
from sharedplan.care.measures.tally import Tally
from sharedplan.care.writes.meeting import lacks_type
from sharedplan.fhir.exchanges import Json

ELEMENTS = {"Encounter": "type", "Condition": "code", "Observation": "code", "ServiceRequest": "code", "Task": "code"}
"""The element by which a thing of that type says what it is."""

BY_SERVICE = "https://sharedplan.dev/fhir/CodeSystem/provenance|by-service"
"""The tag of the Provenances that the service makes itself, one for each version."""

UNKNOWN = Value("source", "unknown", "ei tiedossa")


class CodedContent:
    """Counts things as they are now whose last version was written in the period, by the client system that wrote it;
    also for an organisation that has several. One that lacks the element is not counted, but for an encounter of which
    its lack is warned."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._found: dict[str, tuple[str | None, bool]] = {}  # by "Task/1/_history/2": the client, whether it is coded
        self._systems: dict[str, Value] = {}

    def questions(self) -> Iterator[Question]:
        # Dates are compared as instants of UTC: a day more on either side, and each is looked at again.
        since, until = self._around.period.start - timedelta(days=1), self._around.period.end + timedelta(days=1)
        for type in ELEMENTS:
            yield Question(type, (("_lastUpdated", f"ge{since}"), ("_lastUpdated", f"le{until}")))
        targets = sorted({each.partition("/_history/")[0] for each in self._found})
        for some in chunks(targets):
            yield Question("Provenance", (("target", ",".join(some)), ("_tag", BY_SERVICE)))

    def take(self, resource: Json) -> None:
        type, meta = resource["resourceType"], resource.get("meta", {})
        if type == "Provenance":
            for each in resource.get("target", ()):
                if each.get("reference") in self._found:
                    self._systems[each["reference"]] = _system(resource)
            return
        concepts = resource.get(ELEMENTS[type])
        is_asked = bool(concepts) or (type == "Encounter" and lacks_type(resource))
        is_within = self._around.period.has(day_of(meta.get("lastUpdated")))
        if is_asked and is_within and resource.get("status") != "entered-in-error":
            client = resource.get("for" if type == "Task" else "subject", {}).get("reference")
            name = f"{type}/{resource['id']}/_history/{meta.get('versionId')}"
            self._found[name] = (client, coding.is_known(concepts))

    def groups(self) -> list[Group]:
        tally = Tally("coded-content")
        for name, (client, is_coded) in self._found.items():
            tally.add(self._systems.get(name, UNKNOWN), client, fulfilling=int(is_coded))
        return [tally.shares()]


def _system(provenance: Json) -> Value:
    """The client system that wrote, as tokens name it: the second agent, after the author."""
    agents = provenance.get("agent", ())
    name = " ".join(str(agents[1]["who"].get("identifier", {}).get("value", "")).split()) if len(agents) > 1 else ""
    return Value("source", name, name) if name else UNKNOWN
