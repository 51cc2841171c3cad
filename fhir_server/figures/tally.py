"""Counting: one call for each resource, in any order, and cells at the end."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fhir_server.kernel import dates
from fhir_server.registry.figures import HALF_DAYS, PARTITIONS, ROOTS

#: Whose days and half-days are counted.
ZONE = "Europe/Paris"
#: The hour at which the afternoon begins.
_NOON = 13
_HOUR = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted: a number for each cell, and the median delay."""

    cells: Mapping[str, int]
    #: In milliseconds; None when there is no delay.
    median_ms: int | None


@dataclass(slots=True)
class Tally:
    """A count under way."""

    _cells: "Counter[str]" = field(default_factory=Counter)
    _half_days: set[tuple[int, bool]] = field(default_factory=set)
    _delays: "array[int]" = field(default_factory=lambda: array("q"))
    #: Of slots that hold several and are free: how many, and how many were taken.
    _shared: dict[str, int] = field(default_factory=dict)
    _taken: "Counter[str]" = field(default_factory=Counter)

    def slot(self, id_: str, status: str, start_ms: int, capacity: int) -> None:
        """A slot that was offered."""
        self._half_days.add(_half_day(start_ms))
        self._cells["offered"] += capacity
        if status == "busy":
            self._cells["booked"] += capacity
        elif capacity > 1:
            self._shared[id_] = capacity
        else:
            self._cells["unused"] += 1

    def seats(self, slot_ids: list[str]) -> None:
        """Slots that an appointment that stands takes; after all slots were counted."""
        self._taken.update(id_ for id_ in slot_ids if id_ in self._shared)

    def request(self, asked_ms: int, origin: str, *, is_closed: bool, answered_ms: int | None) -> None:
        """A request, and when the appointment that answers it starts, if there is one."""
        self._cells["received"] += 1
        self._cells[f"asked-{origin}"] += 1
        if answered_ms is None:
            self._cells["closed" if is_closed else "unanswered"] += 1
            return
        self._cells["oriented"] += 1
        self._cells[_lateness(asked_ms, answered_ms)] += 1
        self._delays.append(max(answered_ms - asked_ms, 0))

    def appointment(
        self, origin: str, *, is_missed: bool, has_doctor: bool | None, is_inside: bool | None, is_remote: bool
    ) -> None:
        """An appointment that stands."""
        self._cells["standing"] += 1
        self._cells[f"from-{origin}"] += 1
        self._cells["no-show" if is_missed else "kept"] += 1
        self._cells[{True: "doctor-known", False: "doctor-none", None: "doctor-untold"}[has_doctor]] += 1
        self._cells[{True: "place-inside", False: "place-outside", None: "place-untold"}[is_inside]] += 1
        self._cells["remote" if is_remote else "on-site"] += 1

    def cancellation(self) -> None:
        """An appointment that was booked and is cancelled."""
        self._cells["cancelled"] += 1

    def counts(self) -> Counts:
        """All that was counted."""
        cells = Counter(self._cells)
        for id_, capacity in self._shared.items():
            taken = min(self._taken[id_], capacity)
            cells["booked"] += taken
            cells["unused"] += capacity - taken
        cells[HALF_DAYS] = len(self._half_days)
        names = {*ROOTS, HALF_DAYS, *(part for partition in PARTITIONS for part in partition.parts)}
        return Counts({name: cells[name] for name in sorted(names)}, _median(self._delays))


def _lateness(asked_ms: int, start_ms: int) -> str:
    if start_ms <= asked_ms or _local(asked_ms).date() == _local(start_ms).date():
        return "same-day"
    delay = start_ms - asked_ms
    return "within-36h" if delay <= 36 * _HOUR else "within-48h" if delay <= 48 * _HOUR else "later"


def _half_day(start_ms: int) -> tuple[int, bool]:
    local = _local(start_ms)
    return local.toordinal(), local.hour >= _NOON


def _local(milliseconds: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(dates.zone(ZONE))


def _median(delays: "array[int]") -> int | None:
    if not delays:
        return None
    ordered = sorted(delays)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
