"""From counts to rows, and to the forms a report is told in."""

import csv
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.figures.hiding import LEAST
from fhir_server.figures.measure import measure_report
from fhir_server.figures.period import Period
from fhir_server.figures.report import Report, Row, report
from fhir_server.figures.table import COLUMNS, as_csv, as_json
from fhir_server.figures.tally import Counts, Tally
from fhir_server.kernel import json as our_json
from fhir_server.kernel.origins import ORIGINS
from fhir_server.registry.figures import FIGURES, PARTITIONS
from fhir_server.registry.measures import code_system, measure
from fhir_server.validation import gates

HOUR = 3_600_000
#: 2026-03-02 at 08:00 in Paris.
NOW_MS = 1_772_434_800_000
PERIOD = Period(date(2026, 3, 1), date(2026, 3, 31), NOW_MS)


def tallied(requests: int = 0, answered: int = 0, slots: int = 0, busy: int = 0, appointments: int = 0) -> Counts:
    tally = Tally()
    for number in range(slots):
        tally.slot(str(number), "busy" if number < busy else "free", NOW_MS + number * HOUR, 1)
    for number in range(requests):
        after = NOW_MS + number * HOUR if number < answered else None
        tally.request(NOW_MS, "samu", is_closed=False, answered_ms=after)
    for number in range(appointments):
        tally.appointment(
            ORIGINS[number % 2], is_missed=number == 0, has_doctor=number % 2 == 0, is_inside=None, is_remote=True
        )
    return tally.counts()


def told(counts: Counts) -> dict[str, Row]:
    return {row.figure.code: row for row in report(PERIOD, counts).rows}


def test_a_report_has_every_figure_in_order() -> None:
    assert list(FIGURES) == [row.figure.code for row in report(PERIOD, tallied()).rows]


def test_nothing_is_zero_without_a_share() -> None:
    rows = told(tallied())

    assert (0, Decimal(0), False) == (
        rows["appointments"].numerator,
        rows["appointments"].value,
        rows["appointments"].is_hidden,
    )
    assert (0, 0, None, False) == (
        rows["slots-booked"].numerator,
        rows["slots-booked"].denominator,
        rows["slots-booked"].value,
        rows["slots-booked"].is_hidden,
    )


def test_shares_averages_and_the_median_are_rounded() -> None:
    rows = told(tallied(requests=60, answered=40, slots=30, busy=20))

    assert Decimal("66.7") == rows["requests-oriented"].value
    assert Decimal("19.5") == rows["delay-median"].value
    assert (37, Decimal("92.5")) == (rows["delay-36h"].numerator, rows["delay-36h"].value)
    # The three of the 37th to the 40th hour would be told by the difference.
    assert rows["delay-48h"].is_hidden
    assert Decimal("7.50") == rows["offered-per-half-day"].value


def test_a_small_group_and_what_is_made_of_it_are_not_told() -> None:
    rows = told(tallied(slots=40, busy=4))

    assert 40 == rows["slots-offered"].numerator
    for code in ("slots-booked", "slots-unused", "booked-per-half-day"):
        assert (None, None, True) == (rows[code].numerator, rows[code].value, rows[code].is_hidden)


def test_a_median_of_few_is_not_told() -> None:
    row = told(tallied(requests=40, answered=4))["delay-median"]

    assert (None, None, True) == (row.denominator, row.value, row.is_hidden)


@given(st.lists(st.integers(0, 12), min_size=5, max_size=5))
def test_no_number_of_one_to_four_people_is_ever_told(numbers: list[int]) -> None:
    requests, answered, slots, busy, appointments = numbers
    counts = tallied(requests, min(requests, answered), slots, min(slots, busy), appointments)

    for row in report(PERIOD, counts).rows:
        if row.figure.kind in ("count", "share") and row.figure.code != "half-days":
            assert row.numerator is None or not 0 < row.numerator < LEAST
            assert row.denominator is None or not 0 < row.denominator < LEAST


@given(st.lists(st.tuples(st.sampled_from(ORIGINS), st.integers(-50, 90), st.booleans()), max_size=30))
def test_parts_add_up(requests: list[tuple[str, int, bool]]) -> None:
    tally = Tally()
    for origin, hours, is_closed in requests:
        tally.request(NOW_MS, origin, is_closed=is_closed, answered_ms=NOW_MS + hours * HOUR if hours < 60 else None)

    cells = tally.counts().cells

    assert [cells[one.total] for one in PARTITIONS] == [sum(cells[part] for part in one.parts) for one in PARTITIONS]


@pytest.mark.parametrize(
    ("asked", "start", "cell"),
    [
        ("2026-03-28T20:00:00+01:00", "2026-03-30T09:00:00+02:00", "within-36h"),
        ("2026-03-28T20:00:00+01:00", "2026-03-30T09:00:01+02:00", "within-48h"),
        ("2026-10-24T23:59:00+02:00", "2026-10-24T23:59:59+02:00", "same-day"),
        ("2026-10-24T23:59:00+02:00", "2026-10-25T00:01:00+02:00", "within-36h"),
    ],
)
def test_nights_of_changed_clocks_have_the_hours_they_have(asked: str, start: str, cell: str) -> None:
    from fhir_server.kernel.dates import interval

    tally = Tally()
    tally.request(interval(asked).low, "samu", is_closed=False, answered_ms=interval(start).low)

    assert 1 == tally.counts().cells[cell]


def full() -> Report:
    return report(PERIOD, tallied(requests=60, answered=40, slots=40, busy=4, appointments=30))


def test_csv_has_a_line_for_each_figure() -> None:
    lines = list(csv.DictReader(as_csv(full()).splitlines()))

    booked = next(line for line in lines if line["code"] == "slots-booked")
    assert COLUMNS == tuple(lines[0])
    assert len(FIGURES) == len(lines)
    assert ("", "40", "", "%", "yes") == tuple(booked[name] for name in COLUMNS[6:])
    assert ("2026-03-01", "2026-03-31", "2026-03-02T08:00:00.000+01:00") == tuple(booked[name] for name in COLUMNS[:3])


def test_json_says_null_for_what_is_hidden() -> None:
    content = json.loads(as_json(full()))

    booked = next(one for one in content["figures"] if one["code"] == "slots-booked")
    assert (None, 40, None, True) == tuple(booked[name] for name in ("numerator", "denominator", "value", "hidden"))


@pytest.mark.parametrize(
    "content",
    [measure_report(full()), measure(), code_system()],
    ids=lambda one: str(one["url"] if "url" in one else one["type"]),
)
def test_resources_are_valid(content: dict[str, Any]) -> None:
    gates.validate(our_json.decode(our_json.encode(content)), content["resourceType"])


def test_a_hidden_count_is_masked() -> None:
    group = next(one for one in measure_report(full())["group"] if one["code"]["coding"][0]["code"] == "slots-booked")

    masked = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
    }
    assert masked == group["population"][0]["_count"] == group["measureScore"]
    assert "count" not in group["population"][0]


def test_the_measure_has_a_group_for_each_figure() -> None:
    def codes(resource: dict[str, Any]) -> list[str]:
        return [group["code"]["coding"][0]["code"] for group in resource["group"]]

    assert list(FIGURES) == codes(measure()) == codes(measure_report(full()))
    assert [[one["code"] for one in group["population"]] for group in measure()["group"]] == [
        [one["code"] for one in group["population"]] for group in measure_report(full())["group"]
    ]
