"""Resources found by their business identifiers: what messages and conditions name them by."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select

from fhir_server.registry.resources import REGULATORS
from fhir_server.storage import resources
from fhir_server.storage.keys import any_of, binds, chunks, listed, lists
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource, token_index

_IDENTIFIED = (token_index.c.parameter, token_index.c.code, token_index.c.system)
_of_identifiers = (
    select(token_index.c.system, token_index.c.code, *resources.COLUMNS)
    .join(resource, resource.c.pk == token_index.c.pk)
    .where(resource.c.deleted.is_(False), resource.c.owner != literal_column(f"'{REGULATORS}'"))
)
_by_listed_identifiers = Prepared(_of_identifiers.where(listed(_IDENTIFIED)))
_numbers = Prepared(
    select(token_index.c.code)
    .join(resource, resource.c.pk == token_index.c.pk)
    .where(
        token_index.c.parameter == bindparam("parameter"),
        token_index.c.system == bindparam("system"),
        resource.c.owner == bindparam("owner"),
    )
)


def find_by_identifiers(
    connection: Connection, keys: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Stored]:
    """The resources that carry identifiers (type, system, value), unlocked; the oldest where several do."""
    wanted = [(f"{type_name}.identifier", value, system) for type_name, system, value in keys]
    found: dict[tuple[str, str, str], Stored] = {}
    for row in sorted(_rows_by_identifiers(connection, wanted), key=lambda row: int(row.pk)):
        stored = resources.read_row(row[2:])
        found.setdefault((stored.type, row.system, row.code), stored)
    return found


def numbers(connection: Connection, type_name: str, system: str, owner: str) -> set[str]:
    """The values of an identifier system that resources of that type and owner carry."""
    rows = _numbers.run(connection, {"parameter": f"{type_name}.identifier", "system": system, "owner": owner})
    return {row.code for row in rows}


def find_all(connection: Connection, keys: Sequence[tuple[str, str, str]]) -> list[Stored]:
    """Every resource that carries one of the identifiers (type, system, value), unlocked, the oldest first."""
    wanted = [(f"{type_name}.identifier", value, system) for type_name, system, value in keys]
    found = {int(row.pk): resources.read_row(row[2:]) for row in _rows_by_identifiers(connection, wanted)}
    return [found[pk] for pk in sorted(found)]


def _rows_by_identifiers(connection: Connection, wanted: Sequence[tuple[str, str, str]]) -> list[Any]:
    """Parameter, value and system of the identifiers wanted; system, value and resource found."""
    if not wanted:
        return []
    if connection.dialect.name != "sqlite":
        return list(_by_listed_identifiers.run(connection, lists(wanted)))
    return [row for some in chunks(wanted) for row in _by_identifiers(len(some)).run(connection, binds(some))]


@lru_cache(maxsize=64)
def _by_identifiers(count: int) -> Prepared:
    return Prepared(_of_identifiers.where(any_of(_IDENTIFIED, count)))
