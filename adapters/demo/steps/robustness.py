"""What goes wrong on every real line: a message sent twice, and one that cannot be understood."""

from adapters.demo.day import Day
from adapters.demo.journal import StepCutShortError, summary
from adapters.demo.person import doctor
from adapters.demo.steps import hospital


def repeat(day: Day) -> None:
    """The hospital repeats its first SIU^S12, moved since: the same answer again, and no effect."""
    if "1" not in day.exchanges:
        raise StepCutShortError("there is no message to repeat")
    first = day.exchanges["1"]
    before = hospital.find(day, "1")
    again = day.send_again(day.endpoints.hospital_port, first.message)
    after = hospital.find(day, "1")
    day.journal.stored(summary(after, "status", "start"))
    day.journal.promise("the answer is the first one, byte for byte", first.answer, again.answer)
    day.journal.promise("the appointment is as it was", before["meta"]["versionId"], after["meta"]["versionId"])


def refuse(day: Day) -> None:
    """The hospital sends a SIU^S12 that says no time: it is refused with the place of the fault."""
    exchange = day.send(
        day.endpoints.hospital_port,
        "hospital_S12_without_time",
        appointment=hospital.appointment_id(day, "3"),
        **doctor(0),
        **day.hospital_patient.hl7(),
    )
    found = day.coordinator.search("Appointment", [("identifier", hospital.appointment_id(day, "3"))])
    day.journal.stored(f"{len(found.entries)} appointments of that number")
    day.journal.promise("the message is refused", "AE", exchange.get("MSA-1"))
    day.journal.promise("the answer names the message", True, exchange.get("MSA-2") != "")
    day.journal.promise("an ERR says what is wrong", ("101", "E"), (exchange.get("ERR-3.1"), exchange.get("ERR-4")))
    day.journal.promise("in the segment SCH", "SCH", exchange.get("ERR-2.1"))
    day.journal.promise("nothing is stored", 0, len(found.entries))
