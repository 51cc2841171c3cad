"""From rules to slots: rules of RFC 5545, what is closed, public holidays, nights when clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from fhir_server.kernel import dates
from fhir_server.kernel.dates import Interval
from fhir_server.rotas.expand import openings
from fhir_server.rotas.model import Opening
from fhir_server.rotas.reading import read_rota
from tests.availability import availability, closed, offer, place, rule, schedule

HOUR = offer(minutes=60)


def _openings(content: dict[str, Any], low: str, high: str) -> list[Opening]:
    rota, issues = read_rota(content)
    assert issues == []
    return openings(rota, Interval(dates.interval(low).low, dates.interval(high).low))


def _starts(content: dict[str, Any], low: str, high: str, zone: str = "Europe/Paris") -> list[str]:
    return [dates.to_instant(one.start_ms, zone)[:16] for one in _openings(content, low, high)]


def test_a_half_day_of_four_hours() -> None:
    half_day = availability("2026-03-02T14:00:00+01:00", "2026-03-02T18:00:00+01:00", offer(minutes=13))

    found = _openings(schedule(half_day), "2026-03-01", "2026-03-04")

    assert len(found) == 18
    assert {one.end_ms - one.start_ms for one in found} == {13 * 60_000}


def test_two_ranges_a_day_on_working_days() -> None:
    days = rule(freq="WEEKLY", byDay=["MO", "TU", "WE", "TH", "FR"])
    morning = availability("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", days, HOUR)
    evening = availability("2026-03-02T18:00:00+01:00", "2026-03-02T20:00:00+01:00", days, HOUR, name="b")

    found = _starts(schedule(morning, evening), "2026-03-06", "2026-03-10")

    assert found == [f"2026-03-{day}T{hour}:00" for day in ("06", "09") for hour in ("08", "18", "19")]


#: Rule, and the days of 2026 on which it opens within `2026-03-01` to `2026-07-01`.
RULES = (
    ({"freq": "DAILY", "interval": 30}, ["03-02", "04-01", "05-31", "06-30"], "the first of May is a holiday"),
    ({"freq": "DAILY", "count": 2}, ["03-02", "03-03"], "a number of times, the first included"),
    ({"freq": "WEEKLY", "until": "2026-03-16"}, ["03-02", "03-09", "03-16"], "a day is meant to its end"),
    ({"freq": "WEEKLY", "until": "2026-03-16T07:59:59+01:00"}, ["03-02", "03-09"], "until is a moment"),
    ({"freq": "WEEKLY", "interval": 8, "byDay": ["TU,TH"]}, ["03-03", "03-05", "04-28", "04-30", "06-23", "06-25"], ""),
    ({"freq": "MONTHLY", "byDay": ["2TU"]}, ["03-10", "04-14", "05-12", "06-09"], "the second Tuesday"),
    ({"freq": "MONTHLY", "byDay": ["-1FR"]}, ["03-27", "04-24", "05-29", "06-26"], "the last Friday"),
    ({"freq": "MONTHLY", "byMonthDay": [31]}, ["03-31", "05-31"], "months without it are passed over"),
    ({"freq": "MONTHLY", "byMonthDay": [-1]}, ["03-31", "04-30", "05-31", "06-30"], "counted from the end"),
    ({"freq": "YEARLY", "byMonth": [3, 6], "byMonthDay": [4]}, ["03-04", "06-04"], ""),
    ({"freq": "YEARLY", "byWeekNo": [12], "byDay": ["WE"]}, ["03-18"], "ISO weeks"),
    ({"freq": "YEARLY", "byYearDay": ["100"]}, ["04-10"], ""),
    ({"freq": "MONTHLY", "byMonthDay": [30], "byMonth": [2]}, [], "never met, and soon told"),
    ({"freq": "DAILY", "byMonthDay": [30], "byMonth": [2], "count": 3}, [], "never met, and soon told"),
)


@pytest.mark.parametrize(("parts", "days", "reason"), RULES)
def test_rules_of_rfc_5545(parts: dict[str, Any], days: list[str], reason: str) -> None:
    hour = availability("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", rule(**parts), HOUR)

    found = _starts(schedule(hour), "2026-03-01", "2026-07-01")

    assert found == [f"2026-{day}T08:00" for day in days], reason


def test_a_rule_may_name_the_hours_of_a_day() -> None:
    twice = rule(freq="DAILY", byHour=[8, 18], byMinute=[30])
    half_hour = availability("2026-03-02T08:30:00+01:00", "2026-03-02T09:00:00+01:00", twice, offer(minutes=30))

    assert _starts(schedule(half_hour), "2026-03-03", "2026-03-04") == ["2026-03-03T08:30", "2026-03-03T18:30"]


def test_eight_in_the_morning_is_eight_whatever_the_clocks_do() -> None:
    days = availability("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", rule(freq="WEEKLY"), HOUR)

    found = [dates.to_instant(one.start_ms) for one in _openings(schedule(days), "2026-03-22", "2026-04-05")]

    assert found == ["2026-03-23T07:00:00.000Z", "2026-03-30T06:00:00.000Z"]


def test_a_night_has_an_hour_less_in_march_and_one_more_in_october() -> None:
    nights = rule(freq="DAILY")
    night = availability("2026-03-02T20:00:00+01:00", "2026-03-03T08:00:00+01:00", nights, HOUR)

    assert len(_openings(schedule(night), "2026-03-28T12:00", "2026-03-29T12:00")) == 11
    assert len(_openings(schedule(night), "2026-10-24T12:00", "2026-10-25T12:00")) == 13
    autumn = _openings(schedule(night), "2026-10-24T12:00", "2026-10-25T12:00")
    assert [later.start_ms - one.start_ms for one, later in pairwise(autumn)] == [3_600_000] * 12


def test_an_hour_that_does_not_exist_is_read_with_the_offset_before() -> None:
    gap = availability("2026-03-28T02:30:00+01:00", "2026-03-28T03:30:00+01:00", rule(freq="DAILY"), offer(minutes=30))

    found = _openings(schedule(gap), "2026-03-29", "2026-03-30")

    # 02:30 does not exist and is 03:30 in summer time: nothing is left until 03:30.
    assert found == []


def test_what_is_closed_takes_every_slot_it_touches() -> None:
    day = availability("2026-03-02T08:00:00+01:00", "2026-03-02T12:00:00+01:00", rule(freq="DAILY"), HOUR)
    meeting = closed("2026-03-03T09:30:00+01:00", "2026-03-03T10:30:00+01:00")
    leave = closed("2026-03-04", "2026-03-05")
    fridays = closed("2026-03-06T11:00:00+01:00", "2026-03-06T12:00:00+01:00", rule(freq="WEEKLY"))

    found = _starts(schedule(day, meeting, leave, fridays), "2026-03-03", "2026-03-07")

    assert found == ["2026-03-03T08:00", "2026-03-03T11:00", *(f"2026-03-06T{hour}:00" for hour in ("08", "09", "10"))]


def test_a_date_added_is_a_period_without_a_rule() -> None:
    weekly = availability("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", rule(freq="WEEKLY"), HOUR)
    added = availability("2026-03-05T10:00:00+01:00", "2026-03-05T11:00:00+01:00", HOUR, name="b")

    assert _starts(schedule(weekly, added), "2026-03-03", "2026-03-10") == ["2026-03-05T10:00", "2026-03-09T08:00"]


def test_of_two_that_overlap_the_first_by_priority_has_the_time() -> None:
    centre = availability("2026-03-02T08:00:00+01:00", "2026-03-02T12:00:00+01:00", HOUR)
    visits = availability(
        "2026-03-02T09:30:00+01:00", "2026-03-02T10:30:00+01:00", offer(minutes=30), name="b", priority=1
    )

    found = _openings(schedule(centre, visits), "2026-03-02", "2026-03-03")

    assert [(dates.to_instant(one.start_ms, "Europe/Paris")[11:16], one.offer.minutes) for one in found] == [
        *(("08:00", 60), ("09:30", 30), ("10:00", 30), ("11:00", 60))
    ]


@pytest.mark.parametrize(
    ("policy", "department", "days"),
    [
        ("closed", "69", ["04-02", "04-03", "04-07"]),
        ("closed", "67", ["04-02", "04-07"]),
        ("open", "67", ["04-02", "04-03", "04-06", "04-07"]),
        ("only", "67", ["04-03", "04-06"]),
    ],
)
def test_public_holidays_are_closed_unless_the_rota_says_otherwise(
    policy: str, department: str, days: list[str]
) -> None:
    weekdays = rule(freq="WEEKLY", byDay=["MO", "TU", "TH", "FR"])
    hour = availability(
        "2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", weekdays, offer(minutes=60, holidays=policy)
    )

    found = _starts(schedule(hour, place(department=department)), "2026-04-01", "2026-04-08")

    assert found == [f"2026-{day}T08:00" for day in days]


def test_overseas_keeps_its_own_clock_and_days() -> None:
    hour = availability("2026-12-18T08:00:00+04:00", "2026-12-18T09:00:00+04:00", rule(freq="DAILY"), HOUR)

    found = _openings(schedule(hour, place(department="974")), "2026-12-18", "2026-12-22")

    assert [dates.to_instant(one.start_ms) for one in found] == [
        f"2026-12-{day}T04:00:00.000Z" for day in ("18", "19", "21")
    ]


@pytest.mark.parametrize(
    ("release", "moment"),
    [
        ({"releaseBefore": {"value": 2, "code": "h"}}, "2026-03-03T16:00:00.000+01:00"),
        ({"releaseAt": "10:00:00"}, "2026-03-03T10:00:00.000+01:00"),
        ({"releaseAt": "20:00:00", "releaseDaysBefore": 1}, "2026-03-02T20:00:00.000+01:00"),
        ({"releaseAt": "23:00:00"}, "2026-03-03T18:00:00.000+01:00"),
    ],
)
def test_a_slot_kept_is_released_before_it_begins(release: dict[str, Any], moment: str) -> None:
    kept = offer(minutes=60, holder="samu", **release)
    evening = availability("2026-03-03T18:00:00+01:00", "2026-03-03T19:00:00+01:00", kept)

    (found,) = _openings(schedule(evening), "2026-03-03", "2026-03-04")

    assert found.release_ms is not None
    assert dates.to_instant(found.release_ms, "Europe/Paris") == moment


def test_nothing_is_offered_outside_the_planning_horizon() -> None:
    daily = availability("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00", rule(freq="DAILY"), HOUR)

    found = _starts(
        schedule(daily, planningHorizon={"start": "2026-03-04", "end": "2026-03-05"}), "2026-03-02", "2026-03-10"
    )

    assert found == ["2026-03-04T08:00", "2026-03-05T08:00"]


def test_far_dates_cost_no_more_than_near_ones() -> None:
    daily = availability("2000-01-01T08:00:00+01:00", "2000-01-01T09:00:00+01:00", rule(freq="DAILY"), HOUR)
    began = datetime.now(UTC)

    found = _openings(schedule(daily), "2099-03-02", "2099-03-04")

    assert len(found) == 2
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    assert date(2099, 3, 2).weekday() == 0
