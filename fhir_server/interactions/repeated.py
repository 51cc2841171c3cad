"""A booking told twice under one identifier: the partner's own name for it is as good as an Idempotency-Key.

Asked for a year later, or after a restart, it is found by its identifier, whatever became of it since.
"""

from typing import Any

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.storage import identified, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

#: Types of which a partner means one resource by one identifier.
_NAMED = frozenset({"Appointment"})
#: Elements to which the server's rules may add.
_SERVERS = frozenset({"id", "meta", "extension"})
#: Uses of an identifier that do not name the resource itself.
_SHARED = frozenset({"old", "secondary"})


def told_before(uow: UnitOfWork, type_name: str, content: dict[str, Any]) -> Stored | None:
    """What the partner made earlier by asking for the same under the same identifier, as it stands now.

    None when it is new. Two who ask at the same time wait for each other. Raises FhirError: DUPLICATE when the
    identifier is that of another booking of the partner's.
    """
    if type_name not in _NAMED or not uow.actor.is_partner:
        return None
    keys = [(type_name, one["system"], one["value"]) for one in content.get("identifier", ()) if _is_own(one)]
    if not keys:
        return None
    uow.lock(*("|".join(key) for key in keys))
    found = [one for one in identified.find_all(uow.connection, keys) if one.owner == uow.actor.owner]
    same = next((one for one in found if _is_asked_again(uow, one, content)), None)
    if found and same is None:
        reason = f"{found[0].reference} has that identifier and is another booking, or was asked for otherwise."
        raise fault(Category.DUPLICATE, reason, f"{type_name}.identifier")
    return same


def _is_own(identifier: dict[str, Any]) -> bool:
    return bool(identifier.get("system") and identifier.get("value")) and identifier.get("use") not in _SHARED


def _is_asked_again(uow: UnitOfWork, stored: Stored, content: dict[str, Any]) -> bool:
    """Whether its first version is what is asked, but for what the server may have added."""
    row = resources.load_version(uow.connection, stored.type, stored.id, 1)
    first = json.load(row.body.encode()) if row is not None and row.body else {}
    return all(first.get(name) == content.get(name) for name in (first.keys() | content.keys()) - _SERVERS)
