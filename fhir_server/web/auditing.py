"""What each request is told as in the audit trail, whatever becomes of it.

A change is told by its own transaction. All else is told here, in one place for every route, by a line of this
process's journal, before the answer leaves: an answer whose event cannot be kept is not given, unless the settings say
so.
"""

import base64
import binascii
import logging
from collections.abc import Mapping
from typing import Any

from fhir_server.audit.event import encode, event_of
from fhir_server.audit.journal import Journal
from fhir_server.audit.patients import patients_in
from fhir_server.bootstrap import Services
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.web.deeds import deed_of
from fhir_server.web.origins import Origins
from fhir_server.web.request_log import Trace

_log = logging.getLogger("fhir_server.audit")

#: The receiver tells every message it takes; the answer is 200 then.
_TOLD_BY_RECEIVER = "message-received"
_LOOKS = frozenset({"read", "vread", "search-type"})


class Auditor:
    """Tells of the requests of one process."""

    def __init__(self, services: Services, journal: Journal) -> None:
        self._journal = journal
        self._clock = services.store.database.clock
        self._is_required = services.settings.audit == "required"
        self._origins = Origins(services.settings.issuer, services.settings.trusted_proxies)

    def finish(self, environ: Mapping[str, Any], about: Trace) -> bool:
        """Tell what no transaction has told. False when it cannot be kept, so that no answer may be given."""
        deed = about.deed or deed_of(environ, environ.get("werkzeug.request"), self._origins)
        status = about.status[:3]
        if deed is None or (deed.kind == _TOLD_BY_RECEIVER and status == "200"):
            return True
        untold = [part for part in deed.parts if not part.is_kept]
        # What failed after something was committed is told beside it.
        if not deed.is_kept or status[0] in "45":
            deed.status = status
            deed.patients += patients_in(about.disclosed) if _may_show(deed) else ()
            untold.append(deed)
        actor = about.actor or _claimed(environ, about)
        try:
            for one in untold:
                self._journal.append(encode(event_of(one, actor, self._clock(), about.request_id)))
        except OSError as error:
            _log.error("an event of request %s cannot be kept: %s", about.request_id, type(error).__name__)
            return not self._is_required
        return True


def _may_show(deed: Deed) -> bool:
    """Whether an answer may hold patients' data that nobody has told yet.

    The trail names patients but shows nothing of them. The catalogue is for everybody: what may be looked at costs
    more than all else that is told of a search.
    """
    row = RESOURCES.get(deed.type)
    if deed.parts or row is None:
        return not deed.parts
    return not row.is_ledger and (row.audience != "catalogue" or deed.kind not in _LOOKS or "include" in deed.query)


def _claimed(environ: Mapping[str, Any], about: Trace) -> Actor | None:
    """Who asks for a token, or says so: nobody has let it in yet."""
    if about.client_id != "-":
        return Actor(about.client_id)
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name = base64.b64decode(given, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None
    return Actor(name) if is_id(name) else None
