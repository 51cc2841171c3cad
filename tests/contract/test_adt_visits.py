"""Visits told by ADT: each event, each correction, whatever the order. IHE PAM France (ZBE) and feeds without it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from adapters.mapping.tables import load
from adapters.service import House, build_house
from fhir_server.encounters.movements import MOVEMENT
from fhir_server.settings import Settings
from tests.visits import Told, movement, only, stored, tell

URG, CHIR, MED = "URG^1^2^CH-DEMO", "CHIR^3^4^CH-DEMO", "MED^5^6^CH-DEMO"
ADA, EVE = "10100002459^ADA^Anne^^^^^^^^^^RPPS", "10100001238^EVE^Marc^^^^^^^^^^RPPS"
EIGHT, NINE, TEN, NOON = (f"20260302{hour}0000" for hour in ("08", "09", "10", "12"))
NEXT = "20260303100000"


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    built = build_house(settings, pool_size=2)
    yield built
    built.services.close()


def seen(encounter: dict[str, Any]) -> dict[str, Any]:
    """What a reader asks first: status, class, places with their hours, doctors, from when to when."""
    period = encounter.get("period", {})
    return {
        "status": encounter["status"],
        "class": encounter["class"]["code"],
        "places": [
            (one["location"]["display"], one["status"], *_hours(one.get("period", {})))
            for one in encounter.get("location", ())
        ],
        "doctors": [one["individual"]["display"] for one in encounter.get("participant", ())],
        "period": _hours(period),
    }


def _hours(period: dict[str, str]) -> tuple[str, str]:
    return period.get("start", "")[8:13], period.get("end", "")[8:13]


ADMITTED = movement("A01", EIGHT, "M1", place=URG, doctor=ADA)
MOVED = movement("A02", TEN, "M2", place=CHIR, prior=URG)
GONE = movement("A03", NEXT, "M3", discharged=NEXT)

#: What was said -> what the visit is. IHE PAM France 2.11.
PAM = {
    "admitted": (
        [ADMITTED],
        {"status": "in-progress", "places": [("URG 1 2", "active", "02T08", "")], "doctors": ["Anne ADA"]},
    ),
    "an emergency": ([movement("A04", EIGHT, "M1", kind="E")], {"status": "in-progress", "class": "EMER"}),
    "planned": (
        [movement("A05", EIGHT, "M1", place=URG, planned=NEXT)],
        {"status": "planned", "places": [("URG 1 2", "planned", "02T08", "")], "period": ("", "")},
    ),
    "planned, then admitted": (
        [movement("A05", EIGHT, "M1"), movement("A01", TEN, "M2")],
        {"status": "in-progress", "period": ("02T10", "")},
    ),
    "planned, then not": (
        [movement("A05", EIGHT, "M1"), movement("A38", NINE, "M1", EIGHT, action="CANCEL", original="A05")],
        {"status": "cancelled", "period": ("", "")},
    ),
    "admission cancelled": (
        [ADMITTED, movement("A11", NINE, "M1", EIGHT, action="CANCEL", original="A01")],
        {"status": "cancelled", "places": []},
    ),
    "transferred": (
        [ADMITTED, MOVED],
        {"places": [("URG 1 2", "completed", "02T08", "02T10"), ("CHIR 3 4", "active", "02T10", "")]},
    ),
    "transferred, the admission not known yet": (
        [MOVED],
        {
            "status": "in-progress",
            "places": [("URG 1 2", "completed", "", "02T10"), ("CHIR 3 4", "active", "02T10", "")],
        },
    ),
    "transfer cancelled": (
        [ADMITTED, MOVED, movement("A12", NOON, "M2", TEN, action="CANCEL", original="A02")],
        {"status": "in-progress", "places": [("URG 1 2", "active", "02T08", "")]},
    ),
    "transfer corrected": (
        [ADMITTED, MOVED, movement("Z99", NOON, "M2", NINE, action="UPDATE", original="A02", place=MED)],
        {"places": [("URG 1 2", "completed", "02T08", "02T09"), ("MED 5 6", "active", "02T09", "")]},
    ),
    "a transfer of the past told later": (
        [ADMITTED, MOVED, movement("A02", NOON, "M9", NINE, historic="Y", place=MED)],
        {
            "places": [
                ("URG 1 2", "completed", "02T08", "02T09"),
                ("MED 5 6", "completed", "02T09", "02T10"),
                ("CHIR 3 4", "active", "02T10", ""),
            ]
        },
    ),
    "discharged": (
        [ADMITTED, GONE],
        {
            "status": "finished",
            "places": [("URG 1 2", "completed", "02T08", "03T10")],
            "period": ("02T08", "03T10"),
        },
    ),
    "discharge cancelled": (
        [ADMITTED, GONE, movement("A13", "20260303110000", "M3", NEXT, action="CANCEL", original="A03")],
        {"status": "in-progress", "places": [("URG 1 2", "active", "02T08", "")], "period": ("02T08", "")},
    ),
    "to another class": (
        [movement("A04", EIGHT, "M1", kind="E"), movement("A06", TEN, "M2", kind="I", place=CHIR)],
        {"class": "IMP", "status": "in-progress"},
    ),
    "class change cancelled by the opposite event": (
        [
            movement("A04", EIGHT, "M1", kind="E"),
            movement("A06", TEN, "M2", kind="I"),
            movement("A07", NOON, "M2", TEN, action="CANCEL", original="A06", kind="E"),
        ],
        {"class": "EMER"},
    ),
    "on leave": ([ADMITTED, movement("A21", TEN, "M2")], {"status": "onleave"}),
    "back from leave": (
        [ADMITTED, movement("A21", TEN, "M2"), movement("A22", NOON, "M3")],
        {"status": "in-progress"},
    ),
    "leave cancelled": (
        [ADMITTED, movement("A21", TEN, "M2"), movement("A52", NOON, "M2", TEN, action="CANCEL", original="A21")],
        {"status": "in-progress"},
    ),
    "return cancelled": (
        [
            ADMITTED,
            movement("A21", TEN, "M2"),
            movement("A22", NOON, "M3"),
            movement("A53", NEXT, "M3", NOON, action="CANCEL", original="A22"),
        ],
        {"status": "onleave"},
    ),
    "another doctor": ([ADMITTED, movement("A54", TEN, "M2", doctor=EVE)], {"doctors": ["Anne ADA", "Marc EVE"]}),
    "another doctor cancelled": (
        [
            ADMITTED,
            movement("A54", TEN, "M2", doctor=EVE),
            movement("A55", NOON, "M2", TEN, action="CANCEL", original="A54", doctor=ADA),
        ],
        {"doctors": ["Anne ADA"]},
    ),
}


@pytest.mark.parametrize("name", PAM)
def test_movements_come_to_the_same_in_any_order(house: House, name: str) -> None:
    told, expected = PAM[name]
    for number, order in enumerate(permutations(told)):
        visit = [replace(one, visit=f"V{number}", control_id=f"{number}.{one.event}") for one in order]
        answers = tell(house, *visit, *visit[:1])

        found = seen(stored(house, "Encounter")[-1])
        assert {answer.code for answer in answers} == {"AA"}
        assert expected == {key: found[key] for key in expected}


#: The same for senders without ZBE, who go by the event: EVN-6 says when.
PLAIN_ADMITTED = Told("A01", EIGHT, EIGHT, place=URG, doctor=ADA)
PLAIN = {
    "a transfer back and forth": (
        [PLAIN_ADMITTED, Told("A02", TEN, TEN, place=CHIR), Told("A02", NOON, NOON, place=URG)],
        {
            "places": [
                ("URG 1 2", "completed", "02T08", "02T10"),
                ("CHIR 3 4", "completed", "02T10", "02T12"),
                ("URG 1 2", "active", "02T12", ""),
            ]
        },
    ),
    "transfer cancelled": (
        [PLAIN_ADMITTED, Told("A02", TEN, TEN, place=CHIR), Told("A12", NOON, TEN, place=URG)],
        {"places": [("URG 1 2", "active", "02T08", "")]},
    ),
    "discharged, not, and again": (
        [
            PLAIN_ADMITTED,
            Told("A03", TEN, TEN),
            Told("A13", NOON, TEN),
            Told("A03", NEXT, NEXT, discharged=NEXT),
        ],
        {"status": "finished", "period": ("02T08", "03T10")},
    ),
    "admission cancelled": ([PLAIN_ADMITTED, Told("A11", NINE, EIGHT)], {"status": "cancelled"}),
    "admitted again": (
        [PLAIN_ADMITTED, Told("A11", NINE, EIGHT), Told("A01", TEN, TEN, place=MED)],
        {"status": "in-progress", "places": [("MED 5 6", "active", "02T10", "")]},
    ),
    "an error altogether": ([PLAIN_ADMITTED, Told("A23", NINE, NINE)], {"status": "entered-in-error", "places": []}),
    "a correction of what is": (
        [PLAIN_ADMITTED, Told("A08", NINE, place=MED, doctor=EVE, kind="E")],
        {"status": "in-progress", "class": "EMER", "places": [("MED 5 6", "active", "02T08", "")]},
    ),
    "a correction after the discharge": (
        [PLAIN_ADMITTED, Told("A03", TEN, TEN), Told("A08", NOON, place=MED)],
        {"status": "finished"},
    ),
    "pending, and no more": (
        [Told("A14", EIGHT, EIGHT), Told("A27", NINE, EIGHT)],
        {"status": "cancelled"},
    ),
    "what is only pending changes nothing": (
        [PLAIN_ADMITTED, Told("A15", NINE, place=CHIR), Told("A16", TEN), Told("A26", NOON), Told("A25", NEXT)],
        {"status": "in-progress", "places": [("URG 1 2", "active", "02T08", "")]},
    ),
    "tracked to another place": (
        [PLAIN_ADMITTED, Told("A09", NINE, NINE, place=URG), Told("A10", TEN, TEN, place=MED)],
        {"places": [("URG 1 2", "completed", "02T08", "02T10"), ("MED 5 6", "active", "02T10", "")]},
    ),
    "only a discharge is known": (
        [Told("A03", NEXT, NEXT, admitted=EIGHT, discharged=NEXT)],
        {"status": "finished", "period": ("02T08", "03T10")},
    ),
    "only an update with PV1-45 is known": (
        [Told("A08", NEXT, admitted=EIGHT, discharged=NEXT)],
        {"status": "finished", "period": ("02T08", "03T10")},
    ),
    "only an update of a pre-admitted is known": ([Told("A08", NEXT, kind="P")], {"status": "planned"}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_events_without_movements_come_to_the_same_in_any_order(house: House, name: str) -> None:
    told, expected = PLAIN[name]
    for number, order in enumerate(permutations(told)):
        tell(
            house,
            *(replace(one, visit=f"V{number}", control_id=f"{number}.{one.event}.{one.recorded}") for one in order),
        )

        found = seen(stored(house, "Encounter")[-1])
        assert expected == {key: found[key] for key in expected}, [one.event for one in order]


def test_a_cancelled_movement_is_remembered_and_does_not_come_back(house: House) -> None:
    tell(house, ADMITTED, movement("A12", NOON, "M2", TEN, action="CANCEL", original="A02"))
    (late,) = tell(house, MOVED)
    visit = only(house, "Encounter")

    assert (late.code, seen(visit)["places"]) == ("AA", [("URG 1 2", "active", "02T08", "")])
    assert len([one for one in visit["extension"] if one["url"] == MOVEMENT]) == 2


def test_a_cancellation_recorded_at_the_same_second_stands(house: House) -> None:
    cancelled = movement("A12", TEN, "M2", TEN, action="CANCEL", original="A02")
    tell(house, ADMITTED, cancelled, MOVED)

    assert seen(only(house, "Encounter"))["places"] == [("URG 1 2", "active", "02T08", "")]


def test_the_past_of_a_visit_is_told(house: House) -> None:
    tell(house, movement("A04", EIGHT, "M1", kind="E"), movement("A06", TEN, "M2", kind="I"), GONE)
    visit = only(house, "Encounter")

    assert [(one["class"]["code"], *_hours(one["period"])) for one in visit["classHistory"]] == [
        ("EMER", "02T08", "02T10")
    ]
    assert [(one["status"], *_hours(one["period"])) for one in visit["statusHistory"]] == [
        ("in-progress", "02T08", "03T10")
    ]


def test_what_different_messages_tell_of_a_stay_is_kept(house: House) -> None:
    tell(house, movement("A01", EIGHT, "M1", rest=("PV2|||^Chute",)), GONE)
    visit = only(house, "Encounter")

    assert visit["reasonCode"] == [{"text": "Chute"}]
    assert (visit["subject"]["reference"], visit["status"]) == (f"Patient/{only(house, 'Patient')['id']}", "finished")


def test_the_planned_start_is_kept_apart_from_the_time_spent(house: House) -> None:
    tell(house, movement("A05", EIGHT, "M1", planned=NEXT))
    (planned,) = [one for one in only(house, "Encounter")["extension"] if "plannedStart" in one["url"]]

    assert planned["valueDateTime"] == "2026-03-03T10:00:00+01:00"


def test_two_patients_change_places(house: House) -> None:
    tell(house, ADMITTED, movement("A01", EIGHT, "M1", place=CHIR, ipp="000888", visit="V2"))
    other = Told("A17", TEN, place=URG, visit="V2", ipp="000888").segments()[1:]
    (answer,) = tell(house, Told("A17", TEN, TEN, place=CHIR, rest=tuple(other)))

    assert answer.code == "AA"
    assert [[place[0] for place in seen(one)["places"]] for one in stored(house, "Encounter")] == [
        ["URG 1 2", "CHIR 3 4"],
        ["CHIR 3 4", "URG 1 2"],
    ]
    assert len({one["subject"]["reference"] for one in stored(house, "Encounter")}) == 2


def test_both_nights_of_the_clock_change_are_told_in_the_feeds_zone(house: House) -> None:
    spring = Told("A01", "20260329013000", "20260329013000", visit="V1", discharged="")
    tell(house, spring, Told("A03", "20260329033000", "20260329033000", visit="V1"))
    tell(house, Told("A01", "20261025013000", "20261025013000", visit="V2"))
    tell(house, Told("A03", "20261025033000", "20261025033000", visit="V2"))

    assert [one["period"] for one in stored(house, "Encounter")] == [
        {"start": "2026-03-29T01:30:00+01:00", "end": "2026-03-29T03:30:00+02:00"},
        {"start": "2026-10-25T01:30:00+02:00", "end": "2026-10-25T03:30:00+01:00"},
    ]


def test_an_hour_that_occurs_twice_is_the_first_with_a_warning(house: House) -> None:
    receiver = house.receiver("hospital")
    reply = receiver.receive(Told("A01", "20261025023000", "20261025023000").octets())

    assert b"|W|" in reply
    assert only(house, "Encounter")["period"] == {"start": "2026-10-25T02:30:00+02:00"}


def test_a_feed_that_numbers_every_message_anew_is_read_by_its_events(house: House) -> None:
    receiver = house.receiver("hospital")
    by_event = replace(receiver, tables=load(["movements-by-event"]))
    for told in (ADMITTED, MOVED, movement("A12", NOON, "M8", TEN, action="CANCEL"), GONE):
        by_event.receive(told.octets())
    by_event.receive(movement("A13", "20260303110000", "M9", NEXT, action="CANCEL").octets())

    assert seen(only(house, "Encounter"))["places"] == [("URG 1 2", "active", "02T08", "")]


def test_visits_of_one_account_are_told_apart_by_their_numbers(house: House) -> None:
    tell(house, movement("A01", EIGHT, "M1", account="30"), movement("A01", NINE, "M1", account="30", visit="V2"))
    by_account = movement("A03", NEXT, "M2", account="30", visit="V1")
    tell(house, by_account)

    assert [one["status"] for one in stored(house, "Encounter")] == ["finished", "in-progress"]


def test_a_visit_first_told_by_its_account_gets_its_number_later(house: House) -> None:
    octets = movement("A01", EIGHT, "M1", account="30").octets().replace(b"V1^^^CH-DEMO^VN", b"")
    house.receiver("hospital").receive(octets)
    tell(house, movement("A03", NEXT, "M2", account="30"))

    assert only(house, "Encounter")["status"] == "finished"
