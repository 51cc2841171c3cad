"""What the clients ask: addresses and bodies, all different, the same in every run over the same store."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from fhir_server.storage import tables
from fhir_server.storage.database import Database
from tests.benchmark import content

_SEED = 20_261
_COUNT = 500
#: Agendas a search asks for.
_AGENDAS = 20

#: Free slots as `load.free_slots` gives them.
FreeSlot = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Extent:
    """What the store holds."""

    slots: int
    first_day: date
    days: int


def extent(url: str) -> Extent:
    """How many slots the store holds, and over which days."""
    database = Database(url)
    start = tables.slot_index.c.start_ms
    with database.begin() as connection:
        count, low, high = connection.execute(select(func.count(), func.min(start), func.max(start))).one()
    database.close()
    first, last = (datetime.fromtimestamp(moment / 1000, UTC).date() for moment in (low, high))
    return Extent(count, first, (last - first).days + 1)


def paths(store: Extent) -> dict[str, list[str]]:
    """The addresses of every GET scenario."""
    search = [_search(store, number) for number in range(_COUNT)]
    return {
        "read": [f"/fhir/Slot/slot-{number:07d}" for number in _numbers(store.slots)],
        "search": search,
        "search-include": [path + "&_include=Slot:schedule" for path in search],
        "search-includes": [path + "&_include=Slot:schedule&_include:iterate=Schedule:actor" for path in search],
        "appointments": [
            f"/fhir/Appointment?patient=Patient/patient-{number:05d}&date=ge{store.first_day - timedelta(days=60)}"
            for number in _numbers(content.PATIENTS)
        ],
    }


def patients(count: int, run: str) -> list[bytes]:
    """Bodies of new persons."""
    bodies = []
    for number in range(count):
        person = content.patient(number)
        person["identifier"][0]["value"] = f"N{run}{number:07d}"
        bodies.append(json.encode(person))
    return bodies


def booking(slot: FreeSlot, number: str) -> bytes:
    """The body that books a slot, its number in the vendor's books."""
    slot_id, start_ms, end_ms = slot
    place = int(slot_id.removeprefix("slot-"))
    return json.encode(
        content.appointment(
            number=number,
            status="booked",
            patient_id=f"patient-{place % content.PATIENTS:05d}",
            agenda=place % content.SCHEDULES,
            start=to_instant(start_ms, content.ZONE),
            end=to_instant(end_ms, content.ZONE),
            slot_id=slot_id,
        )
    )


def bookings(slots: Sequence[FreeSlot], run: str) -> list[bytes]:
    """The bodies that book these slots."""
    return [booking(slot, f"V{run}{number:07d}") for number, slot in enumerate(slots)]


def _numbers(limit: int) -> list[int]:
    chance = random.Random(_SEED)
    return [chance.randrange(limit) for _ in range(_COUNT)]


def _search(store: Extent, number: int) -> str:
    """Twenty agendas over one day and the next morning, free slots only, the first fifty."""
    chance = random.Random(_SEED + number)
    agendas = ",".join(f"Schedule/agenda-{agenda:03d}" for agenda in chance.sample(range(content.SCHEDULES), _AGENDAS))
    start = datetime.combine(store.first_day, datetime.min.time()) + timedelta(
        days=chance.randrange(max(1, store.days - 1)), hours=6
    )
    window = f"start=ge{start.isoformat()}Z&start=lt{(start + timedelta(days=1)).isoformat()}Z"
    return f"/fhir/Slot?schedule={agendas}&{window}&status=free&_sort=start&_count=50"
