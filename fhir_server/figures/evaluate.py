"""`Measure/[id]/$evaluate-measure`: the figures of a period, of the whole territory.

https://www.hl7.org/fhir/R4/measure-operation-evaluate-measure.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fhir_server.figures import basis
from fhir_server.figures.measure import measure_report
from fhir_server.figures.period import Period, period
from fhir_server.figures.reading import Reading
from fhir_server.figures.report import Report, report
from fhir_server.interactions.read import read
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.figures import MEASURE
from fhir_server.registry.operations import OPERATIONS
from fhir_server.storage.figures import snapshot
from fhir_server.storage.unit_of_work import Store
from fhir_server.validation import gates

_OPERATION = "evaluate-measure"
_TAKEN = frozenset(parameter.name for parameter in OPERATIONS[_OPERATION].parameters if parameter.use == "in")


def evaluate(store: Store, asked: Period) -> Report:
    """The report of a period. Takes no lock and writes nothing."""
    with snapshot(store.database) as connection:
        reading = Reading(connection, asked, basis.load(connection, asked.as_of_ms))
        return report(asked, reading.counts())


def evaluate_measure(
    store: Store, actor: Actor, id_: str, body: dict[str, Any] | None, query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """The MeasureReport that Parameters, the query or both ask for.

    Raises FhirError: FORBIDDEN for whoever does not see the territory, NOT_FOUND for a Measure that is not there,
    REQUIRED without the period's days, VALUE for a parameter that cannot be read or is not taken.
    """
    if not actor.is_territory:
        raise fault(Category.FORBIDDEN, "Figures of the territory are told to those who see all of it.")
    read(store, actor, "Measure", id_)
    asked = dict(query) | dict(_of_body(body))
    for name in sorted(asked.keys() - _TAKEN):
        raise fault(Category.VALUE, f"$evaluate-measure does not take {name[:100]}.", name[:100])
    for name in ("periodStart", "periodEnd"):
        if not asked.get(name):
            raise fault(Category.REQUIRED, f"The parameter {name} is required.", name)
    if asked.get("reportType", "population") != "population" or id_ != MEASURE:
        raise fault(Category.VALUE, "Reports are of the whole population.", "reportType")
    days = period(asked["periodStart"], asked["periodEnd"], store.database.clock(), asked.get("asOf", ""))
    return measure_report(evaluate(store, days))


def _of_body(body: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if body is None:
        return
    gates.validate(body, "Parameters")
    for parameter in body.get("parameter", ()):
        value = next((found for name, found in parameter.items() if name.startswith("value")), "")
        yield parameter["name"], str(value)
