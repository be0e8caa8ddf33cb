"""The versions that consents had before, for judging a meeting by those of its time.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Iterable
from datetime import datetime

from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.search.expression import Everything
from sharedplan.store.unit_of_work import Unit

MOST_VERSIONS = 100
"""Earlier versions of one consent that are looked at."""


_WHOLE = {"Consent": Everything()}


async def earlier(consents: Iterable[Json], *, since: datetime, unit: Unit) -> dict[str, tuple[Json, ...]]:
    """By name ("Consent/1"), the versions before this one, oldest first, of each consent that was changed after that
    instant. They are for judging, and shown to nobody."""
    with unit.judging():
        return await _earlier(consents, since, unit)


async def _earlier(consents: Iterable[Json], since: datetime, unit: Unit) -> dict[str, tuple[Json, ...]]:
    found: dict[str, tuple[Json, ...]] = {}
    for consent in consents:
        meta = consent.get("meta", {})
        if meta.get("versionId") == "1" or datetime.fromisoformat(meta["lastUpdated"]) <= since:
            continue
        page = await unit.history(within=_WHOLE, type="Consent", id=consent["id"], count=MOST_VERSIONS)
        older = [each for each in page.versions if each.version < int(meta["versionId"]) and each.content]
        found[f"Consent/{consent['id']}"] = tuple(json_text.read(str(each.content)) for each in reversed(older))
    return found
