"""Holds end by the clock: by whoever looks for what is free, and by the dispatcher's process for everybody else."""

from fhir_server.kernel.actor import SYSTEM
from fhir_server.scheduling import holds
from fhir_server.storage import holds as table
from fhir_server.storage.unit_of_work import Store

#: Holds looked at in one go.
_BATCH = 100


def end_all(store: Store) -> int:
    """End every hold that has lapsed by now, each in a transaction of its own; how many.

    Raises FhirError (UNAVAILABLE) when the database cannot be reached.
    """
    ended = 0
    while batch := table.due(store.read(), store.database.clock(), _BATCH):
        ended += sum(_end(store, id_) for id_ in batch)
        if len(batch) < _BATCH:
            break
    return ended


def _end(store: Store, appointment_id: str) -> int:
    return store.transact(SYSTEM, lambda uow: holds.end(uow, [appointment_id]))
