"""The coordinator's last step: the report of the day."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from adapters.demo.day import Day
from adapters.demo.journal import StepCutShortError
from fhir_server.registry.figures import FIGURES, MEASURE

#: Of the report, what the day shows.
_SHOWN = ("requests-received", "slots-offered", "slots-booked", "appointments")


def report(day: Day) -> None:
    """The coordinator asks for the figures of the week."""
    first, last = day.now.date(), day.now.date() + timedelta(days=7)
    address = f"Measure/{MEASURE}/$evaluate-measure?periodStart={first}&periodEnd={last}"
    told = day.coordinator.read(address)
    day.show_request(day.coordinator, told, f"GET /{address}")
    if told.status != 200:
        raise StepCutShortError(f"there is no report: HTTP {told.status}")
    groups = {group["code"]["coding"][0]["code"]: group for group in told.content["group"]}
    for code in _SHOWN:
        day.journal.answered(f"{FIGURES[code].title_fr} : {_count(groups[code])}")
    refused = day.vendor.read(address)
    day.show_request(day.vendor, refused, f"GET /{address}")
    day.journal.promise("every figure is told", list(FIGURES), list(groups))
    day.journal.promise("slots are offered", True, _offered(groups) > 0)
    day.journal.promise("a vendor is not told", 403, refused.status)


def _offered(groups: Mapping[str, dict[str, Any]]) -> int:
    return int(groups["slots-offered"]["population"][0].get("count", 0))


def _count(group: Mapping[str, Any]) -> str:
    """The number of a group; fewer than five people are not told."""
    return str(group["population"][0].get("count", "moins de 5"))
