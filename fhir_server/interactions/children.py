"""Appointments that are parts of another, as feeds tell them (SCH-23, SCH-24): given up with it.

A part names the whole in `supportingInformation`, by its identifier. What the whole became counts for the parts that
had not begun by then, and for those told earlier that arrive later; what was told of a part since then stays.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from fhir_server.interactions import write
from fhir_server.interactions.told import Ledger
from fhir_server.kernel.paths import read
from fhir_server.scheduling import rules
from fhir_server.scheduling.agendas import span
from fhir_server.storage import identified, resources
from fhir_server.storage.keys import any_of, binds
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource, token_index
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: The type whose resources have parts.
TYPE = "Appointment"
#: Statuses of a whole that its parts take over; an entry in error takes those that had begun, too.
_GIVEN_UP, _ERROR = frozenset({"cancelled", "entered-in-error"}), "entered-in-error"
_PARENT = "Appointment.supporting-info:identifier"
_COLUMNS = (token_index.c.parameter, token_index.c.system, token_index.c.code)


def follow(uow: UnitOfWork, content: Json, ledger: Ledger) -> None:
    """Let a part, before it is written, follow the whole that was given up after what was told of the part."""
    named = [one["identifier"] for one in content.get("supportingInformation", ()) if one.get("type") == "Appointment"]
    keys = [("Appointment", one["system"], one["value"]) for one in named if "system" in one and "value" in one]
    for parent in identified.find_by_identifiers(uow.connection_for(TYPE), keys).values() if keys else ():
        _take_over(parent, content, ledger)


def give_up(uow: UnitOfWork, whole: Stored) -> Iterator[Stored]:
    """Give up the parts of a whole that was just written; the versions made."""
    content = whole.content()
    if content["status"] not in _GIVEN_UP:
        return
    keys = [(_PARENT, one["system"], one["value"]) for one in content.get("identifier", ()) if "system" in one]
    ids = _parts(len(keys)).run(uow.connection_for(TYPE), binds(keys)).scalars() if keys else []
    for part in resources.lock_many(uow, [("Appointment", id_) for id_ in ids if id_ != whole.id]).values():
        before, ledger = part.content(), Ledger.of(part)
        after = dict(before)
        _take_over(whole, after, ledger)
        if after != before:
            rules.complete(uow, "Appointment", before, after)
            yield write.replace(uow, part, after, happened_ms=part.happened_ms, told=ledger.text())


def _take_over(whole: Stored, part: Json, ledger: Ledger) -> None:
    parent = whole.content()
    at_ms = Ledger.of(whole).time_of("status")
    if parent["status"] not in _GIVEN_UP or at_ms is None or (ledger.time_of("status") or 0) > at_ms:
        return
    here = span(part)
    has_begun = here is not None and here.low < at_ms
    if has_begun and parent["status"] != _ERROR:
        return
    ledger.times["status"] = at_ms
    part["status"] = parent["status"]
    reasons = read(parent, "cancelationReason")
    if reasons:
        part["cancelationReason"] = reasons[0]


def _parts(count: int) -> Prepared:
    return Prepared(
        select(resource.c.id)
        .join(token_index, token_index.c.pk == resource.c.pk)
        .where(any_of(_COLUMNS, count), resource.c.deleted.is_(False))
    )
