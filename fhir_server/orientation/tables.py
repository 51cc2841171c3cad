"""The tables of the ranking: what each criterion weighs, what reasons are worth and say, how soon and near care is."""

import csv
from dataclasses import dataclass
from importlib.resources import files

#: Acts of regulated care that a doctor is paid more for in a week (NGAP 14.1.3): who has as many is left out.
WEEKLY_CAP = 20
#: Proposals of one doctor's slots in one answer: near ones, and teleconsultations.
MOST_OF_ONE = 2
#: The points of what could not be better.
BEST = 1000

#: https://www.hl7.org/fhir/R4/valueset-request-priority.html
PRIORITIES = ("routine", "urgent", "asap", "stat")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that slots are compared by."""

    code: str
    english: str
    french: str
    #: Weight by priority; those of one priority are 100 together.
    weights: dict[str, int]


@dataclass(frozen=True, slots=True)
class Wording:
    """One thing that a criterion may say."""

    code: str
    criterion: str
    #: None where they are calculated.
    points: int | None
    english: str
    french: str


@dataclass(frozen=True, slots=True)
class Limit:
    """How soon and how near care of one priority is looked for, unless the need says otherwise."""

    hours: int
    kilometres: int


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _criterion(row: dict[str, str]) -> Criterion:
    return Criterion(row["criterion"], row["english"], row["french"], {name: int(row[name]) for name in PRIORITIES})


def _wording(row: dict[str, str]) -> Wording:
    points = int(row["points"]) if row["points"] else None
    return Wording(row["reason"], row["criterion"], points, row["english"], row["french"])


#: In the order in which reasons are told.
CRITERIA: dict[str, Criterion] = {row["criterion"]: _criterion(row) for row in _rows("weights")}
REASONS: dict[str, Wording] = {row["reason"]: _wording(row) for row in _rows("reasons")}
LIMITS: dict[str, Limit] = {
    row["priority"]: Limit(int(row["hours"]), int(row["kilometres"])) for row in _rows("limits")
}
