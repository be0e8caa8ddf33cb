"""Whom and what the versions shown speak of, for the audit row of a read that the store cannot tell it for."""

from collections.abc import Sequence

from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import read
from sharedplan.search.expression import And, Expression, InCompartment, RefersTo
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version

MOST_NAMED = 20
"""Clients of one question that its audit row names though nothing was found of them."""


def about(trail: Trail, versions: Sequence[Version]) -> Trail:
    """The audit row with the resources that were shown, their patients and the registers that they are in: of those
    that speak of patients, if any do. Which Subscriptions were among them is their owner's alone to know."""
    shown: dict[str, None] = {}
    speaking: list[Version] = []
    patients: dict[str, None] = dict.fromkeys(trail.patients)
    for version in versions:
        held = version.container
        name = f"{version.type}/{version.id}" if held is None else f"{held.type}/{held.id}"
        if name not in shown:
            shown[name] = None
            of = patients_of(version)
            patients.update(dict.fromkeys(of))
            speaking += [version] if of else []
    shown.pop(trail.resource or "", None)
    shown = {name: None for name in shown if not name.startswith("Subscription/")}
    registers = tuple(dict.fromkeys(each.controller for each in speaking or versions if each.controller is not None))
    return trail._replace(patients=tuple(patients), entities=(*trail.entities, *shown), registers=registers)


def patients_of(version: Version) -> tuple[str, ...]:
    """The patients that one version speaks of, as references; none of a deletion, except the patient itself."""
    if version.patients is not None:
        return version.patients
    if version.type == "Patient":
        return (f"Patient/{version.id}",)
    if version.content is None or "patient" not in PARAMETERS[version.type]:
        return ()
    return named(version.type, read(version.content))


def named(type: str, resource: Json, base: str = "") -> tuple[str, ...]:
    """The clients that a resource names."""
    found = index_values(type, resource, base=base).get("patient")
    return (found,) if isinstance(found, str) else tuple(found or ())


def asked_about(where: Expression) -> tuple[str, ...]:
    """The clients that a question names outright, a few at most: whatever it finds, it is about them."""
    match where:
        case And(parts):
            found = dict.fromkeys(client for part in parts for client in asked_about(part))
            return tuple(found)[:MOST_NAMED]
        case RefersTo(parameter, references) if parameter.code in ("patient", "subject"):
            return tuple(each for each in references if each.startswith("Patient/"))[:MOST_NAMED]
        case InCompartment("Patient", id):
            return (f"Patient/{id}",)
    return ()
