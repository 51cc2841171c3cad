"""From row keys to what they are the rows of, and back."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, bindparam, or_, select

from fhir_server.storage.keys import any_of, binds, chunks
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource


def names(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Type and id of the resources, deleted or not, that have these row keys."""
    if not keys:
        return {}
    values = {f"pk{number}": key for number, key in enumerate(keys)}
    return {row.pk: (row.type, row.id) for row in _by_keys(len(keys)).run(connection, values)}


def keys(connection: Connection, type_name: str, ids: Sequence[str]) -> dict[str, int]:
    """The row keys of resources of one type, by id."""
    found: dict[str, int] = {}
    for some in chunks([(type_name, id_) for id_ in ids]):
        found |= {row.id: row.pk for row in _by_ids(len(some)).run(connection, binds(some))}
    return found


@lru_cache(maxsize=64)
def _by_keys(count: int) -> Prepared:
    named = or_(*(resource.c.pk == bindparam(f"pk{number}") for number in range(count)))
    return Prepared(select(resource.c.pk, resource.c.type, resource.c.id).where(named))


@lru_cache(maxsize=256)
def _by_ids(count: int) -> Prepared:
    return Prepared(select(resource.c.pk, resource.c.id).where(any_of((resource.c.type, resource.c.id), count)))
