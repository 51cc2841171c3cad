"""Index every resource again: after search parameters were added, what was stored before them is found by them too."""

from functools import partial

from sqlalchemy import bindparam, select

from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import index
from fhir_server.storage.tables import resource
from fhir_server.storage.unit_of_work import Store, UnitOfWork

#: Resources indexed in one transaction: few commits, and none so long that others wait for it.
_BATCH = 200

_next = (
    select(resource.c.pk, resource.c.type, resource.c.body)
    .where(resource.c.pk > bindparam("after"), resource.c.deleted.is_(False))
    .order_by(resource.c.pk)
    .limit(_BATCH)
    .with_for_update()
)


def reindex(store: Store) -> int:
    """Index every resource again, batch by batch, beside other work; returns how many."""
    done = after = 0
    while True:
        last, count = store.transact(SYSTEM, partial(_batch, after=after))
        if not count:
            return done
        done, after = done + count, last


def _batch(uow: UnitOfWork, after: int) -> tuple[int, int]:
    """The last key of the batch after `after`, and its size."""
    rows = uow.connection.execute(_next, {"after": after}).all()
    for row in rows:
        index.remove(uow.connection, row.pk, row.type)
        index.write(uow.connection, row.pk, row.type, json.load(row.body.encode()))
    return (rows[-1].pk if rows else after), len(rows)
