"""A report as rows: CSV and plain JSON."""

import csv
import io
from decimal import Decimal

from fhir_server.figures.report import Report, Row
from fhir_server.figures.tally import ZONE
from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant

COLUMNS = (
    "from", "to", "as_of", "code", "title", "title_fr", "numerator", "denominator", "value", "unit", "hidden"
)  # fmt: skip


def as_csv(report: Report) -> str:
    """A line for each figure under a line of column names; a number that is not shown is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in report.rows:
        told = _told(row)
        writer.writerow((*_about(report).values(), *("" if told[name] is None else told[name] for name in COLUMNS[3:])))
    return text.getvalue()


def as_json(report: Report) -> str:
    """One object: the period and its figures; a number that is not shown is null."""
    told = {**_about(report), "figures": [{**_told(row), "hidden": row.is_hidden} for row in report.rows]}
    return json.encode(told).decode()


def _about(report: Report) -> dict[str, str]:
    period = report.period
    as_of = to_instant(period.as_of_ms, ZONE)
    return {"from": period.first.isoformat(), "to": period.last.isoformat(), "as_of": as_of}


def _told(row: Row) -> dict[str, str | int | Decimal | None]:
    return {
        "code": row.figure.code,
        "title": row.figure.title,
        "title_fr": row.figure.title_fr,
        "numerator": row.numerator,
        "denominator": row.denominator,
        "value": row.value,
        "unit": row.figure.unit,
        "hidden": "yes" if row.is_hidden else "",
    }
