"""The ceiling of writes: the product's own transaction, statement for statement, by the bare driver.

One change is recorded in the product. It is replayed as other changes of the same kind by renaming: ids and numbers
are replaced in every text, row keys by those that the database gives. What remains is what database and driver cost.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmark.statements import Recorded

#: A cursor or connection of psycopg or sqlite3.
Driver = Any


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the recorded change."""

    #: Ids and numbers of the recorded change and what they become. Every change of a kind has the same ones.
    texts: Mapping[str, str]
    #: Times of the recorded change and what they become.
    numbers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text cut at the names in it: every second part is a name."""

    parts: tuple[str, ...]
    is_binary: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement with what must be renamed in it, found out beforehand."""

    statement: str
    rows: list[Any]
    is_many: bool
    #: Whether the row it returns holds the key of a new resource; which one it was in the recording.
    makes: int | None
    #: Type, id and row key of what the recorded change locked with it: another change learns the key of its own.
    locks: tuple[tuple[str, str, int], ...]


class Replay:
    """A recorded change, to be made again with other names."""

    def __init__(self, recorded: Sequence[Recorded], keys: Mapping[tuple[str, str], int], names: Sequence[str]) -> None:
        """`keys` are the row keys of every resource the recorded change made or locked, by type and id; `names` are
        the texts that every change has otherwise.
        """
        # The longest first: a name may be the start of another.
        pattern = re.compile("(" + "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) + ")")
        self._steps = [_step(one, keys, pattern) for one in recorded]

    def run(self, cursor: Driver, change: Change) -> None:
        """Run the statements of one change; the caller commits."""
        texts, numbers = change.texts, dict(change.numbers)
        for step in self._steps:
            rows = [_renamed(row, texts, numbers) for row in step.rows]
            if step.is_many:
                cursor.executemany(step.statement, rows)
                continue
            cursor.execute(step.statement, rows[0])
            found = cursor.fetchall() if cursor.description else []
            if step.makes is not None:
                numbers[step.makes] = found[0][0]
            for type_name, id_, key in step.locks:
                place = (type_name, texts.get(id_, id_))
                numbers[key] = next((row[0] for row in found if tuple(row[1:3]) == place), key)


def _step(one: Recorded, keys: Mapping[tuple[str, str], int], pattern: re.Pattern[str]) -> _Step:
    rows = list(one.values) if one.is_many else [one.values]
    values = [] if one.is_many else list(_leaves(one.values))
    named = tuple((type_, id_, key) for (type_, id_), key in keys.items() if type_ in values and id_ in values)
    is_made = one.makes_resource and bool(named)
    is_locked = one.statement.startswith("SELECT resource.pk")
    cut = [_cut(row, pattern) for row in rows]
    return _Step(one.statement, cut, one.is_many, named[0][2] if is_made else None, named if is_locked else ())


def _leaves(values: Any) -> Iterator[Any]:
    """Every single value in a row of bound values."""
    for value in values.values() if isinstance(values, Mapping) else values:
        if isinstance(value, list | tuple | dict):
            yield from _leaves(value)
        else:
            yield value


def _cut(value: Any, pattern: re.Pattern[str]) -> Any:
    """The value with its texts cut at the names."""
    if isinstance(value, Mapping):
        return {name: _cut(item, pattern) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cut(item, pattern) for item in value)
    if not isinstance(value, str | bytes):
        return value
    # Names are ASCII, so that any encoding that keeps every octet will do.
    parts = pattern.split(value if isinstance(value, str) else value.decode("latin-1"))
    return _Text(tuple(parts), isinstance(value, bytes)) if len(parts) > 1 else value


def _renamed(value: Any, texts: Mapping[str, str], numbers: Mapping[int, int]) -> Any:
    rename = _RENAME.get(type(value))
    return rename(value, texts, numbers) if rename else value


def _text(value: _Text, texts: Mapping[str, str], _numbers: Mapping[int, int]) -> str | bytes:
    parts = list(value.parts)
    parts[1::2] = [texts[name] for name in parts[1::2]]
    text = "".join(parts)
    return text.encode("latin-1") if value.is_binary else text


def _number(value: int, _texts: Mapping[str, str], numbers: Mapping[int, int]) -> int:
    return numbers.get(value, value)


def _list(value: list[Any], texts: Mapping[str, str], numbers: Mapping[int, int]) -> list[Any]:
    # A list of numbers only is one of advisory locks: hashes of names that have become others.
    if value and all(isinstance(item, int) for item in value):
        return sorted(random.getrandbits(31) for _ in value)
    return [_renamed(item, texts, numbers) for item in value]


_RENAME: dict[type, Callable[..., Any]] = {
    _Text: _text,
    int: _number,
    list: _list,
    dict: lambda value, texts, numbers: {name: _renamed(item, texts, numbers) for name, item in value.items()},
    tuple: lambda value, texts, numbers: tuple(_renamed(item, texts, numbers) for item in value),
}
