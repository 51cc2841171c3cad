"""French public holidays by department, and the clock of each: two tables.

Labour code, articles L3133-1 (everywhere), L3134-13 (Moselle and Alsace) and L3422-2 (overseas). Good Friday is a
holiday there only in communes with a Protestant church: a rota that works on it says so.
"""

import csv
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files

from dateutil.easter import easter

#: The clock of the mainland, and of a Schedule that names no place.
MAINLAND = "Europe/Paris"


@lru_cache(maxsize=256)
def holidays(year: int, department: str) -> frozenset[date]:
    """The public holidays of a year in a department (`68`, `2A`, `974`); the national ones for an empty text."""
    rows = _rows("public_holidays.csv")
    return frozenset(
        _day(row["day"], year) for row in rows if not row["departments"] or department in row["departments"].split()
    )


def is_holiday(day: date, department: str) -> bool:
    """Whether nobody need work there that day."""
    return day in holidays(day.year, department)


def zone_of(department: str) -> str:
    """IANA name of the department's clock."""
    found = {row["department"]: row["zone"] for row in _rows("department_zones.csv")}
    return found.get(department, MAINLAND)


def _day(rule: str, year: int) -> date:
    """`05-01` or `easter+39`."""
    if rule.startswith("easter"):
        sunday: date = easter(year)
        return sunday + timedelta(days=int(rule.removeprefix("easter")))
    month, day = rule.split("-")
    return date(year, int(month), int(day))


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    text = (files("fhir_server") / "rotas" / name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
