"""What the one who saves a Consent is told, beside the client's other consents that he may see."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sharedplan.access.cautions import cautions
from sharedplan.errors import Issue
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Acting, Write
from sharedplan.search.expression import Expression, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.values.reference import indexed

MOST_BESIDE = 200
"""Consents of one client that a new one is looked at beside."""


async def cautioned(writes: Sequence[Write], acting: Acting, base: str) -> list[tuple[Issue, ...]]:
    """For each of the writes, which go in together, the cautions; of what is no Consent none.

    Who may not read what he writes is told of no other consent than those that he writes himself.
    """
    given = {
        f"Consent/{each.change.id}": {**each.resource, "id": each.change.id}
        for each in writes
        if each.change.type == "Consent" and each.resource is not None
    }
    gone = {f"Consent/{each.change.id}" for each in writes if each.change.type == "Consent"}
    at = acting.clock.now()
    stored: dict[str | None, tuple[list[Json], bool]] = {}
    found: list[tuple[Issue, ...]] = []
    for each in writes:
        consent = given.get(f"{each.change.type}/{each.change.id}")
        if consent is None:
            found.append(())
            continue
        client = client_of(consent, base)
        if client not in stored:
            stored[client] = await seen(client, acting) if client is not None and acting.shows else ([], False)
        others, is_cut = stored[client]
        beside = [one for one in others if f"Consent/{one['id']}" not in gone]
        beside += [one for one in given.values() if one is not consent and client_of(one, base) == client]
        found.append(tuple(told(consent, beside, at=at, is_cut=is_cut, base=base)))
    return found


def told(consent: Json, beside: Iterable[Json], *, at: datetime, is_cut: bool, base: str) -> list[Issue]:
    """The cautions on one consent; `is_cut`: it has more consents beside it than were looked at."""
    found = cautions(consent, beside, at=at, base=base)
    if is_cut:
        saying = f"The client has more than {MOST_BESIDE} consents: not all of them were looked at beside this one."
        found.append(Issue("too-costly", saying, "Consent", "warning"))
    return found


async def seen(client: str, acting: Acting) -> tuple[list[Json], bool]:
    """The client's consents that the asker may see, and whether there are more than are looked at."""
    of_client: Expression = RefersTo(PARAMETERS["Consent"]["patient"], (client,))
    page = await acting.unit.living("Consent", of_client, within=acting.within, limit=MOST_BESIDE)
    return [json_text.read(str(each.content)) for each in page.versions], page.is_cut


def client_of(consent: Json, base: str) -> str | None:
    """The Patient that the consent is of, as the search index names him."""
    text = consent.get("patient", {}).get("reference")
    return indexed(text, base) if text is not None else None
