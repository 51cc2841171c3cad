"""The first open slots of every agenda, what is known of them, and how many regulated acts each doctor has.

Bounded whatever the store holds: a few slots of each agenda are read from the index of the free ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, and_, bindparam, literal_column, select, true

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.audiences import AUDIENCES, KINDS, bits
from fhir_server.storage.select_conditions import one_of, unindexed
from fhir_server.storage.select_scope import Scope, binds, literal
from fhir_server.storage.statement import Statement, compiled
from fhir_server.storage.tables import appointment_index, date_index, reference_index, resource, slot_index

_REMOTE = KINDS["VR"]
_MET = KINDS["AMB"] | KINDS["HH"]
#: Of these bits every slot has one.
_EVERY = bits(AUDIENCES)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """A free slot that the actor may take, as the index has it."""

    schedule_pk: int
    schedule_id: str
    pk: int
    start_ms: int
    #: Bits of `kernel.audiences`.
    audience: int
    #: From when on others than its holders may take it.
    open_ms: int


def first_slots(
    connection: Connection,
    actor: Actor,
    now_ms: int,
    window: tuple[int, int],
    *,
    is_remote: bool,
    each: int,
    most: int,
) -> list[OpenSlot]:
    """The first `each` slots of every Schedule here that begin from the one moment to before the other.

    Of teleconsultation, or of all that is not by teleconsultation only. `most` in all, the earliest.
    """
    low, high = window
    wanted, unwanted = (_REMOTE, _EVERY) if is_remote else (_MET, _REMOTE)
    values = {"low": low, "high": high, "wanted": wanted, "unwanted": unwanted, "each": each, "most": most}
    statement = _first_slots(actor.is_territory, connection.dialect)
    rows: Sequence[Any] = statement.run(connection, binds(actor, now_ms) | values).all()
    return [OpenSlot(*row) for row in rows]


def by_key(connection: Connection, pks: Collection[int]) -> dict[int, Json]:
    """The live resources of these row keys, parsed."""
    if not pks:
        return {}
    rows: Sequence[Any] = _by_key(connection.dialect).run(connection, {"keys": sorted(pks)}).all()
    return {pk: json.load(body.encode()) for pk, body in rows}


def by_id(connection: Connection, type_name: str, ids: Collection[str]) -> dict[str, Json]:
    """The live resources of a type that have these ids, parsed."""
    if not ids:
        return {}
    rows: Sequence[Any] = _by_id(connection.dialect).run(connection, {"type": type_name, "keys": sorted(ids)}).all()
    return {id_: json.load(body.encode()) for id_, body in rows}


def acts(connection: Connection, window: tuple[int, int], statuses: Sequence[str]) -> list[tuple[int, str | None]]:
    """The appointments of regulated care in these statuses that start in a time: row key, and id of the Practitioner.

    One that names several doctors comes once for each, one that names none with None.
    """
    low, high = window
    values = {"low": low, "high": high, "statuses": sorted(statuses)}
    rows: Sequence[Any] = _acts(connection.dialect).run(connection, values).all()
    return [(pk, doctor) for pk, doctor in rows]


def schedules_of(connection: Connection, pks: Collection[int]) -> list[tuple[int, str]]:
    """Ids of the Schedules in whose slots appointments of these row keys stand."""
    if not pks:
        return []
    rows: Sequence[Any] = _schedules_of(connection.dialect).run(connection, {"keys": sorted(pks)}).all()
    return [(pk, schedule_id) for pk, schedule_id in rows]


@lru_cache(maxsize=16)
def _first_slots(sees_all: bool, dialect: Dialect) -> Statement:
    schedule, found = resource.alias("s"), slot_index.alias("f")
    scope = Scope("Slot", 1, sees_all, uses_typed=True)
    slot = scope.typed
    assert slot is not None
    order = slot.c.start_ms, slot.c.pk
    conditions = (
        slot.c.schedule_id == schedule.c.id,
        slot.c.status == literal("free"),
        slot.c.start_ms >= bindparam("low"),
        slot.c.start_ms < bindparam("high"),
        (slot.c.audience.bitwise_and(bindparam("wanted", type_=slot.c.audience.type)) != literal_column("0"))
        | (slot.c.audience.bitwise_and(bindparam("unwanted", type_=slot.c.audience.type)) == literal_column("0")),
    )
    names = ("pk", "start_ms", "audience", "open_ms")
    is_agenda: tuple[Any, ...] = schedule.c.type == literal("Schedule"), literal_column("NOT s.deleted")
    if dialect.name == "sqlite":
        first = scope.select(slot.c.pk).where(*conditions).order_by(*order).limit(bindparam("each"))
        rows = select(schedule.c.pk, schedule.c.id, *(found.c[name] for name in names)).where(
            *is_agenda, found.c.pk.in_(first.correlate(schedule))
        )
        latest: Any = found
    else:
        first = scope.select(*(slot.c[name] for name in names)).where(*conditions).order_by(*order)
        latest = first.limit(bindparam("each")).correlate(schedule).lateral("f")
        rows = select(schedule.c.pk, schedule.c.id, *(latest.c[name] for name in names))
        rows = rows.select_from(schedule.join(latest, true())).where(*is_agenda)
    return compiled(rows.order_by(latest.c.start_ms, latest.c.pk).limit(bindparam("most")), dialect)


@lru_cache(maxsize=4)
def _by_key(dialect: Dialect) -> Statement:
    is_wanted = one_of(resource.c.pk, bindparam("keys"), dialect.name, are_keys=True)
    return compiled(select(resource.c.pk, resource.c.body).where(is_wanted, ~resource.c.deleted), dialect)


@lru_cache(maxsize=4)
def _by_id(dialect: Dialect) -> Statement:
    is_wanted = one_of(resource.c.id, bindparam("keys"), dialect.name)
    is_live = resource.c.type == bindparam("type"), ~resource.c.deleted
    return compiled(select(resource.c.id, resource.c.body).where(is_wanted, *is_live), dialect)


@lru_cache(maxsize=4)
def _acts(dialect: Dialect) -> Statement:
    act, doctor = date_index.alias("d"), reference_index.alias("p")
    is_doctor = and_(doctor.c.pk == act.c.pk, doctor.c.parameter == literal("Appointment.practitioner"))
    found = (
        select(act.c.pk, doctor.c.target_id)
        .join(appointment_index, appointment_index.c.pk == act.c.pk)
        .join(doctor, is_doctor, isouter=True)
        .where(
            act.c.parameter == literal("Appointment.regulated-start"),
            act.c.low_ms >= bindparam("low"),
            act.c.low_ms < bindparam("high"),
            one_of(appointment_index.c.status, bindparam("statuses"), dialect.name),
        )
    )
    return compiled(found, dialect)


@lru_cache(maxsize=4)
def _schedules_of(dialect: Dialect) -> Statement:
    held, slot = reference_index.alias("h"), resource.alias("t")
    found = (
        select(held.c.pk, slot_index.c.schedule_id)
        .join(slot, slot.c.id == held.c.target_id)
        .join(slot_index, slot_index.c.pk == slot.c.pk)
        .where(
            one_of(held.c.pk, bindparam("keys"), dialect.name, are_keys=True),
            # Looked up for these, not found among all that were ever booked.
            unindexed("text", held.c.parameter) == literal("Appointment.slot"),
            slot.c.type == literal("Slot"),
            slot_index.c.schedule_id.is_not(None),
        )
    )
    return compiled(found, dialect)
