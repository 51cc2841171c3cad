"""`Appointment/$hold`: keep a proposed appointment until a moment (IHE ITI-116)."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from fhir_server.interactions import chosen, write
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.chosen import Call, GoneError
from fhir_server.interactions.operation_parameters import read
from fhir_server.interactions.update import require_both
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.scheduling import proposals
from fhir_server.search import restriction
from fhir_server.storage import holds
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

Json = dict[str, Any]


def hold(store: Store, actor: Actor, call: Call, *, seconds: int) -> Answer:
    """The Appointment, `pending`, that keeps its slot for so many seconds; the header `Expires` says until when.

    Who asks for the same again is told the same, and the time is not drawn out. Raises FhirError: VALUE for a reference
    to nothing of the kind, CONFLICT when another has the slot, THROTTLED when the actor holds as many as it may.
    """
    [(reference, where)] = read("hold", call.body)["appointment-reference"]
    call.access_check("Appointment", "c")
    id_ = chosen.id_of(reference, where, call.base_url)

    def work(uow: UnitOfWork) -> Answer:
        chosen.lock(uow, id_, f"holds of {actor.owner}")
        stored = _held(uow, id_, seconds)
        return Answer(chosen.entry(stored, call.base_url), headers=_expires(uow, stored))

    return chosen.answered(store, actor, call, work)


def _held(uow: UnitOfWork, id_: str, seconds: int) -> Stored:
    stored, made = chosen.own(uow, id_)
    status = None if stored is None else stored.content()["status"]
    if stored is not None and (status not in ("proposed", "pending") or chosen.is_lapsed(uow, stored)):
        raise GoneError
    if stored is not None and status == "pending":
        return stored
    _check_quota(uow)
    kept = _keep(uow, stored, made if made is not None else {})
    holds.add(uow, kept.id, uow.now_ms + seconds * 1000)
    return kept


def _keep(uow: UnitOfWork, stored: Stored | None, made: Json) -> Stored:
    content = made if stored is None else stored.content()
    if not content.get("slot"):
        raise fault(Category.BUSINESS_RULE, "An appointment that names no slot cannot be held.", "Appointment.slot")
    content["status"] = "pending"
    proposals.answer_for_all(content, "tentative")
    if stored is not None:
        require_both(uow.actor, stored, content)
        return write.replace(uow, stored, content)
    restriction.require(uow.actor, "Appointment", content, "c")
    return write.insert(uow, "Appointment", content)


def _check_quota(uow: UnitOfWork) -> None:
    count, first_ms = holds.standing(uow)
    if count >= uow.actor.max_holds:
        wait = max(1, -((uow.now_ms - first_ms) // 1000)) if count else 1
        text = f"{count} appointments are held already, as many as may be at once; book or cancel one of them."
        raise fault(Category.THROTTLED, text, headers={"Retry-After": str(wait)})


def _expires(uow: UnitOfWork, stored: Stored) -> Mapping[str, str]:
    """Until when it is held, rounded down to the second; nothing for one that is pending without end."""
    expires_ms = holds.expiry(uow.connection, stored.id)
    return {} if expires_ms is None else {"Expires": formatdate(expires_ms // 1000, usegmt=True)}
