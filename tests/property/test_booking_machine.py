"""Whatever several partners do to slots and appointments, in any order, the promises about them hold."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import select

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.scheduling.booking import HOLDING, slot_ids
from fhir_server.scheduling.slots import CAPACITY, capacity
from fhir_server.storage.ledgers import claim
from fhir_server.storage.tables import resource
from tests import builders

PARTNERS = (Actor("vendor"), Actor("rival"), Actor("samu"))
STATUSES = ("booked", "pending", "arrived", "cancelled", "noshow", "entered-in-error", "proposed")
REFUSALS = {
    Category.BUSINESS_RULE,
    Category.METHOD_NOT_ALLOWED,
    Category.CONFLICT,
    Category.VERSION_CONFLICT,
    Category.DELETED,
    Category.NOT_FOUND,
    Category.UNKNOWN_REFERENCE,
}


class BookingMachine(RuleBasedStateMachine):
    """Partners book, cancel, move and delete; a publisher adds and withdraws slots."""

    services: Services
    slots = Bundle("slots")
    appointments = Bundle("appointments")

    @rule(target=slots, seats=st.integers(1, 2))
    def publish(self, seats: int) -> str:
        content = builders.slot(extension=[{"url": CAPACITY, "valueInteger": seats}])
        return create(self.services.store, SYSTEM, "Slot", content).id

    @rule(target=appointments, slot_id=slots, partner=st.sampled_from(PARTNERS), status=st.sampled_from(STATUSES))
    def book(self, slot_id: str, partner: Actor, status: str) -> Any:
        booked = self._try(
            lambda: create(self.services.store, partner, "Appointment", builders.appointment(slot_id, status=status))
        )
        return (booked.id, partner) if booked else multiple()

    @rule(appointment=appointments, status=st.sampled_from(STATUSES), slot_id=slots)
    def change(self, appointment: tuple[str, Actor], status: str, slot_id: str) -> None:
        id_, partner = appointment
        content = builders.appointment(slot_id, status=status) | (builders.CANCELLED if status == "cancelled" else {})
        self._try(
            lambda: update(
                self.services.store,
                partner,
                "Appointment",
                id_,
                content,
                read(self.services.store, partner, "Appointment", id_).version,
            )
        )

    @rule(appointment=appointments, stranger=st.sampled_from(PARTNERS))
    def remove(self, appointment: tuple[str, Actor], stranger: Actor) -> None:
        self._try(lambda: delete(self.services.store, stranger, "Appointment", appointment[0], None))

    @rule(slot_id=slots, status=st.sampled_from(("free", "busy", "busy-unavailable")), seats=st.integers(1, 2))
    def publish_again(self, slot_id: str, status: str, seats: int) -> None:
        content = builders.slot(status=status, extension=[{"url": CAPACITY, "valueInteger": seats}])
        self._try(lambda: update(self.services.store, SYSTEM, "Slot", slot_id, content, None))

    @rule(slot_id=slots)
    def withdraw(self, slot_id: str) -> None:
        self._try(lambda: delete(self.services.store, SYSTEM, "Slot", slot_id, None))

    @invariant()
    def claims_are_what_appointments_say(self) -> None:
        wanted = {
            (slot_id, id_)
            for id_, content in self._current("Appointment").items()
            if content["status"] in HOLDING
            for slot_id in slot_ids(content)
        }
        claims = self.services.store.read().execute(select(claim.c.slot_id, claim.c.appointment_id)).all()

        assert {tuple(row) for row in claims} == wanted
        assert len(claims) == len(wanted)

    @invariant()
    def no_slot_is_over_its_capacity_and_its_status_says_so(self) -> None:
        pending = {id_ for id_, one in self._current("Appointment").items() if one["status"] == "pending"}
        claimed: dict[str, list[bool]] = {}
        for slot_id, id_ in self.services.store.read().execute(select(claim.c.slot_id, claim.c.appointment_id)):
            claimed.setdefault(slot_id, []).append(id_ in pending)
        for id_, content in self._current("Slot").items():
            taken = claimed.pop(id_, [])
            assert len(taken) <= capacity(content)
            if taken:
                without_seat = "busy-tentative" if any(taken) else "busy"
                assert content["status"] == (without_seat if len(taken) == capacity(content) else "free")
        assert claimed == {}

    def _current(self, type_name: str) -> dict[str, dict[str, Any]]:
        query = select(resource.c.id, resource.c.body).where(resource.c.type == type_name, ~resource.c.deleted)
        return {row.id: json.load(row.body.encode()) for row in self.services.store.read().execute(query)}

    def _try(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except FhirError as error:
            if error.category not in REFUSALS:
                raise
            return None


@pytest.mark.parametrize("steps", [25])
def test_bookings_keep_their_promises(services: Services, steps: int) -> None:
    machine = type("Machine", (BookingMachine,), {"services": services})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
