"""What a searchset Bundle says."""

from exchange.asking import Ask, resource_in
from sharedplan.fhir.exchanges import Json


def named(bundle: Json, mode: str = "match") -> list[str]:
    """Type/id of the entries of that mode, in their order."""
    found = [each["resource"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]
    return [f"{each['resourceType']}/{each['id']}" for each in found]


def ids(bundle: Json) -> list[str]:
    """The ids of the matches."""
    return [each.partition("/")[2] for each in named(bundle)]


def link(bundle: Json, relation: str) -> str | None:
    return next((each["url"] for each in bundle["link"] if each["relation"] == relation), None)


def query(url: str | None) -> str:
    assert url is not None
    return url.partition("?")[2]


async def searched(ask: Ask, question: str, **more: object) -> Json:
    """The Bundle of a search of a type, or of the system when the question begins with its parameters."""
    interaction = "search-system" if question.startswith("?") else "search-type"
    return resource_in(await ask(interaction, question, **more))
