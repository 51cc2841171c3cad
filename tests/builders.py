"""Valid resources to start from: a test states only what matters to it."""

from typing import Any

#: What a partner changes to cancel an Appointment.
CANCELLED: dict[str, Any] = {"status": "cancelled", "cancelationReason": {"text": "Empêchement"}}


def slot(**elements: Any) -> dict[str, Any]:
    """A free quarter of an hour on the day after the standing clock's, in Paris."""
    return {
        "resourceType": "Slot",
        "schedule": {"reference": "Schedule/csnp"},
        "status": "free",
        "start": "2026-03-03T09:00:00+01:00",
        "end": "2026-03-03T09:15:00+01:00",
    } | elements


def appointment(*slot_ids: str, **elements: Any) -> dict[str, Any]:
    """A booked appointment of the patient on the slots named."""
    slots = {"slot": [{"reference": f"Slot/{slot_id}"} for slot_id in slot_ids]} if slot_ids else {}
    return {
        "resourceType": "Appointment",
        "status": "booked",
        **slots,
        "start": "2026-03-03T09:00:00+01:00",
        "end": "2026-03-03T09:15:00+01:00",
        "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
    } | elements


def patient(**elements: Any) -> dict[str, Any]:
    """An invented person."""
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": "ESSAI", "given": ["Camille"]}],
        "gender": "female",
        "birthDate": "1979-03-28",
    } | elements


def schedule(**elements: Any) -> dict[str, Any]:
    """The agenda of an unplanned-care centre."""
    return {"resourceType": "Schedule", "actor": [{"reference": "HealthcareService/csnp"}]} | elements


def service_request(**elements: Any) -> dict[str, Any]:
    """An active referral."""
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
    } | elements
