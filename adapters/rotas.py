"""Slots made ahead while the server runs: what a changed rota asks for within seconds, the next day's once a day."""

import logging
import threading
from collections import deque

from fhir_server.interactions.slots_ahead import generate_due
from fhir_server.kernel import log
from fhir_server.kernel.errors import FhirError
from fhir_server.storage.unit_of_work import Store

_log = logging.getLogger(__name__)

#: How long a changed rota may wait, and how long a store is left alone that cannot be reached.
_IDLE_SECONDS, _AWAY_SECONDS = 2.0, 10.0


def keep_ahead(store: Store, horizon_days: int, stop: threading.Event) -> None:
    """Make slots until `stop` is set; the transaction under way is finished first.

    Any number of processes may do so: one Schedule is worked on by one at a time, and what is made is not made again.
    """
    while not stop.is_set():
        try:
            deque(generate_due(store, horizon_days=horizon_days, is_stopped=stop.is_set), maxlen=0)
        except FhirError as error:
            _log.warning("slots cannot be made ahead: %s", error)
            stop.wait(_AWAY_SECONDS)
        except Exception as error:
            # The edge: what one Schedule brings about must not end the keeping of the others for good.
            _log.error("slots cannot be made ahead: %s", log.describe(error))
            stop.wait(_AWAY_SECONDS)
        stop.wait(_IDLE_SECONDS)
