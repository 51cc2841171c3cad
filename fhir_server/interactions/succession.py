"""Who a retired identity became (HL7 v2 A40), and what refers to it.

What is told of a retired Patient stays with it; what refers to it refers to the one that replaced it, whether it was
there before the merge or comes late. https://www.hl7.org/fhir/R4/patient.html#links
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from fhir_server.interactions import write
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.tables import reference_index, resource
from fhir_server.storage.unit_of_work import UnitOfWork

#: Type whose resources replace each other, and how their links say so.
PERSON = "Patient"
_REPLACED = "replaced-by"
#: Merges of merges that are followed; a chain of more is a circle.
_DEPTH = 8


def successors(uow: UnitOfWork, known: Iterable[Stored]) -> dict[str, str]:
    """Of those that were replaced, `Patient/old` to `Patient/new`."""
    found = {}
    for stored in known:
        if stored.type == PERSON and _REPLACED in stored.body:
            last = _last(uow, stored)
            if last.id != stored.id:
                found[stored.reference] = last.reference
    return found


def hand_over(uow: UnitOfWork, old: str, new: str) -> list[Stored]:
    """Let everything that refers to `old` refer to `new`; what was written."""
    rows = uow.connection.execute(_referring(), {"target_id": old.partition("/")[2]}).all()
    locked = resources.lock_many(uow, [(row.type, row.id) for row in rows])
    written = []
    for before in locked.values():
        content = pointed(before.content(), {old: new})
        written.append(write.replace(uow, before, content, happened_ms=before.happened_ms, told=before.told))
    return written


def pointed(node: Any, references: dict[str, str]) -> Any:
    """A copy of a resource in which these references are others."""
    if isinstance(node, dict):
        return {
            name: references.get(value, value) if name == "reference" else pointed(value, references)
            for name, value in node.items()
        }
    return [pointed(item, references) for item in node] if isinstance(node, list) else node


def _last(uow: UnitOfWork, stored: Stored) -> Stored:
    """The end of the chain of replacements."""
    for _ in range(_DEPTH):
        links = stored.content().get("link", ())
        told = [link["other"].get("reference", "") for link in links if link["type"] == _REPLACED]
        after = resources.load(uow.connection, PERSON, told[0].partition("/")[2]) if told else None
        if after is None or after.deleted:
            return stored
        stored = after
    return stored


@cache
def _referring() -> Select[tuple[str, str]]:
    """Resources that refer to a Patient, other Patients apart."""
    names = [
        f"{type_name}.{code}"
        for type_name in RESOURCES
        for code, one in parameters(type_name).items()
        if one.kind == "reference" and type_name != PERSON and (not one.targets or PERSON in one.targets)
    ]
    return (
        select(resource.c.type, resource.c.id)
        .join(reference_index, reference_index.c.pk == resource.c.pk)
        .where(
            reference_index.c.parameter.in_(names),
            reference_index.c.target_id == bindparam("target_id"),
            reference_index.c.target_type == PERSON,
            resource.c.deleted.is_(False),
        )
        .distinct()
    )
