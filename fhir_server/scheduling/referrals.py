"""A referral and its appointments (`Appointment.basedOn`): what becomes of one when the other ends.

A referral that is revoked cancels what was only asked for on its account, and flags what is agreed, which takes a
person to decide. One whose last open appointment is fulfilled is completed. What a feed told of stays the feed's.
"""

from typing import Any

from sqlalchemy import bindparam, select

from fhir_server.kernel.paths import read
from fhir_server.scheduling import agendas, lifecycle
from fhir_server.scheduling.change import Change
from fhir_server.scheduling.following import follow, mark
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import reference_index, resource
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

_ENDED = frozenset({"revoked", "entered-in-error"})
#: Why an appointment is cancelled whose referral was, and what an agreed one is flagged with.
REVOKED = {"coding": [{"system": "urn:creneau:cancellation", "code": "request-revoked", "display": "Request revoked"}]}
FLAG = {"system": "urn:creneau:appointment", "code": "request-revoked"}

_based_on = Prepared(
    select(resource.c.id)
    .join(reference_index, reference_index.c.pk == resource.c.pk)
    .where(
        reference_index.c.parameter == "Appointment.based-on",
        reference_index.c.target_type == "ServiceRequest",
        reference_index.c.target_id == bindparam("id"),
        resource.c.deleted.is_(False),
    )
    .order_by(resource.c.id)
)


def end_appointments(uow: UnitOfWork, change: Change) -> None:
    """Cancel the appointments asked for on account of a ServiceRequest that is being revoked; flag those agreed."""
    is_ended = change.after is not None and change.after["status"] in _ENDED
    if not is_ended or change.before is None or change.before["status"] in _ENDED:
        return
    for stored in _appointments(uow, change.id):
        content = stored.content()
        if content["status"] in lifecycle.ASKED:
            follow(uow, stored, content | {"status": "cancelled", "cancelationReason": REVOKED})
        elif content["status"] in lifecycle.AGREED:
            mark(uow, stored, _flagged(content))


def complete(uow: UnitOfWork, change: Change) -> None:
    """Complete the ServiceRequests of an Appointment that is being fulfilled, unless another one is still open."""
    before, after = change.before or {}, change.after or {}
    if after.get("status") != "fulfilled" or before.get("status") == "fulfilled":
        return
    for reference in sorted(set(read(after, "basedOn.reference"))):
        type_name, _, id_ = reference.partition("/")
        stored = resources.lock(uow, type_name, id_) if type_name == "ServiceRequest" else None
        if stored is not None and _is_done(uow, stored, change.id):
            mark(uow, stored, stored.content() | {"status": "completed"})


def _is_done(uow: UnitOfWork, request: Stored, fulfilled: str) -> bool:
    if request.deleted or not _is_within_reach(uow, request) or request.content()["status"] != "active":
        return False
    others = [one for one in _appointments(uow, request.id, of_all=True) if one.id != fulfilled]
    return all(one.content()["status"] not in lifecycle.ASKED | lifecycle.AGREED for one in others)


def _appointments(uow: UnitOfWork, request_id: str, *, of_all: bool = False) -> list[Stored]:
    """The appointments of a referral, locked; only those that the actor may change and no feed told of, or all."""
    ids = _based_on.run(uow.connection, {"id": request_id}).scalars()
    found = [one for one in resources.lock_many(uow, [("Appointment", id_) for id_ in ids]).values() if not one.deleted]
    return [one for one in found if of_all or (_is_within_reach(uow, one) and not agendas.is_told(one.content()))]


def _is_within_reach(uow: UnitOfWork, stored: Stored) -> bool:
    return uow.actor.is_territory or stored.owner == uow.actor.owner


def _flagged(content: Json) -> Json:
    meta = content.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag != FLAG]
    return {**content, "meta": {**meta, "tag": [*tags, FLAG]}}
