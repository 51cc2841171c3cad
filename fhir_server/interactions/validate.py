"""The operation `$validate`: would it be accepted? https://www.hl7.org/fhir/R4/resource-operation-validate.html

With a mode the write is made and undone, so that the rules of the type are asked as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.interactions import write
from fhir_server.interactions.delete import remove
from fhir_server.interactions.outcome import note, outcome
from fhir_server.interactions.read import read
from fhir_server.interactions.update import put
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork
from fhir_server.validation import gates
from fhir_server.validation.elements import is_resource

_BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
#: What every resource is one of.
_BASES = ("Resource", "DomainResource")
_PARAMETERS = frozenset({"resource", "mode", "profile"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be judged, and for what."""

    type: str
    #: None when there is only something stored to judge.
    resource: dict[str, Any] | None
    mode: str | None
    profile: str | None
    #: What the URL names.
    stored: Stored | None


class _UndoneError(Exception):
    """Ends a trial: what it wrote is rolled back."""


def validate(
    store: Store,
    actor: Actor,
    type_name: str | None,
    id_: str | None,
    body: dict[str, Any] | None,
    mode: str | None = None,
    profile: str | None = None,
) -> dict[str, Any]:
    """An OperationOutcome with all that is wrong, or one that says that nothing is.

    `body` is the resource itself or Parameters with `resource`, `mode` and `profile`; with an id and no body, what is
    stored is judged. Raises FhirError: NOT_FOUND and DELETED for the id, REQUIRED without anything to judge, VALUE for
    a mode that is none.
    """
    stored = read(store, actor, type_name, id_) if type_name is not None and id_ is not None else None
    asked = _asked(type_name, stored, body, mode, profile)
    found = _of_profile(asked)
    try:
        _judge(store, actor, asked)
    except FhirError as error:
        return outcome((*found, *error.issues))
    return outcome(found) if found else note("No fault was found.")


def _asked(
    type_name: str | None, stored: Stored | None, body: dict[str, Any] | None, mode: str | None, profile: str | None
) -> _Asked:
    asked = _Asked(type_name or "", body, mode, profile, stored)
    if body is not None and _is_wrapper(body, type_name):
        asked = _unwrapped(asked, body)
    if asked.mode is not None and asked.mode not in _TRIALS:
        raise fault(Category.VALUE, f"The mode is one of {', '.join(_TRIALS)}.", "mode")
    if asked.resource is None and asked.mode != "delete":
        if stored is None:
            raise fault(Category.REQUIRED, "There is no resource to validate.", "resource")
        asked = replace(asked, resource=stored.content())
    resource_type = (asked.resource or {}).get("resourceType")
    return asked if asked.type or not isinstance(resource_type, str) else replace(asked, type=resource_type)


def _is_wrapper(body: Mapping[str, Any], type_name: str | None) -> bool:
    if body.get("resourceType") != "Parameters":
        return False
    return type_name != "Parameters" or any(one.get("name") in _PARAMETERS for one in _parameters(body))


def _parameters(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = body.get("parameter", [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _unwrapped(asked: _Asked, body: Mapping[str, Any]) -> _Asked:
    by_name = {str(one.get("name")): one for one in _parameters(body)}
    resource = by_name.get("resource", {}).get("resource")
    return replace(
        asked,
        resource=resource if isinstance(resource, dict) else None,
        mode=_text(by_name.get("mode", {}), "Code", "String") or asked.mode,
        profile=_text(by_name.get("profile", {}), "Uri", "Canonical", "Url", "String") or asked.profile,
    )


def _text(parameter: Mapping[str, Any], *suffixes: str) -> str | None:
    values = (parameter.get(f"value{suffix}") for suffix in suffixes)
    return next((value for value in values if isinstance(value, str)), None)


def _of_profile(asked: _Asked) -> tuple[Issue, ...]:
    """A profile asked for that is not here, or is of another type. The R4 definitions themselves always are."""
    if asked.profile is None:
        return ()
    name, _, version = asked.profile.partition("|")
    of_type = name.removeprefix(_BASE_PROFILE)
    is_base = of_type in _BASES or is_resource(of_type)
    if not name.startswith(_BASE_PROFILE) or not is_base or version not in ("", "4.0.1"):
        return (Issue(Category.NOT_FOUND, "The profile is not known here.", "profile"),)
    if asked.type and of_type not in (asked.type, *_BASES):
        return (Issue(Category.STRUCTURE, f"The profile is one of {of_type}.", "profile"),)
    return ()


def _judge(store: Store, actor: Actor, asked: _Asked) -> None:
    """Raise FhirError with what is wrong."""
    if asked.resource is not None:
        if asked.resource.get("resourceType") != asked.type:
            raise fault(Category.STRUCTURE, f"The resource is not of type {asked.type}.", "resource")
        gates.validate(asked.resource, asked.type)
    if asked.mode is not None:
        _try(store, actor, asked, _TRIALS[asked.mode])


def _try(store: Store, actor: Actor, asked: _Asked, trial: Callable[[UnitOfWork, _Asked], None]) -> None:
    """Make a write and undo it."""

    def work(uow: UnitOfWork) -> None:
        trial(uow, asked)
        raise _UndoneError

    try:
        store.transact(actor, work)
    except _UndoneError:
        return


def _try_create(uow: UnitOfWork, asked: _Asked) -> None:
    write.insert(uow, asked.type, dict(asked.resource or {}))


def _try_update(uow: UnitOfWork, asked: _Asked) -> None:
    content = dict(asked.resource or {})
    id_ = asked.stored.id if asked.stored is not None else content.get("id")
    if id_ is None or content.get("id") != id_:
        raise fault(Category.INVALID, "The id in the body must be the id in the URL.", f"{asked.type}.id")
    version = asked.stored.version if asked.stored is not None else None
    put(uow, asked.type, id_, content, version)


def _try_delete(uow: UnitOfWork, asked: _Asked) -> None:
    if asked.stored is None:
        raise fault(Category.REQUIRED, "A deletion is judged at the address of what would be deleted.", "mode")
    remove(uow, asked.type, asked.stored.id)


_TRIALS: Mapping[str, Callable[[UnitOfWork, _Asked], None]] = {
    "create": _try_create,
    "update": _try_update,
    "delete": _try_delete,
}
