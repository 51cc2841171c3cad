"""Whatever a rota says: its slots never overlap, mean the wall clock, and never disturb those who have one."""

from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.slots_ahead import generate
from fhir_server.interactions.update import update
from fhir_server.kernel import dates, json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import FhirError
from fhir_server.rotas.expand import openings
from fhir_server.rotas.reading import local, read_rota
from fhir_server.rotas.slot import is_of_rota, slot_id
from fhir_server.scheduling.agendas import overlap, span
from fhir_server.storage.ledgers import claim
from fhir_server.storage.tables import resource
from tests import availability as rules
from tests import builders

ZONE = "Europe/Paris"
AGENDA, VENDOR = Actor("agenda"), Actor("vendor")
NUMBERS = count()
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
#: The nights of 2026 on which the clocks change, and an ordinary one.
NIGHTS = (datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 6, 10))


@st.composite
def periods(draw: st.DrawFn, first: datetime, days: int = 4) -> dict[str, Any]:
    """An availability time that begins near a day, open or closed, repeated or not."""
    start = first + timedelta(days=draw(st.integers(-days, days)), minutes=15 * draw(st.integers(0, 95)))
    end = start + timedelta(minutes=15 * draw(st.integers(1, 48)))
    repeated = draw(
        st.sampled_from(
            ({}, {"freq": "DAILY"}, {"freq": "DAILY", "interval": 2}, {"freq": "WEEKLY", "byDay": ["SA", "SU", "WE"]})
        )
    )
    more = [rules.rule(**repeated)] if repeated else []
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (start, end)]
    if draw(st.integers(0, 4)) == 0:
        return rules.closed(*texts, *more)
    offered = rules.offer(minutes=draw(st.sampled_from((10, 15, 20, 45, 240))), holidays="open")
    return rules.availability(*texts, *more, offered, priority=draw(st.integers(0, 2)))


@st.composite
def rotas(draw: st.DrawFn, first: datetime) -> dict[str, Any]:
    """A Schedule with some."""
    return rules.schedule(*draw(st.lists(periods(first), min_size=1, max_size=4)), id="a")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), night=st.sampled_from(NIGHTS), cut=st.integers(1, 95))
def test_slots_never_overlap_and_any_cut_of_time_gives_the_same(data: st.DataObject, night: datetime, cut: int) -> None:
    rota, issues = read_rota(data.draw(rotas(night)))
    middle = dates.to_milliseconds(night.astimezone(dates.zone(ZONE)))
    low, high = middle - 2 * DAY_MS, middle + 2 * DAY_MS

    whole = openings(rota, Interval(low, high))

    assert issues == []
    assert all(one.end_ms <= later.start_ms for one, later in pairwise(whole))
    assert all(one.end_ms - one.start_ms == one.offer.minutes * 60_000 for one in whole)
    assert len({slot_id("a", one.start_ms) for one in whole}) == len(whole)
    parted = low + cut * HOUR_MS
    assert [*openings(rota, Interval(low, parted)), *openings(rota, Interval(parted, high))] == whole


@settings(max_examples=100, deadline=None)
@given(
    night=st.sampled_from(NIGHTS),
    hour=st.integers(0, 23),
    minute=st.sampled_from((0, 30)),
    length=st.integers(1, 12),
    minutes=st.sampled_from((10, 20, 30)),
)
def test_an_opening_lasts_as_long_as_the_wall_clock_says(
    night: datetime, hour: int, minute: int, length: int, minutes: int
) -> None:
    start = night - timedelta(days=1) + timedelta(hours=hour, minutes=minute)
    end = start + timedelta(hours=length)
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (start, end)]
    rota, _ = read_rota(rules.schedule(rules.availability(*texts, rules.offer(minutes=minutes, holidays="open"))))
    low, high = (dates.to_milliseconds(one.replace(tzinfo=dates.zone(ZONE))) for one in (start, end))

    found = openings(rota, Interval(low - DAY_MS, high + DAY_MS))

    assert len(found) == max(0, high - low) // (minutes * 60_000)
    assert all(local(one.start_ms, ZONE) >= start for one in found[:1])
    assert all(one.end_ms <= high for one in found)


class RotaMachine(RuleBasedStateMachine):
    """A coordinator changes rules, a vendor books and cancels, the server makes slots ahead."""

    services: Services

    def __init__(self) -> None:
        super().__init__()
        self.store = self.services.store
        self.booked: dict[str, tuple[str, int, dict[str, Any]]] = {}
        # The store outlives the machine: each has a Schedule of its own.
        self.schedule = f"a{next(NUMBERS)}"
        self.write(rules.schedule(rules.MONDAYS))

    def write(self, content: dict[str, Any]) -> None:
        update(self.store, AGENDA, "Schedule", self.schedule, content | {"id": self.schedule}, None)

    @rule(content=rotas(datetime(2026, 3, 8)))
    def change_rules(self, content: dict[str, Any]) -> None:
        self.write(content)

    @rule()
    def make(self) -> None:
        generate(self.store, self.schedule, horizon_days=8)
        again = generate(self.store, self.schedule, horizon_days=8)
        assert (again.made, again.changed, again.withdrawn) == (0, 0, 0)
        spans = [(span(one), is_of_rota(one), one["status"]) for one in self._slots().values()]
        for number, (here, is_made, status) in enumerate(spans):
            rivals = [other for other, _, _ in spans[:number] + spans[number + 1 :]]
            # Only what somebody has may stand in the time of another.
            assert not is_made or status != "free" or not any(overlap(here, other) for other in rivals)

    @rule(place=st.integers(0, 20))
    def book(self, place: int) -> None:
        free = [one for one in self._slots().values() if one["status"] == "free"]
        if not free:
            return
        slot = free[place % len(free)]
        wanted = builders.appointment(slot["id"], start=slot["start"], end=slot["end"])
        made = create(self.store, VENDOR, "Appointment", wanted)
        self.booked[made.id] = (
            slot["id"],
            made.version,
            {name: slot.get(name) for name in ("start", "end", "extension")},
        )

    @rule(place=st.integers(0, 5))
    def cancel(self, place: int) -> None:
        if not self.booked:
            return
        id_ = sorted(self.booked)[place % len(self.booked)]
        slot, version, promised = self.booked.pop(id_)
        cancelled = builders.appointment(slot, **builders.CANCELLED, start=promised["start"], end=promised["end"])
        update(self.store, VENDOR, "Appointment", id_, cancelled, version)

    @rule(hour=st.integers(0, 60))
    def publish_by_hand(self, hour: int) -> None:
        start = datetime(2026, 3, 6) + timedelta(hours=hour)
        texts = {
            "start": f"{start:%Y-%m-%dT%H:%M:%S}+01:00",
            "end": f"{start + timedelta(minutes=30):%Y-%m-%dT%H:%M:%S}+01:00",
        }
        create(self.store, AGENDA, "Slot", builders.slot(schedule={"reference": f"Schedule/{self.schedule}"}, **texts))

    @invariant()
    def what_is_booked_is_as_it_was_booked(self) -> None:
        slots = self._slots()
        for slot, _, promised in self.booked.values():
            assert {name: slots[slot].get(name) for name in promised} == promised
            assert slots[slot]["status"] == "busy"

    @invariant()
    def a_booking_has_its_claim(self) -> None:
        rows = self.store.read().execute(select(claim.c.slot_id, claim.c.appointment_id)).all()
        slots = self._slots()
        assert {tuple(row) for row in rows if row[0] in slots} == {
            (slot, id_) for id_, (slot, *_) in self.booked.items()
        }

    def _slots(self) -> dict[str, dict[str, Any]]:
        query = select(resource.c.body).where(resource.c.type == "Slot", ~resource.c.deleted)
        contents = [json.load(body.encode()) for (body,) in self.store.read().execute(query)]
        mine = [one for one in contents if one["schedule"]["reference"] == f"Schedule/{self.schedule}"]
        return {one["id"]: one for one in sorted(mine, key=lambda one: (str(one["start"]), str(one["end"])))}


@pytest.mark.parametrize("steps", [12])
def test_changed_rules_never_touch_what_is_booked(services: Services, steps: int) -> None:
    def machine() -> RotaMachine:
        return type("Machine", (RotaMachine,), {"services": services})()

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_refusals_are_refusals_not_failures() -> None:
    """Rules of any kind are read, or refused with an element; nothing else."""

    @settings(max_examples=100, deadline=None)
    @given(
        value=st.one_of(
            st.none(), st.text(max_size=8), st.integers(), st.booleans(), st.dictionaries(st.text(), st.text())
        )
    )
    def check(value: Any) -> None:
        odd = [{"url": name, "valueString": value} for name in ("type", "start", "end", "rrule", "priority")]
        schedule = rules.schedule({"url": rules.MONDAYS["url"], "extension": odd}, rules.offer(minutes=15))
        try:
            _, issues = read_rota(schedule)
        except FhirError:
            raise AssertionError("reading never raises") from None
        assert issues

    check()
