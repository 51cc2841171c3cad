"""How much a store holds: what is asked of it, and what is found in one that is loaded already."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, func, select

from fhir_server.storage import tables
from fhir_server.storage.database import Database


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many resources of each kind to load."""

    slots: int
    appointments: int
    patients: int

    def __str__(self) -> str:
        return f"{self.slots:,} slots, {self.appointments:,} appointments, {self.patients:,} patients"


@dataclass(frozen=True, slots=True)
class Extent:
    """What a loaded store holds."""

    sizes: Sizes
    #: The day of the first slot, and how many days they span.
    first_day: date
    days: int


def extent(url: str) -> Extent:
    """What the store holds, what earlier runs added left out. Raises ValueError for an empty one."""
    database = Database(url)
    start = tables.slot_index.c.start_ms
    with database.begin() as connection:
        low, high = connection.execute(select(func.min(start), func.max(start))).one()
        sizes = loaded(connection)
    database.close()
    if low is None:
        raise ValueError("the store holds no slots")
    first, last = (datetime.fromtimestamp(moment / 1000, UTC).date() for moment in (low, high))
    return Extent(sizes, first, (last - first).days + 1)


def loaded(connection: Connection) -> Sizes:
    """How many of each kind the load made: the ids it gives end in numbers that follow each other."""
    return Sizes(
        _count(connection, "Slot", "slot"),
        _count(connection, "Appointment", "booking"),
        _count(connection, "Patient", "patient"),
    )


def _count(connection: Connection, type_name: str, prefix: str) -> int:
    found = tables.resource.c
    is_loaded = (found.type == type_name, found.id > f"{prefix}-", found.id < f"{prefix}.")
    last = connection.execute(select(func.max(found.id)).where(*is_loaded)).scalar_one()
    return int(last.removeprefix(f"{prefix}-")) + 1 if last else 0
