"""The audit trail sealed while the server runs: what waits becomes a part of the chain within a second."""

import logging
import threading
from pathlib import Path

from fhir_server.kernel import log
from fhir_server.kernel.errors import FhirError
from fhir_server.storage import audit
from fhir_server.storage.audit_seal import seal
from fhir_server.storage.unit_of_work import Store

_log = logging.getLogger(__name__)

#: How long events may wait, and how long a store is left alone that cannot be reached.
_IDLE_SECONDS, _AWAY_SECONDS = 0.5, 5.0
#: How often the log notes the head of the chain, so that there is a copy of it elsewhere: in milliseconds.
_NOTE_MS = 3_600_000


def keep_sealed(store: Store, folder: Path, key: bytes, stop: threading.Event) -> None:
    """Seal the trail until `stop` is set; what waits then is sealed last.

    Any number of processes may do so: one seals at a time. Each machine on which web workers run needs one, since
    their journals are files.
    """
    noted_ms = 0
    while not stop.is_set():
        try:
            while seal(store, folder, key) and not stop.is_set():
                pass
            noted_ms = _note(store, noted_ms)
        except FhirError as error:
            _log.warning("the audit trail cannot be sealed: %s", error)
            stop.wait(_AWAY_SECONDS)
        except Exception as error:
            # The edge: what cannot be sealed now must not end the sealing for good.
            _log.error("the audit trail cannot be sealed: %s", log.describe(error))
            stop.wait(_AWAY_SECONDS)
        stop.wait(_IDLE_SECONDS)


def _note(store: Store, noted_ms: int) -> int:
    now_ms = store.database.clock()
    head = audit.head(store.read()) if now_ms - noted_ms >= _NOTE_MS else None
    if head is None:
        return noted_ms
    _log.info("audit head %d %s", head.number, head.hash)
    return now_ms
