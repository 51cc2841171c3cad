"""Pages of several types become one, in the order that the databases give too."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from fhir_server.search.model import SortKey
from fhir_server.storage.select_rows import BODY_COLUMNS


def merged(pages: Sequence[Sequence[Any]], sort: tuple[SortKey, ...], count: int) -> list[Any]:
    """The first `count` rows of all pages: by the keys that follow a row's key, missing values last, then by it."""
    if len(pages) == 1:
        return list(pages[0])
    rows = sorted(
        chain.from_iterable(pages), key=lambda row: row[BODY_COLUMNS], reverse=bool(sort) and sort[-1].is_descending
    )
    for number in reversed(range(len(sort))):
        rows = _sorted(rows, BODY_COLUMNS + 1 + number, sort[number].is_descending)
    return rows[:count]


def _sorted(rows: list[Any], column: int, is_descending: bool) -> list[Any]:
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: row[column], reverse=is_descending)
    return known + [row for row in rows if row[column] is None]
