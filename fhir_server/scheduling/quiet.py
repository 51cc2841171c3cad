"""Whether a slot that is published stands for itself: nobody holds it, and no feed told anything of its time.

That is nearly every slot, so it costs one statement.
"""

from sqlalchemy import ColumnElement, Select, bindparam, exists, literal_column, or_, select

from fhir_server.scheduling.agendas import HOLDING, LONGEST_BLOCK_MS, LONGEST_MS, WITHDRAWN, span
from fhir_server.storage.ledgers import claim
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import appointment_index, reference_index, resource, slot_index
from fhir_server.storage.unit_of_work import UnitOfWork

_owner, _other = reference_index.alias("owner"), reference_index.alias("other")


def is_quiet(uow: UnitOfWork, slot_id: str, slot: dict[str, object]) -> bool:
    """Whether no claim, no appointment and no withdrawn slot of those whose agenda it is shares its time."""
    here, schedule = span(slot), slot.get("schedule")
    reference = str(schedule.get("reference", "")) if isinstance(schedule, dict) else ""
    if here is None:
        return False
    values = {
        "slot_id": slot_id,
        "schedule": reference.removeprefix("Schedule/"),
        "low": here.low,
        "high": here.high,
        "first": here.low - LONGEST_MS,
        "first_block": here.low - LONGEST_BLOCK_MS,
    }
    return not _disturbed.run(uow.connection, values).scalar_one()


def _owners() -> Select[tuple[str]]:
    """Ids of all that the Schedule refers to, of whatever type: where too many are found, the slot is looked at."""
    agenda = select(resource.c.pk).where(resource.c.type == "Schedule", resource.c.id == bindparam("schedule"))
    # Without the parameter: SQLite would read all references of that parameter.
    return select(_owner.c.target_id).where(_owner.c.pk == agenda.scalar_subquery())


def _appointments() -> ColumnElement[bool]:
    # By time first: one who has an agenda has years of appointments, a day has few.
    takes_part = exists().where(
        _other.c.pk == appointment_index.c.pk,
        _other.c.parameter == "Appointment.actor",
        _other.c.target_id.in_(_owners()),
    )
    return exists().where(
        appointment_index.c.start_ms > bindparam("first"),
        appointment_index.c.start_ms < bindparam("high"),
        appointment_index.c.end_ms > bindparam("low"),
        or_(*(appointment_index.c.status == status for status in sorted(HOLDING))),
        takes_part,
    )


def _withdrawn() -> ColumnElement[bool]:
    agendas = (
        select(resource.c.id)
        .join(_other, _other.c.pk == resource.c.pk)
        .where(_other.c.parameter == "Schedule.actor", _other.c.target_id.in_(_owners()))
    )
    return exists().where(
        slot_index.c.schedule_id.in_(agendas),
        # Written out, or no planner uses the partial index.
        slot_index.c.status == literal_column(f"'{WITHDRAWN}'"),
        slot_index.c.start_ms > bindparam("first_block"),
        slot_index.c.start_ms < bindparam("high"),
        slot_index.c.end_ms > bindparam("low"),
    )


_claimed = exists().where(claim.c.slot_id == bindparam("slot_id"))
_disturbed = Prepared(select(or_(_claimed, _appointments(), _withdrawn())))
