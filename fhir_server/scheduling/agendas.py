"""Whose agenda a slot stands in, and what feeds told about the same time: appointments and blocks.

HL7 v2 names persons, places and times, never slots. What a feed made is known by a tag; `meta.source` names the last
message only, whoever made the resource.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, literal_column, or_, select

from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.paths import read
from fhir_server.scheduling.openings import Word, left
from fhir_server.storage import identified, resources
from fhir_server.storage.keys import any_of, binds
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import appointment_index, reference_index, resource, slot_index
from fhir_server.storage.unit_of_work import UnitOfWork

#: Statuses of an Appointment that hold its slots. A no-show or a cancellation gives them back.
HOLDING = frozenset({"pending", "booked", "arrived", "fulfilled", "checked-in"})

#: Slots and appointments longer than that are not looked for where they overlap; nor blocks longer than theirs.
LONGEST_MS, LONGEST_BLOCK_MS = 24 * 3_600_000, 62 * 24 * 3_600_000

#: Identifier system of the server's own ids: the value is the logical id of the resource.
OWN_IDS = "urn:creneau:id"

Offer = tuple[str, Interval | None]

_schedule = resource.alias("schedule")

_TOLD = {"system": "urn:creneau:origin", "code": "feed"}
#: Statuses that slots are looked for in.
FREE, TAKEN, HELD, WITHDRAWN = "free", "busy", "busy-tentative", "busy-unavailable"
#: Status of a block that was withdrawn: its time is open again.
ENDED = "entered-in-error"


def mark(actor: Actor, content: dict[str, Any]) -> None:
    """Note in a new resource that a feed told it."""
    if actor.is_feed and not is_told(content):
        meta = content.get("meta", {})
        content["meta"] = {**meta, "tag": [*meta.get("tag", ()), _TOLD]}


def is_told(content: dict[str, Any]) -> bool:
    """Whether a feed made the resource."""
    return _TOLD in content.get("meta", {}).get("tag", ())


def is_pending(appointment: dict[str, Any]) -> bool:
    """Whether it holds its slots without having booked them."""
    return bool(appointment["status"] == "pending")


def span(content: dict[str, Any]) -> Interval | None:
    """From start to end; None without both, or when nothing is between them."""
    if "start" not in content or "end" not in content:
        return None
    low, high = dates.interval(content["start"]).low, dates.interval(content["end"]).low
    return Interval(low, high) if low < high else None


def overlap(one: Interval, other: Interval) -> bool:
    """Whether two spans share a time."""
    return one.low < other.high and other.low < one.high


def offer(slot: dict[str, Any]) -> Offer:
    """What slots have in common that are seats of one offer: agenda and times."""
    return slot.get("schedule", {}).get("reference", ""), span(slot)


def actors_of(content: dict[str, Any]) -> list[str]:
    """`Type/id` of those who take part in an Appointment, and did not decline."""
    taking_part = [one for one in content.get("participant", ()) if one.get("status") != "declined"]
    return [text for text in read({"participant": taking_part}, "participant.actor.reference") if text.count("/") == 1]


def schedules_of(uow: UnitOfWork, actors: Iterable[str]) -> list[str]:
    """Ids of the Schedules of these actors (`Practitioner/1`), the oldest first."""
    keys = _keys("Schedule.actor", actors)
    return _schedules(len(keys)).run(uow.connection_for("Schedule"), binds(keys)).scalars() if keys else []


def schedules_named(uow: UnitOfWork, identifiers: Iterable[dict[str, Any]]) -> list[str]:
    """Ids of the Schedules with these identifiers, or with these ids where the system is our own."""
    found = []
    for identifier in identifiers:
        key = ("Schedule", identifier["system"], identifier["value"])
        if key[1] == OWN_IDS:
            stored = resources.load(uow.connection, "Schedule", key[2])
        else:
            stored = identified.find_by_identifiers(uow.connection, [key]).get(key)
        found += [stored.id] if stored is not None and not stored.deleted else []
    return found


def slots_over(uow: UnitOfWork, schedules: Sequence[str], wanted: Interval, *statuses: str) -> list[str]:
    """Ids of the slots of these statuses on these schedules that share a time with `wanted`."""
    if not schedules:
        return []
    longest = LONGEST_MS if {WITHDRAWN, ENDED}.isdisjoint(statuses) else LONGEST_BLOCK_MS
    values = {"low": wanted.low, "high": wanted.high, "first": wanted.low - longest}
    keys = [(schedule,) for schedule in schedules]
    return _slots(len(keys), statuses).run(uow.connection_for("Slot"), {**binds(keys), **values}).scalars()


def slots_of(uow: UnitOfWork, actors: Iterable[str], wanted: Interval, *statuses: str) -> list[str]:
    """As `slots_over`, on the schedules of these actors (`Practitioner/1`)."""
    keys = _keys("Schedule.actor", actors)
    if not keys:
        return []
    values = {"low": wanted.low, "high": wanted.high, "first": wanted.low - LONGEST_MS}
    connection = uow.connection_for("Schedule", "Slot")
    return _slots_of(len(keys), statuses).run(connection, {**binds(keys), **values}).scalars()


def slots_in(
    uow: UnitOfWork, schedules: Sequence[str] | None, wanted: Interval, status: str, count: int
) -> Iterator[Stored]:
    """At most `count` slots of one status that begin within `wanted`, in the order of their times.

    On these schedules, or on any for None.
    """
    if schedules is not None and not schedules:
        return
    keys = [(schedule,) for schedule in schedules or ()]
    values = {**binds(keys), "low": wanted.low, "high": wanted.high, "count": count}
    for id_ in _beginning(len(keys), status).run(uow.connection, values).scalars():
        stored = resources.load(uow.connection, "Slot", id_)
        if stored is not None and not stored.deleted:
            yield stored


def told_over(uow: UnitOfWork, slot: dict[str, Any], actors: list[str]) -> list[Stored]:
    """Appointments told by feeds that hold a time of the slot with one of its `owners`, oldest first."""
    here = span(slot)
    if here is None or not actors:
        return []
    keys = _keys("Appointment.actor", actors)
    values = {**binds(keys), "low": here.low, "high": here.high, "first": here.low - LONGEST_MS}
    ids = _appointments(len(keys)).run(uow.connection, values).scalars()
    loaded = (resources.load(uow.connection, "Appointment", id_) for id_ in dict.fromkeys(ids))
    found = [one for one in loaded if one is not None and not one.deleted and _is_of(one.content(), actors)]
    return [one for one in found if not _is_seated(uow, one.content(), slot)]


def appointments_over(uow: UnitOfWork, actors: Iterable[str], here: Interval) -> list[Stored]:
    """Appointments that hold a time of `here` and in which one of these actors (`Patient/1`) takes part."""
    keys = _keys("Appointment.actor", actors)
    values = {**binds(keys), "low": here.low, "high": here.high, "first": here.low - LONGEST_MS}
    ids = _appointments(len(keys)).run(uow.connection, values).scalars() if keys else []
    loaded = (resources.load(uow.connection, "Appointment", id_) for id_ in dict.fromkeys(ids))
    return [one for one in loaded if one is not None and not one.deleted]


def _is_of(appointment: dict[str, Any], actors: list[str]) -> bool:
    return is_told(appointment) and not set(actors).isdisjoint(actors_of(appointment))


def _is_seated(uow: UnitOfWork, appointment: dict[str, Any], slot: dict[str, Any]) -> bool:
    """Whether the appointment holds the slot, or another seat of the same offer."""
    for reference in read(appointment, "slot.reference"):
        stored = resources.load(uow.connection, "Slot", reference.removeprefix("Slot/"))
        if stored is not None and not stored.deleted and offer(stored.content()) == offer(slot):
            return True
    return False


def is_blocked(
    uow: UnitOfWork, slot: dict[str, Any], actors: list[str], *, but: str = "", opening: Word | None = None
) -> bool:
    """Whether a feed has blocked a time of the slot for one of its `owners`, and it was not opened since.

    `but`: a block not counted; `opening`: what is just being opened.
    """
    here = span(slot)
    schedules = schedules_of(uow, actors) if here is not None else []
    blocks = words(uow, schedules, here, WITHDRAWN, but=but) if here is not None else []
    if here is None or not blocks:
        return False
    opened = [*words(uow, schedules, here, ENDED), *([opening] if opening is not None else ())]
    return any(overlap(part, here) for block in blocks for part in left(block, opened))


def words(uow: UnitOfWork, schedules: Sequence[str], here: Interval, status: str, *, but: str = "") -> list[Word]:
    """What feeds told as blocked (WITHDRAWN) or opened (ENDED) at that time."""
    found = (resources.load(uow.connection, "Slot", id_) for id_ in slots_over(uow, schedules, here, status))
    told = [one for one in found if one is not None and not one.deleted and one.id != but and is_told(one.content())]
    return [Word(there, one.happened_ms) for one in told if (there := span(one.content())) is not None]


def owners(uow: UnitOfWork, slot: dict[str, Any]) -> list[str]:
    """`Type/id` of those whose agenda the slot stands in."""
    type_name, _, id_ = slot.get("schedule", {}).get("reference", "").partition("/")
    schedule = resources.load(uow.connection, "Schedule", id_) if type_name == "Schedule" else None
    if schedule is None or schedule.deleted:
        return []
    return [text for text in read(schedule.content(), "actor.reference") if text.count("/") == 1]


def _keys(parameter: str, references: Iterable[str]) -> list[tuple[str, str, str]]:
    """Keys of the index of references: parameter, id, type."""
    parts = (text.partition("/") for text in references)
    return sorted({(parameter, id_, type_name) for type_name, _, id_ in parts})


@lru_cache(maxsize=64)
def _schedules(actors: int) -> Prepared:
    columns = (reference_index.c.parameter, reference_index.c.target_id, reference_index.c.target_type)
    return Prepared(
        select(resource.c.id)
        .join(reference_index, reference_index.c.pk == resource.c.pk)
        .where(any_of(columns, actors))
        .order_by(resource.c.pk)
    )


@lru_cache(maxsize=64)
def _slots(schedules: int, statuses: tuple[str, ...]) -> Prepared:
    found = _standing(statuses).where(any_of((slot_index.c.schedule_id,), schedules))
    return Prepared(found.where(*_overlaps(slot_index)))


@lru_cache(maxsize=64)
def _slots_of(actors: int, statuses: tuple[str, ...]) -> Prepared:
    """As `_slots`, on the agendas of that many actors."""
    columns = (reference_index.c.parameter, reference_index.c.target_id, reference_index.c.target_type)
    agendas = (
        select(_schedule.c.id)
        .join(reference_index, reference_index.c.pk == _schedule.c.pk)
        .where(any_of(columns, actors))
    )
    return Prepared(_standing(statuses).where(slot_index.c.schedule_id.in_(agendas), *_overlaps(slot_index)))


def _standing(statuses: tuple[str, ...]) -> Select[tuple[str]]:
    """Slots of these statuses. The codes are written out, or no planner uses the partial index of free slots."""
    written = [slot_index.c.status == literal_column(f"'{status}'") for status in statuses]
    joined = select(resource.c.id).join(slot_index, slot_index.c.pk == resource.c.pk)
    return joined.where(or_(*written) if len(written) > 1 else written[0])


@lru_cache(maxsize=64)
def _beginning(schedules: int, status: str) -> Prepared:
    found: Select[tuple[str]] = (
        select(resource.c.id)
        .join(slot_index, slot_index.c.pk == resource.c.pk)
        .where(
            slot_index.c.status == literal_column(f"'{status}'"),
            slot_index.c.start_ms >= bindparam("low"),
            slot_index.c.start_ms < bindparam("high"),
        )
        .order_by(slot_index.c.start_ms, slot_index.c.pk)
        .limit(bindparam("count"))
    )
    return Prepared(found.where(any_of((slot_index.c.schedule_id,), schedules)) if schedules else found)


@lru_cache(maxsize=64)
def _appointments(actors: int) -> Prepared:
    is_holding = or_(*(appointment_index.c.status == status for status in sorted(HOLDING)))
    columns = (reference_index.c.parameter, reference_index.c.target_id, reference_index.c.target_type)
    return Prepared(
        select(resource.c.id)
        .join(appointment_index, appointment_index.c.pk == resource.c.pk)
        .join(reference_index, reference_index.c.pk == resource.c.pk)
        .where(any_of(columns, actors), is_holding, *_overlaps(appointment_index))
        .order_by(resource.c.pk)
    )


def _overlaps(table: Any) -> tuple[ColumnElement[bool], ...]:
    """Shares a time with `low` to `high`; `first` keeps the index from being read from its beginning."""
    return (
        table.c.start_ms < bindparam("high"),
        table.c.end_ms > bindparam("low"),
        table.c.start_ms > bindparam("first"),
    )
