"""The vendor's steps: a token, tomorrow evening's free slots, a booking for the SAMU's request, and who is told."""

from typing import Any

from adapters.demo import rota
from adapters.demo.booking import book, create_patient, practitioner_of
from adapters.demo.day import Day
from adapters.demo.journal import StepCutShortError, summary

#: Seconds within which the hospital must have been told of a booking.
_PATIENCE = 20


def authorize(day: Day) -> None:
    """The teleconsultation vendor gets a token."""
    answer = day.vendor.authorize()
    day.show_request(day.vendor, answer, "POST /oauth/token grant_type=client_credentials")
    day.journal.answered(f"scope {answer.content.get('scope', '')}")
    day.journal.promise("the token is given", (200, True), (answer.status, "access_token" in answer.content))
    day.journal.promise("it is a bearer token", "bearer", str(answer.content.get("token_type", "")).lower())


def book_evening(day: Day) -> None:
    """The vendor finds the free slots of tomorrow evening and books one for the SAMU's request."""
    if day.request is None:
        raise StepCutShortError("there is no request of the SAMU to answer")
    slot = rota.next_evening(day)[0]
    patient = create_patient(day, day.vendor, day.caller)
    answer = book(day, day.vendor, patient, slot, practitioner_of(day, slot), f"TLC{day.run}-1", based_on=day.request)
    day.journal.promise("the booking is created", 201, answer.status)
    day.booking = answer.content
    after, stored = _read(day, f"Slot/{slot['id']}"), _read(day, f"Appointment/{answer.content.get('id')}")
    day.journal.stored(summary(stored, "status", "start"), summary(after, "status"))
    day.journal.promise("the slot is busy", "busy", after["status"])
    day.journal.promise(
        "the appointment answers the request", [f"ServiceRequest/{day.request['id']}"], _references(stored, "basedOn")
    )


def notify_hospital(day: Day) -> None:
    """The hospital is told of the booking: SIU^S12 on its own listener."""
    if day.booking is None or "id" not in day.booking:
        raise StepCutShortError("there is no booking to be told of")
    wanted = [day.booking["id"].encode(), f"TLC{day.run}-1".encode()]
    message = day.listener.wait_for(lambda received: any(name in received for name in wanted), _PATIENCE)
    if message is None:
        raise StepCutShortError(f"nothing about the booking came within {_PATIENCE} seconds")
    day.journal.stored("received by the hospital:", *message.decode().rstrip("\r").split("\r"))
    day.journal.promise("it is a SIU^S12", True, b"|SIU^S12" in message)


def _read(day: Day, reference: str) -> dict[str, Any]:
    answer = day.coordinator.read(reference)
    if answer.status != 200:
        raise StepCutShortError(f"{reference} cannot be read back: HTTP {answer.status}")
    return answer.content


def _references(resource: dict[str, Any], element: str) -> list[str]:
    return [item.get("reference", "") for item in resource.get(element, [])]
