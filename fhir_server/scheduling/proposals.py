"""An Appointment that a slot could become: what `$find` proposes, what a hold and a booking begin with."""

from collections.abc import Iterable
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.dates import Interval
from fhir_server.scheduling.agendas import span

Json = dict[str, Any]

#: Who may take part in an appointment of IHE Scheduling (profile ihe-sched-appt), of those who have agendas.
ACTORS = frozenset({"Location", "Practitioner", "PractitionerRole", "HealthcareService"})
#: Who takes part when nobody is known: an appointment has somebody.
_PERFORMER = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF"}
_SOMEBODY: Json = {"type": [{"coding": [_PERFORMER]}], "required": "required", "status": "needs-action"}
#: What a slot, or else its agenda, says of an appointment in it.
_SAID = ("serviceCategory", "serviceType", "specialty")


def proposal(slot: Json, schedule: Json, asked: Interval, patients: Iterable[Json] = ()) -> Json:
    """A proposed Appointment in a slot of that agenda, asked for in a window, for those References."""
    said = {name: value for name in _SAID if (value := slot.get(name) or schedule.get(name))}
    there = span(slot)
    parties = [{"reference": text} for text in _actors(schedule)]
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        **said,
        **({"appointmentType": slot["appointmentType"]} if "appointmentType" in slot else {}),
        "start": slot["start"],
        "end": slot["end"],
        **({"minutesDuration": max(1, (there.high - there.low) // 60_000)} if there is not None else {}),
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "participant": [_needed(party) for party in (*parties, *patients)] or [_SOMEBODY],
        "requestedPeriod": [{"start": _local(asked.low), "end": _local(asked.high)}],
    }


def add_patients(appointment: Json, patients: Iterable[Json]) -> None:
    """Let those References take part who do not yet."""
    known = {one.get("actor", {}).get("reference") for one in appointment.get("participant", ())}
    added = [_needed(patient) for patient in patients if patient["reference"] not in known]
    appointment["participant"] = [*appointment.get("participant", ()), *added]


def answer_for_all(appointment: Json, status: str) -> None:
    """Give all who take part and did not decline the same answer: `tentative` while held, `accepted` once booked."""
    appointment["participant"] = [
        one if one.get("status") == "declined" else one | {"status": status} for one in appointment["participant"]
    ]


def _actors(schedule: Json) -> list[str]:
    texts = [str(actor.get("reference", "")) for actor in schedule.get("actor", ())]
    return [text for text in texts if text.partition("/")[0] in ACTORS]


def _needed(party: Json) -> Json:
    return {"actor": party, "required": "required", "status": "needs-action"}


def _local(moment: int) -> str:
    return dates.to_instant(moment, "Europe/Paris")
