"""What the aggregation of slots reads: by identifier, by reference, by agenda and window, each in one statement.

Every statement starts from an index and gives bodies: nothing is asked for row by row.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import BigInteger, Connection, Dialect, and_, bindparam, literal_column, or_, select

from fhir_server.kernel.actor import Actor
from fhir_server.storage import tables
from fhir_server.storage.select_conditions import one_of
from fhir_server.storage.select_scope import Scope, binds, kept_apart, literal
from fhir_server.storage.statement import Statement, compiled

#: Columns that tell what a row is.
_resource = tables.resource
_SHOWN = (_resource.c.type, _resource.c.id, _resource.c.body)
#: What is there for everyone: none of these types is one that partners see only their own of.
_THERE = (literal_column("NOT resource.deleted"), *kept_apart(_resource, None))


class Found(NamedTuple):
    """A live resource."""

    type: str
    id: str
    #: JSON text as it is stored.
    body: str


class FoundSlot(NamedTuple):
    """A free slot of an agenda, without its text: those that ask again have it still."""

    schedule_id: str
    id: str
    #: No two texts share all three: id, version, and when it was written.
    version: int
    updated_ms: int


def identified(connection: Connection, type_name: str, systems: Sequence[str], codes: Sequence[str]) -> list[Found]:
    """The resources that carry one of these identifiers, the oldest first, each once."""
    values = {"systems": list(systems), "codes": list(codes)}
    return _each(_identified(type_name, connection.dialect).run(connection, values))


def referring(connection: Connection, parameters: tuple[str, ...], target: str, ids: Sequence[str]) -> list[Found]:
    """The resources that refer to these, by search parameters (`Schedule.actor`), the oldest first, each once."""
    return _each(_referring(parameters, target, connection.dialect).run(connection, {"ids": list(ids)}))


def named(connection: Connection, ids: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """The texts of resources by type and id; those that do not exist are left out."""
    wanted = {type_name: list(some) for type_name, some in ids.items() if some}
    if not wanted:
        return {}
    rows: Any = _named(tuple(sorted(wanted)), connection.dialect).run(connection, wanted)
    return {(type_name, id_): body for type_name, id_, body in rows}


def free_slots(
    connection: Connection, actor: Actor, schedules: Sequence[str], window: tuple[int, int], now_ms: int
) -> list[FoundSlot]:
    """The free slots of these agendas that begin in the window and are there for the actor, in the order of time."""
    low, high = window
    values = {"schedules": list(schedules), "low": low, "high": high} | binds(actor, now_ms)
    rows = _free_slots(actor.is_territory, connection.dialect).run(connection, values).all()
    # A row is a tuple with these names already; there are thousands of them.
    return cast(list[FoundSlot], rows)


def _each(rows: Any) -> list[Found]:
    return list(dict.fromkeys(Found(type_name, id_, body) for type_name, id_, body in rows))


@lru_cache(maxsize=16)
def _identified(type_name: str, dialect: Dialect) -> Statement:
    entry = tables.token_index
    is_wanted = (
        entry.c.parameter == literal(f"{type_name}.identifier"),
        one_of(entry.c.code, bindparam("codes"), dialect.name),
        one_of(entry.c.system, bindparam("systems"), dialect.name),
    )
    rows = select(*_SHOWN).join_from(entry, _resource, _resource.c.pk == entry.c.pk)
    return compiled(rows.where(*is_wanted, *_THERE).order_by(_resource.c.pk), dialect)


@lru_cache(maxsize=16)
def _referring(parameters: tuple[str, ...], target: str, dialect: Dialect) -> Statement:
    entry = tables.reference_index
    is_wanted = (
        entry.c.parameter.in_([literal(name) for name in parameters]),
        one_of(entry.c.target_id, bindparam("ids"), dialect.name),
        entry.c.target_type == literal(target),
    )
    rows = select(*_SHOWN).join_from(entry, _resource, _resource.c.pk == entry.c.pk)
    return compiled(rows.where(*is_wanted, *_THERE).order_by(_resource.c.pk), dialect)


@lru_cache(maxsize=16)
def _named(types: tuple[str, ...], dialect: Dialect) -> Statement:
    of_type = (
        and_(_resource.c.type == literal(name), one_of(_resource.c.id, bindparam(name), dialect.name)) for name in types
    )
    return compiled(select(*_SHOWN).where(or_(*of_type), *_THERE), dialect)


@lru_cache(maxsize=8)
def _free_slots(sees_all: bool, dialect: Dialect) -> Statement:
    scope = Scope("Slot", 0, sees_all, uses_typed=True)
    start, schedule = scope.column("slot_index.start_ms"), scope.column("slot_index.schedule_id")
    picked = (
        scope.select(scope.pk.label("pk"), schedule.label("schedule_id"), start.label("start_ms"))
        .where(
            scope.column("slot_index.status") == literal("free"),
            one_of(schedule, bindparam("schedules"), dialect.name),
            start >= bindparam("low", type_=BigInteger),
            start <= bindparam("high", type_=BigInteger),
        )
        .subquery("picked")
    )
    shown = (picked.c.schedule_id, _resource.c.id, _resource.c.version, _resource.c.updated_ms)
    rows = select(*shown).join_from(picked, _resource, _resource.c.pk == picked.c.pk)
    return compiled(rows.order_by(picked.c.start_ms, picked.c.pk), dialect)
