"""The plans of the statements that the product really runs, on the loaded store, and what each step of them reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from fhir_server.storage.database import Database
from tests.benchmark import plan_postgres, plan_sqlite
from tests.benchmark.plan import Plan, Step, large_tables
from tests.benchmark.stage import Stage
from tests.benchmark.statements import Recorded

#: Lines of a plan are cut there: lists of twenty agendas tell nothing.
_WIDTH, _SHORT = 160, 80
#: What has a plan worth reading. Rows are inserted without one.
_PLANNED = ("SELECT", "UPDATE", "DELETE", "WITH")
_LEGEND = """
**SCAN!** is a step that goes through a large table without an index condition. `unbounded` is one that has none either,
but follows an index in the order asked for and ends early. Work in bold is that of reading 10,000 rows or more."""


@dataclass(frozen=True, slots=True)
class _Explained:
    """One statement of a scenario with its plan."""

    scenario: str
    statement: str
    plan: Plan


def markdown(url: str, stage: Stage) -> Iterator[str]:
    """The statements of each scenario's first request that no scenario before it has, each with its plan; before them
    a table of what each takes and which of its steps to look at.
    """
    database = Database(url)
    explain = plan_sqlite.explain if database.is_sqlite else plan_postgres.explain
    with database.engine.connect() as connection:
        large = large_tables(connection)
        found = [
            _Explained(name, one.statement, _explained(connection, explain, one, large))
            for name, one in _statements(stage)
        ]
    database.close()
    yield f"\nLarge: {', '.join(f'{name} {rows:,}' for name, rows in large.items()) or 'no table'}.\n{_LEGEND}"
    yield from _summary(found)
    for one in found:
        yield f"\n**{one.scenario}**: {one.plan.returned:,} rows returned, {one.plan.work}"
        yield f"\n```sql\n{one.statement}\n```\n\n```"
        yield from map(_line, one.plan.steps)
        yield "```"


def _statements(stage: Stage) -> Iterator[tuple[str, Recorded]]:
    seen: set[str] = set()
    groups = [(name, asked[0]) for name, asked in stage.selects.items()]
    groups += [(name, transaction.recorded) for name, transaction in stage.transactions.items()]
    for name, recorded in groups:
        for one in recorded:
            is_planned = one.statement.startswith(_PLANNED) and not (one.is_many or one.makes_resource)
            if is_planned and one.statement not in seen:
                seen.add(one.statement)
                yield name, one


def _explained(
    connection: Connection,
    explain: Callable[[Connection, Recorded, dict[str, int]], Plan],
    one: Recorded,
    large: dict[str, int],
) -> Plan:
    # Undone after: what changes rows is run to see its plan.
    plan = explain(connection, one, large)
    connection.rollback()
    return plan


def _summary(found: list[_Explained]) -> Iterator[str]:
    yield "\n| scenario | rows returned | work | steps to look at |\n|---|---:|---|---|"
    for one in found:
        plan = one.plan
        marks = "; ".join(f"{step.flag} {step.text[:_SHORT]}" for step in plan.steps if step.flag)
        work = f"**{plan.work}**" if plan.is_heavy else plan.work
        yield f"| {one.scenario} | {plan.returned:,} | {work} | {marks} |"


def _line(step: Step) -> str:
    return ("  " * step.depth + step.text)[:_WIDTH] + (f"  <- {step.flag}" if step.flag else "")
