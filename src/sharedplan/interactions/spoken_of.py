"""Whom and what the versions shown speak of, for the audit row of a read that the store cannot tell it for."""

from collections.abc import Iterable

from sharedplan.fhir.json_text import read
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version


def about(trail: Trail, versions: Iterable[Version]) -> Trail:
    """The audit row with the resources that were shown, and their patients."""
    shown: dict[str, None] = {}
    patients: dict[str, None] = dict.fromkeys(trail.patients)
    for version in versions:
        name = f"{version.type}/{version.id}"
        if name not in shown:
            shown[name] = None
            patients.update(dict.fromkeys(patients_of(version)))
    shown.pop(trail.resource or "", None)
    return trail._replace(patients=tuple(patients), entities=(*trail.entities, *shown))


def patients_of(version: Version) -> tuple[str, ...]:
    """The patients that one version speaks of, as references; none of a deletion, except the patient itself."""
    if version.patients is not None:
        return version.patients
    if version.type == "Patient":
        return (f"Patient/{version.id}",)
    if version.content is None or "patient" not in PARAMETERS[version.type]:
        return ()
    found = index_values(version.type, read(version.content)).get("patient")
    return (found,) if isinstance(found, str) else tuple(found or ())
