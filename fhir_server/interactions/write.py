"""What every write does, in one unit of work: the type's rule, the new version with its index, and who must be told."""

from typing import Any

from fhir_server.kernel.ids import new_id
from fhir_server.scheduling import events, rules
from fhir_server.scheduling.change import Change
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

_SERVER_META = ("versionId", "lastUpdated")


def insert(
    uow: UnitOfWork,
    type_name: str,
    content: dict[str, Any],
    *,
    id_: str | None = None,
    method: str = "POST",
    happened_ms: int | None = None,
    told: str | None = None,
) -> Stored:
    """Store a new resource under a fresh id, or the one given."""
    content = _sourced(uow, content)
    change = Change(type_name, id_ or new_id(), None, content)
    rules.before_write(uow, change)
    stored = resources.insert_first(
        uow, type_name, change.id, content, method=method, happened_ms=happened_ms, told=told
    )
    events.tell(uow, change, stored)
    return stored


def replace(
    uow: UnitOfWork,
    before: Stored,
    content: dict[str, Any],
    *,
    happened_ms: int | None = None,
    told: str | None = None,
) -> Stored:
    """Store the next version of a locked resource; a write that changes nothing makes no version."""
    old = None if before.deleted else before.content()
    if old is not None and is_same(old, content):
        return before
    content = _sourced(uow, content)
    change = Change(before.type, before.id, old, content)
    rules.before_write(uow, change)
    stored = resources.replace(uow, before, content, happened_ms=happened_ms, told=told)
    events.tell(uow, change, stored, before)
    return stored


def remove(uow: UnitOfWork, before: Stored) -> Stored:
    """Store the deletion of a locked resource."""
    change = Change(before.type, before.id, before.content(), None)
    rules.before_write(uow, change)
    gone = resources.remove(uow, before)
    events.tell(uow, change, gone, before)
    return gone


def _sourced(uow: UnitOfWork, content: dict[str, Any]) -> dict[str, Any]:
    """The resource with the message that makes this version of it, if it is a message that does."""
    if not uow.actor.is_feed:
        return content
    return {**content, "meta": {**content.get("meta", {}), "source": uow.actor.source}}


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two states of a resource differ in nothing but what the server stamps."""
    return _substance(one) == _substance(other)


def _substance(content: dict[str, Any]) -> dict[str, Any]:
    """The resource without what the server stamps."""
    meta = {name: value for name, value in content.get("meta", {}).items() if name not in _SERVER_META}
    return {name: value for name, value in content.items() if name not in ("id", "meta")} | (
        {"meta": meta} if meta else {}
    )
