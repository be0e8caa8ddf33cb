"""What the paths of the definitions find by a complete FHIRPath, and what one would ask to find it again.

Nothing here knows how the service indexes.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from sharedplan.search.parameters import Parameter

RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
AS = re.compile(r"\((?P<of>[\w.]+) as (?P<type>\w+)\)")
NOT_IN_FHIRPATHPY = ("hasExtension",)


@lru_cache(maxsize=1024)
def oracle(path: str) -> Any:
    return fhirpathpy.compile(path, model=models["r4"])


def expected(parameter: Parameter, resource: dict[str, Any]) -> list[Any]:
    """What fhirpathpy finds. It resolves nothing, so we sift the references by their text; and its `as` takes one
    value only, where the definitions mean each."""
    target = RESOLVED.search(parameter.path)
    found = oracle(AS.sub(r"\g<of>.ofType(\g<type>)", RESOLVED.sub("", parameter.path)))(resource)
    if target is None:
        return list(found)
    return [each for each in found if re.search(rf"(^|/){target[1]}[/?]", each.get("reference", ""))]


def questions(parameter: Parameter, value: Any) -> Iterator[str]:
    """(value of a query that asks for exactly this), for the kinds of values that can be asked for so."""
    match parameter.type:
        case "token":
            yield from map(_escaped_token, _tokens(value))
        case "reference" if isinstance(value, dict):
            text = value.get("reference", "").partition("/_history/")[0]
            if (
                re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}", text)
                and text.partition("/")[0] in parameter.targets
            ):
                yield text
        case "uri" if isinstance(value, str):
            yield _escaped(value)
        case "string":
            yield from map(_escaped, _texts(value))


def _tokens(value: Any) -> Iterator[tuple[str | None, str]]:
    if isinstance(value, bool):
        yield None, str(value).lower()
    elif isinstance(value, str):
        yield None, value
    elif isinstance(value, dict):
        if "coding" in value or set(value) <= {"text", "coding", "id", "extension"}:
            for coding in value.get("coding", ()):
                yield from _tokens(coding)
        elif "code" in value or "value" in value:
            code = value.get("code", value.get("value"))
            if isinstance(code, str):
                yield value.get("system", ""), code


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name in ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode"):
            part = value.get(name)
            yield from part if isinstance(part, list) else [part] if isinstance(part, str) else []
        if isinstance(value.get("country"), str):
            yield value["country"]


def _escaped(text: str) -> str:
    return re.sub(r"([\\\\,$|])", r"\\\1", text)


def _escaped_token(token: tuple[str | None, str]) -> str:
    system, code = token
    return _escaped(code) if system is None else f"{_escaped(system)}|{_escaped(code)}"
