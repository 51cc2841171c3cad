"""What one resource tells the figures. Times are epoch milliseconds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.paths import first, read
from fhir_server.registry.extensions import CAPACITY, COMMUNE_CODE, NO_FAMILY_DOCTOR

Content = Mapping[str, Any]

#: An appointment with one of these takes place, took place, or should have.
STANDING = frozenset({"booked", "arrived", "checked-in", "fulfilled", "noshow"})
#: A slot with one of these was there to be taken.
OFFERED = frozenset({"free", "busy", "busy-tentative"})
#: A request with one of these waits no more.
CLOSED = frozenset({"completed", "revoked"})

_ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_LAPSED = "hold-lapsed"


@dataclass(frozen=True, slots=True)
class Territory:
    """The communes of the territory: INSEE codes, and postal codes for addresses without one."""

    communes: frozenset[str] = frozenset()
    postal_codes: frozenset[str] = frozenset()


def start_of(content: Content) -> int | None:
    """When a slot or an appointment starts."""
    text = content.get("start")
    return None if text is None else dates.interval(text).low


def capacity(slot: Content) -> int:
    """How many appointments a slot holds."""
    for extension in slot.get("extension", ()):
        if extension.get("url") == CAPACITY:
            return max(int(extension.get("valueInteger", 1)), 1)
    return 1


def asked_at(request: Content, received_ms: int) -> int:
    """When a request was made: as it says, but never after it came; if it names only a day, when it came."""
    text = request.get("authoredOn", "")
    return min(dates.interval(text).low, received_ms) if "T" in text else received_ms


def requests_of(appointment: Content) -> list[str]:
    """Ids of the requests that an appointment answers."""
    return list(_ids(read(appointment, "basedOn.reference"), "ServiceRequest"))


def patient_of(appointment: Content) -> str | None:
    """Id of the patient."""
    return next(_ids(read(appointment, "participant.actor.reference"), "Patient"), None)


def slots_of(appointment: Content) -> list[str]:
    """Ids of the slots that an appointment takes."""
    return list(_ids(read(appointment, "slot.reference"), "Slot"))


def has_lapsed(appointment: Content) -> bool:
    """Whether a cancelled appointment was only ever held."""
    return _LAPSED in read(appointment, "cancelationReason.coding.code")


def is_remote(content: Content) -> bool | None:
    """Whether an appointment or a slot is a teleconsultation; None when it does not say where it takes place."""
    places = read(content, f"serviceType.coding[system={_ACT_CODES}].code")
    return "VR" in places if places else None


def has_doctor(patient: Content | None, request: Content | None) -> bool | None:
    """Whether the patient has a family doctor: as the request says it, else as the patient's record names one."""
    for extension in (request or {}).get("extension", ()):
        if extension.get("url") == NO_FAMILY_DOCTOR:
            return not extension.get("valueBoolean", False)
    return True if (patient or {}).get("generalPractitioner") else None


def is_inside(patient: Content | None, territory: Territory) -> bool | None:
    """Whether the patient lives in the territory, by the first address that tells; None when none does."""
    for address in (patient or {}).get("address", ()):
        commune = _commune(address)
        if commune:
            return commune in territory.communes
        if address.get("postalCode"):
            return address["postalCode"] in territory.postal_codes
    return None


def _commune(address: Content) -> str | None:
    for extension in (*address.get("extension", ()), *address.get("_city", {}).get("extension", ())):
        if extension.get("url") in COMMUNE_CODE:
            code: str | None = first(extension, "valueCoding.code")
            return code
    return None


def _ids(references: list[str], type_name: str) -> Iterator[str]:
    for reference in references:
        kind, _, rest = reference.partition("/")
        if kind == type_name:
            yield rest.partition("/")[0]
