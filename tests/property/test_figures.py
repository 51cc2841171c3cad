"""Whatever happens after a report, the report of that period as of that moment is the same again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from fhir_server.bootstrap import Services
from fhir_server.figures import basis
from fhir_server.figures.evaluate import evaluate
from fhir_server.figures.period import Period, period
from fhir_server.figures.reading import Reading
from fhir_server.figures.tally import Counts
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import FhirError
from fhir_server.registry.extensions import CAPACITY
from fhir_server.registry.figures import PARTITIONS
from fhir_server.storage import resources
from fhir_server.storage.figures import snapshot
from fhir_server.storage.tables import metadata
from tests import builders
from tests.conftest import NOW_MS, StandingClock

SAMU, VENDOR = Actor("samu"), Actor("vendor")
HOUR = 3_600_000
#: Quarters of an hour from the first morning on, over a week.
TIMES = st.integers(0, 600)
STATUSES = st.sampled_from(["arrived", "fulfilled", "noshow", "cancelled", "entered-in-error"])


class FiguresMachine(RuleBasedStateMachine):
    """Partners do what they do, and somebody asks for reports in between."""

    services: Services
    clock: StandingClock
    slots = Bundle("slots")
    requests = Bundle("requests")
    appointments = Bundle("appointments")

    def __init__(self) -> None:
        super().__init__()
        # Each example begins on the same morning with nothing stored, or what is drawn would depend on the last one.
        self.clock.now_ms = NOW_MS
        with self.services.store.database.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())
        self.told: list[tuple[Period, Counts]] = []

    @initialize(target=slots, at=st.lists(TIMES, min_size=3, max_size=3, unique=True))
    def open(self, at: list[int]) -> Any:
        return multiple(*(self.publish(quarter, 1) for quarter in at))

    @initialize(target=requests)
    def first_asks(self) -> Any:
        return self.ask()

    @rule(target=slots, at=TIMES, seats=st.integers(1, 2))
    def publish(self, at: int, seats: int) -> Any:
        content = builders.slot(extension=[{"url": CAPACITY, "valueInteger": seats}]) | times(at)
        return self._made(SYSTEM, "Slot", content)

    @rule(slot=slots, at=TIMES)
    def move(self, slot: str, at: int) -> None:
        self._change("Slot", slot, **times(at))

    @rule(slot=slots)
    def withdraw(self, slot: str) -> None:
        self._try(lambda: delete(self.services.store, SYSTEM, "Slot", slot, None))

    @rule(target=requests)
    def ask(self) -> Any:
        return self._made(SAMU, "ServiceRequest", builders.service_request())

    @rule(request=requests, status=st.sampled_from(["completed", "revoked", "active"]))
    def settle(self, request: str, status: str) -> None:
        self._change("ServiceRequest", request, status=status)

    @rule(target=appointments, slot=slots, request=requests | st.none())
    def book(self, slot: str, request: str | None) -> Any:
        stored = resources.load(self.services.store.read(), "Slot", slot)
        if stored is None or stored.deleted:
            return multiple()
        when = {name: stored.content()[name] for name in ("start", "end")}
        based_on = {"basedOn": [{"reference": f"ServiceRequest/{request}"}]} if request else {}
        return self._made(VENDOR, "Appointment", builders.appointment(slot, **when) | based_on)

    @rule(appointment=appointments, status=STATUSES)
    def go_on(self, appointment: str, status: str) -> None:
        self._change("Appointment", appointment, status=status)

    @rule(appointment=appointments, request=requests)
    def answer(self, appointment: str, request: str) -> None:
        self._change("Appointment", appointment, basedOn=[{"reference": f"ServiceRequest/{request}"}])

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.clock.advance(hours * HOUR)

    @rule(days=st.sampled_from([("01", "31"), ("02", "04"), ("03", "03")]))
    def report(self, days: tuple[str, str]) -> None:
        self.clock.advance(1)
        asked = period(f"2026-03-{days[0]}", f"2026-03-{days[1]}", self.clock())
        counts = self._counts(asked)
        assert [counts.cells[one.total] for one in PARTITIONS] == [
            sum(counts.cells[part] for part in one.parts) for one in PARTITIONS
        ]
        self.told.append((asked, counts))

    def teardown(self) -> None:
        self.clock.advance(HOUR)
        for asked, counts in self.told:
            assert counts == self._counts(asked)
            evaluate(self.services.store, asked)

    def _counts(self, asked: Period) -> Counts:
        with snapshot(self.services.store.database) as connection:
            return Reading(connection, asked, basis.Basis({"samu": "samu", "vendor": "vendor"})).counts()

    def _made(self, actor: Actor, type_name: str, content: dict[str, Any]) -> Any:
        stored = self._try(lambda: create(self.services.store, actor, type_name, content))
        return stored.id if stored else multiple()

    def _change(self, type_name: str, id_: str, **elements: Any) -> None:
        stored = resources.load(self.services.store.read(), type_name, id_)
        if stored is not None and not stored.deleted:
            content = stored.content() | elements
            self._try(lambda: update(self.services.store, SYSTEM, type_name, id_, content, stored.version))

    def _try(self, work: Callable[[], Any]) -> Any:
        self.clock.advance(1)
        try:
            return work()
        except FhirError:
            return None


def times(at: int) -> dict[str, str]:
    """A quarter of an hour, so many after the first morning."""
    start = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(minutes=15 * at)
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}


def test_a_report_is_the_same_whatever_comes_after_it(services: Services, clock: StandingClock) -> None:
    machine = type("Machine", (FiguresMachine,), {"services": services, "clock": clock})

    def begin() -> FiguresMachine:
        found: FiguresMachine = machine()
        return found

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        begin,
        settings=settings(
            max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize(
    ("now", "as_of", "expected"),
    [
        ("2026-03-10T08:00:00+01:00", "", "2026-03-10T08:00:00+01:00"),
        ("2026-05-10T08:00:00+02:00", "", "2026-04-07T00:00:00+02:00"),
        ("2026-05-10T08:00:00+02:00", "2026-05-01", "2026-05-01T00:00:00+02:00"),
        ("2026-05-10T08:00:00+02:00", "2027-01-01", "2026-05-10T08:00:00+02:00"),
    ],
)
def test_the_moment_of_a_period(now: str, as_of: str, expected: str) -> None:
    def at(text: str) -> int:
        return int(datetime.fromisoformat(text).timestamp() * 1000)

    asked = period("2026-03-01", "2026-03-30", at(now), as_of)

    assert at(expected) == asked.as_of_ms
    assert (at("2026-03-01T00:00:00+01:00"), at("2026-03-31T00:00:00+02:00")) == (asked.low_ms, asked.high_ms)
