"""The territory's files: `config/territory/*.csv` and `territory.toml`, read into frozen rows."""

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import cache
from importlib.resources import files

#: One line of a CSV file: column name to text, empty when the cell is.
Row = Mapping[str, str]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch of a weekday in which an agenda is open."""

    agenda: str
    #: 0 is Monday, as `date.weekday()` counts.
    weekday: int
    opens: time
    closes: time
    #: Length of one slot; what does not fill a whole slot before `closes` is left out.
    minutes: int


@dataclass(frozen=True, slots=True)
class Territory:
    """Everything the files say, in file order."""

    name: str
    zone: str
    days: int
    #: Base of the identifier systems that are the territory's own.
    base: str
    #: Identifier system of places.
    places_system: str
    #: Address where a slot is booked, `{id}` standing for its id.
    booking: str
    #: Ids of the Organization and of the HealthcareService that stand for the CPTS itself.
    organization: str
    service: str
    communes: tuple[Row, ...]
    organizations: tuple[Row, ...]
    places: tuple[Row, ...]
    services: tuple[Row, ...]
    practitioners: tuple[Row, ...]
    roles: tuple[Row, ...]
    schedules: tuple[Row, ...]
    openings: tuple[Opening, ...]


@cache
def read() -> Territory:
    """The territory of `config/territory/`, read once. Raises KeyError or ValueError for a bad column."""
    settings = tomllib.loads(_text("territory.toml"))
    return Territory(
        **settings,
        communes=_rows("communes"),
        organizations=_rows("organizations"),
        places=_rows("places"),
        services=_rows("services"),
        practitioners=_rows("practitioners"),
        roles=_rows("roles"),
        schedules=_rows("schedules"),
        openings=tuple(_opening(row) for row in _rows("openings")),
    )


def _opening(row: Row) -> Opening:
    return Opening(
        agenda=row["agenda"],
        weekday=_WEEKDAYS.index(row["weekday"]),
        opens=time.fromisoformat(row["opens"]),
        closes=time.fromisoformat(row["closes"]),
        minutes=int(row["minutes"]),
    )


def _rows(name: str) -> tuple[Row, ...]:
    return tuple(csv.DictReader(_text(f"{name}.csv").splitlines()))


def _text(name: str) -> str:
    return (files("config") / "territory" / name).read_text(encoding="utf-8")
