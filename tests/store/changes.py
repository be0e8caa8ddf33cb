"""Changes and trails to write, made of the smallest resources."""

from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import SystemClock
from sharedplan.fhir.resources import stamped
from sharedplan.search.expression import Everything, Expression
from sharedplan.search.indexing import index_values
from sharedplan.store.searches import Search
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Change, Version

NORTH = "Organization/north"
ALL = Everything()


def a_change(
    resource: dict[str, Any],
    *,
    id: str | None = None,
    version: int = 1,
    interaction: str | None = None,
    controller: str | None = NORTH,
) -> Change:
    """The resource as its first version, or as a later one."""
    type, id = resource["resourceType"], id or SystemClock().new_id()
    return Change(
        type=type,
        id=id,
        version=version,
        interaction=interaction or ("create" if version == 1 else "update"),
        stamped=stamped({**resource, "id": id}, id=id, version=version),
        values=index_values(type, {**resource, "id": id}),
        controller=controller,
        who='{"client":"records"}',
    )


def a_deletion(type: str, id: str, *, version: int) -> Change:
    return Change(type, id, version, "delete", None, {}, NORTH, '{"client":"records"}')


def a_trail(interaction: str = "read", type: str | None = "CarePlan", **more: Any) -> Trail:
    action = {"read": "R", "create": "C", "update": "U", "delete": "D"}.get(interaction, "E")
    return Trail(interaction, action, type, client_id="records", organization=NORTH, request_id="request-1", **more)


async def written(store: Store, *changes: Change) -> list[Version]:
    """What comes of writing these in one unit of work."""
    async with store.begin() as unit:
        for change in changes:
            unit.put(change)
        return await unit.write()


def a_search(type: str, where: Expression = ALL, *, within: Expression = ALL, count: int = 10, **more: Any) -> Search:
    """A search of one type by somebody who may see the same of every type."""
    return Search({type: where}, dict.fromkeys(CATALOGUE, within), count, **more)


def as_written(*versions: Version) -> list[Version]:
    """The versions as a write gives them, which does not look for whom they speak of, nor where they are."""
    return [each._replace(patients=None, controller=None) for each in versions]
