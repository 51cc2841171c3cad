"""What the vendors ask for is valid R4 and names the slot, the request and the people."""

from datetime import date

from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.patient import Patient

from adapters.demo import agenda, tables
from adapters.demo.booking import appointment
from adapters.demo.person import Person, make_ins

SLOT = next(
    slot
    for slot in agenda.slots(tables.read(), date(2026, 1, 5))
    if slot["schedule"]["reference"].endswith("-teleconsultation")
)


def test_an_appointment_is_valid_r4() -> None:
    wanted = appointment({"id": "p"}, SLOT, "Practitioner/dr-brumeval", "TLC1-1", based_on={"id": "r"})
    Appointment.model_validate(wanted)

    assert [{"reference": f"Slot/{SLOT['id']}"}] == wanted["slot"]
    assert [{"reference": "ServiceRequest/r"}] == wanted["basedOn"]
    assert (SLOT["start"], SLOT["end"]) == (wanted["start"], wanted["end"])
    assert ["Patient/p", "Practitioner/dr-brumeval"] == [item["actor"]["reference"] for item in wanted["participant"]]


def test_a_vendor_s_patient_is_valid_r4() -> None:
    Patient.model_validate(Person("Grelotine", "Maëlle", make_ins(7, "2"), "P1", "+33639980102").patient())
