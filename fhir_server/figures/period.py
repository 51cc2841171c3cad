"""The period asked for, and the moment whose knowledge is asked for."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fhir_server.figures.tally import ZONE
from fhir_server.kernel import dates
from fhir_server.kernel.errors import Category, fault

#: So long after its last day a period is closed: what is written later does not change its report.
CLOSED_AFTER = timedelta(days=7)
_MOST_DAYS = 1100


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in Paris, and the moment before which all that was written counts."""

    first: date
    last: date
    as_of_ms: int

    @property
    def low_ms(self) -> int:
        """When the first day begins."""
        return _midnight(self.first)

    @property
    def high_ms(self) -> int:
        """When the day after the last begins."""
        return _midnight(self.last + timedelta(days=1))


def period(first: str, last: str, now_ms: int, as_of: str = "") -> Period:
    """The days from `first` to `last`, as they were known at the moment `as_of`, or without it when they were closed.

    What is not past yet is now. Raises FhirError (VALUE) for what is no day or moment, days in the wrong order, or
    more than 1100 of them.
    """
    low, high = _day(first, "periodStart"), _day(last, "periodEnd")
    if not 0 <= (high - low).days < _MOST_DAYS:
        raise fault(Category.VALUE, f"A period goes from a day to a later one, over at most {_MOST_DAYS}.", "periodEnd")
    closed_ms = _moment(as_of) if as_of else _midnight(high + timedelta(days=1) + CLOSED_AFTER)
    return Period(low, high, min(closed_ms, now_ms))


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise fault(Category.VALUE, f"{name} is a day: 2026-03-31.", name) from None
    # Dates at the ends of the calendar have no midnight in every zone.
    if len(text) != len("2026-03-31") or not 1900 <= day.year <= 2200:
        raise fault(Category.VALUE, f"{name} is a day: 2026-03-31.", name)
    return day


def _moment(text: str) -> int:
    try:
        return dates.interval(text).low
    except ValueError:
        raise fault(Category.VALUE, "asOf is a date or a moment.", "asOf") from None


def _midnight(day: date) -> int:
    return dates.to_milliseconds(datetime(day.year, day.month, day.day, tzinfo=dates.zone(ZONE)))
