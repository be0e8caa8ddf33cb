"""Compartments: which parameters put a resource into somebody's compartment, by the CompartmentDefinitions alone.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

import orjson

ITSELF = "{def}"
"""How the definitions say that the resource is in its own compartment; that needs no parameter."""


def _read() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    bundle = orjson.loads(files("sharedplan.fhir").joinpath("definitions/compartments.json").read_bytes())
    return MappingProxyType(
        {
            definition["code"]: MappingProxyType(
                {
                    row["code"]: codes
                    for row in definition["resource"]
                    if (codes := tuple(code for code in row.get("param", ()) if code != ITSELF))
                }
            )
            for definition in (entry["resource"] for entry in bundle["entry"])
        }
    )


COMPARTMENTS: Mapping[str, Mapping[str, tuple[str, ...]]] = _read()
"""Compartment ("Patient") → resource type → codes of its search parameters; types outside a compartment are absent."""
