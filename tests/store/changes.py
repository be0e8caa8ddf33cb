"""Changes and trails to write, made of the smallest resources."""

from typing import Any

from sharedplan.clock import SystemClock
from sharedplan.fhir.resources import stamped
from sharedplan.search.indexing import index_values
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Change, Version

NORTH = "Organization/north"


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
