"""What is kept for a time is forgotten while the server runs: answers for those who ask again, texts of messages."""

import logging
import threading

from fhir_server.kernel import log
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import erasure, idempotency
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
#: How long what is over may stay.
_IDLE_SECONDS = 600.0


def keep_swept(store: Store, hours: int, days: int, stop: threading.Event) -> None:
    """Forget answers kept for more than so many hours, and messages of so many days (0: never), until `stop` is set.

    Any number of processes may do so.
    """
    while not stop.is_set():
        try:
            sweep(store, hours)
            if days:
                sweep_messages(store, days)
        except Exception as error:
            # The edge: a store that cannot be reached now is swept later.
            _log.warning("what was kept cannot be swept: %s", log.describe(error))
        stop.wait(_IDLE_SECONDS)


def sweep(store: Store, hours: int) -> int:
    """Forget what was kept for more than so many hours; how many answers."""

    def work(uow: UnitOfWork) -> int:
        return idempotency.sweep(uow, uow.now_ms - hours * _HOUR_MS)

    return store.transact(SYSTEM, work)


def sweep_messages(store: Store, days: int) -> int:
    """Empty the messages that were received or delivered more than so many days ago; how many."""
    return store.transact(SYSTEM, lambda uow: erasure.forget_messages(uow, uow.now_ms - days * 24 * _HOUR_MS))
