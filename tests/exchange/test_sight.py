"""What somebody sees not all of, which is not judged again as long as nothing that it follows from is another."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from builders import a_consent, a_provision
from exchange.asking import BASE, POLICY, Ask
from exchange.cast import person
from sharedplan.clock import SystemClock
from sharedplan.demo import world
from sharedplan.exchange import sight
from sharedplan.exchange.sight import Sight
from sharedplan.exchange.surroundings import acting
from sharedplan.fhir.exchanges import Asked
from sharedplan.store.unit_of_work import Store, Unit

NIKO = person("Practitioner/niko", world.HEALTH)
TYPES = ("CarePlan", "Goal", "Task", "Observation")


async def partly(store: Store) -> frozenset[str]:
    """Of the types, those of which Niko may see only some of Aino's things."""
    asked = Asked("operation", "CarePlan", "aino", operation="review", base=BASE)
    unit = store.begin()
    unit.asked_by(NIKO.person, NIKO.organization)
    async with unit:
        surroundings = acting(asked, NIKO, unit, SystemClock(), POLICY)
        return await Sight("Patient/aino", world.SOCIAL, world.SOCIAL, NIKO, surroundings, BASE).partly(TYPES)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The types that were judged."""
    types: list[str] = []
    outcome = sight.outcome

    def counted(question, facts):  # type: ignore[no-untyped-def]
        types.append(question.item.type)
        return outcome(question, facts)

    monkeypatch.setattr(sight, "outcome", counted)
    return types


async def test_it_is_judged_again_when_a_fact_is_another(demo: Ask, guarded: Store, judged: list[str]) -> None:
    first = await partly(guarded)
    assert judged == [*TYPES]
    assert await partly(guarded) == first and judged == [*TYPES]
    ban = a_consent(
        "Patient/aino",
        id="bans",
        dateTime="2026-11-01",
        category=[{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}],
        provision=a_provision("deny", to=[world.HEALTH]),
    )
    await demo("update", "Consent/bans", ban, by=person("Patient/aino", None))
    assert await partly(guarded) == frozenset(TYPES) != first
    assert judged == [*TYPES, *TYPES]
    assert await partly(Store(guarded.pool)) == frozenset(TYPES)


async def test_it_is_judged_again_when_something_ends_that_was_written_long_before(
    demo: Ask, guarded: Store, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = datetime.now(UTC) + timedelta(days=3)
    ban = a_consent(
        "Patient/aino",
        id="bans",
        dateTime="2026-11-01",
        category=[{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}],
        provision={**a_provision("deny", to=[world.HEALTH]), "period": {"end": end.isoformat()}},
    )
    await demo("update", "Consent/bans", ban, by=person("Patient/aino", None))
    known, later = Unit.known, timedelta(0)

    async def told(unit: Unit, *given, **more) -> str:  # type: ignore[no-untyped-def]
        """What is known, at another moment."""
        text = await known(unit, *given, **more)
        at = json.loads(text)["at"]
        return text.replace(at, (datetime.fromisoformat(at) + later).isoformat(), 1)

    monkeypatch.setattr(Unit, "known", told)
    assert await partly(guarded) == frozenset(TYPES)
    later = timedelta(days=2)
    assert await partly(guarded) == frozenset(TYPES) and judged == [*TYPES]
    later = timedelta(days=4)
    now = await partly(guarded)
    assert judged == [*TYPES, *TYPES]
    assert now == await partly(Store(guarded.pool)) != frozenset(TYPES)
