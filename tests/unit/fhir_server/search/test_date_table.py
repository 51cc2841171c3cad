"""The range table of dates: every precision that may be stored, against every precision that may be asked, by prefix.

The rules are written here as R4 has them, on closed ranges; the server's are on half-open ones.
https://www.hl7.org/fhir/R4/search.html#prefix
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.search.match import matches
from fhir_server.search.query import parse

Range = tuple[datetime, datetime]

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
_MOMENT = timedelta(milliseconds=1)


def _range(*first_and_next: tuple[int, ...]) -> Range:
    start, after = (datetime(*parts, tzinfo=UTC) for parts in first_and_next)  # type: ignore[misc, arg-type]
    return start, after - _MOMENT


#: Written with Paris' winter time, an hour before UTC; a period without a bound has none.
RANGES: dict[str, Range] = {
    "2026": _range((2025, 12, 31, 23), (2026, 12, 31, 23)),
    "2026-01": _range((2025, 12, 31, 23), (2026, 1, 31, 23)),
    "2026-01-05": _range((2026, 1, 4, 23), (2026, 1, 5, 23)),
    "2026-01-05T08:00+01:00": _range((2026, 1, 5, 7), (2026, 1, 5, 7, 1)),
    "2026-01-05T08:00:00+01:00": _range((2026, 1, 5, 7), (2026, 1, 5, 7, 0, 1)),
    "2026-01-05T07:00:00.250Z": (datetime(2026, 1, 5, 7, 0, 0, 250_000, UTC),) * 2,
    "2025-12-31": _range((2025, 12, 30, 23), (2025, 12, 31, 23)),
    "2026-01-06": _range((2026, 1, 5, 23), (2026, 1, 6, 23)),
    "2027": _range((2026, 12, 31, 23), (2027, 12, 31, 23)),
}
#: Stored in `Encounter.period`: start and end.
PERIODS: dict[tuple[str | None, str | None], Range] = {
    ("2026-01", "2026-01-06"): (RANGES["2026-01"][0], RANGES["2026-01-06"][1]),
    ("2026-01-05", None): (RANGES["2026-01-05"][0], datetime.max.replace(tzinfo=UTC)),
    (None, "2026-01-05"): (datetime.min.replace(tzinfo=UTC), RANGES["2026-01-05"][1]),
}


def _approximately(stored: Range, asked: Range) -> bool:
    gap = max(asked[0] - NOW, NOW - asked[1], timedelta()) / 10
    return stored[0] <= asked[1] + gap and stored[1] >= asked[0] - gap


RULES: dict[str, Callable[[Range, Range], bool]] = {
    "eq": lambda stored, asked: asked[0] <= stored[0] and stored[1] <= asked[1],
    "ne": lambda stored, asked: not (asked[0] <= stored[0] and stored[1] <= asked[1]),
    "gt": lambda stored, asked: stored[1] > asked[1],
    "lt": lambda stored, asked: stored[0] < asked[0],
    "ge": lambda stored, asked: stored[1] >= asked[0],
    "le": lambda stored, asked: stored[0] <= asked[1],
    "sa": lambda stored, asked: stored[0] > asked[1],
    "eb": lambda stored, asked: stored[1] < asked[0],
    "ap": _approximately,
}


def _meets(prefix: str, asked: str, type_name: str, code: str, resource: dict[str, object]) -> bool:
    query = parse(type_name, [(code, f"{prefix}{asked}")], now_ms=int(NOW.timestamp() * 1000))
    return matches(query, {"resourceType": type_name, "id": "1", **resource}, lambda _type, _id: None)


@pytest.mark.parametrize("prefix", RULES)
@pytest.mark.parametrize("asked", RANGES)
def test_every_precision_stored_against_every_precision_asked(prefix: str, asked: str) -> None:
    for stored, found in RANGES.items():
        expected = RULES[prefix](found, RANGES[asked])

        assert expected == _meets(prefix, asked, "ServiceRequest", "authored", {"authoredOn": stored}), stored


@pytest.mark.parametrize("prefix", RULES)
@pytest.mark.parametrize("asked", RANGES)
def test_periods_without_a_bound_have_none(prefix: str, asked: str) -> None:
    for (start, end), found in PERIODS.items():
        period = {name: text for name, text in (("start", start), ("end", end)) if text}
        expected = RULES[prefix](found, RANGES[asked])

        assert expected == _meets(prefix, asked, "Encounter", "date", {"period": period}), period


def test_no_prefix_is_eq() -> None:
    assert _meets("", "2026-01", "ServiceRequest", "authored", {"authoredOn": "2026-01-05"})
    assert not _meets("", "2026-01-05", "ServiceRequest", "authored", {"authoredOn": "2026-01"})
