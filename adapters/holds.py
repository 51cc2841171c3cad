"""Holds end while the server runs: within a second of their moment, whichever process had made them."""

import logging
import threading

from fhir_server.interactions.lapsed import end_all
from fhir_server.kernel import log
from fhir_server.kernel.errors import FhirError
from fhir_server.storage.unit_of_work import Store

_log = logging.getLogger(__name__)

#: How long a hold may outlast its moment, and how long a store is left alone that cannot be reached.
_IDLE_SECONDS, _AWAY_SECONDS = 0.5, 10.0


def keep_ended(store: Store, stop: threading.Event) -> None:
    """End what has lapsed until `stop` is set. Any number of processes may do so."""
    while not stop.is_set():
        try:
            end_all(store)
        except FhirError as error:
            _log.warning("holds cannot be ended: %s", error)
            stop.wait(_AWAY_SECONDS)
        except Exception as error:
            # The edge: what one hold brings about must not keep the others from ending.
            _log.error("holds cannot be ended: %s", log.describe(error))
            stop.wait(_AWAY_SECONDS)
        stop.wait(_IDLE_SECONDS)
