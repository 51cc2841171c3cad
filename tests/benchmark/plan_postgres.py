"""Plans of PostgreSQL, which tells of each step how many rows it read and how many it gave."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from tests.benchmark.plan import LARGE, Plan, Step
from tests.benchmark.statements import Recorded

_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
#: What bounds the rows a step looks at. A bitmap's rows are checked again by what its index was asked for.
_CONDITIONS = ("Index Cond", "Recheck Cond", "TID Cond")
_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")
#: Rows from which a step without a condition has gone through the table rather than ended early.
_MANY = 1_000


def explain(connection: Connection, one: Recorded, large: dict[str, int]) -> Plan:
    """The plan of a statement, which is run twice: the first time fills the cache."""
    for _ in range(2):
        (found,) = connection.exec_driver_sql(_EXPLAIN + one.statement, one.values).scalar_one()
    node = found["Plan"]
    blocks = node["Shared Hit Blocks"] + node["Shared Read Blocks"]
    steps = tuple(_steps(node, 0, large))
    most = max((step.read or 0 for step in steps), default=0)
    work = f"{most:,} rows read by one step, {blocks:,} blocks, {found['Execution Time']:.1f} ms"
    return Plan(steps, _rows(node, "Actual Rows"), work, most > LARGE)


def _steps(node: dict[str, Any], depth: int, large: dict[str, int]) -> Iterator[Step]:
    given = _rows(node, "Actual Rows")
    read = given + sum(_rows(node, name) for name in _REMOVED)
    text = _text(node, read, given)
    table = node.get("Relation Name", "")
    if table in large and "Scan" in node["Node Type"]:
        is_bounded = any(name in node for name in _CONDITIONS)
        yield Step(depth, text, table, read, is_bounded, read > _MANY)
    else:
        yield Step(depth, text)
    for child in node.get("Plans", ()):
        yield from _steps(child, depth + 1, large)


def _rows(node: dict[str, Any], name: str) -> int:
    """Rows over all turns; PostgreSQL gives the mean of one."""
    mean: float = node.get(name, 0)
    turns: int = node.get("Actual Loops", 1)
    return round(mean * turns)


def _text(node: dict[str, Any], read: int, given: int) -> str:
    parts = [node["Node Type"]]
    parts += [f"using {node['Index Name']}"] if "Index Name" in node else []
    parts += [f"on {node['Relation Name']} {node.get('Alias', '')}".rstrip()] if "Relation Name" in node else []
    parts.append(f"({given:,} rows" + (f" of {read:,}" if read != given else "") + f", {node['Actual Loops']:,} turns)")
    parts += [f"{name}: {node[name]}" for name in (*_CONDITIONS, "Filter", "Sort Key") if name in node]
    return " ".join(parts)
