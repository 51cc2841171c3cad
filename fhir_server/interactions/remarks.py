"""What the answer to a write says beside the resource: what of other resources does not fit it."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from fhir_server.interactions import rota_conflicts
from fhir_server.kernel.errors import Issue
from fhir_server.storage.resources import Stored

#: Type -> what is said of a version just written, as it stands at a moment.
_REMARKS: Mapping[str, Callable[[Connection, Stored, int], list[Issue]]] = {"Schedule": rota_conflicts.issues}


def remarks(connection: Connection, stored: Stored, now_ms: int) -> list[Issue]:
    """Warnings that go with a version just written; none for nearly every type, at no cost."""
    found = _REMARKS.get(stored.type)
    return found(connection, stored, now_ms) if found is not None else []
