"""Slots: how many, when, and in whose schedule."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from adapters.demo import agenda, codes, tables

TERRITORY = tables.read()
#: A Monday, six days before the clocks go back in France.
MONDAY = date(2026, 10, 19)


def slots_of(prefix: str, today: date = MONDAY) -> list[dict[str, Any]]:
    return [slot for slot in agenda.slots(TERRITORY, today) if slot["schedule"]["reference"].endswith(prefix)]


def starts(slots: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(slot["start"]) for slot in slots]


def rota_from(first: str) -> list[str]:
    """The rota in its order, from `first` on."""
    order = [row["id"] for row in TERRITORY.schedules if row["agenda"] == "teleconsultation"]
    return order[order.index(first) :] + order[: order.index(first)]


def test_the_centre_opens_four_half_days_a_week_of_18_consultations() -> None:
    half_days = Counter((start.date(), start.hour < 13) for start in starts(slots_of("/csnp-schedule")))

    assert 2 * 4 == len(half_days)
    assert {18} == set(half_days.values())


def test_a_half_day_of_the_centre_lasts_four_hours_at_most() -> None:
    first_day = [slot for slot in slots_of("/csnp-schedule") if slot["start"].startswith("2026-10-19")]

    assert "2026-10-19T14:00:00.000+02:00" == first_day[0]["start"]
    assert "2026-10-19T17:54:00.000+02:00" == first_day[-1]["end"]


def test_teleconsultation_is_open_from_8_to_9_and_from_18_to_20_every_weekday() -> None:
    moments = starts(slots_of("-teleconsultation"))

    assert {8: 40, 18: 40, 19: 40} == Counter(moment.hour for moment in moments)
    assert {0, 1, 2, 3, 4} == {moment.weekday() for moment in moments}


def test_teleconsultation_turns_from_doctor_to_doctor() -> None:
    weekdays = [day for number in range(16) if (day := MONDAY + timedelta(days=number)).weekday() < 5]
    on_duty = [agenda.on_turn(TERRITORY, "teleconsultation", day)["id"] for day in weekdays]

    assert 12 == len(set(on_duty[:12]))
    assert rota_from(on_duty[0]) == on_duty[:12]


@pytest.mark.parametrize(
    ("day", "opening", "why"),
    [
        (date(2026, 10, 23), "2026-10-23T14:00:00.000+02:00", "summer time"),
        (date(2026, 10, 26), "2026-10-26T14:00:00.000+01:00", "the first Monday of winter time"),
        (date(2027, 3, 26), "2027-03-26T14:00:00.000+01:00", "the last Friday of winter time"),
        (date(2027, 3, 29), "2027-03-29T14:00:00.000+02:00", "the first Monday of summer time"),
    ],
)
def test_opening_hours_are_local(day: date, opening: str, why: str) -> None:
    found = [slot["start"] for slot in slots_of("/csnp-schedule", day)]

    assert opening == found[0], why


def test_slots_cover_fourteen_days_from_today_on() -> None:
    days = {moment.date() for moment in starts(list(agenda.slots(TERRITORY, MONDAY)))}

    assert (MONDAY, MONDAY + timedelta(days=12)) == (min(days), max(days)), "the fourteenth is a Sunday: closed"


def test_a_slot_names_itself_by_schedule_and_local_start() -> None:
    first = slots_of("/csnp-schedule")[0]

    assert "csnp-schedule-20261019T1400" == first["id"]
    assert [first["id"]] == [
        slot["id"] for slot in slots_of("/csnp-schedule", MONDAY - timedelta(days=3)) if slot["start"] == first["start"]
    ]


def test_slots_of_a_schedule_never_overlap() -> None:
    by_schedule: dict[str, list[tuple[datetime, datetime]]] = {}
    for slot in agenda.slots(TERRITORY, MONDAY):
        span = (datetime.fromisoformat(slot["start"]), datetime.fromisoformat(slot["end"]))
        by_schedule.setdefault(slot["schedule"]["reference"], []).append(span)
    pairs = [pair for spans in by_schedule.values() for pair in zip(sorted(spans), sorted(spans)[1:], strict=False)]

    assert [] == [pair for pair in pairs if pair[0][1] > pair[1][0]]


def test_a_slot_is_coded_for_the_national_platform() -> None:
    slot = slots_of("-teleconsultation")[0]

    assert "free" == slot["status"]
    assert ["SNP", "CPTS"] == [label["code"] for label in slot["meta"]["security"]]
    assert codes.concept(codes.VISIT, "VR") == slot["serviceType"][0]
    assert "HealthcareService/cpts" == slot["serviceType"][2]["extension"][0]["valueReference"]["reference"]
    assert codes.CPTS == slot["serviceType"][2]["coding"][0]["code"]
    assert codes.concept(codes.SPECIALTY, "SM54") == slot["specialty"][0]
    assert codes.concept(codes.APPOINTMENT_TYPE, "ROUTINE") == slot["appointmentType"]


def test_a_slot_of_a_practice_is_not_the_cpts_s() -> None:
    slot = slots_of("/dr-chantelune-moulin")[0]

    assert ["PUBLIC", "PRO"] == [label["code"] for label in slot["meta"]["security"]]
    assert 2 == len(slot["serviceType"])
