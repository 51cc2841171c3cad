"""The race: two vendors want the last free slot of an hour."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from adapters.demo import rota
from adapters.demo.booking import appointment, book, create_patient, practitioner_of
from adapters.demo.day import Day
from adapters.demo.fhir_client import Answer, FhirClient
from adapters.demo.journal import summary

#: A vendor at the start of the race, with the appointment it is about to ask for.
Racer = tuple[FhirClient, dict[str, Any]]


def race(day: Day) -> None:
    """Two vendors race for the last free slot of an hour, and exactly one wins."""
    *others, last = rota.next_morning(day)
    doctor = practitioner_of(day, last)
    mine, theirs = create_patient(day, day.vendor, day.caller), create_patient(day, day.rival, day.rival_patient)
    for number, slot in enumerate(others, start=1):
        filling = book(day, day.vendor, mine, slot, doctor, f"TLC{day.run}-F{number}")
        day.journal.promise("the hour fills", 201, filling.status)
    racers = [
        (day.vendor, appointment(mine, last, doctor, f"TLC{day.run}-R1")),
        (day.rival, appointment(theirs, last, doctor, f"TLC{day.run}-R2")),
    ]
    answers = _run(racers)
    for (client, _), answer in zip(racers, answers, strict=True):
        day.show_request(client, answer, "POST /Appointment", f"  slot Slot/{last['id']}")
    _judge(day, f"Slot/{last['id']}", answers)


def _run(racers: Sequence[Racer]) -> list[Answer]:
    """All ask at the same moment."""
    start = Barrier(len(racers))

    def ask(racer: Racer) -> Answer:
        client, wanted = racer
        start.wait()
        return client.create(wanted)

    with ThreadPoolExecutor(len(racers)) as lanes:
        return list(lanes.map(ask, racers))


def _judge(day: Day, slot: str, answers: Sequence[Answer]) -> None:
    booked = day.coordinator.search("Appointment", [("slot", slot), ("status", "booked")]).entries
    stored = day.coordinator.read(slot)
    day.journal.stored(summary(stored.content, "status"), *(summary(item, "status", "start") for item in booked))
    day.journal.promise("one wins and one is told so", [201, 409], sorted(answer.status for answer in answers))
    losers = [answer.issue_codes for answer in answers if answer.status != 201]
    day.journal.promise("the loser reads why in an OperationOutcome", [["conflict"]], losers)
    day.journal.promise("the slot holds one appointment", 1, len(booked))
    day.journal.promise("and is busy", "busy", stored.content.get("status"))
