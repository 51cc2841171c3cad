"""Answers kept for those who ask again are forgotten while the server runs, once their time is over."""

import logging
import threading

from fhir_server.kernel import log
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import idempotency
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
#: How long what is over may stay.
_IDLE_SECONDS = 600.0


def keep_swept(store: Store, hours: int, stop: threading.Event) -> None:
    """Forget what was kept for more than so many hours, until `stop` is set. Any number of processes may do so."""
    while not stop.is_set():
        try:
            sweep(store, hours)
        except Exception as error:
            # The edge: a store that cannot be reached now is swept later.
            _log.warning("kept answers cannot be swept: %s", log.describe(error))
        stop.wait(_IDLE_SECONDS)


def sweep(store: Store, hours: int) -> int:
    """Forget what was kept for more than so many hours; how many answers."""

    def work(uow: UnitOfWork) -> int:
        return idempotency.sweep(uow, uow.now_ms - hours * _HOUR_MS)

    return store.transact(SYSTEM, work)
