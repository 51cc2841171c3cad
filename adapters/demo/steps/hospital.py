"""The hospital's steps: a patient admitted, two appointments made, one moved, one cancelled."""

from datetime import datetime, timedelta
from typing import Any

from adapters.demo.day import Day
from adapters.demo.journal import StepCutShortError, summary
from adapters.demo.person import doctor
from fhir_server.kernel import paths

#: Slots of the unplanned-care centre that the hospital's patients are sent to.
_CENTRE = "Schedule/csnp-schedule"
#: Whom and where the messages name, as the territory knows them.
_DOCTOR, _PLACE = "Practitioner/dr-brumeval", "Location/csnp"


def admit(day: Day) -> None:
    """The hospital's emergency department admits a patient: ADT^A04."""
    visit = f"V{day.run}"
    exchange = day.send(
        day.endpoints.hospital_port,
        "hospital_A04",
        visit=visit,
        movement=f"M{day.run}",
        **day.hospital_patient.hl7(),
    )
    patient = day.only("Patient", [("identifier", day.hospital_patient.number)])
    encounter = day.only("Encounter", [("identifier", visit)])
    day.journal.stored(summary(patient, "birthDate"), summary(encounter, "status"))
    day.journal.promise("the admission is acknowledged", "AA", exchange.get("MSA-1"))
    day.journal.promise(
        "the visit is the patient's", f"Patient/{patient['id']}", encounter.get("subject", {}).get("reference")
    )


def book(day: Day) -> None:
    """The hospital announces two appointments at the unplanned-care centre: SIU^S12."""
    for number, slot in zip(("1", "2"), _free(day, 2), strict=True):
        exchange = day.send(day.endpoints.hospital_port, "hospital_S12", **_appointment(day, number, slot))
        day.exchanges[number] = exchange
        stored = find(day, number)
        day.journal.stored(summary(stored, "status", "start"))
        day.journal.promise("the appointment is acknowledged", "AA", exchange.get("MSA-1"))
        day.journal.promise("it is booked", "booked", stored["status"])
        day.journal.promise("at the time the hospital said", _start(slot), _start(stored))
        day.journal.promise("with the doctor and at the place it named", {_DOCTOR, _PLACE}, _known_actors(stored))
        day.journal.promise("and its slot is nobody else's any more", "busy", _status(day, slot))


def move(day: Day) -> None:
    """The hospital moves its first appointment: SIU^S13."""
    before = find(day, "1")
    left = before["slot"][0]["reference"].removeprefix("Slot/")
    slot = _free(day, 3)[-1]
    exchange = day.send(day.endpoints.hospital_port, "hospital_S13", **_appointment(day, "1", slot))
    after = find(day, "1")
    day.journal.stored(summary(before, "status", "start"), summary(after, "status", "start"))
    day.journal.promise("the move is acknowledged", "AA", exchange.get("MSA-1"))
    day.journal.promise("it is the same appointment", before["id"], after["id"])
    day.journal.promise("at its new time", _start(slot), _start(after))
    day.journal.promise("still booked", "booked", after["status"])
    day.journal.promise("its new slot is taken", "busy", _status(day, slot))
    day.journal.promise("and the one it left is free", "free", _status(day, {"id": left}))


def cancel(day: Day) -> None:
    """The hospital cancels its second appointment: SIU^S15."""
    before = find(day, "2")
    exchange = day.send(day.endpoints.hospital_port, "hospital_S15", **_appointment(day, "2", before))
    after = find(day, "2")
    day.journal.stored(summary(after, "status", "start"))
    day.journal.promise("the cancellation is acknowledged", "AA", exchange.get("MSA-1"))
    day.journal.promise("the appointment is cancelled", "cancelled", after["status"])
    held = before["slot"][0]["reference"].removeprefix("Slot/")
    day.journal.promise("and its slot is free", "free", _status(day, {"id": held}))


def find(day: Day, number: str) -> dict[str, Any]:
    """The hospital's appointment of that number as the server has it."""
    return day.only("Appointment", [("identifier", appointment_id(day, number))])


def appointment_id(day: Day, number: str) -> str:
    """The hospital's own identifier of an appointment of this run."""
    return f"RDV{day.run}-{number}"


def _appointment(day: Day, number: str, span: dict[str, Any]) -> dict[str, str]:
    start, end = (datetime.fromisoformat(span[element]).astimezone(day.now.tzinfo) for element in ("start", "end"))
    return {
        "appointment": appointment_id(day, number),
        "start": f"{start:%Y%m%d%H%M%S}",
        "end": f"{end:%Y%m%d%H%M%S}",
        "minutes": str((end - start) // timedelta(minutes=1)),
        **doctor(0),
        **day.hospital_patient.hl7(),
    }


def _free(day: Day, count: int) -> list[dict[str, Any]]:
    """The next free slots of the unplanned-care centre."""
    found = day.coordinator.search(
        "Slot",
        [
            ("schedule", _CENTRE),
            ("status", "free"),
            ("start", f"gt{day.now.isoformat(timespec='seconds')}"),
            ("_sort", "start"),
            ("_count", str(count)),
        ],
    ).entries
    if len(found) < count:
        raise StepCutShortError(f"the unplanned-care centre has {len(found)} free slots left; {count} are needed")
    return found


def _status(day: Day, slot: dict[str, Any]) -> str:
    """A slot's status now."""
    return str(day.coordinator.read(f"Slot/{slot['id']}").content.get("status"))


def _known_actors(appointment: dict[str, Any]) -> set[str]:
    """Who and what takes part, without the patient."""
    actors = paths.read(appointment, "participant.actor.reference")
    return {actor for actor in actors if not actor.startswith("Patient/")}


def _start(resource: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(resource["start"])
