"""The figures a CPTS shows its funders: one row of `figures.csv` each, and the groups of people that they count.

A row is counted from cells. Cells are the parts of a total, or a total of its own; `PARTITIONS` says which.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fhir_server.kernel.origins import ORIGINS, OTHER

#: Id of the Measure that has them all, and its canonical URL.
MEASURE = "unplanned-care"
MEASURE_URL = f"urn:creneau:Measure:{MEASURE}"
#: Code system of the figures' codes.
FIGURE_SYSTEM = "urn:creneau:CodeSystem:figure"

KINDS = frozenset({"count", "share", "median", "average"})

#: Totals that are no part of another.
ROOTS = ("received", "offered", "standing", "cancelled")
#: A number of half-days, not of people: never hidden.
HALF_DAYS = "half-days"


@dataclass(frozen=True, slots=True)
class Partition:
    """The parts of a total: each of the total is of exactly one of them."""

    total: str
    #: What hides a small one is taken in this order: what is shown least comes first.
    parts: tuple[str, ...]


#: A total stands in the partition of which it is a part before it stands in those that it is the total of.
PARTITIONS = (
    Partition("received", ("closed", "unanswered", "oriented")),
    Partition("received", tuple(f"asked-{name}" for name in (OTHER, *reversed(ORIGINS)))),
    Partition("oriented", ("later", "within-48h", "within-36h", "same-day")),
    Partition("offered", ("unused", "booked")),
    Partition("standing", ("kept", "no-show")),
    Partition("standing", tuple(f"from-{name}" for name in (OTHER, *reversed(ORIGINS)))),
    Partition("standing", ("doctor-untold", "doctor-known", "doctor-none")),
    Partition("standing", ("place-untold", "place-inside", "place-outside")),
    Partition("standing", ("on-site", "remote")),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the report."""

    code: str
    #: count, share, median or average.
    kind: str
    #: UCUM code of its value; empty for a plain number.
    unit: str
    #: Cells that are added up; of a median, what it is of.
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    title: str
    title_fr: str
    definition: str


def _read() -> Mapping[str, Figure]:
    text = files(__package__).joinpath("figures.csv").read_text(encoding="utf-8")
    cells = {*ROOTS, HALF_DAYS, "delay", *(part for partition in PARTITIONS for part in partition.parts)}
    found: dict[str, Figure] = {}
    for row in csv.DictReader(text.splitlines()):
        figure = _figure(row)
        unknown = {*figure.numerator, *figure.denominator} - cells
        if figure.code in found or figure.kind not in KINDS or unknown:
            raise ValueError(f"figures.csv:{figure.code}: stands twice, unknown kind, or unknown cell")
        found[figure.code] = figure
    return found


def _figure(row: dict[str, str]) -> Figure:
    return Figure(
        code=row["code"],
        kind=row["kind"],
        unit=row["unit"],
        numerator=tuple(row["numerator"].split()),
        denominator=tuple(row["denominator"].split()),
        title=row["title"],
        title_fr=row["title_fr"],
        definition=row["definition"],
    )


#: Every figure by its code, in the order of the report.
FIGURES = _read()

#: The populations of a Measure's group, by the kind of its figure: what is counted, then of what.
POPULATIONS: Mapping[str, tuple[str, ...]] = {
    "count": ("initial-population",),
    "share": ("numerator", "denominator"),
    "average": ("numerator", "denominator"),
    "median": ("measure-population",),
}
POPULATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/measure-population"
