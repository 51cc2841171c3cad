"""As the booking machine, with a hospital that tells its own appointments and blocks: nobody is booked twice."""

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from fhir_server.bootstrap import Services
from fhir_server.interactions import update, upsert
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.upsert import Upsert
from fhir_server.scheduling.agendas import HOLDING, is_told, span
from fhir_server.scheduling.slots import capacity
from fhir_server.storage.ledgers import claim
from tests import builders
from tests.property.test_booking_machine import BookingMachine

FEED = Actor("hospital", is_territory=True, origin="feed:hospital")
OWNER = {"actor": {"reference": "HealthcareService/csnp"}, "status": "accepted"}
#: The slots' own time, one that shares a part of it, one that does not.
TIMES = (("09:00", "09:15"), ("09:10", "09:20"), ("10:00", "10:15"))
NUMBERS = ("A1", "A2", "A3")
#: The hospital's clock: all machines work on one store.
_minutes = count()


class ToldMachine(BookingMachine):
    """Partners book and publish while a hospital books, moves, cancels and blocks."""

    @initialize()
    def open_agenda(self) -> None:
        self.services.store.transact(SYSTEM, lambda uow: update.put(uow, "Schedule", "csnp", builders.schedule()))

    @rule(
        number=st.sampled_from(NUMBERS),
        status=st.sampled_from(("booked", "booked", "cancelled", "noshow")),
        times=st.sampled_from(TIMES),
        late=st.integers(0, 3),
    )
    def tell(self, number: str, status: str, times: tuple[str, str], late: int) -> None:
        start, end = (f"2026-03-03T{clock}:00+01:00" for clock in times)
        self._tell("Appointment", number, late, status=status, start=start, end=end, participant=[OWNER])

    @rule(status=st.sampled_from(("busy-unavailable", "entered-in-error")), late=st.integers(0, 3))
    def block(self, status: str, late: int) -> None:
        times = {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T09:30:00+01:00"}
        agenda = {"reference": "HealthcareService/csnp"}
        self._tell("Slot", "B1", late, status=status, schedule=agenda, **times)

    def _tell(self, type_name: str, number: str, late: int, **elements: Any) -> None:
        key = ("urn:hospital", number)
        content = {"resourceType": type_name, "identifier": [{"system": key[0], "value": key[1]}], **elements}
        at_ms = 1_772_400_000_000 + (next(_minutes) - late) * 60_000
        told = Upsert("urn:told:1", type_name, (key,), content, at_ms=at_ms, by_element=True)
        self.services.store.transact(FEED, lambda uow: upsert.apply(uow, [told], (), upsert.find(uow, [told])))

    @invariant()
    def no_slot_is_over_its_capacity_and_its_status_says_so(self) -> None:
        claimed = self._claimed()
        for id_, content in self._current("Slot").items():
            taken = claimed.get(id_, 0)
            assert taken <= capacity(content)
            if content["status"] in ("free", "busy") and taken:
                assert content["status"] == ("busy" if taken == capacity(content) else "free")

    @invariant()
    def nothing_is_offered_at_a_time_that_is_told_as_taken_or_blocked(self) -> None:
        slots = self._current("Slot")
        blocks = [one for one in slots.values() if is_told(one) and one["status"] == "busy-unavailable"]
        offered = [
            one for one in slots.values() if one["status"] == "free" and one["start"].startswith("2026-03-03T09:00")
        ]

        assert not (blocks and offered)
        seated = {row.appointment_id for row in self.services.store.read().execute(select(claim))}
        for id_, content in self._current("Appointment").items():
            if is_told(content) and content["status"] in HOLDING and _is_at_nine(content):
                assert id_ in seated or not offered

    def _claimed(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for (slot_id,) in self.services.store.read().execute(select(claim.c.slot_id)):
            found[slot_id] = found.get(slot_id, 0) + 1
        return found


def _is_at_nine(content: dict[str, Any]) -> bool:
    here, nine = span(content), span(builders.slot())
    return here is not None and nine is not None and here.low < nine.high and nine.low < here.high


@pytest.mark.parametrize("steps", [25])
def test_what_is_told_and_what_is_booked_never_meet(services: Services, steps: int) -> None:
    machine = type("Machine", (ToldMachine,), {"services": services})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
