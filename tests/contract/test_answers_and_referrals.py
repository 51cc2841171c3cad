"""What an AppointmentResponse and a ServiceRequest mean for appointments: items 31 and 32, on every store."""

from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.scheduling.referrals import FLAG
from fhir_server.storage.resources import Stored
from tests import builders
from tests.conftest import StandingClock

VENDOR, RIVAL = Actor("vendor"), Actor("rival")
COORDINATOR = Actor("coordinator", is_territory=True)
PATIENT, DOCTOR, HELP = "Patient/p1", "Practitioner/a", "RelatedPerson/r"


def _participant(reference: str, status: str = "needs-action", **elements: Any) -> dict[str, Any]:
    return {"actor": {"reference": reference}, "status": status} | elements


@pytest.fixture
def slot_id(services: Services) -> str:
    return create(services.store, SYSTEM, "Slot", builders.slot()).id


def _ask(services: Services, *slot_ids: str, status: str = "proposed", **elements: Any) -> Stored:
    """A request that the patient has agreed to, and the doctor not yet."""
    participant = [_participant(PATIENT, "accepted"), _participant(DOCTOR), _participant(HELP, required="optional")]
    content = builders.appointment(*slot_ids, status=status, participant=participant, **elements)
    return create(services.store, VENDOR, "Appointment", content)


def _answer(services: Services, asked: Stored, who: str, status: str, actor: Actor = COORDINATOR) -> Stored:
    content = {
        "resourceType": "AppointmentResponse",
        "appointment": {"reference": asked.reference},
        "actor": {"reference": who},
        "participantStatus": status,
    }
    return create(services.store, actor, "AppointmentResponse", content)


def _state(services: Services, asked: Stored) -> tuple[str, list[str]]:
    content = read(services.store, SYSTEM, "Appointment", asked.id).content()
    return content["status"], [one["status"] for one in content["participant"]]


def _status(services: Services, slot_id: str) -> str:
    return str(read(services.store, SYSTEM, "Slot", slot_id).content()["status"])


def _refused(call: Any, *arguments: Any) -> tuple[Category, str | None]:
    with pytest.raises(FhirError) as caught:
        call(*arguments)
    return caught.value.category, caught.value.issues[0].expression


def test_31_a_request_is_booked_once_all_who_are_required_agree(services: Services, slot_id: str) -> None:
    asked = _ask(services, slot_id)
    _answer(services, asked, DOCTOR, "tentative")
    assert (_state(services, asked), _status(services, slot_id)) == (
        ("proposed", ["accepted", "tentative", "needs-action"]),
        "free",
    )

    _answer(services, asked, DOCTOR, "accepted")

    assert _state(services, asked) == ("booked", ["accepted", "accepted", "needs-action"])
    assert _status(services, slot_id) == "busy"


@pytest.mark.parametrize(("who", "reason"), [(DOCTOR, "prov"), (PATIENT, "pat")])
def test_31_who_is_required_and_declines_cancels(services: Services, slot_id: str, who: str, reason: str) -> None:
    booked = _ask(services, slot_id, status="booked")

    _answer(services, booked, who, "declined")

    content = read(services.store, VENDOR, "Appointment", booked.id).content()
    assert (content["status"], content["cancelationReason"]["coding"][0]["code"]) == ("cancelled", reason)
    assert _status(services, slot_id) == "free"


def test_31_who_is_not_required_may_stay_away(services: Services, slot_id: str) -> None:
    booked = _ask(services, slot_id, status="booked")

    _answer(services, booked, HELP, "declined")

    assert _state(services, booked) == ("booked", ["accepted", "needs-action", "declined"])


def test_31_an_answer_is_changed_and_then_counts_anew(services: Services) -> None:
    asked = _ask(services)
    answer = _answer(services, asked, DOCTOR, "tentative")

    changed = answer.content() | {"participantStatus": "accepted"}
    update(services.store, COORDINATOR, "AppointmentResponse", answer.id, changed, None)

    assert _state(services, asked)[0] == "booked"
    update(services.store, COORDINATOR, "AppointmentResponse", answer.id, changed | {"comment": "x"}, None)
    assert read(services.store, SYSTEM, "Appointment", asked.id).version == 3


def test_31_an_answer_that_cannot_be_taken_over_is_refused(
    services: Services, slot_id: str, clock: StandingClock
) -> None:
    asked = _ask(services, slot_id)
    create(services.store, RIVAL, "Appointment", builders.appointment(slot_id))

    assert _refused(_answer, services, asked, DOCTOR, "accepted") == (Category.CONFLICT, "Appointment.slot[0]")
    assert _refused(_answer, services, asked, "Practitioner/b", "accepted") == (
        Category.BUSINESS_RULE,
        "AppointmentResponse.actor",
    )
    assert _state(services, asked)[1] == ["accepted", "needs-action", "needs-action"]
    booked = _ask(services, status="booked")
    clock.advance(48 * 3_600_000)
    assert _refused(_answer, services, booked, DOCTOR, "declined") == (Category.BUSINESS_RULE, "Appointment.status")
    _answer(services, asked, DOCTOR, "declined")
    assert _refused(_answer, services, asked, DOCTOR, "accepted") == (
        Category.BUSINESS_RULE,
        "AppointmentResponse.appointment",
    )


def test_31_an_answer_to_what_is_not_there_stands_for_itself(services: Services) -> None:
    asked = _ask(services)

    assert _answer(services, asked, DOCTOR, "declined", RIVAL).version == 1
    assert _state(services, asked)[0] == "proposed"


def _referred(services: Services, status: str, request: Stored, *slot_ids: str, actor: Actor = VENDOR) -> Stored:
    content = builders.appointment(*slot_ids, status="booked", basedOn=[{"reference": request.reference}])
    made = create(
        services.store, actor, "Appointment", content | {"status": status if status != "arrived" else "booked"}
    )
    if status != "arrived":
        return made
    return update(services.store, actor, "Appointment", made.id, made.content() | {"status": status}, 1)[0]


@pytest.fixture
def request_(services: Services) -> Stored:
    return create(services.store, VENDOR, "ServiceRequest", builders.service_request())


def _put(services: Services, stored: Stored, actor: Actor = VENDOR, **elements: Any) -> Stored:
    content = read(services.store, SYSTEM, stored.type, stored.id)
    return update(services.store, actor, stored.type, stored.id, content.content() | elements, content.version)[0]


def test_32_a_revoked_request_cancels_what_was_asked_for_and_flags_what_is_agreed(
    services: Services, slot_id: str, request_: Stored
) -> None:
    later = {"start": "2026-03-04T09:00:00+01:00", "end": "2026-03-04T09:15:00+01:00"}
    other = create(services.store, SYSTEM, "Slot", builders.slot(**later)).id
    pending = _referred(services, "pending", request_, slot_id)
    content = builders.appointment(other, basedOn=[{"reference": request_.reference}], **later)
    booked = create(services.store, VENDOR, "Appointment", content)
    foreign = _referred(services, "proposed", request_, actor=RIVAL)

    _put(services, request_, status="revoked")

    assert _state(services, pending)[0] == "cancelled"
    assert (_status(services, slot_id), _status(services, other)) == ("free", "busy")
    flagged = read(services.store, VENDOR, "Appointment", booked.id).content()
    assert (flagged["status"], flagged["meta"]["tag"]) == ("booked", [FLAG])
    assert _state(services, foreign)[0] == "proposed"
    reason = read(services.store, VENDOR, "Appointment", pending.id).content()["cancelationReason"]["coding"][0]["code"]
    assert reason == "request-revoked"


def test_32_the_territory_reaches_everybodys(services: Services, request_: Stored) -> None:
    foreign = _referred(services, "proposed", request_, actor=RIVAL)

    _put(services, request_, COORDINATOR, status="revoked")

    assert _state(services, foreign)[0] == "cancelled"


def test_32_a_request_is_completed_with_its_last_appointment(services: Services, request_: Stored) -> None:
    first, second = (_referred(services, "arrived", request_) for _ in range(2))

    _put(services, first, status="fulfilled")
    assert read(services.store, VENDOR, "ServiceRequest", request_.id).version == 1
    _put(services, second, status="fulfilled")

    completed = read(services.store, VENDOR, "ServiceRequest", request_.id)
    assert (completed.content()["status"], completed.version) == ("completed", 2)


def test_32_nobody_completes_anothers_request(services: Services, request_: Stored) -> None:
    foreign = _referred(services, "arrived", request_, actor=RIVAL)

    _put(services, foreign, RIVAL, status="fulfilled")

    assert read(services.store, VENDOR, "ServiceRequest", request_.id).content()["status"] == "active"
