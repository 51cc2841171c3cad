"""The demonstration territory as FHIR R4 resources."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from adapters.demo import agenda, directory, tables


def resources(today: date) -> Iterator[dict[str, Any]]:
    """Every resource of the territory with slots from `today` on, each after those it refers to; ids never change."""
    territory = tables.read()
    yield from directory.resources(territory)
    yield from agenda.schedules(territory)
    yield from agenda.slots(territory, today)
