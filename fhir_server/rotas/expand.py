"""From a rota to the slots it offers between two moments.

Whole slots of real minutes are laid from the start of each opening. What is closed takes away every slot that it
touches; of two openings that overlap, the one that comes first by priority, then as written, has the time: one agenda
is at one place. The same rota and window always give the same slots.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta

from fhir_server.kernel.dates import Interval
from fhir_server.rotas.holidays import is_holiday
from fhir_server.rotas.model import Offer, Opening, Period, Rota
from fhir_server.rotas.recurrence import occurrences, to_ms

_MINUTE_MS = 60_000
#: Slots are no longer than a day; three leave room for those that take each other's time.
_REACH_MS = 3 * 24 * 60 * _MINUTE_MS
#: Where no priority comes: after the last.
_LAST = 10


class Calendar:
    """Spans of time that never overlap, in order."""

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []

    def is_clear(self, span: Interval) -> bool:
        """Whether nothing shares a time with the span."""
        place = bisect_left(self._lows, span.high)
        return place == 0 or self._highs[place - 1] <= span.low

    def add(self, span: Interval) -> None:
        """Take the span, together with what overlaps it."""
        low, high = bisect_left(self._highs, span.low), bisect_left(self._lows, span.high)
        merged = Interval(min([span.low, *self._lows[low:high]]), max([span.high, *self._highs[low:high]]))
        self._lows[low:high], self._highs[low:high] = [merged.low], [merged.high]


def openings(rota: Rota, window: Interval) -> list[Opening]:
    """The slots that begin within the window, in order of time; no two overlap."""
    # What begins before the window may reach into it, and take the time of what would begin there.
    reach = Interval(window.low - _REACH_MS, window.high + _REACH_MS)
    closed, taken = _closed(rota, reach), Calendar()
    found: list[Opening] = []
    for period in sorted(rota.periods, key=lambda one: one.priority or _LAST):
        if period.offer is None:
            continue
        for opening in _offered(rota, period, period.offer, reach):
            span = Interval(opening.start_ms, opening.end_ms)
            if closed.is_clear(span) and taken.is_clear(span):
                taken.add(span)
                found.append(opening)
    low, high = max(window.low, rota.horizon.low), min(window.high, rota.horizon.high)
    inside = (opening for opening in found if low <= opening.start_ms < high)
    return sorted(inside, key=lambda opening: opening.start_ms)


def _closed(rota: Rota, reach: Interval) -> Calendar:
    closed = Calendar()
    for period in rota.periods:
        if period.offer is None:
            for _, span in occurrences(period, rota.zone, reach):
                closed.add(span)
    return closed


def _offered(rota: Rota, period: Period, offer: Offer, window: Interval) -> Iterator[Opening]:
    for start, span in occurrences(period, rota.zone, window):
        if not _is_worked(offer, start, rota.department):
            continue
        for low in range(span.low, span.high - offer.minutes * _MINUTE_MS + 1, offer.minutes * _MINUTE_MS):
            yield Opening(low, low + offer.minutes * _MINUTE_MS, offer, _release_ms(rota, offer, start, low))


def _is_worked(offer: Offer, start: datetime, department: str) -> bool:
    """By the day on which the opening begins."""
    if offer.holidays == "open":
        return True
    return is_holiday(start.date(), department) == (offer.holidays == "only")


def _release_ms(rota: Rota, offer: Offer, opening: datetime, slot_ms: int) -> int | None:
    """When the slot is released; never after it begins. A time of the day is that of the opening's day."""
    release = offer.release
    if not offer.holders or release is None:
        return None
    if release.before is not None:
        return slot_ms - int(release.before.total_seconds()) * 1000
    assert release.at is not None
    day = opening.date() - timedelta(days=release.days_before)
    return min(slot_ms, to_ms(datetime.combine(day, release.at), rota.zone))
