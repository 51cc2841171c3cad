"""Fill a store in bulk: the product's own tables and index rows, its own text, but no transaction a resource."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine, Table, func, select, text

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant, to_milliseconds, zone
from fhir_server.storage import index, tables
from fhir_server.storage.database import Database
from tests.benchmark import content
from tests.benchmark.content import Item

_BATCH = 20_000

#: Rows of one batch, each table's as tuples in the order of `_columns`.
Rows = dict[Table, list[tuple[Any, ...]]]


def ensure(url: str, slots: int) -> int:
    """Make sure that the store holds `slots` slots; how many it holds of each run before. Loads only an empty store."""
    database = Database(url)
    with database.begin() as connection:
        found = connection.execute(select(func.count()).select_from(tables.slot_index)).scalar_one()
    if found == 0:
        _load(database, slots)
        found = slots
    database.close()
    return int(found)


def _load(database: Database, slots: int) -> None:
    now = database.clock()
    midnight = datetime.now(zone(content.ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    _prepare(database)
    _change_indexes(database.engine, drop=True)
    copy = _copy_sqlite if database.is_sqlite else _copy_postgres
    # What the server declares of itself is there already.
    with database.begin() as connection:
        first_key = connection.execute(select(func.coalesce(func.max(tables.resource.c.pk), 0))).scalar_one() + 1
    for first, batch in _batches(content.items(slots, midnight), first_key):
        copy(database.engine, _rows(first, batch, now))
    _change_indexes(database.engine, drop=False)
    _finish(database)


def _batches(items: Iterator[Item], first: int) -> Iterator[tuple[int, list[Item]]]:
    while batch := list(islice(items, _BATCH)):
        yield first, batch
        first += len(batch)


def _rows(first: int, batch: Iterable[Item], now_ms: int) -> Rows:
    found: Rows = {tables.resource: [], tables.resource_version: []}
    stamp = {"versionId": "1", "lastUpdated": to_instant(now_ms)}
    for pk, item in enumerate(batch, first):
        given = item.content
        meta = {**given.pop("meta", {}), **stamp}
        kept = {"resourceType": given.pop("resourceType"), "id": item.id, "meta": meta, **given}
        body = json.encode(kept).decode()
        found[tables.resource].append((pk, item.type, item.id, 1, now_ms, False, item.owner, now_ms, body))
        found[tables.resource_version].append((item.type, item.id, 1, now_ms, "POST", item.owner, body))
        for table, rows in index.rows(item.type, kept).items():
            kept_rows = found.setdefault(table, [])
            names = _columns(table)[1:]
            kept_rows.extend((pk, *(row[name] for name in names)) for row in rows)
    return found


def _columns(table: Table) -> list[str]:
    """The columns a load fills: all but those the database numbers by itself."""
    if table is tables.resource:
        return [column.name for column in table.columns]
    numbered = "pk" if table is tables.resource_version else "row"
    return [column.name for column in table.columns if column.name != numbered]


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
                (one.drop if drop else one.create)(connection)


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
