"""Tokens: codes and identifiers, with the system that gives them meaning. https://hl7.org/fhir/R4/search.html#token

The index holds for each `code`, `system|code` and `system|`, or `|code` where there is no system: each is what one of
the four ways of asking looks for. An identifier with a type has `system|code|value` of the type beside, for `:of-type`.
A bar or backslash inside a system or code is escaped as in a query. Codes compare as they are written. The texts that
stand beside codes are found by `:text` (`values/lookup.py`).
"""

from collections.abc import Mapping
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import Begins, HasEntry, HasToken
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import lookup
from sharedplan.search.values.entry import LIMIT, capped, of_extensions
from sharedplan.search.values.escapes import plain, split
from sharedplan.search.values.string import asked_for, fold


def parse(parameter: Parameter, text: str) -> HasToken:
    """The condition that `code`, `system|code`, `|code` or `system|` asks for. Raises Incorrect when all is empty."""
    parts = [plain(part) for part in split(text, "|")]
    if len(parts) > 2:
        raise Incorrect(f"{parameter.code}: a token is code, system|code, |code or system|; escape further bars as \\|")
    if len(parts) == 1:
        return HasToken(parameter, None, parts[0])
    system, code = parts
    if not system and not code:
        raise Incorrect(f"{parameter.code}: neither a system nor a code stands around the |")
    if system and system == parameter.system and code:
        return HasToken(parameter, None, code)  # a code element has no system of its own, its binding implies it
    return HasToken(parameter, system, code or None)


def of_type(parameter: Parameter, text: str) -> HasEntry:
    """The condition of `:of-type`: `system|code|value`, of the identifier's type and its value. Raises Incorrect."""
    parts = [plain(part) for part in split(text, "|")]
    if len(parts) != 3 or not all(parts):
        raise Incorrect(f"{parameter.code}:of-type takes system|code|value, the first two of the identifier's type")
    return HasEntry(parameter, (_typed(*parts),))


def by_text(parameter: Parameter, text: str) -> Begins:
    """The condition of `:text`: a text beside the code begins so, whatever its case and accents. Raises Incorrect."""
    return Begins(parameter, (lookup.beginning(parameter.column, asked_for(parameter.code, text)),))


def entry(asked: HasToken) -> str:
    """The index entry that the condition looks for."""
    if asked.system is None:
        return capped(_escaped(asked.code or ""))
    return capped(f"{_escaped(asked.system)}|{_escaped(asked.code or '')}")


def holds(asked: HasToken, entries: list[str]) -> bool:
    """Whether an element with these index entries meets the condition."""
    return entry(asked) in entries


def _typed(system: str, code: str, value: str) -> str:
    return capped("|".join(_escaped(part) for part in (system, code, value)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|") if "|" in text or "\\" in text else text


def _add(system: str | None, code: str | None, out: list[str]) -> None:
    """The entries of one pair."""
    if code is not None and ("|" in code or "\\" in code):
        code = _escaped(code)
    if system is None:
        if code is not None:
            out.append(code if len(code) < LIMIT else capped(code))
            out.append(f"|{code}" if len(code) < LIMIT else capped(f"|{code}"))
        return
    if "|" in system or "\\" in system:
        system = _escaped(system)
    if code is None:
        out.append(capped(f"{system}|"))
    elif len(system) + len(code) < LIMIT:
        out += (code, f"{system}|{code}", f"{system}|")
    else:
        out += (capped(code), capped(f"{system}|{code}"), capped(f"{system}|"))


def _coding(value: Any, out: list[Any]) -> None:
    _add(value.get("system"), value.get("code"), out)


def _concept(value: Any, out: list[Any]) -> None:
    for coding in value.get("coding", ()):
        _add(coding.get("system"), coding.get("code"), out)


def _valued(value: Any, out: list[Any]) -> None:
    """Identifier and ContactPoint: what identifies is the value."""
    if "value" in value:
        _add(value.get("system"), value["value"], out)


def _identifier(value: Any, out: list[Any]) -> None:
    _valued(value, out)
    if "type" in value and "value" in value:
        for coding in value["type"].get("coding", ()):
            if "system" in coding and "code" in coding:
                out.append(_typed(coding["system"], coding["code"], value["value"]))


def _text(value: Any, out: list[Any]) -> None:
    _add(None, value, out)


def _boolean(value: Any, out: list[Any]) -> None:
    out += ("true", "|true") if value else ("false", "|false")


_VISITS: dict[str, Visit] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _valued,
    "boolean": _boolean,
    **dict.fromkeys(("code", "string", "id", "uri", "url", "canonical", "oid", "uuid", "markdown"), _text),
}

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its entries are added."""


def _display(value: Any, out: list[Any]) -> None:
    if "display" in value and (folded := fold(value["display"])):
        out.append(folded)


def _displays(value: Any, out: list[Any]) -> None:
    if "text" in value and (folded := fold(value["text"])):
        out.append(folded)
    for coding in value.get("coding", ()):
        _display(coding, out)


def _type_displays(value: Any, out: list[Any]) -> None:
    if "type" in value:
        _displays(value["type"], out)


TEXTS: Mapping[str, Visit] = {"Coding": _display, "CodeableConcept": _displays, "Identifier": _type_displays}
"""Datatype → how the folded texts that stand beside its codes are added."""


def identifier_entries(identifier: Any) -> list[str]:
    """The entries of an Identifier that a reference names its target by."""
    out: list[str] = []
    _valued(identifier, out)
    return out
