"""The paths of one type: /CarePlan, /CarePlan/{id} and what lies below them."""

from sharedplan.catalogue import Offered
from sharedplan.fhir.compartments import COMPARTMENTS
from sharedplan.interactions.capabilities import (
    ACCESS_DECISION,
    APPLY,
    BREAK_GLASS,
    DOCUMENT,
    EVALUATE_MEASURE,
    EVENTS,
    EVERYTHING,
    OPERATIONS,
    PREVIEW,
    REVIEW,
    STATUS,
)
from sharedplan.rest.openapi import of_models, of_subscriptions, operations
from sharedplan.rest.openapi.operations import Build, on_the_match
from sharedplan.rest.openapi.parts import BASE, Part, ref

OF_TYPE: tuple[tuple[str, str, str, Build], ...] = (
    ("", "get", "search-type", operations.search),
    ("", "post", "create", operations.create),
    (
        "",
        "put",
        "update",
        on_the_match(operations.update, "updateMatching{type}", "Replace the {type} that matches, or create it"),
    ),
    (
        "",
        "patch",
        "patch",
        on_the_match(operations.patch, "patchMatching{type}", "Change parts of the {type} that matches"),
    ),
    ("", "delete", "delete", on_the_match(operations.delete, "deleteMatching{type}", "Delete the {type} that matches")),
    ("/_search", "post", "search-type", operations.search_by_post),
    ("/_history", "get", "history-type", operations.history_of_type),
)
"""(below the type, HTTP method, interaction, the operation)"""

OF_INSTANCE: tuple[tuple[str, str, str, Build], ...] = (
    ("", "get", "read", operations.read),
    ("", "put", "update", operations.update),
    ("", "patch", "patch", operations.patch),
    ("", "delete", "delete", operations.delete),
    ("/_history", "get", "history-instance", operations.history),
    ("/_history/{versionId}", "get", "vread", operations.vread),
)
"""(below the instance, HTTP method, interaction, the operation)"""


def type_paths(offered: Offered) -> dict[str, Part]:
    """Every path of a type, with an operation for each interaction that the catalogue gives it."""
    type, at_type = offered.type, f"{BASE}/{offered.type}"
    at_instance = at_type + "/{id}"
    paths: dict[str, Part] = {}
    for below, method, interaction, build in OF_TYPE:
        if interaction in offered.can:
            paths.setdefault(at_type + below, {})[method] = build(type)
    for below, method, interaction, build in OF_INSTANCE:
        if interaction in offered.can:
            paths.setdefault(at_instance + below, {})[method] = _of_one(build(type), type)
    if type in COMPARTMENTS:
        paths[f"{at_instance}/{{type}}"] = {"get": _of_one(operations.search_compartment(type), type)}
    if "create" in offered.can:
        for each in OPERATIONS:
            named = f"{each.name}{type}"
            paths[f"{at_type}/${each.name}"] = {"post": operations.validate(named, type, each.does)}
            of_one = operations.validate(f"{named}AtInstance", type, f"{each.does}, as an update of this {type}", 404)
            paths[f"{at_instance}/${each.name}"] = {"post": _of_one(of_one, type)}
    if type == "Patient":
        of_access = operations.access_decision(ACCESS_DECISION.does)
        paths[f"{at_instance}/${ACCESS_DECISION.name}"] = {"post": _of_one(of_access, type)}
        of_emergencies = operations.break_glass(BREAK_GLASS.does)
        paths[f"{at_instance}/${BREAK_GLASS.name}"] = {"post": _of_one(of_emergencies, type)}
    if type == "CarePlan":
        for each, made in ((EVERYTHING, operations.everything), (DOCUMENT, operations.document)):
            paths[f"{at_instance}/${each.name}"] = {
                "get": _of_one(made(f"{each.name}OfCarePlan", each.does), type),
                "post": _of_one(made(f"{each.name}OfCarePlanByPost", each.does), type),
            }
    if type == "Consent":
        paths[f"{at_type}/${PREVIEW.name}"] = {"post": operations.preview(PREVIEW.does)}
    if type == "CarePlan":
        paths[f"{at_instance}/${REVIEW.name}"] = {"get": _of_one(operations.review(REVIEW.does), type)}
    if type == "PlanDefinition":
        paths[f"{at_instance}/${APPLY.name}"] = {"post": _of_one(of_models.apply(APPLY.does), type)}
    if type == "Measure":
        evaluated = of_models.evaluate_measure(EVALUATE_MEASURE.does)
        paths[f"{at_instance}/${EVALUATE_MEASURE.name}"] = {"get": _of_one(evaluated, type)}
    if type == "Subscription":
        paths[f"{at_instance}/${STATUS.name}"] = {"get": _of_one(of_subscriptions.status(STATUS.does), type)}
        paths[f"{at_instance}/${EVENTS.name}"] = {"get": _of_one(of_subscriptions.events(EVENTS.does), type)}
    return paths


def _of_one(operation: Part, type: str) -> Part:
    """The operation, with the id of the resource as its first parameter."""
    return {**operation, "parameters": [ref("parameters", f"{type}.id"), *operation["parameters"]]}
