"""Communes and where their centres are: the one thing that distances are told by.

A table of five columns, `code,name,latitude,longitude,postal_codes`; others are passed over. Codes are those of INSEE
(COG), places are degrees of WGS 84, postal codes are separated by spaces and may be shared by communes.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from fhir_server.search.folding import fold
from fhir_server.search.positions import MAX_LATITUDE, MAX_LONGITUDE, Point, metres, point

COLUMNS = ("code", "name", "latitude", "longitude", "postal_codes")

_CODE, _POSTAL_CODE = re.compile(r"[0-9][0-9AB][0-9]{3}"), re.compile(r"[0-9]{5}")
#: Distances are told, and compared, in steps of so many metres: centres are no finer than that.
_STEP = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is, as far as distances are concerned."""

    #: As a reader knows it: a commune, or a postal code that several share.
    name: str
    point: Point
    #: INSEE code; empty where it is no one commune.
    code: str = ""

    def metres(self, other: "Place") -> int:
        """How far the other is, to the nearest hundred metres; communes have one centre each."""
        return _apart(self.point, other.point)


@lru_cache(maxsize=65_536)
def _apart(one: Point, other: Point) -> int:
    return round(metres(one, other) / _STEP) * _STEP


@dataclass(frozen=True, slots=True)
class Communes:
    """The communes known, by code and by postal code."""

    by_code: dict[str, Place] = field(default_factory=dict)
    by_postal_code: dict[str, tuple[Place, ...]] = field(default_factory=dict)

    def of_code(self, code: str) -> Place | None:
        """The commune of an INSEE code, if it is known."""
        return self.by_code.get(code)

    def of_address(self, postal_code: str, city: str = "") -> Place | None:
        """The commune of that name there, or the middle of all that share the postal code; None for an unknown one."""
        found = self.by_postal_code.get(postal_code, ())
        named = [place for place in found if fold(place.name) == fold(city)]
        if len(named) == 1 or len(found) == 1:
            return (named or found)[0]
        return Place(postal_code, _middle(place.point for place in found)) if found else None


class CommunesError(Exception):
    """A table of communes that cannot be used; its text says every line and why."""


def parse(text: str) -> Communes:
    """The communes of a CSV text. Raises CommunesError with all that is wrong."""
    problems: list[str] = []
    communes = Communes()
    rows = csv.DictReader(text.splitlines())
    lacking = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if lacking:
        raise CommunesError(f"line 1: there is no column {lacking[0]!r}")
    for number, row in enumerate(rows, start=2):
        found = [f"line {number}: {problem}" for problem in _problems(row, communes)]
        problems += found
        if not found:
            _add(communes, row)
    if problems:
        raise CommunesError("\n".join(problems))
    return communes


def _problems(row: dict[str, str], known: Communes) -> Iterator[str]:
    if not _CODE.fullmatch(row["code"] or ""):
        yield "code: an INSEE code has five characters, 69123 or 2A004"
    elif row["code"] in known.by_code:
        yield f"code: {row['code']} stands twice"
    if not row["name"]:
        yield "name: a commune has one"
    for column, most in (("latitude", MAX_LATITUDE), ("longitude", MAX_LONGITUDE)):
        if not _is_degrees(row[column], most):
            yield f"{column}: a number of degrees, at most {most}"
    codes = (row["postal_codes"] or "").split()
    if not codes or not all(_POSTAL_CODE.fullmatch(code) for code in codes):
        yield "postal_codes: five digits each, separated by spaces"


def _is_degrees(text: str | None, most: int) -> bool:
    try:
        return abs(float(text or "nan")) <= most
    except ValueError:
        return False


def _add(communes: Communes, row: dict[str, str]) -> None:
    place = Place(row["name"], point(float(row["latitude"]), float(row["longitude"])), row["code"])
    communes.by_code[place.code] = place
    for code in row["postal_codes"].split():
        communes.by_postal_code[code] = (*communes.by_postal_code.get(code, ()), place)


def _middle(points: Iterable[Point]) -> Point:
    x, y, z = (sum(axis) for axis in zip(*points, strict=True))
    length = math.hypot(x, y, z)
    return x / length, y / length, z / length
