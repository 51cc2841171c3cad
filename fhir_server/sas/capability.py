"""What `/sas` serves: one row for each type, from which its CapabilityStatement is computed.

https://interop.esante.gouv.fr/ig/fhir/sas
"""

from dataclasses import dataclass
from typing import Any

from fhir_server.sas import codes

_SAS = "https://interop.esante.gouv.fr/ig/fhir/sas"
_R4 = "http://hl7.org/fhir/SearchParameter/"


@dataclass(frozen=True, slots=True)
class Served:
    """One resource type at `/sas`."""

    type: str
    profile: str
    interactions: tuple[str, ...]
    #: Search parameters: name, definition, type, what is done with it.
    parameters: tuple[tuple[str, str, str, str], ...]
    includes: tuple[str, ...] = ()
    reverse_includes: tuple[str, ...] = ()
    #: Accounts are written by a condition, too, and by it come to be.
    is_conditionally_written: bool = False


SERVED = (
    Served(
        "Slot",
        codes.CPTS.profiles["Slot"],
        ("read", "search-type"),
        (
            ("start", f"{_SAS}/SearchParameter/slot-sp-start", "date", "Once with ge and once with le."),
            ("status", f"{_R4}Slot-status", "token", "Once, free."),
            ("schedule", f"{_R4}Slot-schedule", "reference", "schedule.actor:Practitioner.identifier, 1 to 25."),
            (
                "service-type-reference",
                f"{_SAS}/SearchParameter/cptsslot-sp-servicetype",
                "reference",
                "Served in _include alone.",
            ),
        ),
        ("Slot:schedule", "Schedule:actor", "Slot:service-type-reference", "HealthcareService:organization"),
    ),
    Served(
        "Schedule",
        codes.CPTS.profiles["Schedule"],
        ("read", "search-type"),
        (
            (
                "actor",
                f"{_R4}Schedule-actor",
                "reference",
                "Practitioner/id; actor:Location.organization.identifier with _has:Slot:schedule for SOS Médecins.",
            ),
        ),
        ("Schedule:actor:Location", "Location:organization"),
        ("Slot:schedule",),
    ),
    Served(
        "Practitioner",
        codes.CPTS.profiles["Practitioner"],
        ("create", "read", "search-type", "update"),
        (("identifier", f"{_R4}Practitioner-identifier", "token", "RPPS or ADELI, 1 to 25."),),
        is_conditionally_written=True,
    ),
)


def statement(base_url: str, *, software_version: str, date: str) -> dict[str, Any]:
    """The CapabilityStatement of the base `/sas`; `date` is when this last changed."""
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base_url}/metadata",
        "version": software_version,
        "name": "CreneauSas",
        "title": "Créneau, SAS",
        "status": "active",
        "date": date,
        "description": "Slots for the national SAS platform (INT_R01, INT_R04, SOS) and its regulators (INT_R02).",
        "kind": "instance",
        "instantiates": [f"{_SAS}/CapabilityStatement/SAS-Gestionnaire{name}" for name in _ROLES],
        "software": {"name": "Créneau", "version": software_version},
        "implementation": {"description": "Slots of a territory as SAS takes them", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml"],
        "implementationGuide": [_SAS],
        "rest": [{"mode": "server", "security": _SECURITY, "resource": [_resource(row) for row in SERVED]}],
    }


#: The requirements of the guide that are met.
_ROLES = ("Agenda-PsIndiv", "Agenda-CPTS", "Agenda-SOS", "Structure")
_SECURITY = {"cors": False, "description": "OAuth 2.0 bearer tokens; scopes system/Type.rs."}


def _resource(row: Served) -> dict[str, Any]:
    names = ("name", "definition", "type", "documentation")
    members: dict[str, Any] = {
        "type": row.type,
        "profile": row.profile,
        "interaction": [{"code": code} for code in row.interactions],
        "searchInclude": list(row.includes),
        "searchRevInclude": list(row.reverse_includes),
        "searchParam": [dict(zip(names, parameter, strict=True)) for parameter in row.parameters],
    }
    written = {"updateCreate": True, "conditionalUpdate": True} if row.is_conditionally_written else {}
    return {name: value for name, value in (members | written).items() if value != []}
