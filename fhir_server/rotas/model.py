"""A rota, understood: the periods in which an agenda is open or closed, and what its slots are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from fhir_server.kernel.dates import DAWN, DUSK, Interval

ALWAYS = Interval(DAWN, DUSK)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a period is repeated: RFC 5545, section 3.3.10, in the words of `dateutil.rrule`."""

    #: YEARLY, MONTHLY, WEEKLY or DAILY.
    freq: str
    interval: int
    #: Last moment at which one may begin, on the agenda's clock.
    until: datetime | None
    count: int | None
    #: First day of the week: 0 is Monday.
    wkst: int
    #: Numbers of each BY part: `bymonth`, `byhour`, …
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    #: Days of the week, each with its number in the month or year (0: every).
    weekdays: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """When a slot kept for its holders is open to the others: so long before, or at a time of its day or before."""

    before: timedelta | None = None
    at: time | None = None
    days_before: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What the slots of a period are."""

    minutes: int
    capacity: int = 1
    service_types: tuple[Mapping[str, Any], ...] = ()
    appointment_type: Mapping[str, Any] | None = None
    #: Codes of R314.
    audiences: tuple[str, ...] = ()
    #: For whom they are kept, and until when; never released without a release.
    holders: tuple[str, ...] = ()
    release: Release | None = None
    #: On public holidays: closed, open, or only.
    holidays: str = "closed"
    #: `{id}` stands for the slot's id.
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of wall-clock time, repeated or not, in which the agenda is open (with an offer) or closed."""

    start: datetime
    length: timedelta
    recurrence: Recurrence | None
    #: None: closed.
    offer: Offer | None
    #: 1 comes before 9; 0 is none, and comes last (RFC 5545, section 3.8.1.9).
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Rota:
    """All that a Schedule says of its times."""

    zone: str
    department: str
    periods: tuple[Period, ...]
    #: The time for which it offers anything at all: the Schedule's planningHorizon.
    horizon: Interval = ALWAYS


@dataclass(frozen=True, slots=True)
class Opening:
    """One slot that a rota offers, in epoch milliseconds."""

    start_ms: int
    end_ms: int
    offer: Offer
    #: When it is open to all, if it is kept until then: None for never.
    release_ms: int | None = None
