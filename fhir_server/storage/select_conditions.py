"""How one value of each kind is compared in SQL: the same tests as `search.match`, on columns.

Each function takes the columns of an index row, a group of a shape (`storage.select_shape`) and `take`, which gives the
bind parameters of the group in their order.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Text,
    and_,
    any_,
    cast,
    func,
    literal_column,
    or_,
    select,
)

Take = Callable[[], BindParameter[Any]]
Column = ColumnElement[Any]
#: The columns of an index table, as its `c` gives them.
Columns = Any
Condition = ColumnElement[bool]


def one_of(column: Column, values: BindParameter[Any], dialect: str, *, are_keys: bool = False) -> Condition:
    """Whether the column is among the members of a list bound as one value: JSON on SQLite, an array on PostgreSQL."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(values).table_valued("value").c.value))
    return column == any_(cast(values, ARRAY(BigInteger if are_keys else Text)))


def unindexed(kind: str, column: Column) -> Column:
    """The same value in a form that no index has: a date's milliseconds (or a row key), or a text."""
    return literal_column("0") + column if kind == "date" else literal_column("''").concat(column)


def token(columns: Columns, group: Any, take: Take, dialect: str) -> Condition:
    """`code`, `system|code`, `|code` or `system|`."""
    if group[0] == "system":
        return listed(columns.system, False, take, dialect)
    if group[0] == "code":
        return listed(columns.code, group[1], take, dialect)
    system = columns.system == take()
    return and_(system, listed(columns.code, group[1], take, dialect))


def reference(columns: Columns, group: Any, take: Take, dialect: str) -> Condition:
    """A target of one type, or of any."""
    if group[0] == "id":
        return listed(columns.target_id, group[1], take, dialect)
    type_name = columns.target_type == take()
    return and_(type_name, listed(columns.target_id, group[1], take, dialect))


def date(columns: Columns, group: Any, take: Take, _dialect: str) -> Condition:
    """A stored span against the one asked for."""
    low, high = take(), take()
    return _SPAN[group[0]](columns.low_ms, columns.high_ms, low, high)


def string(columns: Columns, group: Any, take: Take, _dialect: str) -> Condition:
    """The start of a folded string, a part of it, or the whole as written."""
    if group[0] == "contains":
        return and_(columns.folded.like(take(), escape="\\"))
    if group[0] == "exact":
        return and_(columns.folded == take(), columns.exact == take())
    return and_(columns.folded >= take(), columns.folded < take())


def uri(columns: Columns, group: Any, take: Take, dialect: str) -> Condition:
    """The URI as written, or a URL and what is below it."""
    if group[0] == "branch":
        return or_(columns.value == take(), and_(columns.value >= take(), columns.value < take()))
    return listed(columns.value, group[1], take, dialect)


def quantity(columns: Columns, group: Any, take: Take, _dialect: str) -> Condition:
    """A number, and its unit when one is asked for: without a system the printed unit counts too."""
    prefix, has_system, has_code = group
    value, low, high = take(), take(), take()
    conditions = [_NUMBER[prefix](columns.value, value, low, high)]
    if has_system:
        conditions.append(columns.system == take())
    if has_code:
        code = take()
        conditions.append(columns.code == code if has_system else or_(columns.code == code, columns.unit == code))
    return and_(*conditions)


def special(columns: Columns, _group: Any, take: Take, _dialect: str) -> Condition:
    """A place no farther than a distance: inside a box, which an index serves, and in a straight line."""
    axes = (columns.z, columns.x, columns.y)
    box = [condition for axis in axes for condition in (axis >= take(), axis <= take())]
    x, y, z = columns.x - take(), columns.y - take(), columns.z - take()
    return and_(*box, x * x + y * y + z * z <= take())


def column_token(column: Column, group: Any, take: Take, dialect: str) -> Condition:
    """A code in a column of its own."""
    if group[0] == "any":
        return column.is_not(None)
    if group[0] == "literal":
        return column == literal_column(f"'{group[1]}'")
    return listed(column, group[1], take, dialect)


def column_reference(column: Column, group: Any, take: Take, dialect: str) -> Condition:
    """An id in a column of its own, whose type is known."""
    return listed(column, group[1], take, dialect)


def column_date(column: Column, group: Any, take: Take, _dialect: str) -> Condition:
    """A moment in a column of its own: a span of one millisecond, written so that indexes serve."""
    low, high = take(), take()
    return _MOMENT[group[0]](column, low, high)


def listed(column: Column, is_list: bool, take: Take, dialect: str) -> Condition:
    """One value, or one of a list."""
    condition: Condition = one_of(column, take(), dialect) if is_list else column == take()
    return condition


KINDS: dict[str, Callable[[Columns, Any, Take, str], Condition]] = {
    "token": token,
    "reference": reference,
    "date": date,
    "string": string,
    "uri": uri,
    "number": quantity,
    "quantity": quantity,
    "special": special,
}
COLUMN_KINDS: dict[str, Callable[[Column, Any, Take, str], Condition]] = {
    "token": column_token,
    "reference": column_reference,
    "date": column_date,
}

_SPAN: dict[str, Callable[[Any, Any, Any, Any], Condition]] = {
    # No span that ends before `end` starts after it: said, it bounds what is read of the index.
    "eq": lambda low, high, start, end: and_(low >= start, low < end, high <= end),
    "ne": lambda low, high, start, end: or_(low < start, low >= end, high > end),
    "gt": lambda low, high, start, end: high > end,
    "lt": lambda low, high, start, end: low < start,
    "ge": lambda low, high, start, end: high > start,
    "le": lambda low, high, start, end: low < end,
    "sa": lambda low, high, start, end: low >= end,
    "eb": lambda low, high, start, end: high <= start,
    "ap": lambda low, high, start, end: and_(low < end, high > start),
}
_MOMENT: dict[str, Callable[[Any, Any, Any], Condition]] = {
    "eq": lambda moment, start, end: and_(moment >= start, moment < end),
    "ne": lambda moment, start, end: or_(moment < start, moment >= end),
    "gt": lambda moment, start, end: moment >= end,
    "lt": lambda moment, start, end: moment < start,
    "ge": lambda moment, start, end: moment >= start,
    "le": lambda moment, start, end: moment < end,
    "sa": lambda moment, start, end: moment >= end,
    "eb": lambda moment, start, end: moment < start,
    "ap": lambda moment, start, end: and_(moment >= start, moment < end),
}
_NUMBER: dict[str, Callable[[Any, Any, Any, Any], Condition]] = {
    "eq": lambda stored, value, low, high: and_(stored >= low, stored < high),
    "ne": lambda stored, value, low, high: or_(stored < low, stored >= high),
    "gt": lambda stored, value, low, high: stored > value,
    "lt": lambda stored, value, low, high: stored < value,
    "ge": lambda stored, value, low, high: stored >= value,
    "le": lambda stored, value, low, high: stored <= value,
    "sa": lambda stored, value, low, high: stored > value,
    "eb": lambda stored, value, low, high: stored < value,
    "ap": lambda stored, value, low, high: and_(stored >= low, stored <= high),
}
