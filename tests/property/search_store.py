"""A world of random resources in a database, and what searches must find in it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.access import is_open_to
from fhir_server.search.extract import entries
from fhir_server.search.match import matches
from fhir_server.search.model import Include, Query, SortKey
from fhir_server.storage import index, tables
from tests.property.search_worlds import Placed

#: The present of the tests.
NOW_MS = 1_772_434_800_000

GENERIC_TABLES = tuple(dict.fromkeys(table for table, _ in index.KIND_TABLES.values()))


class Store:
    """A world, and the database that holds it."""

    def __init__(self, connection: Connection, placed: list[Placed]) -> None:
        self.connection = connection
        self.placed = placed

    def seen(self, actor: Actor) -> dict[tuple[str, str], Placed]:
        return {
            (found.resource["resourceType"], found.resource["id"]): found
            for found in self.placed
            if actor.is_territory or found.owner == actor.owner or _is_shared(found.resource, actor)
        }

    def expected(self, query: Query, actor: Actor) -> list[Placed]:
        """What the query must find, in order."""
        seen = self.seen(actor)

        def resolve(type_name: str, id_: str) -> dict[str, Any] | None:
            found = seen.get((type_name, id_))
            return None if found is None else found.resource

        def every(type_name: str) -> list[dict[str, Any]]:
            return [found.resource for key, found in seen.items() if key[0] == type_name]

        found = [placed for key, placed in seen.items() if key[0] == query.type]
        found = [placed for placed in found if matches(query, placed.resource, resolve, every)]
        return _in_order(found, query.sort)

    def expected_across(self, queries: Sequence[Query], actor: Actor) -> list[Placed]:
        """What several queries must find together, in order."""
        found = [placed for query in queries for placed in self.expected(query, actor)]
        return _in_order(found, queries[0].sort)

    def led_to(self, query: Query, matches: set[tuple[str, str]], actor: Actor) -> set[tuple[str, str]]:
        """What the includes of a query must bring along with its matches."""
        seen, front, is_first = set(matches), set(matches), True
        visible = self.seen(actor)
        while front:
            directives = [include for include in query.includes if include.is_iterated or is_first]
            front = {end for include in directives for end in _ends(visible, include, front)} - seen
            seen |= front
            is_first = False
        return seen - matches


def _is_shared(resource: dict[str, Any], actor: Actor) -> bool:
    if RESOURCES[resource["resourceType"]].audience != "catalogue":
        return False
    return resource["resourceType"] != "Slot" or is_open_to(actor, resource, NOW_MS)


def _ends(
    visible: dict[tuple[str, str], Placed], include: Include, front: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    links = {
        (found.key, target)
        for found in visible.values()
        if found.key[0] == include.source
        for target in entries(parameters(include.source)[include.code], found.resource)
        if target in visible and include.target in (None, target[0])
    }
    if include.is_reverse:
        return {start for start, end in links if end in front}
    return {end for start, end in links if start in front}


def _in_order(found: list[Placed], sort: tuple[SortKey, ...]) -> list[Placed]:
    found = sorted(found, key=lambda placed: placed.pk, reverse=bool(sort) and sort[-1].is_descending)
    for key in reversed(sort):
        found = _sorted(found, key)
    return found


def _sorted(placed: list[Placed], key: SortKey) -> list[Placed]:
    """Stable, missing values last; of several values the least, or the greatest when descending."""
    part = {"date": 0, "token": 1, "string": 0, "uri": 0, "number": 0, "quantity": 0}[key.parameter.kind]

    def value(found: Placed) -> Any:
        values = [entry[part] for entry in entries(key.parameter, found.resource)]
        return (max(values) if key.is_descending else min(values)) if values else None

    known = [found for found in placed if value(found) is not None]
    known.sort(key=value, reverse=key.is_descending)
    return known + [found for found in placed if value(found) is None]


def fill(connection: Connection, placed: list[Placed]) -> None:
    """Store and index a world, and nothing else."""
    # What the server declares of itself is there from the start.
    for table in (tables.resource, tables.slot_index, tables.appointment_index, *GENERIC_TABLES):
        connection.execute(table.delete())
    for found in placed:
        _put(connection, found)
        if found.resource["resourceType"] in ("Slot", "Patient"):
            _put_deleted(connection, found)


def _put(connection: Connection, found: Placed) -> None:
    type_name = found.resource["resourceType"]
    row = {
        "pk": found.pk,
        "type": type_name,
        "id": found.resource["id"],
        "version": 1,
        "updated_ms": found.updated_ms,
        "deleted": False,
        "owner": found.owner,
        "happened_ms": found.updated_ms,
        "body": json.encode(found.resource).decode(),
    }
    connection.execute(insert(tables.resource), row)
    index.write(connection, found.pk, type_name, found.resource)


def _put_deleted(connection: Connection, found: Placed) -> None:
    """The same resource under another id, deleted: nothing may find it."""
    pk, type_name = found.pk + 1000, found.resource["resourceType"]
    gone = Placed(pk, found.owner, found.updated_ms, found.resource | {"id": f"gone-{pk}"})
    _put(connection, gone)
    index.remove(connection, pk, type_name)
    connection.execute(tables.resource.update().where(tables.resource.c.pk == pk).values(deleted=True))
