from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from adapters.hl7v2.datetime import (
    AMBIGUOUS_HOUR,
    ISO_FORM,
    NONEXISTENT_HOUR,
    fhir_date,
    fhir_datetime,
    fhir_instant,
    parse_dtm,
    to_dtm,
)

CASES = [
    ("2026", "year", "2026", "2026", "a year"),
    ("202601", "month", "2026-01", "2026-01", "a month"),
    ("20260105", "day", "2026-01-05", "2026-01-05", "a day"),
    ("20260105+0100", "day", "2026-01-05", "2026-01-05", "a day with an offset is still a day"),
    ("2026010508", "hour", "2026-01-05", "2026-01-05T08:00:00+01:00", "FHIR wants minutes and seconds"),
    ("202601050830", "minute", "2026-01-05", "2026-01-05T08:30:00+01:00", "winter"),
    ("202607050830", "minute", "2026-07-05", "2026-07-05T08:30:00+02:00", "summer"),
    ("20260105083015", "second", "2026-01-05", "2026-01-05T08:30:15+01:00", ""),
    ("20260105083015.2", "fraction", "2026-01-05", "2026-01-05T08:30:15.2+01:00", "digits as received"),
    ("20260105083015.2500", "fraction", "2026-01-05", "2026-01-05T08:30:15.2500+01:00", "digits as received"),
    ("20260105083015-0500", "second", "2026-01-05", "2026-01-05T08:30:15-05:00", "offset as received"),
    ("20260105083015+0000", "second", "2026-01-05", "2026-01-05T08:30:15+00:00", "zero offset"),
    ("202601050830+01", "minute", "2026-01-05", "2026-01-05T08:30:00+01:00", "two-digit offset"),
    ("202601050830+0530", "minute", "2026-01-05", "2026-01-05T08:30:00+05:30", "half-hour offset"),
    ("19790000", "year", "1979", "1979", "month and day unknown, written as zeros"),
    ("19790300", "month", "1979-03", "1979-03", "day unknown"),
    ("19790000000000", "year", "1979", "1979", "the same with an empty time"),
    ("20261231235960", "second", "2026-12-31", "2026-12-31T23:59:59+01:00", "leap second"),
    ("19050101083000", "second", "1905-01-01", "1905-01-01T08:30:00+00:09", "before the age of time zones"),
]


@pytest.mark.parametrize(("text", "precision", "date", "date_time", "reason"), CASES)
def test_precision_and_offset_are_kept(text, precision, date, date_time, reason):
    moment = parse_dtm(text, "Europe/Paris")

    assert (precision, date, date_time) == (moment.precision, fhir_date(moment), fhir_datetime(moment)), reason
    assert ("+" in text or "-" in text) == moment.has_offset
    assert moment.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026010",
        "20261301",
        "20260230",
        "00000000",
        "2026010524",
        "202601050860",
        "20260105083061",
        "20260105083015.",
        "2026-1-5",
        "05/01/2026",
        "2026-02-30",
        "2026-01-05T",
        "20260005",
        "20260100083000",
        "20260105083015+1",
        "20260105083015+9900",
        "２０２６",
        " 2026",
    ],
)
def test_nonsense(text):
    with pytest.raises(ValueError):
        parse_dtm(text, "Europe/Paris")


def test_the_hour_that_comes_twice_is_the_first():
    moment = parse_dtm("202610250230", "Europe/Paris")

    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == moment.value
    assert moment.warnings == (AMBIGUOUS_HOUR,)


def test_the_hour_that_does_not_exist_is_moved():
    moment = parse_dtm("202603290230", "Europe/Paris")

    assert fhir_datetime(moment) == "2026-03-29T03:30:00+02:00"
    assert moment.warnings == (NONEXISTENT_HOUR,)


def test_an_offset_settles_the_hour_that_comes_twice():
    moment = parse_dtm("202610250230+0100", "Europe/Paris")

    assert datetime(2026, 10, 25, 1, 30, tzinfo=UTC) == moment.value
    assert moment.warnings == ()


def test_zones_are_the_feeds():
    assert fhir_datetime(parse_dtm("202601050830", "America/Martinique")) == "2026-01-05T08:30:00-04:00"


def test_an_instant_needs_minutes():
    assert fhir_instant(parse_dtm("202601050830", "Europe/Paris")) == "2026-01-05T08:30:00+01:00"
    with pytest.raises(ValueError):
        fhir_instant(parse_dtm("2026010508", "Europe/Paris"))


@pytest.mark.parametrize(
    ("options", "expected", "reason"),
    [
        ({}, "20260105073000+0000", "its own zone"),
        ({"zone_name": "Europe/Paris"}, "20260105083000+0100", "another zone"),
        ({"zone_name": "Europe/Paris", "with_offset": False}, "20260105083000", "for receivers that read no offset"),
        ({"precision": "minute"}, "202601050730+0000", "to the minute"),
        ({"precision": "day"}, "20260105", "a day has no offset"),
        ({"precision": "fraction"}, "20260105073000.0000+0000", "to a ten-thousandth"),
    ],
)
def test_to_dtm(options, expected, reason):
    value = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)

    assert expected == to_dtm(value, **options), reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1), "the second of two hours"),
        (datetime(987, 1, 5, 7, 30, tzinfo=timezone(timedelta(hours=-3))), "a year of three digits"),
    ],
)
def test_written_and_read_again(value, reason):
    assert parse_dtm(to_dtm(value), "UTC").value.astimezone(UTC) == value.astimezone(UTC), reason


def test_durations_count_elapsed_time():
    start = parse_dtm("202610250130", "Europe/Paris").value

    assert to_dtm(start + timedelta(hours=2), "Europe/Paris") == "20261025023000+0100"


def test_comparing_precisions():
    moment = parse_dtm("202601050830", "Europe/Paris")

    assert moment.is_at_least("minute")
    assert moment.is_at_least("day")
    assert not moment.is_at_least("second")


@pytest.mark.parametrize(
    ("text", "date_time"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T08:30", "2026-01-05T08:30:00+01:00"),
        ("2026-01-05 08:30:15", "2026-01-05T08:30:15+01:00"),
        ("2026-01-05T08:30:15.25Z", "2026-01-05T08:30:15.25+00:00"),
        ("2026-01-05T08:30:15+02:00", "2026-01-05T08:30:15+02:00"),
        ("20260105T083015", "2026-01-05T08:30:15+01:00"),
        ("20260105083015Z", "2026-01-05T08:30:15+00:00"),
    ],
)
def test_iso_8601_is_read_and_told(text, date_time):
    moment = parse_dtm(text, "Europe/Paris")

    assert (date_time, (ISO_FORM,)) == (fhir_datetime(moment), moment.warnings)
