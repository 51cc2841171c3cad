"""Appointments that a regulator took through SAS: who took them, and whether the platform is told (INT_R03).

An appointment says so by its operator, in any of three generations of FrCore; whether that counts, the account told by
the platform decides (INT_R02). https://interop.esante.gouv.fr/ig/fhir/sas
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.kernel.paths import read
from fhir_server.registry.extensions import APPOINTMENT_OPERATOR
from fhir_server.registry.national import PERSONS, SAS_ACCOUNTS, TYPES, prefixed
from fhir_server.scheduling.change import Change
from fhir_server.storage import accounts, outbox
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: The operator as SAS names it: only SAS still does, so that it tells an origin too.
SAS_OPERATOR = "http://interopsante.org/fhir/StructureDefinition/FrAppointmentOperator"
#: Profiles of an appointment taken through SAS.
_PROFILES = frozenset(
    {
        "http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS",
        "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-sos-appointment",
    }
)
#: What `origin=sas` in the address of a vendor's page becomes in what the vendor books.
ORIGIN = {"system": "urn:creneau:origin", "code": "sas"}
#: Who wrote it down: the operator in what is to follow FrCore 2.1.
_ENTERER = "ENT"
_TELLING = frozenset({"appointment-booked", "appointment-moved", "appointment-changed"})


def operator(appointment: Json) -> tuple[str, str] | None:
    """System and value of the regulator's identifier, the national one with its prefix; None without a regulator."""
    for identifier in _operators(appointment):
        system, value = identifier.get("system", ""), identifier.get("value", "")
        if system in TYPES and value:
            return system, prefixed(value) if system == PERSONS else value
    return None


def is_taken_through_sas(appointment: Json) -> bool:
    """Whether it names a regulator, and says that it comes from SAS: by profile, tag, operator or its identifier."""
    named = operator(appointment)
    if named is None:
        return False
    meta = appointment.get("meta", {})
    return (
        named[0] == SAS_ACCOUNTS
        or any(one.get("url") == SAS_OPERATOR for one in appointment.get("extension", ()))
        or not _PROFILES.isdisjoint(meta.get("profile", ()))
        or any(ORIGIN.items() <= tag.items() for tag in meta.get("tag", ()))
    )


def is_told(uow: UnitOfWork, destination: str, event: str, change: Change) -> bool:
    """Whether a change is told to the platform: the regulator's account is active, or the platform knows of it."""
    taken = next((one for one in (change.after, change.before) if one and is_taken_through_sas(one)), None)
    if taken is None:
        return False
    if outbox.has_earlier(uow.connection, destination, f"{change.type}/{change.id}"):
        return True
    named = operator(taken)
    return event in _TELLING and named is not None and accounts.is_active(uow.connection, [_key(named)])


def keep_operator(_uow: UnitOfWork, change: Change) -> None:
    """What was taken through SAS stays so: who changes it need not repeat who took it."""
    before, after = change.before, change.after
    if before is None or after is None or not is_taken_through_sas(before) or is_taken_through_sas(after):
        return
    named = operator(before)
    if named is not None:
        identifier = {"system": named[0], "value": named[1]}
        kept = {"url": SAS_OPERATOR, "valueReference": {"identifier": identifier}}
        after["extension"] = [*after.get("extension", ()), kept]


def _operators(appointment: Json) -> Iterator[Json]:
    for extension in appointment.get("extension", ()):
        if extension.get("url") in APPOINTMENT_OPERATOR:
            yield extension.get("valueReference", {}).get("identifier", {})
    for participant in appointment.get("participant", ()):
        if _ENTERER in read(participant, "type.coding.code"):
            yield participant.get("actor", {}).get("identifier", {})


def _key(named: tuple[str, str]) -> accounts.Key:
    return accounts.by_identifier(*named)
