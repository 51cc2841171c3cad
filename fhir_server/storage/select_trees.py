"""A tree of resources in SQL: some of them, and all that is below or above them.

https://www.hl7.org/fhir/R4/search.html#recursive
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ARRAY, CTE, BindParameter, ColumnElement, Select, Text, cast, func, literal_column, select, text

from fhir_server.search.trees import PARENTS
from fhir_server.storage.select_conditions import unindexed
from fhir_server.storage.select_scope import literal

#: What a step finds, and where from: what is reached (`t`), references (`u`) and resources (`v`). CROSS JOIN keeps
#: their order on SQLite, which would else go through all references of the type for each resource reached.
_BELOW = "v{0}.id", "t{0} CROSS JOIN reference_index AS u{0} CROSS JOIN resource AS v{0}"
_ABOVE = "u{0}.target_id", "t{0} CROSS JOIN resource AS v{0} CROSS JOIN reference_index AS u{0}"


def tree(type_name: str, is_below: bool, starts: BindParameter[Any], dialect: str, number: int) -> CTE:
    """The column `id`: the starts, bound as one list, and what is reached from them. Circles end: no id comes twice."""
    given = (
        select(func.json_each(starts).table_valued("value").c.value.label("id"))
        if dialect == "sqlite"
        else select(func.unnest(cast(starts, ARRAY(Text))).collate("C").label("id"))
    )
    found = given.cte(f"t{number}", recursive=True)
    wanted, source = (part.format(number) for part in (_BELOW if is_below else _ABOVE))
    step: Select[Any] = select(literal_column(wanted).label("id")).select_from(text(source))
    return found.union(step.where(*_conditions(type_name, is_below, number)))


def _conditions(type_name: str, is_below: bool, number: int) -> Iterator[ColumnElement[bool]]:
    place: ColumnElement[Any] = literal_column(f"v{number}.id")
    parameter: ColumnElement[Any] = literal_column(f"u{number}.parameter")
    yield (literal_column(f"u{number}.target_id") if is_below else place) == literal_column(f"t{number}.id")
    yield literal_column(f"u{number}.pk") == literal_column(f"v{number}.pk")
    # The references of one resource are found by its key, and those to one by their name.
    name = literal(f"{type_name}.{PARENTS[type_name]}")
    yield (parameter if is_below else unindexed("reference", parameter)) == name
    yield literal_column(f"u{number}.target_type") == literal(type_name)
    yield literal_column(f"v{number}.type") == literal(type_name)
