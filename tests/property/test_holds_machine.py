"""Whatever partners do with the slots of a rota, and whenever the clock ends a hold, the promises about them hold.

Rules of the rota change, slots are made, found, held, booked, moved and cancelled, holds lapse: item 60 of what a
scheduling server must do. What a slot says is a function of its appointments; each state has its version.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from fhir_server.bootstrap import Services
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.lapsed import end_all
from fhir_server.interactions.slots_ahead import generate
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.scheduling.booking import HOLDING, slot_ids
from fhir_server.scheduling.slots import capacity
from fhir_server.storage.ledgers import claim, hold
from fhir_server.storage.tables import resource, resource_version
from tests.availability import availability, offer, schedule
from tests.availability import rule as repeat
from tests.conftest import StandingClock
from tests.scheduling_calls import HOLD_SECONDS, Partner, matches

PARTNERS = ("vendor", "rival", "samu")
REFUSALS = {
    Category.CONFLICT,
    Category.VERSION_CONFLICT,
    Category.BUSINESS_RULE,
    Category.INVARIANT,
    Category.THROTTLED,
}
#: Rules of the rota: minutes, seats and the hour at which it ends.
ROTAS = ((20, 1, 10), (20, 2, 10), (30, 1, 9), (15, 1, 10))
NUMBERS = st.integers(0, 9)
WINDOW = {"start": "2026-03-03", "end": "2026-03-04"}
REASON = {"text": "Better."}


class HoldsMachine(RuleBasedStateMachine):
    """A rota that is changed, and partners who find, hold, book, move and cancel while the clock moves."""

    services: Services
    clock: StandingClock

    def __init__(self) -> None:
        super().__init__()
        #: Of whom, and id. What is drawn are numbers: it must not depend on what the store answers.
        self.options: list[tuple[str, str]] = []
        self.appointments: list[tuple[str, str]] = []
        self.partners = {name: Partner(self.services, Actor(name, max_holds=2)) for name in PARTNERS}
        self.rewrite(ROTAS[0])
        for number, name in enumerate(PARTNERS):
            self.find(name, number)
            self.find_and_hold(name, number)

    @rule(rota=st.sampled_from(ROTAS))
    def rewrite(self, rota: tuple[int, int, int]) -> None:
        minutes, seats, until = rota
        hours = [f"2026-03-02T{hour:02}:00:00+01:00" for hour in (8, until)]
        rules = availability(*hours, repeat(freq="DAILY"), offer(minutes=minutes, capacity=seats))
        update(self.services.store, SYSTEM, "Schedule", "rota", schedule(rules, id="rota"), None)
        generate(self.services.store, "rota", horizon_days=2)

    @rule(name=st.sampled_from(PARTNERS), number=NUMBERS)
    def find(self, name: str, number: int) -> None:
        found = self.partners[name].options(**WINDOW)

        assert {one["slot"][0]["reference"] for one in found} == self._bookable()
        self.options += [(name, one["id"]) for one in found[number % 3 :: 3]]

    @rule(name=st.sampled_from(PARTNERS), number=NUMBERS)
    def find_and_hold(self, name: str, number: int) -> None:
        found = self.partners[name].options(**WINDOW)
        if found:
            self._note(name, lambda partner: partner.hold(found[number % len(found)]["id"]))

    @rule(number=NUMBERS)
    def hold(self, number: int) -> None:
        for name, id_ in _one(self.options, number):
            self._note(name, lambda partner, id_=id_: partner.hold(id_))

    @rule(number=NUMBERS)
    def book_option(self, number: int) -> None:
        for name, id_ in _one(self.options, number):
            self._note(name, lambda partner, id_=id_: partner.book_option(id_))

    @rule(number=NUMBERS)
    def book_held(self, number: int) -> None:
        for name, id_ in _one(self.appointments, number):
            self._note(name, lambda partner, id_=id_: partner.book_option(id_))

    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        for appointment in _one(self.appointments, number):
            self._change(appointment, {"status": "cancelled", "cancelationReason": REASON})

    @rule(number=NUMBERS, to=NUMBERS)
    def move(self, number: int, to: int) -> None:
        for name, id_ in _one(self.appointments, number):
            for there in _one(self.partners[name].options(**WINDOW), to):
                elements = {element: there[element] for element in ("slot", "start", "end", "minutesDuration")}
                self._change((name, id_), {"status": "booked", **elements})

    @rule(number=NUMBERS, name=st.sampled_from(PARTNERS))
    def steal(self, number: int, name: str) -> None:
        """Nobody books what is another's."""
        for owner, id_ in _one(self.appointments, number):
            if name != owner:
                assert [] == matches(self.partners[name].book_option(id_).content)

    @rule(seconds=st.sampled_from((1, HOLD_SECONDS // 2, HOLD_SECONDS)), is_swept=st.booleans())
    def wait(self, seconds: int, is_swept: bool) -> None:
        self.clock.advance(seconds * 1000)
        if not is_swept:
            return
        end_all(self.services.store)
        rows = self.services.store.read().execute(select(hold.c.expires_ms)).scalars().all()

        assert all(expires_ms > self.clock.now_ms for expires_ms in rows)

    @invariant()
    def claims_are_what_appointments_say(self) -> None:
        wanted = {
            (slot_id, id_, int(content["status"] == "pending"))
            for id_, content in self._current("Appointment").items()
            if content["status"] in HOLDING
            for slot_id in slot_ids(content)
        }
        columns = (claim.c.slot_id, claim.c.appointment_id, claim.c.tentative)
        claims = self.services.store.read().execute(select(*columns)).all()

        assert wanted == {tuple(row) for row in claims}
        assert len(wanted) == len(claims)

    @invariant()
    def a_slot_is_what_its_appointments_make_it(self) -> None:
        taken: dict[str, list[str]] = {}
        for content in self._current("Appointment").values():
            for slot_id in slot_ids(content) if content["status"] in HOLDING else ():
                taken.setdefault(slot_id, []).append(content["status"])
        for id_, content in self._current("Slot").items():
            statuses = taken.pop(id_, [])
            assert len(statuses) <= capacity(content)
            expected = "free" if len(statuses) < capacity(content) else "busy"
            assert content["status"] == ("busy-tentative" if expected == "busy" and "pending" in statuses else expected)
        assert taken == {}

    @invariant()
    def holds_are_of_what_is_pending(self) -> None:
        rows = self.services.store.read().execute(select(hold.c.appointment_id, hold.c.owner)).all()
        pending = {id_ for id_, one in self._current("Appointment").items() if one["status"] == "pending"}

        assert pending == {row.appointment_id for row in rows}

    def teardown(self) -> None:
        """Every state has its version."""
        connection = self.services.store.read()
        last = select(resource.c.type, resource.c.id, resource.c.version, resource.c.body)
        kept = {(row.type, row.id, row.version): row.body for row in connection.execute(select(resource_version))}

        for row in connection.execute(last):
            assert kept[row.type, row.id, row.version] == row.body
            assert all((row.type, row.id, version) in kept for version in range(1, row.version))
        self._give_all_back()

    def _give_all_back(self) -> None:
        """The next run begins with free slots."""
        given_up = {"status": "cancelled", "cancelationReason": REASON}
        for id_, content in self._current("Appointment").items():
            if content["status"] in HOLDING:
                version = int(content["meta"]["versionId"])
                update(self.services.store, SYSTEM, "Appointment", id_, content | given_up, version)

    def _note(self, name: str, call: Callable[[Partner], Answer]) -> None:
        answer = self._try(lambda: call(self.partners[name]))
        self.appointments += [(name, one["id"]) for one in matches(answer.content)] if answer else []

    def _change(self, appointment: tuple[str, str], change: dict[str, Any]) -> None:
        partner = self.partners[appointment[0]]
        content = partner.appointment(appointment[1])
        self._try(lambda: partner.book(("appointment-resource", content | change)))

    def _bookable(self) -> set[str]:
        return {
            f"Slot/{id_}"
            for id_, content in self._current("Slot").items()
            if content["status"] == "free" and content["start"].startswith(("2026-03-03", "2026-03-04"))
        }

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


def _one(found: list[Any], number: int) -> list[Any]:
    """One of what there is, if there is any; the latest come first."""
    return [found[-1 - number % len(found)]] if found else []


@pytest.mark.parametrize("steps", [30])
def test_holds_keep_their_promises(services: Services, clock: StandingClock, steps: int) -> None:
    machine = type("Machine", (HoldsMachine,), {"services": services, "clock": clock})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
