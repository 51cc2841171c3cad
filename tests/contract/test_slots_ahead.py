"""Slots made ahead by rotas, on both stores: again and again the same, and never against those who have one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select as sql

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.search import search
from fhir_server.interactions.slots_ahead import Outcome, generate, generate_due
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.query import parse
from fhir_server.storage import resources, rotas
from fhir_server.storage.tables import resource
from tests import builders
from tests.availability import MONDAYS, availability, closed, offer, rule, schedule
from tests.conftest import StandingClock

AGENDA, VENDOR = Actor("agenda"), Actor("vendor")
DAY_MS = 86_400_000
#: Fourteen days from the Monday of the standing clock: two Mondays are to come.
DAYS = 14


class Desk:
    """An agenda with a rota, and those who book in it."""

    def __init__(self, services: Services) -> None:
        self.store = services.store

    def rule(self, *extensions: dict[str, Any], **elements: Any) -> None:
        update(self.store, AGENDA, "Schedule", "a", schedule(*extensions, **elements) | {"id": "a"}, None)

    def make(self, **options: Any) -> Outcome:
        return generate(self.store, "a", horizon_days=DAYS, **options)

    def slots(self) -> dict[str, dict[str, Any]]:
        """The live slots by the local day and time at which they begin."""
        rows = self.store.read().execute(sql(resource.c.body).where(resource.c.type == "Slot", ~resource.c.deleted))
        contents = sorted((json.load(body.encode()) for (body,) in rows), key=lambda one: str(one["start"]))
        return {content["start"][5:16]: content for content in contents}

    def book(self, at: str) -> str:
        slot = self.slots()[at]
        return create(
            self.store, VENDOR, "Appointment", builders.appointment(slot["id"], start=slot["start"], end=slot["end"])
        ).id


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


NEXT, LATER = [f"03-09T08:{minute}" for minute in ("00", "20", "40")], [f"03-16T08:{m}" for m in ("00", "20", "40")]


def _counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.made, outcome.changed, outcome.withdrawn, outcome.kept


def test_slots_are_made_to_the_horizon_and_not_twice(desk: Desk) -> None:
    desk.rule(MONDAYS)

    # At eight o'clock on the first Monday its first slot begins, and is still made.
    assert _counts(desk.make()) == (9, 0, 0, 0)
    assert [*desk.slots()][3:] == NEXT + LATER
    assert _counts(desk.make()) == (0, 0, 0, 9)


def test_a_slot_says_what_its_rota_offers(desk: Desk) -> None:
    kept = offer(
        minutes=20,
        capacity=2,
        serviceType=[{"coding": [{"system": "urn:s", "code": "AMB"}]}, {"text": "Soin non programmé"}],
        audience=["SNP", "CPTS"],
        holder="samu",
        releaseBefore={"value": 2, "code": "h"},
        comment="https://agenda.example/rdv?slot={id}",
    )
    desk.rule(availability("2026-03-09T08:00:00+01:00", "2026-03-09T08:20:00+01:00", kept), specialty=[{"text": "GP"}])
    desk.make()

    (found,) = desk.slots().values()
    assert {name: value for name, value in found.items() if name != "meta"} == {
        "resourceType": "Slot",
        "id": "a-20260309T0700Z",
        "extension": [
            {"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity", "valueInteger": 2},
            {
                "url": "urn:creneau:StructureDefinition:slot-direct-access",
                "extension": [
                    {"url": "holder", "valueCode": "samu"},
                    {"url": "release", "valueInstant": "2026-03-09T06:00:00.000+01:00"},
                ],
            },
        ],
        "identifier": [{"system": "urn:creneau:rota", "value": "a|20260309T0700Z"}],
        "serviceType": [{"coding": [{"system": "urn:s", "code": "AMB"}]}, {"text": "Soin non programmé"}],
        "specialty": [{"text": "GP"}],
        "appointmentType": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "ROUTINE"}]},
        "schedule": {"reference": "Schedule/a"},
        "status": "free",
        "start": "2026-03-09T08:00:00.000+01:00",
        "end": "2026-03-09T08:20:00.000+01:00",
        "comment": "https://agenda.example/rdv?slot=a-20260309T0700Z",
    }
    assert [one["code"] for one in found["meta"]["security"]] == ["SNP", "CPTS"]


def test_they_belong_to_whoever_published_the_schedule(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()

    stored = resources.load(desk.store.read(), "Slot", "a-20260309T0700Z")
    assert stored is not None
    assert stored.owner == "agenda"


def test_a_changed_rule_withdraws_what_is_free_and_lists_what_is_booked(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    desk.book(NEXT[1])
    before = desk.slots()[NEXT[1]]
    later = availability(
        "2026-03-02T09:00:00+01:00", "2026-03-02T10:00:00+01:00", rule(freq="WEEKLY"), offer(minutes=30)
    )
    desk.rule(later)

    outcome = desk.make()

    assert [(one.slot_id, one.reason) for one in outcome.conflicts] == [("a-20260309T0720Z", "gone")]
    assert _counts(outcome) == (6, 0, 8, 0)
    assert desk.slots()[NEXT[1]] == before
    assert [at for at in desk.slots() if at > "03-09"] == [
        *(NEXT[1], "03-09T09:00", "03-09T09:30", "03-16T09:00", "03-16T09:30")
    ]


def test_nothing_is_made_in_the_time_of_what_is_booked(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    desk.book(NEXT[1])
    longer = availability(
        "2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", rule(freq="WEEKLY"), offer(minutes=30)
    )
    desk.rule(longer)

    desk.make()

    slots = {at: one for at, one in desk.slots().items() if "03-09" < at}
    # 08:20 to 08:40 is booked: both half hours would share it.
    assert [*slots] == [NEXT[1], "03-16T08:00", "03-16T08:30"]
    assert slots["03-16T08:00"]["end"] == "2026-03-16T08:30:00.000+01:00"


def test_a_new_offer_changes_what_is_free_in_place(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    desk.book(NEXT[0])
    desk.rule(MONDAYS, offer(audience="CPTS"))

    outcome = desk.make()

    assert _counts(outcome) == (0, 8, 0, 0)
    assert [(one.slot_id, one.reason) for one in outcome.conflicts] == [("a-20260309T0700Z", "changed")]
    assert desk.slots()[NEXT[1]]["meta"]["security"][0]["code"] == "CPTS"
    assert "security" not in desk.slots()[NEXT[0]]["meta"]


def test_a_cancelled_conflict_goes_with_the_next_run(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    appointment = desk.book(NEXT[1])
    desk.rule(MONDAYS, closed("2026-03-09", "2026-03-09"))
    desk.make()
    cancelled = builders.appointment(
        "a-20260309T0720Z", **builders.CANCELLED, start="2026-03-09T08:20:00+01:00", end="2026-03-09T08:40:00+01:00"
    )
    update(desk.store, VENDOR, "Appointment", appointment, cancelled, 1)

    outcome = desk.make()

    assert (outcome.withdrawn, outcome.conflicts) == (1, [])
    assert [at for at in desk.slots() if at > "03-09"] == LATER


def test_a_withdrawn_slot_comes_back_with_its_rule(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    desk.rule(MONDAYS, closed("2026-03-09", "2026-03-09"))
    desk.make()
    desk.rule(MONDAYS)

    assert _counts(desk.make()) == (3, 0, 0, 6)
    assert desk.slots()[NEXT[0]]["meta"]["versionId"] == "3"


@pytest.mark.parametrize("end", ["rules", "active", "delete"])
def test_without_rules_the_free_slots_go(desk: Desk, end: str) -> None:
    desk.rule(MONDAYS)
    desk.make()
    desk.book(NEXT[0])
    if end == "rules":
        desk.rule()
    elif end == "active":
        desk.rule(MONDAYS, active=False)
    else:
        delete(desk.store, AGENDA, "Schedule", "a", None)

    outcome = desk.make()

    assert _counts(outcome) == (0, 0, 8, 0)
    assert [one.slot_id for one in outcome.conflicts] == ["a-20260309T0700Z"]
    assert [*desk.slots()] == [NEXT[0]]
    assert rotas.every(desk.store.read()) == []


def test_what_is_published_by_hand_is_left_alone_and_comes_first(desk: Desk) -> None:
    desk.rule(MONDAYS)
    by_hand = builders.slot(
        schedule={"reference": "Schedule/a"}, start="2026-03-09T08:10:00+01:00", end="2026-03-09T08:30:00+01:00"
    )
    made = create(desk.store, AGENDA, "Slot", by_hand)

    outcome = desk.make()

    assert [(one.slot_id, one.reason) for one in outcome.conflicts] == [
        ("a-20260309T0700Z", "covered"),
        ("a-20260309T0720Z", "covered"),
    ]
    assert [at for at in desk.slots() if "03-09" < at < "03-10"] == ["03-09T08:10", NEXT[2]]
    stored = resources.load(desk.store.read(), "Slot", made.id)
    assert stored is not None
    assert stored.version == 1


def test_a_slot_withdrawn_by_hand_stays_withdrawn(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()
    withdrawn = desk.slots()[NEXT[0]] | {"status": "busy-unavailable"}
    update(desk.store, AGENDA, "Slot", withdrawn["id"], withdrawn, None)
    desk.rule(MONDAYS, offer(audience="CPTS"))

    desk.make()

    assert desk.slots()[NEXT[0]]["status"] == "busy-unavailable"


def test_a_dry_run_tells_and_writes_nothing(desk: Desk) -> None:
    desk.rule(MONDAYS)

    assert _counts(desk.make(is_dry=True)) == (9, 0, 0, 0)
    assert desk.slots() == {}
    assert rotas.due(desk.store.read(), 1) == ["a"]


def test_what_is_due_is_done_once_a_day(desk: Desk, clock: StandingClock) -> None:
    desk.rule(MONDAYS)

    def due() -> list[int]:
        return [one.made for one in generate_due(desk.store, horizon_days=DAYS, is_stopped=lambda: False)]

    assert due() == [9]
    assert due() == []
    clock.advance(7 * DAY_MS)
    assert due() == [3]


def test_a_block_told_by_a_feed_withdraws_what_the_rota_offers(desk: Desk) -> None:
    feed = Actor("feed:hospital", is_territory=True, origin="feed:hospital", request_id="1")
    block = builders.slot(
        schedule={"reference": "Schedule/a"},
        status="busy-unavailable",
        start="2026-03-09T08:00:00+01:00",
        end="2026-03-09T08:30:00+01:00",
        meta={"tag": [{"system": "urn:creneau:origin", "code": "feed"}]},
    )
    desk.rule(MONDAYS)
    desk.make()
    create(desk.store, feed, "Slot", block)

    outcome = desk.make()

    assert outcome.withdrawn == 2
    assert [at for at in desk.slots() if "03-09" < at < "03-10"] == [NEXT[0], NEXT[2]]


def test_two_at_once_make_nothing_twice(desk: Desk) -> None:
    desk.rule(
        *(
            availability(
                f"2026-03-{day:02}T08:00:00+01:00", f"2026-03-{day:02}T18:00:00+01:00", offer(minutes=10), name=str(day)
            )
            for day in range(3, 16)
        )
    )

    with ThreadPoolExecutor(4) as pool:
        outcomes = [one.result() for one in [pool.submit(desk.make) for _ in range(4)]]

    assert sum(one.made for one in outcomes) == 13 * 60
    assert len(desk.slots()) == 13 * 60
    assert {one["meta"]["versionId"] for one in desk.slots().values()} == {"1"}


def test_a_rule_that_cannot_be_understood_is_refused(desk: Desk) -> None:
    with pytest.raises(FhirError) as refused:
        desk.rule(availability("2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00+01:00", offer(minutes=5)))

    assert refused.value.category is Category.BUSINESS_RULE
    assert [issue.expression for issue in refused.value.issues] == ["Schedule.extension[0].extension[2]"]


def test_a_schedule_without_rules_is_not_touched(desk: Desk) -> None:
    desk.rule()

    assert rotas.every(desk.store.read()) == []
    with pytest.raises(FhirError) as refused:
        desk.make()
    assert refused.value.category is Category.NOT_FOUND


def test_searches_find_them(desk: Desk) -> None:
    desk.rule(MONDAYS)
    desk.make()

    found = json.load(search(desk.store, SYSTEM, parse("Slot", [("schedule", "Schedule/a"), ("status", "free")]), ""))

    assert len(found["entry"]) == 9
