"""Fill a store in bulk: the product's own tables and index rows, its own text, but no transaction a resource."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Engine, Table, func, select, text

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant, to_milliseconds, zone
from fhir_server.storage import index, tables
from fhir_server.storage.database import Database
from tests.benchmark import content
from tests.benchmark.content import Item
from tests.benchmark.extent import Sizes, loaded

_BATCH = 20_000
#: The load looks like the changes of many days: that far apart, the first long before, versions an hour apart.
_APART_MS, _LOADED_BEFORE_MS, _BETWEEN_VERSIONS_MS = 2_000, 60 * 86_400_000, 3_600_000

#: Rows of one batch, each table's as tuples in the order of `_columns`.
Rows = dict[Table, list[tuple[Any, ...]]]


def ensure(url: str, sizes: Sizes) -> Sizes:
    """Make sure that the store holds that much; how much it holds. Loads only an empty store."""
    database = Database(url)
    with database.begin() as connection:
        found = loaded(connection)
    if found.slots == 0:
        _load(database, sizes)
        found = sizes
    database.close()
    return found


def _load(database: Database, sizes: Sizes) -> None:
    now = database.clock()
    midnight = datetime.now(zone(content.ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    _prepare(database)
    _change_indexes(database.engine, drop=True)
    copy = _copy_sqlite if database.is_sqlite else _copy_postgres
    # What the server declares of itself is there already.
    with database.begin() as connection:
        first_key = connection.execute(select(func.coalesce(func.max(tables.resource.c.pk), 0))).scalar_one() + 1
    for first, batch in _batches(content.items(sizes, midnight), first_key):
        copy(database.engine, _rows(first, batch, now - _LOADED_BEFORE_MS))
    _change_indexes(database.engine, drop=False)
    _finish(database)


def _batches(items: Iterator[Item], first: int) -> Iterator[tuple[int, list[Item]]]:
    while batch := list(islice(items, _BATCH)):
        yield first, batch
        first += len(batch)


def _rows(first: int, batch: Iterable[Item], begun_ms: int) -> Rows:
    """The rows of a batch whose first resource has the key `first`. Each key is a moment later than the one before."""
    found: Rows = {tables.resource: [], tables.resource_version: []}
    for pk, item in enumerate(batch, first):
        changed_ms = begun_ms + pk * _APART_MS
        version, body = _versions(found[tables.resource_version], item, changed_ms)
        found[tables.resource].append(_resource(pk, item, version, changed_ms, body))
        # What is indexed of id and meta is in columns of the resource's row.
        for table, rows in index.rows(item.type, item.content).items():
            kept_rows = found.setdefault(table, [])
            names = _columns(table)[1:]
            kept_rows.extend((pk, *(row[name] for name in names)) for row in rows)
    return found


def _resource(pk: int, item: Item, version: int, changed_ms: int, body: str) -> tuple[Any, ...]:
    known = {
        "pk": pk,
        "type": item.type,
        "id": item.id,
        "version": version,
        "updated_ms": changed_ms,
        "deleted": False,
        "owner": item.owner,
        "happened_ms": changed_ms,
        "body": body,
    }
    return tuple(known.get(name) for name in _columns(tables.resource))


def _versions(rows: list[tuple[Any, ...]], item: Item, changed_ms: int) -> tuple[int, str]:
    """Add the rows of all versions; number and text of the last."""
    states = (*item.earlier, {})
    for version, state in enumerate(states, 1):
        at = changed_ms - (len(states) - version) * _BETWEEN_VERSIONS_MS
        body = _body(item, state, version, at)
        rows.append((item.type, item.id, version, at, "POST" if version == 1 else "PUT", item.owner, body))
    return len(states), body


def _body(item: Item, state: dict[str, Any], version: int, changed_ms: int) -> str:
    given = {**item.content, **state}
    meta = {**given.pop("meta", {}), "versionId": str(version), "lastUpdated": to_instant(changed_ms)}
    return json.encode({"resourceType": given.pop("resourceType"), "id": item.id, "meta": meta, **given}).decode()


@cache
def _columns(table: Table) -> list[str]:
    """The columns a load fills: all but those the database numbers by itself."""
    return [column.name for column in table.columns if table is not tables.resource_version or column.name != "pk"]


def _copy_postgres(engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for table, found in rows.items():
            with driver.cursor().copy(f"COPY {table.name} ({', '.join(_columns(table))}) FROM STDIN") as copy:
                for row in found:
                    copy.write_row(row)


def _copy_sqlite(engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for table, found in rows.items():
            names = _columns(table)
            marks = ", ".join("?" * len(names))
            driver.executemany(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", found)


def _prepare(database: Database) -> None:
    if database.is_sqlite:
        _outside_transactions(database, ["PRAGMA synchronous=OFF", "PRAGMA cache_size=-400000"])


def _change_indexes(engine: Engine, *, drop: bool) -> None:
    """Secondary indexes are made once all rows are there: sorted at once instead of grown one by one."""
    with engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            for one in sorted(table.indexes, key=lambda found: str(found.name)):
                (one.drop if drop else one.create)(connection, checkfirst=True)


def _finish(database: Database) -> None:
    if database.is_sqlite:
        _outside_transactions(database, ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"])
        return
    with database.begin() as connection:
        highest = select(func.max(tables.resource.c.pk)).scalar_subquery()
        connection.execute(select(func.setval(func.pg_get_serial_sequence("resource", "pk"), highest)))
    _outside_transactions(database, ["VACUUM ANALYZE", "CHECKPOINT"])


def _outside_transactions(database: Database, statements: Sequence[str]) -> None:
    if database.is_sqlite:
        raw = database.engine.raw_connection()
        for statement in statements:
            raw.driver_connection.execute(statement)  # type: ignore[union-attr]
        raw.close()
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))


def free_slots(url: str, count: int) -> list[tuple[str, int, int]]:
    """Free slots that have not begun, spread over all agendas and days: id, start and end in epoch milliseconds."""
    database = Database(url)
    found = tables.slot_index.c
    statement = (
        select(tables.resource.c.id, found.start_ms, found.end_ms)
        .join(tables.resource, tables.resource.c.pk == found.pk)
        .where(text("slot_index.status = 'free'"), found.start_ms > to_milliseconds(_tomorrow()))
        .order_by(func.random())
        .limit(count)
    )
    with database.begin() as connection:
        slots = [(row.id, row.start_ms, row.end_ms) for row in connection.execute(statement)]
    database.close()
    return slots


def _tomorrow() -> datetime:
    return datetime.now(zone(content.ZONE)).replace(hour=23, minute=59)
