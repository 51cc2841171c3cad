"""What is recorded in the product beforehand: the SELECTs of its reads, the transactions of its writes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.ids import new_id
from fhir_server.storage import tables
from tests.benchmark import content, mllp_client, samples
from tests.benchmark.asks import Ask
from tests.benchmark.inside import Inside
from tests.benchmark.replay import Change, Replay
from tests.benchmark.samples import FreeSlot
from tests.benchmark.statements import Recorded, recording

#: How long the requests of one scenario may take to record.
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """One kind of write, replayable."""

    #: What the product ran.
    recorded: Sequence[Recorded]
    replay: Replay
    #: Makes the change of slots (for bookings) or of a number (for the others).
    change: Callable[[Any], Change]


#: Records a transaction with free slots, the number of persons loaded, and a prefix of numbers.
Recording = Callable[[Inside, Sequence[FreeSlot], int, str], Transaction]


def selects(product: Inside, asks: Iterable[Ask]) -> list[list[Recorded]]:
    """The statements behind each request, of as many as `_SECONDS` allow and at least one."""
    found: list[list[Recorded]] = []
    ends = time.perf_counter() + _SECONDS
    for ask in asks:
        if not found:
            # The first request of a kind compiles its statements and fills the server's memory.
            product.answer(ask)
        found.append(_recorded(partial(product.answer, ask))[1])
        if time.perf_counter() > ends:
            break
    return found


def create(product: Inside, _slots: Sequence[FreeSlot], _persons: int, run: str) -> Transaction:
    """The creation of a Patient."""
    body, number = samples.patients(1, run)[0], f"N{run}0000000"
    answer, recorded = _recorded(lambda: product.post("/fhir/Patient", body))
    id_ = json.load(answer)["id"]
    replay = _replay(product, recorded, [("Patient", id_)], [number])
    return Transaction(recorded, replay, lambda other: Change({id_: new_id(), number: f"n{run}{other:07d}"}, {}))


def book(product: Inside, slots: Sequence[FreeSlot], persons: int, run: str) -> Transaction:
    """The booking of a slot: lock, claim, both resources with versions and index rows, the delivery owed."""
    number, slot = f"W{run}", slots[0]
    body = samples.booking(slot, number, persons)
    answer, recorded = _recorded(lambda: product.post("/fhir/Appointment", body))
    id_ = json.load(answer)["id"]
    old = _names(slot, persons)
    replay = _replay(product, recorded, [("Appointment", id_), ("Slot", slot[0])], [number, *old])

    def change(other: FreeSlot) -> Change:
        names = dict(zip(old, _names(other, persons), strict=True))
        return Change({id_: new_id(), number: f"w{new_id()}", **names}, {slot[1]: other[1], slot[2]: other[2]})

    return Transaction(recorded, replay, change)


def transaction(product: Inside, slots: Sequence[FreeSlot], _persons: int, run: str) -> Transaction:
    """Ten entries at once: new persons, each with a booking of one of the slots."""
    number = f"W{run}"
    body = samples.transaction(slots, number)
    _, recorded = _recorded(lambda: product.post("/fhir", body, "200"))
    made = _inserted(recorded)
    old = _group_names(slots, number)
    replay = _replay(product, recorded, [*made, *(("Slot", slot[0]) for slot in slots)], old)

    def change(others: Sequence[FreeSlot]) -> Change:
        names = dict(zip(old, _group_names(others, f"w{new_id()}"), strict=True))
        pairs = list(zip(slots, others, strict=True))
        moments = {was[1]: now[1] for was, now in pairs} | {was[2]: now[2] for was, now in pairs}
        return Change({**names, **{id_: new_id() for _, id_ in made}}, moments)

    return Transaction(recorded, replay, change)


def siu(product: Inside, _slots: Sequence[FreeSlot], _persons: int, run: str) -> Transaction:
    """A SIU^S12 of a new person: Patient and Appointment, and the message itself with its answer."""
    now, tag = datetime.now(UTC), f"{run}R"
    # The first message of a doctor may complete what is known of him; the next one, a round later, does not.
    product.receive(mllp_client.siu(0, tag, now))
    number = mllp_client.DOCTORS
    _, recorded = _recorded(lambda: product.receive(mllp_client.siu(number, tag, now)))
    made = _inserted(recorded)

    def names(other: int) -> tuple[str, ...]:
        ours = (f"{tag}{other:07d}", mllp_client.ins(other, tag), f"doctor-{other % content.SCHEDULES:03d}")
        return (*ours, *mllp_client.doctor(other))

    replay = _replay(product, recorded, made, names(number))

    def change(other: int) -> Change:
        renamed = dict(zip(names(number), names(other), strict=True))
        return Change({**renamed, **{id_: new_id() for _, id_ in made}}, {})

    return Transaction(recorded, replay, change)


def _recorded(work: Callable[[], bytes]) -> tuple[bytes, list[Recorded]]:
    with recording() as found:
        answer = work()
    return answer, found


def _replay(
    product: Inside, recorded: Sequence[Recorded], places: Sequence[tuple[str, str]], names: Sequence[str]
) -> Replay:
    """The transaction that wrote these resources, and what each change calls otherwise beside their ids.

    Raises RuntimeError when part of it went past the recording.
    """
    versions = sum(one.versions for one in recorded)
    if versions < len(places):
        raise RuntimeError(f"{len(places)} resources were written, but {versions} versions recorded")
    return Replay(recorded, _keys(product, places), [*names, *(id_ for _, id_ in places)])


def _inserted(recorded: Iterable[Recorded]) -> list[tuple[str, str]]:
    """Type and id of every resource that was made."""
    found = []
    for one in recorded:
        if one.makes_resource:
            values = one.values if isinstance(one.values, Mapping) else _by_column(one)
            found += [(str(row["type"]), str(row["id"])) for row in one.given or [values]]
    return found


def _by_column(one: Recorded) -> dict[str, Any]:
    names = one.statement.partition("(")[2].partition(")")[0].split(", ")
    return dict(zip(names, one.values, strict=False))


def _keys(product: Inside, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    connection = product.house.services.store.read()
    return {place: connection.execute(_by_place(*place)).scalar_one() for place in places}


def _by_place(type_name: str, id_: str) -> Select[Any]:
    resource = tables.resource.c
    return select(resource.pk).where(resource.type == type_name, resource.id == id_)


def _group_names(slots: Sequence[FreeSlot], number: str) -> tuple[str, ...]:
    """Every text in a transaction that depends on its slots and its number."""
    first_doctor = content.doctor_number(samples.place(slots[0][0]) % content.SCHEDULES)
    return (number, first_doctor, *(name for slot in slots for name in _slot_names(slot)))


def _names(slot: FreeSlot, persons: int) -> tuple[str, ...]:
    """Every text in a booking that depends on its slot."""
    return (*_slot_names(slot), samples.booked_person(slot[0], persons))


def _slot_names(slot: FreeSlot) -> tuple[str, ...]:
    slot_id, start_ms, end_ms = slot
    agenda = samples.place(slot_id) % content.SCHEDULES
    return (
        slot_id,
        to_instant(start_ms, content.ZONE),
        to_instant(end_ms, content.ZONE),
        f"agenda-{agenda:03d}",
        f"doctor-{agenda:03d}",
    )


#: The transactions of every scenario that writes, with how many slots each takes.
WRITTEN: dict[str, tuple[Recording, int]] = {
    "create": (create, 0),
    "book": (book, 1),
    "transaction": (transaction, samples.BOOKINGS),
    "siu": (siu, 0),
}
