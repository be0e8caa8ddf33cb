"""The registry of search parameters, read from the published SearchParameter definitions.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type.

    `type`: token, reference, date, string, uri or number. `path`: the part of the definition's FHIRPath that speaks
    of this type. `targets`: the resource types a reference may name. `many`: whether the element can hold several
    values; a single reference, date or number has a scalar column, everything else an array.
    """

    resource: str  # "CarePlan"
    code: str  # "care-team"
    type: str
    path: str
    url: str
    targets: tuple[str, ...] = ()
    many: bool = True

    @property
    def column(self) -> str:
        """The column of the type's table: care-team → care_team."""
        name = self.code.lstrip("_").replace("-", "_")
        return f"{name}_" if name in {"id", "version", "last_updated", "controller", "content"} else name
