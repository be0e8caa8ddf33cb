"""$document of a plan: a document that holds all it refers to, as each of its readers may see it."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.composition import Composition

from exchange.asking import BASE, Ask, resource_in
from exchange.cast import person
from exchange.test_everything import DEMO_JARI, DEMO_SARI, SUBSETTED, dangling, shown
from exchange.test_trails import entities, log
from sharedplan.access.principal import Principal
from sharedplan.errors import Incorrect, NotFound, NotOffered
from sharedplan.fhir import references
from sharedplan.rest.pages.sheet import page

Json = dict[str, Any]
AINO = person("Patient/aino", None)


async def document(ask: Ask, by: Principal, plan: str = "CarePlan/aino", **more: Any) -> Json:
    return resource_in(await ask("operation", plan, by=by, operation="document", **more))


def reached(bundle: Json) -> set[str]:
    """What the Composition leads to, directly and further on."""
    there = shown(bundle)
    found: set[str] = set()
    todo = [bundle["entry"][0]["resource"]]
    while todo:
        for _, _, text in references.each(todo.pop()):
            name = text.removeprefix(f"{BASE}/")
            if name in there and name not in found:
                found.add(name)
                todo.append(there[name])
    return found


@pytest.mark.parametrize("reader", [DEMO_SARI, DEMO_JARI, AINO, person("RelatedPerson/leena", None)])
@pytest.mark.usefixtures("demo")
async def test_it_begins_with_the_composition_and_holds_what_that_leads_to(ask: Ask, reader: Principal) -> None:
    bundle = await document(ask, reader)
    assert bundle["type"] == "document" and "timestamp" in bundle
    assert bundle["identifier"]["value"].startswith("urn:uuid:")
    Bundle.model_validate(bundle)
    first = bundle["entry"][0]["resource"]
    Composition.model_validate(first)
    assert (first["resourceType"], bundle["entry"][1]["resource"]["id"]) == ("Composition", "aino")
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Composition/{first['id']}"
    assert dangling(bundle) == []
    assert reached(bundle) == shown(bundle).keys() - {f"Composition/{first['id']}"}
    assert [each["code"]["coding"][0]["system"] for each in first["section"]] == ["http://loinc.org"] * 6


@pytest.mark.usefixtures("demo")
async def test_it_is_authored_and_kept_by_those_of_the_plan(ask: Ask) -> None:
    composition = (await document(ask, DEMO_SARI))["entry"][0]["resource"]
    assert composition["author"] == [{"reference": "Practitioner/sari"}]
    assert composition["custodian"] == {"reference": "Organization/aikuissosiaalityo"}
    assert composition["subject"] == {"reference": "Patient/aino"}
    assert "security" not in composition["meta"]
    narrow = (await document(ask, DEMO_JARI))["entry"][0]["resource"]
    assert "reference" not in narrow["subject"] and narrow["meta"]["security"] == [SUBSETTED]


@pytest.mark.parametrize(
    ("query", "header", "title"),
    [
        ("", "", "Tavoitteet"),
        ("?_language=sv", "en", "Mål"),
        ("?_language=en-GB", "", "Goals"),
        ("", "de, en;q=0.5, sv;q=0.8", "Mål"),
        ("", "de", "Tavoitteet"),
    ],
)
@pytest.mark.usefixtures("demo")
async def test_its_language_is_the_one_asked_for(ask: Ask, query: str, header: str, title: str) -> None:
    bundle = await document(ask, DEMO_SARI, f"CarePlan/aino{query}", accept_language=header)
    assert bundle["entry"][0]["resource"]["section"][0]["title"] == title


@pytest.mark.usefixtures("demo")
async def test_what_is_asked_wrongly_is_told(ask: Ask) -> None:
    for address in (
        "CarePlan/aino?_language=de",
        "CarePlan/aino?persist=true",
        "CarePlan/aino?_language=fi&_language=fi",
    ):
        with pytest.raises(Incorrect, match="_language"):
            await document(ask, DEMO_SARI, address)
    with pytest.raises(NotOffered):
        await document(ask, DEMO_SARI, "CareTeam/aino")
    with pytest.raises(NotFound, match="there is no CarePlan/aino"):
        await document(ask, person("Practitioner/olli", "Organization/terveysasema"))


@pytest.mark.usefixtures("demo")
async def test_it_is_on_record_like_any_reading(ask: Ask) -> None:
    bundle = await document(ask, DEMO_SARI)
    event = (await log(ask))[-1]
    assert event["subtype"][0]["code"] == "$document"
    held = {name for name in shown(bundle) if not name.startswith("Composition/")}
    assert held <= {*entities(event)}


@pytest.mark.usefixtures("demo")
async def test_the_plan_sheet_shows_a_narrow_view_nothing_that_is_hidden(ask: Ask) -> None:

    async def sheet(by: Principal) -> str:
        return page(json.dumps(await document(ask, by)), BASE)

    whole, narrow = await sheet(DEMO_SARI), await sheet(DEMO_JARI)
    hidden = (
        *("Aino Heikkilä", "14.5.1983", "Nukun yöni niin", "En halua arviota vielä", "Leena Salmela"),
        *("leena.salmela@posti.example", "sitkeä ja hyvä kokki", "Verkostokokous"),
    )
    assert [each for each in hidden if each not in whole] == []
    assert [each for each in hidden if each in narrow] == []
    assert "Kantapöydän torstairyhmä" in narrow and "jari.makinen<wbr>@kantapoyta.example" in narrow
    assert "Osa tiedoista ei näy" in narrow and "Osa tiedoista ei näy" not in whole
    assert "Sari Lehtonen" in narrow
