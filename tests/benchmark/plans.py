"""The plans of the statements that the product really runs, on the loaded store."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from fhir_server.storage.database import Database

_EXPLAIN = {True: "EXPLAIN QUERY PLAN ", False: "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) "}
#: Lines of a plan are cut there: lists of twenty agendas tell nothing.
_WIDTH = 160


def markdown(url: str, statements: dict[str, list[list[tuple[str, Any]]]]) -> Iterator[str]:
    """The statements of each scenario's first request that no scenario before it has, each with its plan."""
    database = Database(url)
    connection = database.read()
    seen: set[str] = set()
    for name, requests in statements.items():
        for statement, values in requests[0]:
            if statement in seen:
                continue
            seen.add(statement)
            yield f"\n**{name}**\n\n```sql\n{statement}\n```\n\n```"
            yield from _plan(connection, statement, values, is_sqlite=database.is_sqlite)
            yield "```"
    database.close()


def _plan(connection: Connection, statement: str, values: Any, *, is_sqlite: bool) -> Iterator[str]:
    # Once before, so that the plan shows a warm cache.
    connection.exec_driver_sql(statement, values).all()
    rows = connection.exec_driver_sql(_EXPLAIN[is_sqlite] + statement, values).all()
    yield from (line[:_WIDTH] for line in (_tree(rows) if is_sqlite else (row[0] for row in rows)))


def _tree(rows: Sequence[Any]) -> Iterator[str]:
    """SQLite's rows (id, parent, unused, detail), indented by depth."""
    depth = {0: -1}
    for id_, parent, _, detail in rows:
        depth[id_] = depth[parent] + 1
        yield "  " * depth[id_] + detail
