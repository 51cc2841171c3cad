"""Plans of SQLite. It does not tell how many rows a step reads, only how many instructions the whole statement took."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tests.benchmark.plan import LARGE, Plan, Step
from tests.benchmark.statements import Recorded

#: `SCAN slot_index USING INDEX …`, `SEARCH i1 USING INDEX … (parameter=? AND code=?)`: by its alias where it has one.
_TABLE = re.compile(r"(?P<verb>SCAN|SEARCH) (?P<name>\w+)")
_ALIAS = re.compile(r"\b(\w+) AS (\w+)\b")
#: Instructions of SQLite's machine between two calls of the progress handler.
_EVERY = 100
#: Instructions that reading one row takes, about.
_A_ROW = 10


def explain(connection: Connection, one: Recorded, large: dict[str, int]) -> Plan:
    """The plan of a statement, which is run once for its instructions."""
    returned, instructions = _run(connection, one)
    rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + one.statement, one.values).all()
    aliases = {alias: name for name, alias in _ALIAS.findall(one.statement)}
    steps = tuple(_step(depth, text, aliases, large, instructions) for depth, text in _tree(rows))
    return Plan(steps, returned, f"{instructions:,} instructions", instructions > _A_ROW * LARGE)


def _step(depth: int, text: str, aliases: dict[str, str], large: dict[str, int], instructions: int) -> Step:
    found = _TABLE.match(text)
    table = aliases.get(found["name"], found["name"]) if found else ""
    if found is None or table not in large:
        return Step(depth, text)
    # An index made for the statement alone is made of the whole table.
    is_bounded = found["verb"] == "SEARCH" and " AUTOMATIC " not in text
    # Reading a row takes several instructions: with fewer than rows, it cannot have gone through the table.
    return Step(depth, text, table, None, is_bounded, instructions > large[table])


def _run(connection: Connection, one: Recorded) -> tuple[int, int]:
    """Rows returned and instructions taken."""
    driver: Any = connection.connection.driver_connection
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    driver.set_progress_handler(count, _EVERY)
    result = connection.exec_driver_sql(one.statement, one.values)
    returned = len(result.all()) if result.returns_rows else result.rowcount
    driver.set_progress_handler(None, 0)
    return returned, calls * _EVERY


def _tree(rows: Sequence[Any]) -> list[tuple[int, str]]:
    """SQLite's rows (id, parent, unused, detail) with their depth."""
    depth, found = {0: -1}, []
    for id_, parent, _, detail in rows:
        depth[id_] = depth[parent] + 1
        found.append((depth[id_], detail))
    return found
