"""The bodies that the clients send: new persons, bookings, transactions."""

from collections.abc import Sequence
from typing import Any

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from tests.benchmark import content

#: Free slots as `load.free_slots` gives them.
FreeSlot = tuple[str, int, int]
#: Bookings of a transaction; as many more of its entries make the persons.
BOOKINGS = 5


def patients(count: int, run: str) -> list[bytes]:
    """Bodies of new persons."""
    return [json.encode(_patient(number, f"N{run}{number:07d}")) for number in range(count)]


def booking(slot: FreeSlot, number: str, persons: int) -> bytes:
    """The body that books a slot, its number in the vendor's books, for one of the persons loaded."""
    return json.encode(_appointment(slot, number, f"Patient/{booked_person(slot[0], persons)}"))


def bookings(slots: Sequence[FreeSlot], run: str, persons: int) -> list[bytes]:
    """The bodies that book these slots."""
    return [booking(slot, f"V{run}{number:07d}", persons) for number, slot in enumerate(slots)]


def booked_person(slot_id: str, persons: int) -> str:
    """Id of the person a slot is booked for."""
    return content.patient_id(place(slot_id) % persons)


def place(slot_id: str) -> int:
    """The number of a loaded slot."""
    return int(slot_id.removeprefix("slot-"))


def transactions(groups: Sequence[Sequence[FreeSlot]], run: str) -> list[bytes]:
    """The bodies of transactions, each booking the slots of a group."""
    return [transaction(group, f"{run}{number:07d}") for number, group in enumerate(groups)]


def transaction(slots: Sequence[FreeSlot], number: str) -> bytes:
    """New persons, called by URN, and their bookings; the first one's doctor is called by his national number."""
    urns = [f"urn:uuid:00000000-0000-4000-8000-{each:012d}" for each in range(len(slots))]
    persons = [_patient(each, f"T{number}P{each}") for each in range(len(slots))]
    booked = [
        _appointment(slot, f"T{number}B{each}", urn) for each, (slot, urn) in enumerate(zip(slots, urns, strict=True))
    ]
    doctor = content.doctor_number(place(slots[0][0]) % content.SCHEDULES)
    booked[0]["participant"][1]["actor"]["reference"] = f"Practitioner?identifier={content.DOCTOR_SYSTEM}|{doctor}"
    entries = [_entry(person, fullUrl=urn) for person, urn in zip(persons, urns, strict=True)]
    entries += [_entry(one) for one in booked]
    return json.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _entry(resource: dict[str, Any], **more: str) -> dict[str, Any]:
    return {**more, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def _patient(number: int, identifier: str) -> dict[str, Any]:
    person = content.patient(number)
    person["identifier"][0]["value"] = identifier
    return person


def _appointment(slot: FreeSlot, number: str, patient: str) -> dict[str, Any]:
    slot_id, start_ms, end_ms = slot
    return content.appointment(
        number=number,
        status="booked",
        patient=patient,
        agenda=place(slot_id) % content.SCHEDULES,
        start=to_instant(start_ms, content.ZONE),
        end=to_instant(end_ms, content.ZONE),
        slot_id=slot_id,
    )
