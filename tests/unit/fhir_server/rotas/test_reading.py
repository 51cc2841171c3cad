"""Rules that cannot be understood are refused, each with its element."""

from typing import Any

import pytest

from fhir_server.kernel.errors import Category
from fhir_server.rotas.reading import MAX_PERIODS, has_rules, read_rota
from tests.availability import MONDAYS, availability, closed, offer, part, place, rule, schedule

DAY = ("2026-03-02T08:00:00+01:00", "2026-03-02T09:00:00+01:00")
A, RRULE, OFFER = "Schedule.extension[0]", "Schedule.extension[0].extension[4]", "Schedule.extension[0].extension[4]"


def _daily(**parts: Any) -> dict[str, Any]:
    return availability(*DAY, rule(**{"freq": "DAILY", **parts}), offer(minutes=15))


def _offering(**parts: Any) -> dict[str, Any]:
    return availability(*DAY, offer(**{"minutes": 15, **parts}))


#: What is wrong, the rule, and the element that is named.
WRONG = (
    ("no kind that we know", availability(*DAY, offer(minutes=15), kind="perhaps"), f"{A}.extension[0]"),
    ("ends before it starts", availability(DAY[1], DAY[0], offer(minutes=15)), f"{A}.extension[2]"),
    ("no such day", availability("2026-02-30T08:00:00Z", DAY[1], offer(minutes=15)), f"{A}.extension[1]"),
    ("too long ago", availability("1066-10-14T08:00:00Z", DAY[1], offer(minutes=15)), f"{A}.extension[1]"),
    ("half a year open", availability(DAY[0], "2026-09-02T08:00:00Z", offer(minutes=15)), f"{A}.extension[2]"),
    ("no length of slots", availability(*DAY), A),
    ("slots of two days", _offering(minutes=2880), f"{OFFER}.extension[0]"),
    ("no such frequency", _daily(freq="HOURLY"), f"{RRULE}.extension[0]"),
    ("both ends", _daily(count=2, until="2026-03-16"), RRULE),
    ("no such hour", _daily(byHour=[24]), f"{RRULE}.extension[1]"),
    ("no such day of the week", _daily(byDay=["XX"]), f"{RRULE}.extension[1]"),
    ("a numbered day of the week", _daily(freq="WEEKLY", byDay=["2MO"]), f"{RRULE}.extension[1]"),
    ("a day of no month", _daily(freq="MONTHLY", byMonthDay=[0]), f"{RRULE}.extension[1]"),
    ("weeks of a month", _daily(freq="MONTHLY", byWeekNo=[3]), f"{RRULE}.extension[1]"),
    ("a part that is not served", _daily(bySecond=[3]), f"{RRULE}.extension[1]"),
    ("a step of nothing", _daily(interval=0), f"{RRULE}.extension[1]"),
    ("no such audience", _offering(audience="VIP"), f"{OFFER}.extension[1]"),
    ("no such holder", _offering(holder="police"), f"{OFFER}.extension[1]"),
    ("released though never kept", _offering(releaseAt="10:00:00"), f"{OFFER}.extension[1]"),
    ("no such policy", _offering(holidays="maybe"), f"{OFFER}.extension[1]"),
    ("a part that offers do not have", _offering(holders="samu"), f"{OFFER}.extension[1]"),
)


@pytest.mark.parametrize(("reason", "rule", "expression"), WRONG)
def test_what_cannot_be_understood_is_named(reason: str, rule: dict[str, Any], expression: str) -> None:
    _, issues = read_rota(schedule(rule))

    assert [(issue.category, issue.expression) for issue in issues] == [(Category.BUSINESS_RULE, expression)], reason


def test_all_is_told_at_once() -> None:
    _, issues = read_rota(schedule(_daily(interval=0, byHour=[24]), _offering(holder="police"), place(department="99")))

    assert [issue.expression for issue in issues] == [
        "Schedule.extension[2].extension[0]",
        f"{RRULE}.extension[1]",
        f"{RRULE}.extension[2]",
        "Schedule.extension[1].extension[4].extension[1]",
    ]


def test_two_ways_to_release_are_one_too_many() -> None:
    both = _offering(holder="samu", releaseBefore={"value": 2, "code": "h"}, releaseAt="10:00:00")

    assert [issue.expression for issue in read_rota(schedule(both))[1]] == [f"{OFFER}.extension[3]"]


def test_an_identifier_is_part_of_it() -> None:
    nameless = availability(*DAY, offer(minutes=15))
    nameless["extension"] = [one for one in nameless["extension"] if one["url"] != "identifier"]

    assert [issue.expression for issue in read_rota(schedule(nameless))[1]] == [A]


def test_there_is_an_end_to_rules() -> None:
    _, issues = read_rota(schedule(*(_offering() for _ in range(MAX_PERIODS + 1))))

    assert [issue.expression for issue in issues] == [f"Schedule.extension[{MAX_PERIODS}]"]


def test_an_unknown_zone_is_refused() -> None:
    _, issues = read_rota(schedule(MONDAYS, place(zone="Europe/Atlantis")))

    assert [issue.expression for issue in issues] == ["Schedule.extension[1].extension[0]"]


def test_the_schedule_says_for_all_what_its_rules_do_not() -> None:
    default = offer(minutes=30, capacity=2, audience=["SNP", "CPTS"])
    rota, issues = read_rota(schedule(availability(*DAY, offer(minutes=10)), availability(*DAY, name="b"), default))

    offers = [period.offer for period in rota.periods]
    assert issues == []
    assert [(one.minutes, one.capacity, one.audiences) for one in offers if one] == [
        (10, 2, ("SNP", "CPTS")),
        (30, 2, ("SNP", "CPTS")),
    ]


def test_the_length_may_come_from_the_service() -> None:
    service = {
        "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-service-type-duration",
        "extension": [
            part("serviceType", valueCodeableConcept={"text": "Soin non programmé"}),
            part("duration", valueDuration={"value": 15, "code": "min"}),
        ],
    }

    rota, issues = read_rota(schedule(availability(*DAY), service))

    offer_ = rota.periods[0].offer
    assert issues == []
    assert offer_ is not None
    assert (offer_.minutes, offer_.service_types) == (15, ({"text": "Soin non programmé"},))


def test_only_a_schedule_in_use_has_rules() -> None:
    assert has_rules(schedule(MONDAYS))
    assert not has_rules(schedule(MONDAYS, active=False))
    assert not has_rules(schedule())
    assert not has_rules({"resourceType": "Schedule"})
    assert has_rules(schedule(closed("2026-03-02", "2026-03-03")))
