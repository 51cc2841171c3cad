"""Write the demonstration territory into a store."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import islice
from typing import Any

from adapters.demo import territory
from fhir_server.interactions import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import Store, UnitOfWork

#: Resources written in one transaction: few commits, and none so long that others wait for it.
_BATCH = 200


def load(store: Store, today: date) -> int:
    """Write what the store does not have yet and return how many that were; what it has (a booked slot) is left alone.

    May be repeated, on the same day or a later one. Raises FhirError if a resource is refused.
    """
    pending = territory.resources(today)
    written = 0
    while batch := tuple(islice(pending, _BATCH)):
        written += store.transact(SYSTEM, partial(_write, batch=batch))
    return written


def _write(uow: UnitOfWork, batch: Sequence[dict[str, Any]]) -> int:
    missing = [
        resource
        for resource in batch
        if resources.load(uow.connection, resource["resourceType"], resource["id"]) is None
    ]
    for resource in missing:
        # A copy: the write stamps what it is given, and a transaction may run again.
        update.put(uow, resource["resourceType"], resource["id"], dict(resource))
    return len(missing)
