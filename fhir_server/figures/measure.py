"""A report as a FHIR MeasureReport. https://www.hl7.org/fhir/R4/measurereport.html"""

from typing import Any

from fhir_server.figures.report import Report, Row
from fhir_server.figures.tally import ZONE
from fhir_server.kernel.dates import to_instant
from fhir_server.registry.figures import FIGURE_SYSTEM, MEASURE_URL, POPULATION_SYSTEM, POPULATIONS

_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_MASKED = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
_UCUM = "http://unitsofmeasure.org"


def measure_report(report: Report) -> dict[str, Any]:
    """The MeasureReport: a group for each figure. Its date is the moment whose knowledge it tells."""
    period = report.period
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": MEASURE_URL,
        "date": to_instant(period.as_of_ms, ZONE),
        "period": {"start": period.first.isoformat(), "end": period.last.isoformat()},
        "group": [_group(row) for row in report.rows],
    }


def _group(row: Row) -> dict[str, Any]:
    figure = row.figure
    coding = {"system": FIGURE_SYSTEM, "code": figure.code, "display": figure.title}
    names = POPULATIONS[figure.kind]
    counted = (row.denominator,) if len(names) == 1 and figure.denominator else (row.numerator, row.denominator)
    return {
        "code": {"coding": [coding], "text": figure.title_fr},
        "population": [_population(name, count) for name, count in zip(names, counted, strict=False)],
        **_score(row),
    }


def _population(name: str, count: int | None) -> dict[str, Any]:
    coding = {"system": POPULATION_SYSTEM, "code": name}
    return {"code": {"coding": [coding]}, **({"_count": _MASKED} if count is None else {"count": count})}


def _score(row: Row) -> dict[str, Any]:
    if row.figure.kind == "count":
        return {}
    if row.value is None:
        return {"measureScore": _MASKED} if row.is_hidden else {}
    unit = row.figure.unit or "1"
    return {"measureScore": {"value": row.value, "unit": unit, "system": _UCUM, "code": unit}}
