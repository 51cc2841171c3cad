"""What is recorded in the product beforehand: the SELECTs of its reads, the transactions of its writes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.ids import new_id
from fhir_server.storage import tables
from tests.benchmark import content, mllp_client, samples
from tests.benchmark.inside import Inside, Recorded, recording
from tests.benchmark.replay import Change, Replay
from tests.benchmark.samples import FreeSlot


@dataclass(frozen=True, slots=True)
class Transaction:
    """One kind of write, replayable."""

    replay: Replay
    #: Makes the change of a slot (for bookings) or of a number (for the others).
    change: Callable[[Any], Change]


def selects(product: Inside, paths: Mapping[str, Sequence[str]]) -> dict[str, list[list[tuple[str, Any]]]]:
    """The statements and values behind each address."""
    found = {}
    for name, addresses in paths.items():
        product.get(addresses[0])
        found[name] = [_statements(product, path) for path in addresses]
    return found


def create(product: Inside, run: str) -> Transaction:
    """The creation of a Patient."""
    body, number = samples.patients(1, run)[0], f"N{run}0000000"
    answer, recorded = _recorded(lambda: product.post("/fhir/Patient", body))
    id_ = json.load(answer)["id"]
    replay = _replay(product, recorded, [("Patient", id_)])
    return Transaction(replay, lambda other: Change({id_: new_id(), number: f"n{run}{other:07d}"}, {}))


def book(product: Inside, slot: FreeSlot, run: str) -> Transaction:
    """The booking of a slot: lock, claim, both resources with versions and index rows, the delivery owed."""
    number = f"W{run}"
    answer, recorded = _recorded(lambda: product.post("/fhir/Appointment", samples.booking(slot, number)))
    id_ = json.load(answer)["id"]
    replay = _replay(product, recorded, [("Appointment", id_), ("Slot", slot[0])])
    old = _names(slot)

    def change(other: FreeSlot) -> Change:
        names = dict(zip(old, _names(other), strict=True))
        return Change({id_: new_id(), number: f"w{new_id()}", **names}, {slot[1]: other[1], slot[2]: other[2]})

    return Transaction(replay, change)


def siu(product: Inside, run: str) -> Transaction:
    """A SIU^S12 of a new person: Patient and Appointment, and the message itself with its answer."""
    now, tag = datetime.now(UTC), f"{run}R"
    # The first message of a doctor may complete what is known of him; the next one, a round later, does not.
    product.receive(mllp_client.siu(0, tag, now))
    number = mllp_client.DOCTORS
    _, recorded = _recorded(lambda: product.receive(mllp_client.siu(number, tag, now)))
    made = _inserted(recorded)
    replay = _replay(product, recorded, made)

    def names(other: int) -> tuple[str, ...]:
        ours = (f"{tag}{other:07d}", mllp_client.ins(other, tag), f"doctor-{other % content.SCHEDULES:03d}")
        return (*ours, *mllp_client.doctor(other))

    def change(other: int) -> Change:
        renamed = dict(zip(names(number), names(other), strict=True))
        return Change({**renamed, **{id_: new_id() for _, id_ in made}}, {})

    return Transaction(replay, change)


def _statements(product: Inside, path: str) -> list[tuple[str, Any]]:
    _, recorded = _recorded(lambda: product.get(path))
    return [(one.statement, one.values) for one in recorded]


def _recorded(work: Callable[[], bytes]) -> tuple[bytes, list[Recorded]]:
    with recording() as found:
        answer = work()
    return answer, found


def _replay(product: Inside, recorded: Sequence[Recorded], places: Sequence[tuple[str, str]]) -> Replay:
    """The transaction that wrote these resources. Raises RuntimeError when part of it went past the recording."""
    versions = sum(one.statement.startswith("INSERT INTO resource_version ") for one in recorded)
    if versions < len(places):
        raise RuntimeError(f"{len(places)} resources were written, but {versions} versions recorded")
    return Replay(recorded, _keys(product, places))


def _inserted(recorded: Iterable[Recorded]) -> list[tuple[str, str]]:
    """Type and id of every resource that was made."""
    found = []
    for one in recorded:
        if one.statement.startswith("INSERT INTO resource ") and not one.is_many:
            values = one.values if isinstance(one.values, Mapping) else _by_column(one)
            found.append((str(values["type"]), str(values["id"])))
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


def _names(slot: FreeSlot) -> tuple[str, ...]:
    """Every text in a booking that depends on its slot."""
    slot_id, start_ms, end_ms = slot
    place = int(slot_id.removeprefix("slot-"))
    return (
        slot_id,
        to_instant(start_ms, content.ZONE),
        to_instant(end_ms, content.ZONE),
        f"agenda-{place % content.SCHEDULES:03d}",
        f"doctor-{place % content.SCHEDULES:03d}",
        f"patient-{place % content.PATIENTS:05d}",
    )
