"""$validate: whether a resource would be accepted, without storing it.

https://hl7.org/fhir/R4/resource-operation-validate.html

Always 200 with an OperationOutcome, also when nothing is right: the outcome is the answer. What the service itself
would warn of or refuse on a write is told: structure, codes, references; and when the mode says which write, all that
this one would be told (`exchange/validating.py`).
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, NotOffered
from sharedplan.fhir import json_text, languages, outcomes, resources
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.existence import absent, referred, visible
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version

OfTheWrite = Callable[[str, str | None, Json], Awaitable[tuple[Sequence[Issue], Trail]]]
"""Mode, id and resource → what such a write would be told, and the audit row of having asked."""

MODES = ("create", "update", "delete", "profile")
BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/"


async def validate(asked: Asked, acting: Acting, of_the_write: OfTheWrite) -> Answer:
    """The outcome as 200; `of_the_write` tells what a create or an update of it would be told.

    Raises Incorrect when the request is not one for validation.
    """
    if asked.type is None:
        raise NotOffered("$validate is for a type or an instance: POST [type]/$validate")
    resource, mode, profile = _asked_for(asked)
    current, trail = None, acting.trail
    if asked.id is not None:
        current = await acting.unit.newest(asked.type, asked.id, within=acting.within[asked.type])
    issues = list(_of_mode(asked, mode, resource, current))
    if resource is None and current is not None and current.content is not None:
        resource = json_text.read(current.content)
    if resource is None and not issues:
        raise Incorrect("$validate needs a resource, in the body or as the parameter named resource")
    if resource is not None and mode != "delete":
        found = _of_structure(str(asked.type), resource)
        is_written = mode in ("create", "update") and asked.type in CATALOGUE
        if is_written and mode is not None and not _are_errors((*issues, *found)):
            id = asked.id or resource.get("id") if mode == "update" else None
            told, trail = await of_the_write(mode, id, resource)
            issues += told
        else:
            issues += found if _are_errors(found) else [*found, *await _of_references(asked, acting, resource)]
    issues += _of_profile(asked.type, profile)
    if not issues:
        issues.append(Issue("informational", "no problems found", severity="information"))
    await acting.unit.record(trail)
    language = languages.chosen(None, asked.accept_language)
    return Answer(200, outcomes.text([each.said_in(language) for each in issues]))


def _asked_for(asked: Asked) -> tuple[Json | None, str | None, str | None]:
    """(resource, mode, profile), from the body, Parameters or the query. Raises Incorrect."""
    query = dict(asked.parameters)
    if unknown := query.keys() - {"mode", "profile"}:
        raise Incorrect(f"$validate takes mode and profile, not {', '.join(sorted(unknown))[:200]}")
    resource, mode, profile = asked.body, query.get("mode"), query.get("profile")
    if isinstance(resource, dict) and resource.get("resourceType") == "Parameters":
        given = dict(_parameters(resource))
        resource = given.get("resource")
        mode, profile = given.get("mode", mode), given.get("profile", profile)
    if resource is not None and not isinstance(resource, dict):
        raise Incorrect("the parameter resource holds a resource", at="Parameters.parameter")
    if mode is not None and mode not in MODES:
        raise Incorrect(f"mode is one of {', '.join(MODES)}", at="Parameters.parameter")
    if profile is not None and not isinstance(profile, str):
        raise Incorrect("profile is a uri", at="Parameters.parameter")
    return resource, mode, profile


def _parameters(parameters: Json) -> Iterator[tuple[str, Any]]:
    """(name, value) of each parameter. Raises Incorrect for one that the operation does not have."""
    listed = parameters.get("parameter", [])
    for number, each in enumerate(listed if isinstance(listed, list) else [None]):
        at = f"Parameters.parameter[{number}]"
        if not isinstance(each, dict) or each.get("name") not in ("resource", "mode", "profile"):
            raise Incorrect("$validate takes the parameters resource, mode and profile", at=at)
        if each["name"] == "resource":
            yield "resource", each.get("resource")
        else:
            yield each["name"], next((value for key, value in each.items() if key.startswith("value")), None)


def _of_mode(asked: Asked, mode: str | None, resource: Json | None, current: Version | None) -> Iterator[Issue]:
    """What keeps the interaction from being done, apart from the resource itself."""
    is_there = current is not None and not current.is_deleted
    if asked.id is not None and not is_there and (resource is None or mode == "delete"):
        yield Issue("not-found", f"there is no {asked.type}/{asked.id}")
    if mode in ("create", "update", "delete") and asked.type in CATALOGUE and mode not in CATALOGUE[asked.type].can:
        yield Issue("not-supported", f"{mode} of {asked.type} is not offered")
    if resource is None:
        return
    id = resource.get("id")
    if mode == "update" and id is None:
        yield Issue("required", "an update needs the id in the body", f"{asked.type}.id")
    if mode in (None, "update") and asked.id is not None and id is not None and id != asked.id:
        yield Issue("invalid", f"the body has the id {id!r}, the address {asked.id!r}", f"{asked.type}.id")


def _of_structure(type: str, resource: Json) -> list[Issue]:
    """What validation by itself has to say."""
    if resource.get("resourceType") != type:
        found = resource.get("resourceType")
        return [Issue("invalid", f"the resource is a {found!r}, the address that of a {type}", f"{type}.resourceType")]
    return list(resources.issues_of(type, resource))


async def _of_references(asked: Asked, acting: Acting, resource: Json) -> list[Issue]:
    """What leads nowhere."""
    wanted = referred(resource, asked.base)
    there = await visible({key for _, key in wanted}, acting)
    severity = "error" if acting.policy.enforces_references else "warning"
    return [absent(path, key, severity) for path, key in wanted if key not in there]


def _are_errors(issues: Iterable[Issue]) -> bool:
    return any(issue.severity in ("error", "fatal") for issue in issues)


def _of_profile(type: str, profile: str | None) -> list[Issue]:
    """An error for a profile that is not known: it was not validated against, and nobody should think so."""
    if profile is None or profile.partition("|")[0] == BASE_PROFILE + type:
        return []
    return [Issue("not-supported", f"the profile {profile[:200]} is not known here: nothing was validated against it")]
