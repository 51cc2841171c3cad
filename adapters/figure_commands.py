"""`creneau report`: the figures of a period."""

from collections.abc import Callable, Mapping
from datetime import datetime

import click

from adapters import origins
from fhir_server.bootstrap import build
from fhir_server.figures import table
from fhir_server.figures.evaluate import evaluate
from fhir_server.figures.measure import measure_report
from fhir_server.figures.period import period
from fhir_server.figures.report import Report
from fhir_server.kernel import json
from fhir_server.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])
FORMATS: Mapping[str, Callable[[Report], str]] = {
    "csv": table.as_csv,
    "json": table.as_json,
    "fhir": lambda report: json.encode(measure_report(report)).decode(),
}


@click.command("report")
@click.option("--from", "first", type=_DAY, required=True, help="First day, in Paris.")
@click.option("--to", "last", type=_DAY, required=True, help="Last day, in Paris.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option("--as-of", default="", help="Tell what was known then.  [default: a week after the last day]")
@click.pass_obj
def report(settings: Settings, first: datetime, last: datetime, form: str, as_of: str) -> None:
    """Requests, delays, slots and appointments of a period, for a CPTS's funders. Groups under five are hidden."""
    services = build(settings)
    origins.record(settings, services.store)
    start, end = (day.date().isoformat() for day in (first, last))
    asked = period(start, end, services.store.database.clock(), as_of)
    click.echo(FORMATS[form](evaluate(services.store, asked)).rstrip("\n"))
    services.close()
