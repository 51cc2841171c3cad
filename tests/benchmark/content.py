"""The resources that fill the store: 200 agendas with their slots, in shape and size what a territory publishes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.demo import tables
from fhir_server.kernel.dates import zone
from tests.benchmark.extent import Sizes

ZONE = "Europe/Paris"
SCHEDULES = 200
#: Days over which the loaded appointments lie behind.
PAST_DAYS = 100
#: Family names in use.
FAMILIES = 997
#: Places where the agendas are, a third of the communes of the demonstration, and referrals waiting for a slot.
PLACES, REQUESTS = 40, 500
#: What CPTS offer, each at its own place.
SERVICES = 20
#: One appointment of so many answers a referral.
_REGULATED = 10
#: A slot lasts a quarter of an hour; an agenda is open from 8 to 20.
MINUTES, FIRST_HOUR, SLOTS_A_DAY = 15, 8, 48
#: In whose name agendas and bookings are loaded: two partners of the demonstration.
AGENDA, VENDOR = "demo-agenda", "demo-vendor"

DOCTOR_SYSTEM = "urn:oid:1.2.250.1.71.4.2.1"
PATIENT_SYSTEM, APPOINTMENT_SYSTEM = "https://bench.example/patient", "https://bench.example/appointment"

_R38 = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
_R314 = "https://mos.esante.gouv.fr/NOS/TRE_R314-TypeCreneau/FHIR/TRE-R314-TypeCreneau"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_R66 = "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
#: What an appointment was before it was fulfilled, when its history is kept: every tenth one.
_STATES = tuple({"status": status} for status in ("proposed", "pending", "booked", "arrived"))
_WITH_HISTORY = 10
_COMMENT = "Soins non programmés, sur orientation de la régulation."


@dataclass(frozen=True, slots=True)
class Item:
    """One resource to load, in whose name."""

    type: str
    id: str
    owner: str
    content: dict[str, Any]
    #: What each version before this one had otherwise, first version first.
    earlier: tuple[dict[str, Any], ...] = ()


def items(sizes: Sizes, today: datetime) -> Iterator[Item]:
    """Everything, catalogue first. `today` is the midnight before the first day of slots."""
    for number in range(PLACES):
        yield Item("Organization", f"structure-{number:03d}", AGENDA, structure(number))
        yield Item("Location", f"place-{number:03d}", AGENDA, place(number))
    for number in range(SERVICES):
        yield Item("HealthcareService", f"service-{number:03d}", AGENDA, service(number))
    for number in range(SCHEDULES):
        yield Item("Practitioner", f"doctor-{number:03d}", AGENDA, practitioner(number))
        yield Item("PractitionerRole", f"role-{number:03d}", AGENDA, role(number))
        yield Item("Schedule", f"agenda-{number:03d}", AGENDA, schedule(number))
    for number in range(sizes.slots):
        yield Item("Slot", f"slot-{number:07d}", AGENDA, slot(number, today))
    for number in range(sizes.patients):
        yield Item("Patient", patient_id(number), VENDOR, patient(number))
    for number in range(REQUESTS):
        yield Item("ServiceRequest", request_id(number), VENDOR, request(number, sizes.patients))
    for number in range(sizes.appointments):
        earlier = () if number % _WITH_HISTORY else _STATES
        booked = past_appointment(number, sizes.patients, today)
        yield Item("Appointment", appointment_id(number), VENDOR, booked, earlier)


def patient_id(number: int) -> str:
    """The id of a loaded person."""
    return f"patient-{number:06d}"


def appointment_id(number: int) -> str:
    """The id of a loaded appointment."""
    return f"booking-{number:06d}"


def request_id(number: int) -> str:
    """The id of a loaded referral."""
    return f"request-{number:03d}"


def with_history(number: int) -> int:
    """The nearest loaded appointment before that one that has several versions."""
    return number - number % _WITH_HISTORY


def slot(number: int, today: datetime) -> dict[str, Any]:
    """The slot of that number: agendas side by side, quarter hour after quarter hour. One in five is busy."""
    place, agenda = divmod(number, SCHEDULES)
    start = _opening(place, today)
    return {
        "resourceType": "Slot",
        "meta": {"security": [{"system": _R314, "code": "SNP"}]},
        "serviceType": [
            _concept(_ACT, "AMB", "Consultation au cabinet"),
            {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Slot.serviceType",
                        "valueReference": {"reference": f"HealthcareService/service-{agenda % SERVICES:03d}"},
                    }
                ],
                **_concept(_R66, "604", "CPTS"),
            },
        ],
        "specialty": [_concept(_R38, "SM54", "Médecine générale")],
        "appointmentType": _concept("http://terminology.hl7.org/CodeSystem/v2-0276", "ROUTINE", "Routine"),
        "schedule": {"reference": f"Schedule/agenda-{agenda:03d}"},
        "status": "busy" if (number * 7 + place) % 5 == 0 else "free",
        "start": start.isoformat(timespec="milliseconds"),
        "end": (start + timedelta(minutes=MINUTES)).isoformat(timespec="milliseconds"),
        "comment": f"https://agenda.bench.example/rdv?slot={number}",
    }


def schedule(number: int) -> dict[str, Any]:
    """The agenda of one doctor."""
    return {
        "resourceType": "Schedule",
        "identifier": [{"system": "https://bench.example/agenda", "value": f"A{number:03d}"}],
        "active": True,
        "serviceType": [_concept(_ACT, "AMB", "Consultation au cabinet")],
        "specialty": [_concept(_R38, "SM54", "Médecine générale")],
        "actor": [
            {"reference": f"Practitioner/doctor-{number:03d}", "display": f"Dr Essai {number:03d}"},
            {"reference": f"PractitionerRole/role-{number:03d}"},
        ],
        "comment": _COMMENT,
    }


def practitioner(number: int) -> dict[str, Any]:
    """An invented doctor."""
    return {
        "resourceType": "Practitioner",
        "identifier": [{"system": DOCTOR_SYSTEM, "value": doctor_number(number)}],
        "active": True,
        "name": [{"use": "official", "family": f"ESSAI{number:03d}", "given": ["Camille"], "prefix": ["DR"]}],
        "telecom": [{"system": "phone", "value": f"+33261910{number:03d}", "use": "work"}],
    }


def doctor_number(number: int) -> str:
    """The national number of a doctor."""
    return f"899{number:09d}"


def role(number: int) -> dict[str, Any]:
    """Where and as what the doctor of that number works."""
    return {
        "resourceType": "PractitionerRole",
        "active": True,
        "practitioner": {"reference": f"Practitioner/doctor-{number:03d}"},
        "organization": {"reference": f"Organization/structure-{number % PLACES:03d}"},
        "location": [{"reference": f"Location/place-{number % PLACES:03d}"}],
        "specialty": [_concept(_R38, "SM54", "Médecine générale")],
        "telecom": [{"system": "phone", "value": f"+33261910{number:03d}", "use": "work"}],
    }


def place(number: int) -> dict[str, Any]:
    """A practice in a commune of the demonstration's territory."""
    commune = tables.read().communes[3 * number]
    return {
        "resourceType": "Location",
        "status": "active",
        "name": f"Cabinet {number:03d}",
        "address": {
            "line": ["3 chemin du Moulin"],
            "city": commune["name"],
            "postalCode": commune["postal_codes"].split()[0],
            "country": "FR",
        },
        "managingOrganization": {"reference": f"Organization/structure-{number:03d}"},
    }


def structure(number: int) -> dict[str, Any]:
    """Who runs a place; the first of them are CPTS too."""
    return {
        "resourceType": "Organization",
        "active": True,
        "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.2", "value": f"196010{number:04d}"}],
        "name": f"Maison de santé {number:03d}",
        "telecom": [{"system": "phone", "value": f"+33261911{number:03d}", "use": "work"}],
    }


def service(number: int) -> dict[str, Any]:
    """What a CPTS offers."""
    return {
        "resourceType": "HealthcareService",
        "active": True,
        "providedBy": {"reference": f"Organization/structure-{number:03d}"},
        "type": [_concept(_R66, "604", "CPTS")],
        "name": f"Soins non programmés {number:03d}",
    }


def request(number: int, patients: int) -> dict[str, Any]:
    """A referral of a loaded person."""
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "priority": ("routine", "urgent", "asap")[number % 3],
        "subject": {"reference": f"Patient/{patient_id(number % patients)}"},
        "reasonCode": [{"text": "Fièvre depuis deux jours"}],
    }


def patient(number: int) -> dict[str, Any]:
    """An invented person."""
    return {
        "resourceType": "Patient",
        "identifier": [{"use": "official", "system": PATIENT_SYSTEM, "value": patient_number(number)}],
        "active": True,
        "name": [{"use": "official", "family": family(number), "given": ["Camille", "Maëlle"]}],
        "telecom": [{"system": "phone", "value": f"+336399{number % 100_000:05d}", "use": "mobile"}],
        "gender": "female" if number % 2 else "male",
        "birthDate": f"{1930 + number % 90}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "address": [{"use": "home", "line": ["12 chemin des Brumes"], "city": "Ambrelune", "postalCode": "96000"}],
    }


def patient_number(number: int) -> str:
    """What a vendor knows a loaded person by."""
    return f"P{number:09d}"


def family(number: int) -> str:
    """The family name of a person: some hundred loaded persons share it."""
    return f"Songerêve{number % FAMILIES}"


def past_appointment(number: int, patients: int, today: datetime) -> dict[str, Any]:
    """A booking of the last hundred days, kept as fulfilled: it holds no slot."""
    # Spread so that neither the bookings of one person nor those of one agenda fall on the same day.
    days, quarter = 1 + (number + number // 7_001) % PAST_DAYS, number // PAST_DAYS % SLOTS_A_DAY
    start = today - timedelta(days=days) + timedelta(hours=FIRST_HOUR, minutes=MINUTES * quarter)
    kept = appointment(
        number=appointment_number(number),
        status="fulfilled",
        patient=f"Patient/{patient_id(number % patients)}",
        agenda=number % SCHEDULES,
        start=start.isoformat(timespec="milliseconds"),
        end=(start + timedelta(minutes=MINUTES)).isoformat(timespec="milliseconds"),
    )
    answered = {"basedOn": [{"reference": f"ServiceRequest/{request_id(number % REQUESTS)}"}]}
    return kept if number % _REGULATED else kept | answered


def appointment_number(number: int) -> str:
    """The number of a loaded appointment in the vendor's books."""
    return f"B{number:09d}"


def appointment(
    *, number: str, status: str, patient: str, agenda: int, start: str, end: str, slot_id: str | None = None
) -> dict[str, Any]:
    """An appointment of one person with the doctor of an agenda, in a slot when one is named."""
    slots = {"slot": [{"reference": f"Slot/{slot_id}"}]} if slot_id else {}
    return {
        "resourceType": "Appointment",
        "identifier": [{"system": APPOINTMENT_SYSTEM, "value": number}],
        "status": status,
        "serviceType": [_concept(_ACT, "AMB", "Consultation au cabinet")],
        "reasonCode": [{"text": "Soins non programmés"}],
        "start": start,
        "end": end,
        **slots,
        "participant": [
            {"actor": {"reference": patient}, "status": "accepted"},
            {"actor": {"reference": f"Practitioner/doctor-{agenda:03d}"}, "status": "accepted"},
        ],
    }


def _opening(place: int, today: datetime) -> datetime:
    """When the slots of that place in an agenda start, with the offset of that day in Paris."""
    day, quarter = divmod(place, SLOTS_A_DAY)
    moment = today + timedelta(days=1 + day, hours=FIRST_HOUR, minutes=MINUTES * quarter)
    return moment.replace(tzinfo=zone(ZONE))


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}
