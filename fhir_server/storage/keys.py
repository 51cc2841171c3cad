"""Look up several keys at once, each of several columns.

Written as alternatives rather than as `(a, b) IN (…)`: SQLite answers a row-value IN by reading the whole table.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, or_

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
