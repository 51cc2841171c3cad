"""A patient erased (GDPR, article 17): all that says something of the person goes, and that it was there remains.

What remains: ids, the numbers of versions, the fact of the deletion, and the audit trail, which names ids alone.
docs/privacy.md says what an operator has to know.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, and_, delete, func, literal, or_, select, update

from fhir_server.kernel import json
from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.storage import resources
from fhir_server.storage.ledgers import hold, idempotency, inbox, outbox
from fhir_server.storage.resources import Stored
from fhir_server.storage.tables import reference_index, resource, resource_version
from fhir_server.storage.unit_of_work import UnitOfWork

Key = tuple[str, str]

#: Appointments that somebody counts on.
_COUNTED_ON = frozenset({"proposed", "pending", "booked", "arrived", "checked-in", "waitlist"})
_PATIENT = re.compile(r"\bPatient/([A-Za-z0-9.-]{1,64})")
#: Shorter identifiers would be found in messages of others.
_SHORTEST = 5
#: What of an acknowledgement says nothing of a person.
_KEPT_SEGMENTS = (b"MSH", b"MSA")


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went."""

    resources: int
    versions: int
    messages: int
    deliveries: int
    answers: int


def erase(uow: UnitOfWork, patient_id: str) -> Erased:
    """Erase a patient and all that is about the person, in this unit of work.

    Raises FhirError: NOT_FOUND for a patient who never was here, BUSINESS_RULE while an appointment is to come, or
    something is about another patient too.
    """
    patient = resources.lock(uow, "Patient", patient_id)
    if patient is None:
        raise fault(Category.NOT_FOUND, f"There is no Patient/{patient_id}.")
    numbers = _numbers(uow, patient_id)
    about = _about(uow, patient_id)
    found = [one for one in (resources.lock(uow, *key) for key in sorted(about)) if one is not None]
    for one in found:
        _check_over(uow, one)
        if _names_another(one.body, patient_id):
            raise fault(Category.BUSINESS_RULE, f"{one.reference} is about another patient too: part them first.")
    for one in (patient, *found):
        if not one.deleted:
            resources.remove(uow, one)
    keys = {("Patient", patient_id), *about}
    return Erased(
        len(keys),
        _erase_versions(uow, keys, patient_id),
        _erase_messages(uow, keys, numbers),
        _erase_deliveries(uow, keys),
        _erase_answers(uow, keys),
    )


def forget_messages(uow: UnitOfWork, before_ms: int) -> int:
    """Empty messages received, and deliveries that are over, from before a moment; how many."""
    received = and_(inbox.c.received_ms < before_ms, func.length(inbox.c.raw) > 0)
    emptied = {"raw": b"", "answer": b""}
    count = uow.connection.execute(update(inbox).where(received).values(emptied)).rowcount
    over = and_(outbox.c.updated_ms < before_ms, outbox.c.state.in_(("delivered", "dropped")))
    sent = update(outbox).where(over, outbox.c.payload.is_not(None)).values(payload=None)
    return count + uow.connection.execute(sent).rowcount


def _about(uow: UnitOfWork, patient_id: str) -> set[Key]:
    """What names the patient, or did when it was deleted, and what names that in turn. No catalogue, no patients."""
    named = {(row.type, row.id) for row in _naming(uow, patient_id) if _is_personal(row.type)}
    stored = [one for one in (resources.lock(uow, *key) for key in sorted(named)) if one is not None]
    found = {(one.type, one.id) for one in stored if one.deleted or _shape(patient_id).search(one.body)}
    new = set(found)
    while new:
        targets = or_(*(_points_to(key) for key in new))
        columns = select(resource.c.type, resource.c.id, resource.c.body)
        joined = columns.join(reference_index, reference_index.c.pk == resource.c.pk)
        rows = [row for row in uow.connection.execute(joined.where(targets)) if _is_personal(row.type)]
        new = {(row.type, row.id) for row in rows if not _names_another(row.body, patient_id)} - found
        found |= new
    return found


def _points_to(key: Key) -> Any:
    return and_(reference_index.c.target_type == key[0], reference_index.c.target_id == key[1])


def _is_personal(type_name: str) -> bool:
    row = RESOURCES.get(type_name)
    return row is not None and row.audience == "own" and type_name != "Patient" and not row.is_ledger


def _naming(uow: UnitOfWork, patient_id: str) -> Sequence[Any]:
    """The versions whose text names the patient."""
    told = resource_version.c.body.like(f"%Patient/{patient_id}%")
    rows = uow.connection.execute(select(resource_version).where(told))
    return [row for row in rows if _shape(patient_id).search(row.body)]


def _shape(patient_id: str) -> re.Pattern[str]:
    return re.compile(rf"Patient/{re.escape(patient_id)}(?![A-Za-z0-9.-])")


def _numbers(uow: UnitOfWork, patient_id: str) -> set[str]:
    """The identifiers that the patient ever had."""
    of_patient = and_(resource_version.c.type == "Patient", resource_version.c.id == patient_id)
    bodies = uow.connection.execute(select(resource_version).where(of_patient, resource_version.c.body != ""))
    found = (json.load(row.body.encode()).get("identifier", ()) for row in bodies)
    values = {str(one.get("value", "")) for identifiers in found for one in identifiers}
    return {value for value in values if len(value) >= _SHORTEST}


def _names_another(body: str, patient_id: str) -> bool:
    return any(named != patient_id for named in _PATIENT.findall(body))


def _check_over(uow: UnitOfWork, one: Stored) -> None:
    if one.type != "Appointment" or one.deleted:
        return
    content = one.content()
    ends = content.get("end")
    if content.get("status") in _COUNTED_ON and (ends is None or interval(ends).high > uow.now_ms):
        raise fault(Category.BUSINESS_RULE, f"{one.reference} is to come: cancel it first.")


def _erase_versions(uow: UnitOfWork, keys: Iterable[Key], patient_id: str) -> int:
    """Forget what versions said; of what is erased only its deletion is left."""
    versions = resource_version
    count = 0
    for type_name, id_ in keys:
        of_it = and_(versions.c.type == type_name, versions.c.id == id_, versions.c.method != "DELETE")
        count += uow.connection.execute(delete(versions).where(of_it)).rowcount
        uow.connection.execute(delete(hold).where(hold.c.appointment_id == id_))
    # Former versions of what is now about somebody else; other patients keep that they were linked with an id.
    left = [row.pk for row in _naming(uow, patient_id) if _is_personal(row.type)]
    for pk in left:
        count += uow.connection.execute(delete(versions).where(versions.c.pk == pk)).rowcount
    return count


def _erase_messages(uow: UnitOfWork, keys: Iterable[Key], numbers: Iterable[str]) -> int:
    """Empty the messages that made any of it, or that hold a number of the patient, and what they were answered."""
    # A line of effects is `Type/id/_history/version`.
    effects = [(literal("\n") + inbox.c.effects).like(f"%\n{type_name}/{id_}/%") for type_name, id_ in keys]
    held = [_holds(uow, number) for number in numbers]
    pks: set[int] = set()
    for some in _chunks([*effects, *held]):
        pks |= {row.pk for row in uow.connection.execute(select(inbox.c.pk).where(or_(*some)))}
    for pk in pks:
        answer = uow.connection.execute(select(inbox.c.answer).where(inbox.c.pk == pk)).scalar_one()
        emptied = {"raw": b"", "answer": _bare(bytes(answer))}
        uow.connection.execute(update(inbox).where(inbox.c.pk == pk).values(emptied))
    return len(pks)


def _holds(uow: UnitOfWork, number: str) -> Any:
    octets = literal(number.encode(), LargeBinary)
    find = func.instr(inbox.c.raw, octets) if uow.database.is_sqlite else func.pg_catalog.position(inbox.c.raw, octets)
    return find > 0


def _bare(answer: bytes) -> bytes:
    """The acknowledgement without what it may say of somebody: a repetition of the message is still recognised."""
    return b"".join(line + b"\r" for line in answer.split(b"\r") if line.startswith(_KEPT_SEGMENTS))


def _erase_deliveries(uow: UnitOfWork, keys: Iterable[Key]) -> int:
    """Empty what was sent of it, and send no more."""
    count = 0
    for type_name, id_ in keys:
        of_it = and_(outbox.c.type == type_name, outbox.c.id == id_)
        count += uow.connection.execute(update(outbox).where(of_it).values(payload=None)).rowcount
        open_ = and_(of_it, outbox.c.state.in_(("waiting", "dead")))
        uow.connection.execute(update(outbox).where(open_).values(state="dropped", error=None))
    return count


def _erase_answers(uow: UnitOfWork, keys: Iterable[Key]) -> int:
    """Forget answers kept to be given again."""
    named = [idempotency.c.answer.like(f"%{id_}%") for _, id_ in keys]
    return sum(uow.connection.execute(delete(idempotency).where(or_(*some))).rowcount for some in _chunks(named))


def _chunks(conditions: Sequence[Any], size: int = 100) -> Iterator[Sequence[Any]]:
    for start in range(0, len(conditions), size):
        yield conditions[start : start + size]
