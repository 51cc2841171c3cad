"""From a resource back to the messages that made it: each version a message makes names it in `meta.source`."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import history, inbox
from fhir_server.storage.history import Window
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.unit_of_work import UnitOfWork

_REFERENCE = re.compile(r"(?P<type>[A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>\d{1,9}))?")
#: `Actor.source` of a feed.
_SOURCE = re.compile(r"urn:creneau:feed:(?P<feed>[^#]+)#(?P<control_id>.*)")

#: Versions looked at, newest first.
_MOST = 1000


def messages_of(uow: UnitOfWork, reference: str) -> Iterator[Receipt]:
    """The messages that made the versions of `Type/id`, or of `Type/id/_history/n` that one, newest version first.

    A sender that uses one MSH-10 for several messages gets them all named. Raises ValueError for no reference.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"{reference} is no Type/id and no Type/id/_history/version")
    for row in history.page(uow.connection, Window(found["type"], found["id"]), SYSTEM, None, _MOST):
        body = json.load(row.body.encode()) if row.body else {}
        source = _SOURCE.fullmatch(body.get("meta", {}).get("source", ""))
        if source and found["version"] in (None, str(row.version)):
            yield from inbox.named(uow, source["feed"], unquote(source["control_id"]))
