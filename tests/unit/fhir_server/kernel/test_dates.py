"""Dates of every precision as spans of milliseconds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.dates import DAWN, DUSK, Interval, interval, period, to_instant, to_milliseconds

HOUR, DAY = 3_600_000, 86_400_000


def _at(*moment: int) -> int:
    return to_milliseconds(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "low", "length"),
    [
        ("2026", _at(2025, 12, 31, 23), 365 * DAY),
        ("2026-12", _at(2026, 11, 30, 23), 31 * DAY),
        ("2026-02-28", _at(2026, 2, 27, 23), DAY),
        ("2026-03-29", _at(2026, 3, 28, 23), 23 * HOUR),
        ("2026-10-25", _at(2026, 10, 24, 22), 25 * HOUR),
        ("2026-01-05T08:00", _at(2026, 1, 5, 7), 60_000),
        ("2026-01-05T08:00:30Z", _at(2026, 1, 5, 8, 0, 30), 1_000),
        ("2026-01-05T08:00:30.5+01:00", _at(2026, 1, 5, 7, 0, 30) + 500, 100),
        ("2026-01-05T08:00:30.123456789-05:30", _at(2026, 1, 5, 13, 30, 30) + 123, 1),
        ("2016-12-31T23:59:60Z", _at(2016, 12, 31, 23, 59, 59), 1_000),
    ],
)
def test_a_date_stands_for_its_whole_span(text: str, low: int, length: int) -> None:
    assert interval(text) == Interval(low, low + length)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-13",
        "2026-02-30",
        "0000",
        "2026-01-05T24:00:00Z",
        "2026-01-05T08",
        "2026-01-05 08:00",
        "2026-1-5",
        "x",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        interval(text)


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31"])
def test_the_last_year_ends_with_time(text: str) -> None:
    assert interval(text).high == DUSK


def test_a_period_without_a_bound_is_endless() -> None:
    assert period(None, "2026-03-01Z"[:10]) == Interval(DAWN, interval("2026-03-01").high)
    assert period("2026-03-01", None) == Interval(interval("2026-03-01").low, DUSK)


@given(
    st.datetimes(datetime(1920, 1, 1), datetime(2200, 1, 1)),
    st.sampled_from([4, 7, 10, 19]),
    st.sampled_from(["UTC", "Europe/Paris", "Indian/Reunion", "America/Martinique"]),
)
def test_a_span_contains_the_moment_it_was_cut_from(moment: datetime, length: int, zone: str) -> None:
    local = moment.replace(microsecond=0)
    instant = to_instant(to_milliseconds(local.replace(tzinfo=UTC)), zone)
    text = instant[:length] if length < 19 else instant
    found = interval(text, zone)

    assert found.low <= interval(instant).low < found.high


@given(st.integers(_at(1920, 1, 1), _at(2200, 1, 1)))
def test_an_instant_reads_back(milliseconds: int) -> None:
    assert interval(to_instant(milliseconds)).low == milliseconds
    assert interval(to_instant(milliseconds, "Europe/Paris")).low == milliseconds
