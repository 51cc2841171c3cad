"""Canonical URLs that name one thing in two generations of FrCore: one row of `canonicals.csv` each.

Until FrCore 1.1 they began with `http://interopsante.org/fhir`, since 2.0 with `https://hl7.fr/ig/fhir/core`. Either is
read wherever the other is. Of a thing that had several names in the first generation, the first row is written.
https://hl7.fr/ig/fhir/core
"""

import csv
from collections.abc import Mapping
from importlib.resources import files

#: The generations, as `generation_of` tells them.
FIRST, SECOND = 1, 2

_KINDS = frozenset({"extension", "profile", "system"})


def generation_of(url: str) -> int | None:
    """The generation that a canonical, with or without its version, is of; None for one that has no other name."""
    return _GENERATIONS.get(url.partition("|")[0])


def spellings(url: str) -> tuple[str, ...]:
    """Every name of what this canonical names, itself included, the newest first."""
    return _SPELLINGS.get(url, (url,))


def latest(url: str) -> str:
    """The newest name of what a canonical names: the one by which things are compared."""
    return spellings(url)[0]


def renamed(generation: int) -> Mapping[str, str]:
    """From every canonical of the other generation to its name in this one."""
    return _RENAMED[generation]


def _rows() -> list[tuple[str, str]]:
    text = files(__package__).joinpath("canonicals.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    if any(row["kind"] not in _KINDS or not row["first"] or not row["second"] for row in rows):
        raise ValueError("canonicals.csv: unknown kind, or no name")
    return [(row["first"], row["second"]) for row in rows]


_ROWS = _rows()
_GENERATIONS = dict.fromkeys((first for first, _ in _ROWS), FIRST) | dict.fromkeys((two for _, two in _ROWS), SECOND)
_OF_SECOND: dict[str, tuple[str, ...]] = {}
for _first, _second in _ROWS:
    _OF_SECOND[_second] = (*_OF_SECOND.get(_second, (_second,)), _first)
_SPELLINGS = {name: names for names in _OF_SECOND.values() for name in names}
_RENAMED: Mapping[int, Mapping[str, str]] = {
    FIRST: {second: names[1] for second, names in _OF_SECOND.items()},
    SECOND: dict(_ROWS),
}
