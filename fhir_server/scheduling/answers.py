"""An AppointmentResponse is the word of one who is asked: the Appointment takes it over, in the same transaction.

All who are required have accepted a request: it is booked. One who is required declines: it is cancelled.
https://www.hl7.org/fhir/R4/appointmentresponse.html
"""

from typing import Any

from fhir_server.kernel.errors import Category, fault, raise_any
from fhir_server.kernel.paths import read
from fhir_server.scheduling import lifecycle
from fhir_server.scheduling.change import Change
from fhir_server.scheduling.following import follow
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

_REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
#: What an answer says, and of whom.
_SAID = ("appointment", "actor", "participantType", "participantStatus")


def take_over(uow: UnitOfWork, change: Change) -> None:
    """Note in the Appointment what a participant answered, and what follows for its status.

    One that is not here, or not the actor's to see, is left alone: the answer stands for itself. Raises FhirError:
    BUSINESS_RULE when the Appointment is at its end, does not know who answers, or cannot be cancelled any more, and as
    booking does when it would be booked.
    """
    answer, before = change.after, change.before or {}
    if answer is None or all(before.get(name) == answer.get(name) for name in _SAID):
        return
    stored = _appointment(uow, answer)
    if stored is None:
        return
    content = stored.content()
    if not lifecycle.TRANSITIONS.get(content["status"]):
        reason = f"An appointment that is {content['status']} takes no answers."
        raise fault(Category.BUSINESS_RULE, reason, "AppointmentResponse.appointment")
    after = _decided(_noted(content, answer), answer)
    if after["status"] == "cancelled":
        raise_any(lifecycle.issues(content, after, uow.now_ms))
    if after != content:
        follow(uow, stored, after)


def _appointment(uow: UnitOfWork, answer: Json) -> Stored | None:
    type_name, _, id_ = str(answer["appointment"].get("reference", "")).partition("/")
    stored = resources.lock(uow, "Appointment", id_) if type_name == "Appointment" else None
    if stored is None or stored.deleted:
        return None
    return stored if uow.actor.is_territory or stored.owner == uow.actor.owner else None


def _noted(content: Json, answer: Json) -> Json:
    """The Appointment with the answer as the status of who gave it."""
    participants = [
        {**one, "status": answer["participantStatus"]} if _is_meant(one, answer) else one
        for one in content["participant"]
    ]
    if not any(_is_meant(one, answer) for one in participants):
        reason = "The appointment has no such participant."
        raise fault(Category.BUSINESS_RULE, reason, "AppointmentResponse.actor")
    return {**content, "participant": participants}


def _is_meant(participant: Json, answer: Json) -> bool:
    if "actor" in answer:
        return bool(participant.get("actor", {}).get("reference") == answer["actor"].get("reference"))
    asked = {(one.get("system"), one.get("code")) for one in read(answer, "participantType.coding")}
    return any((one.get("system"), one.get("code")) in asked for one in read(participant, "type.coding"))


def _decided(noted: Json, answer: Json) -> Json:
    required = [one for one in noted["participant"] if one.get("required", "required") == "required"]
    meant = [one for one in required if _is_meant(one, answer)]
    if meant and answer["participantStatus"] == "declined":
        return {**noted, "status": "cancelled", "cancelationReason": _reason(meant[0])}
    is_agreed = all(one["status"] == "accepted" for one in required)
    if noted["status"] in lifecycle.ASKED and is_agreed and "start" in noted and "end" in noted:
        return {**noted, "status": "booked"}
    return noted


def _reason(participant: Json) -> Json:
    is_patient = str(participant.get("actor", {}).get("reference", "")).startswith(("Patient/", "RelatedPerson/"))
    code, display = ("pat", "Patient") if is_patient else ("prov", "Provider")
    return {"coding": [{"system": _REASONS, "code": code, "display": display}]}
