"""What the SAS platform is told of an appointment that a regulator took (INT_R03): the shape FrAppointmentSAS.

It is built from nothing, of named members only: of the patient there is nothing to leave out.
http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir_server.kernel.dates import interval, to_instant
from fhir_server.kernel.paths import first
from fhir_server.registry.national import PERSONS, typed
from fhir_server.scheduling.regulation import SAS_OPERATOR, operator

Json = dict[str, Any]

PROFILE = "http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS"
#: For appointments whose doctor is not known yet.
SOS_PROFILE = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-sos-appointment"
#: Where the patient was oriented to: a kind of place, of the guide's own codes or R66.
CATEGORY = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-categorie-orientation"
#: The clock on which moments are told.
ZONE = "Europe/Paris"

#: Our status -> the platform's, which knows four.
STATUSES: Mapping[str, str] = {
    "booked": "booked",
    "arrived": "booked",
    "checked-in": "booked",
    "fulfilled": "fulfilled",
    "noshow": "noshow",
    "cancelled": "cancelled",
    "entered-in-error": "cancelled",
}
_ADMITTER = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ADM"}
#: The participant of an appointment whose doctor is not known yet.
UNKNOWN_DOCTOR: Json = {"type": [{"coding": [_ADMITTER]}], "status": "needs-action"}


def identifier(system: str, id_: str) -> Json:
    """By what the platform knows an appointment of ours for its whole life: a UUID that follows from its id."""
    return {"system": system, "value": str(uuid5(NAMESPACE_URL, f"{system}|{id_}"))}


def notice(versions: Sequence[Json], doctors: Sequence[str], system: str, created_ms: int) -> Json:
    """The notice of an appointment: its versions, the newest first, where the newest may lack what it once said.

    `doctors` are prefixed national numbers. Raises ValueError when no version says who took it, or when it is.
    """
    newest = versions[0]
    named = next((found for one in versions if (found := operator(one)) is not None), None)
    timed = next((one for one in versions if "start" in one and "end" in one), None)
    if named is None or timed is None or newest["status"] not in STATUSES:
        raise ValueError("no operator, no times, or a status that the platform has no word for")
    return {
        "resourceType": "Appointment",
        "meta": {"profile": [PROFILE if doctors else SOS_PROFILE]},
        "extension": [operated(*named), *_category(newest)],
        "identifier": [identifier(system, newest["id"])],
        "status": STATUSES[newest["status"]],
        "start": _instant(timed["start"]),
        "end": _instant(timed["end"]),
        "created": to_instant(created_ms, ZONE),
        "participant": [_doctor(number) for number in doctors] or [UNKNOWN_DOCTOR],
    }


def operated(system: str, value: str) -> Json:
    """The extension that names the regulator who took it."""
    return {"url": SAS_OPERATOR, "valueReference": {"identifier": typed(system, value)}}


def _doctor(number: str) -> Json:
    return {"actor": {"identifier": typed(PERSONS, number)}, "status": "accepted"}


def _category(appointment: Json) -> list[Json]:
    """Where the patient was oriented to, if the appointment says so: its code, never its words."""
    found = next((one for one in appointment.get("extension", ()) if one.get("url") == CATEGORY), None)
    coding = first(found, "valueCodeableConcept.coding") if found else None
    kept = {name: coding[name] for name in ("system", "code") if name in coding} if coding else {}
    return [{"url": CATEGORY, "valueCodeableConcept": {"coding": [kept]}}] if kept else []


def _instant(text: str) -> str:
    return to_instant(interval(text).low, ZONE)
