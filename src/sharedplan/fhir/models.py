"""What the models of fhir.resources say of each field, put right where they are R4B or forgot something.

Checked field by field against the published StructureDefinitions of R4: the corrections below are all the differences
in the types that can matter here. https://hl7.org/fhir/R4/structuredefinition.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin
from uuid import UUID

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sharedplan.fhir.codes import Required, required

Model = type[BaseModel]

NOT_AS_IN_R4 = frozenset({"Evidence", "EvidenceVariable", "ExampleScenario"})
"""Types that R4B changed so much that its models would refuse what R4 allows; kept without a look inside."""

FORGOTTEN = "valueMeta"
"""The form of Extension.value[x] that R4 has and the models lack."""

_ADDED_BY_R4B = frozenset({"CodeableReference", "RatioRange"})
_NOT_ELEMENTS = frozenset({"fhir_comments", "resource_type", "resourceType", "subjectCanonical"})
_TARGETS_IN_R4 = {
    ("ActivityDefinition", "productReference"): ("Medication", "Substance"),
    ("DiagnosticReport", "subject"): ("Device", "Group", "Location", "Patient"),
    ("GroupMember", "entity"): (
        ("Device", "Group", "Medication", "Patient", "Practitioner", "PractitionerRole", "Substance")
    ),
    ("Observation", "subject"): ("Device", "Group", "Location", "Patient"),
}
_BARE = {bool: "boolean", str: "string", UUID: "uuid"}


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a model.

    `kind`: a primitive's name or a complex type's ("CarePlanActivity"). `model`: that of a complex type, None for a
    primitive. `is_extensible`: whether it has a `_name` twin. `choice`: the stem of one ("value" of valueQuantity);
    then `is_required` says that one of its forms is. `targets`: the types a Reference may point at, empty for any.
    """

    owner: str
    name: str
    kind: str
    model: Model | None
    many: bool
    is_extensible: bool = False
    is_required: bool = False
    choice: str | None = None
    targets: frozenset[str] = frozenset()
    required_codes: Required | None = None

    @property
    def label(self) -> str:
        """Its name in a FHIRPath."""
        return self.choice or self.name


@lru_cache(maxsize=1024)
def model(type: str) -> Model | None:
    """The model of a resource type or datatype; None when there is none that speaks R4."""
    if type in NOT_AS_IN_R4:
        return None
    try:
        found: Model = get_fhir_model_class(type)
    except (KeyError, LookupError, ValueError):
        return None
    return found


def type_of(model: Model) -> str:
    """The name of a model's type: "CarePlan", "CarePlanActivity"."""
    return str(model.get_resource_type())  # type: ignore[attr-defined]  # every model of the library has it


def fields(model: Model) -> Iterator[Field]:
    """The elements that R4 gives the type, in the model's order; the `_name` twins of primitives left out."""
    owner = type_of(model)
    aliases = {field.alias for field in model.model_fields.values()}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if not alias.startswith("_") and alias not in _NOT_ELEMENTS:
            many, kind, inner = _unwrapped(field.annotation, tuple(field.metadata))
            if kind not in _ADDED_BY_R4B:
                yield _field(owner, alias, field, kind, inner, many, f"_{alias}" in aliases)
    if owner == "Extension":
        yield Field(owner, FORGOTTEN, "Meta", get_fhir_model_class("Meta"), many=False, choice="value")


def _field(
    owner: str, name: str, field: FieldInfo, kind: str, inner: Model | None, many: bool, extensible: bool
) -> Field:
    told: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choice = told.get("one_of_many")
    needed = told.get("one_of_many_required") if choice else told.get("element_required") or field.is_required()
    targets = _TARGETS_IN_R4.get((owner, name)) or told.get("enum_reference_types") or ()
    return Field(
        owner,
        name,
        kind,
        inner,
        many,
        # The models leave these twins out of an Extension, for each is made of Extensions itself.
        is_extensible=extensible or (owner == "Extension" and inner is None and choice is not None),
        is_required=bool(needed),
        choice=choice,
        targets=frozenset(targets) - {"Resource"},
        required_codes=required(owner, name),
    )


def _unwrapped(annotation: Any, marks: tuple[Any, ...]) -> tuple[bool, str, Model | None]:
    """(repeats, type name, model when complex) of a field's annotation, out of Optional, list and Annotated."""
    for mark in marks:
        if named := getattr(mark, "__visit_name__", None):
            return False, str(named), None
    if hasattr(annotation, "get_model_klass"):
        model = annotation.get_model_klass()
        return False, type_of(model), model
    if annotation in _BARE:
        return False, _BARE[annotation], None
    if hasattr(annotation, "__metadata__"):
        return _unwrapped(get_args(annotation)[0], annotation.__metadata__)
    inner = next(one for one in get_args(annotation) if one is not type(None))
    many, kind, model = _unwrapped(inner, ())
    return many or get_origin(annotation) is list, kind, model
