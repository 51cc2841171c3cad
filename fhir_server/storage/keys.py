"""Look up several keys at once, each of several columns.

Written as alternatives rather than as `(a, b) IN (…)`: SQLite answers a row-value IN by reading the whole table. Where
any number of keys is looked for, PostgreSQL gets them as arrays: one statement for all numbers.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ARRAY, ColumnElement, Text, and_, bindparam, cast, column, func, or_

Key = TypeVar("Key")

#: SQLite refuses a condition of more than a thousand alternatives.
_AT_ONCE = 200


def any_of(columns: Sequence[ColumnElement[str]], count: int) -> ColumnElement[bool]:
    """A condition: the columns hold one of `count` keys. Its values come from `binds`."""
    return or_(
        *(
            and_(*(column == bindparam(f"key{number}_{place}") for place, column in enumerate(columns)))
            for number in range(count)
        )
    )


def chunks(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """The keys in rows that one statement can hold."""
    yield from (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def binds(keys: Sequence[Sequence[str]]) -> dict[str, str]:
    """The values of `any_of` for these keys."""
    return {f"key{number}_{place}": part for number, key in enumerate(keys) for place, part in enumerate(key)}


def listed(columns: Sequence[ColumnElement[str]]) -> ColumnElement[bool]:
    """As `any_of` on PostgreSQL, for any number of keys. Its values come from `lists`."""
    arrays = [cast(bindparam(f"keys_{place}"), ARRAY(Text)) for place in range(len(columns))]
    names = [column(f"part_{place}", Text) for place in range(len(columns))]
    keys = func.unnest(*arrays).table_valued(*names).render_derived(name="keys")
    return and_(*(mine == part for mine, part in zip(columns, keys.c, strict=True)))


def lists(keys: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The values of `listed` for these keys."""
    return {f"keys_{place}": list(parts) for place, parts in enumerate(zip(*keys, strict=True))}
