"""A Schedule's rules are written: they are understood in full or refused, and slots are made by them from then on."""

from typing import Any

from fhir_server.kernel.errors import raise_any
from fhir_server.rotas.reading import has_rules, read_rota
from fhir_server.scheduling.change import Change
from fhir_server.storage import rotas
from fhir_server.storage.unit_of_work import UnitOfWork


def keep(uow: UnitOfWork, change: Change) -> None:
    """Check the rota of a Schedule, and note that its slots are to be made again when it changed.

    Raises FhirError BUSINESS_RULE with an issue for each element of the rota that cannot be understood.
    """
    if change.after is not None and has_rules(change.after):
        raise_any(read_rota(change.after)[1])
    is_ruled = any(content is not None and has_rules(content) for content in (change.before, change.after))
    if is_ruled and _substance(change.before) != _substance(change.after):
        rotas.mark(uow, change.id)


def _substance(schedule: dict[str, Any] | None) -> dict[str, Any] | None:
    if schedule is None:
        return None
    return {name: value for name, value in schedule.items() if name not in ("id", "meta", "text")}
