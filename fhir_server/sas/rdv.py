"""RS-SAS-RDV, by which the national hub tells a SAMU of an appointment that its regulator took (INT_L02).

Between the notice that the platform gets (`notices.py`) and the hub's member `appointment`, both ways, purely. As the
notice does, it holds nothing of a patient. What cannot be said validly is left out. https://hub.esante.gouv.fr
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fhir_server.kernel.dates import interval, to_instant
from fhir_server.kernel.paths import read
from fhir_server.registry.national import PERSONS, typed
from fhir_server.sas import codes, directory, hub, national
from fhir_server.sas.notices import CATEGORY, PROFILE, SOS_PROFILE, UNKNOWN_DOCTOR, ZONE, operated
from fhir_server.sas.regulator_rules import emails, identifiers

Json = dict[str, Any]

CREATED, UPDATED = "CreateAppointment", "UpdateAppointment"
#: Only those who have such a number can be named by the model.
_RPPS = re.compile(r"81[0-9]{10}")
_STRUCTURES = (national.FINESS, national.SIRET)
_ORIENTATION = "https://interop.esante.gouv.fr/ig/fhir/sas/CodeSystem/categorie-orientation-sas-codesystem"
#: Where a patient was oriented to, in the guide's words -> in the hub's.
CATEGORIES: Mapping[tuple[str, str], str] = {
    (_ORIENTATION, "001"): "PS",
    (_ORIENTATION, "002"): "PDM",
    (_ORIENTATION, "003"): "SOS",
    (codes.R66, "604"): "CPTS",
    (codes.R66, "603"): "MSP",
    (codes.R66, "124"): "CDS",
}
_BACK = {category: pair for pair, category in CATEGORIES.items()}
#: Members that name a code of a doctor and its system -> the system.
_CODED = {"speciality": codes.R38, "profession": codes.G15}


def message(notice: Json, method: str, regulator: Json, around: Sequence[Json]) -> Json:
    """The member `appointment` for a notice.

    `regulator` is the account that the notice names; `around` the practitioners, roles and structures of the
    appointment, those that count first. The doctor needs an RPPS that begins with 10, and a name.
    """
    told = {
        "appointmentId": notice["identifier"][0]["value"],
        "method": method,
        "created": _seconds(notice["created"]),
        "start": _seconds(notice["start"]),
        "end": _seconds(notice["end"]),
        "status": notice["status"],
        "orientationCategory": next(_categories(notice), None),
        "practitioner": next(_practitioners(read(notice, "participant.actor.identifier.value"), around), None),
        "organization": next(_organizations(around), None),
        "regulator": _regulator(regulator),
    }
    return {name: value for name, value in told.items() if value is not None}


def appointment(told: Json, system: str) -> Json:
    """The Appointment that a member `appointment` of a valid message tells of, in the shape of a notice.

    `system` is that of its identifier. The names of doctor and structure are displays; a FINESS may lack its prefix.
    Raises ValueError for a moment that cannot be.
    """
    profile = PROFILE if "practitioner" in told else SOS_PROFILE
    moments: Json = {
        name: to_instant(interval(told[name]).low, ZONE) for name in ("start", "end", "created") if name in told
    }
    return {
        "resourceType": "Appointment",
        "meta": {"profile": [profile]},
        "extension": [*_extensions(told)],
        "identifier": [{"system": system, "value": told["appointmentId"]}],
        "status": told["status"],
        **moments,
        "participant": [*_participants(told)],
    }


def _seconds(instant: str) -> str:
    return hub.moment(datetime.fromisoformat(instant))


def _categories(notice: Json) -> Iterator[str]:
    for coding in read(notice, f"extension[url={CATEGORY}].valueCodeableConcept.coding"):
        found = CATEGORIES.get((coding.get("system", ""), coding.get("code", "")))
        if found is not None:
            yield found


def _practitioners(numbers: Sequence[str], around: Iterable[Json]) -> Iterator[Json]:
    """Those of these numbers whom the model can name."""
    roles = [one for one in around if one["resourceType"] == "PractitionerRole"]
    for one in (one for one in around if one["resourceType"] == "Practitioner"):
        number = national.number(one, PERSONS, (national.RPPS,))
        name = next(iter(directory.named(one)), {})
        if number in numbers and _RPPS.fullmatch(number or "") and {"family", "given"} <= name.keys():
            his = [role for role in roles if f"Practitioner/{one['id']}" in read(role, "practitioner.reference")]
            yield {"rppsId": number, "lastName": name["family"], "firstName": name["given"][0]} | _coded([*his, one])


def _coded(sources: Sequence[Json]) -> Json:
    """Specialty and profession, each with its system, from the first that has one."""
    paths = ("specialty.coding", "code.coding", "qualification.code.coding")
    codings = [coding for one in sources for path in paths for coding in read(one, path)]
    found: Json = {}
    for name, system in _CODED.items():
        code = next((one["code"] for one in codings if one.get("system") == system and "code" in one), None)
        found |= {f"{name}Code": code, f"{name}Url": system} if code is not None else {}
    return found


def _organizations(around: Iterable[Json]) -> Iterator[Json]:
    for one in around:
        number = (
            national.number(one, national.STRUCTURES, _STRUCTURES) if one["resourceType"] == "Organization" else None
        )
        if number is not None and one.get("name"):
            yield {"organizationId": number, "name": one["name"]}


def _regulator(account: Json) -> Json:
    """An account is known to the platform alone by any other number than the national one, which is not told then."""
    number = next((value for system, value in identifiers(account) if system == PERSONS), None)
    told = {"regulatorId": number} if number is not None else {}
    name = account["name"][0]
    return told | {
        "regulatorName": name["family"],
        "regulatorFirstname": name["given"][0],
        "regulatorEmail": emails(account)[0],
    }


def _extensions(told: Json) -> Iterator[Json]:
    if "regulatorId" in told["regulator"]:
        yield operated(PERSONS, told["regulator"]["regulatorId"])
    if "orientationCategory" in told:
        system, code = _BACK[told["orientationCategory"]]
        yield {"url": CATEGORY, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def _participants(told: Json) -> Iterator[Json]:
    doctor, structure = told.get("practitioner"), told.get("organization")
    if doctor is not None:
        display = f"{doctor['lastName']} {doctor['firstName']}"
        status = "needs-action" if told["status"] == "pending" else "accepted"
        yield {"actor": {"identifier": typed(PERSONS, doctor["rppsId"]), "display": display}, "status": status}
    else:
        yield UNKNOWN_DOCTOR
    if structure is not None:
        # R4 lets no Organization take part; both kinds of number are those of an establishment, which is a place.
        number = national.prefixed(structure["organizationId"], _STRUCTURES) or structure["organizationId"]
        identifier = {"type": codes.concept(codes.TYPES_2, "IDNST"), "system": national.STRUCTURES, "value": number}
        actor = {"type": "Location", "identifier": identifier, "display": structure["name"]}
        yield {"actor": actor, "status": "accepted"}
