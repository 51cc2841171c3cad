"""`Appointment/$book`: book what was proposed or held, or what the caller describes; change it, cancel it.

IHE ITI-117.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions import chosen, create, parties, write
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.chosen import Call, GoneError
from fhir_server.interactions.operation_parameters import only, read
from fhir_server.interactions.update import check_version, require_both
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.scheduling import proposals
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

Json = dict[str, Any]

#: Statuses of an Appointment that is to be booked.
_WANTED = frozenset({"proposed", "pending"})
#: What the server writes of an Appointment, or the id that named it.
_STAMPED = frozenset({"id", "meta"})
_RELEASED = {"text": "Released before it was booked."}


@dataclass(frozen=True, slots=True)
class _Booking:
    """What is asked, read."""

    call: Call
    #: What the reference, or the resource, names; empty for a resource without an id.
    id: str
    resource: Json | None
    where: str
    patients: Sequence[Json]
    comment: str | None
    #: The version that a change is of.
    version: int | None


def book(store: Store, actor: Actor, call: Call, *, if_match: int | None = None) -> Answer:
    """The Appointment as it is afterwards: 201 with `Location` when the caller described a new one.

    A resource that is `pending` or `proposed` is booked, to one that is `booked` the Appointment of its id is changed,
    and that of one that is `cancelled` is cancelled. Raises FhirError: INVALID without exactly one of reference and
    resource, VALUE for another status, BUSINESS_RULE for a new one without a slot, CONFLICT when another has it, and as
    a create or an update.
    """
    asked = _read(call, if_match)
    status = "pending" if asked.resource is None else asked.resource["status"]
    step = _STEPS.get(status)
    if step is None:
        raise fault(
            Category.VALUE, "status is pending to book, booked to change, cancelled to cancel.", f"{asked.where}.status"
        )
    if status not in _WANTED and not asked.id:
        raise fault(Category.VALUE, f"A new appointment is pending, not {status}.", f"{asked.where}.status")
    call.access_check("Appointment", "c" if status in _WANTED else "u")

    def work(uow: UnitOfWork) -> Answer:
        chosen.lock(uow, asked.id, *parties.lock_names([*asked.patients]))
        stored, is_created = step(uow, asked)
        location = {"Location": f"{call.base_url}/{stored.reference}/_history/{stored.version}"} if is_created else {}
        return Answer(chosen.entry(stored, call.base_url), 201 if is_created else 200, location)

    return chosen.answered(store, actor, call, work)


def _read(call: Call, if_match: int | None) -> _Booking:
    given = read("book", call.body)
    references, described = given["appointment-reference"], given["appointment-resource"]
    if len(references) + len(described) != 1:
        raise fault(
            Category.INVALID,
            "Exactly one of appointment-reference and appointment-resource is given.",
            "Parameters.parameter",
        )
    frame = ([value for value, _ in given["patient-resource"]], only(given["comment"]))
    if references:
        [(reference, where)] = references
        return _Booking(call, chosen.id_of(reference, where, call.base_url), None, where, *frame, None)
    [(resource, where)] = described
    version = if_match if if_match is not None else _version(resource)
    return _Booking(call, resource.get("id", ""), resource, f"{where}.resource", *frame, version)


def _version(resource: Json) -> int | None:
    text = resource.get("meta", {}).get("versionId", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None


def _book(uow: UnitOfWork, asked: _Booking) -> tuple[Stored, bool]:
    """Book what the id names, as the resource has it if there is one; or the resource by itself."""
    stored, made = chosen.own(uow, asked.id) if asked.id else (None, None)
    if stored is not None and not _is_to_be_booked(uow, stored):
        return stored, False
    if made is not None and asked.resource is None:
        content = made
    elif stored is not None and asked.resource is None:
        content = stored.content()
    else:
        content = _described(asked, made)
    _complete(uow, asked, content)
    if stored is not None:
        require_both(uow.actor, stored, content)
        return write.replace(uow, stored, content), False
    booked, is_new = create.add(uow, "Appointment", content)
    return booked, is_new and asked.resource is not None


def _is_to_be_booked(uow: UnitOfWork, stored: Stored) -> bool:
    """Whether it is held or proposed; not, when it is booked already. Raises GoneError for any other."""
    status = stored.content()["status"]
    if chosen.is_lapsed(uow, stored) or status not in _WANTED | {"booked"}:
        raise GoneError
    return status in _WANTED


def _described(asked: _Booking, made: Json | None) -> Json:
    """The Appointment that the caller describes; of an option that it names, the slot and where it comes from."""
    resource = asked.resource or {}
    content = {name: value for name, value in resource.items() if name not in _STAMPED}
    if made is not None:
        kept = {name: made[name] for name in ("slot", "start", "end", "identifier")}
        content |= kept | {"identifier": [*content.get("identifier", ()), *made["identifier"]]}
    if not content.get("slot"):
        raise fault(Category.BUSINESS_RULE, "An appointment names the slot that it takes.", f"{asked.where}.slot")
    return content


def _complete(uow: UnitOfWork, asked: _Booking, content: Json) -> None:
    patients = [parties.known_or_new(uow, one, asked.call.access_check) for one in asked.patients]
    proposals.add_patients(content, [{"reference": one.reference} for one in patients])
    content["status"] = "booked"
    if asked.comment is not None:
        content["comment"] = asked.comment
    proposals.answer_for_all(content, "accepted")


def _change(uow: UnitOfWork, asked: _Booking) -> tuple[Stored, bool]:
    stored = _current(uow, asked)
    content = {**(asked.resource or {}), **({} if asked.comment is None else {"comment": asked.comment})}
    require_both(uow.actor, stored, content)
    return write.replace(uow, stored, content), False


def _cancel(uow: UnitOfWork, asked: _Booking) -> tuple[Stored, bool]:
    """Cancel what is held or booked; nothing else of it changes."""
    stored = _current(uow, asked)
    content, resource = stored.content(), asked.resource or {}
    if content["status"] == "cancelled":
        return stored, False
    reason = resource.get("cancelationReason") or (_RELEASED if content["status"] == "pending" else None)
    comment = asked.comment if asked.comment is not None else resource.get("comment")
    content |= {"status": "cancelled"}
    content |= {"cancelationReason": reason} if reason else {}
    content |= {"comment": comment} if comment is not None else {}
    require_both(uow.actor, stored, content)
    return write.replace(uow, stored, content), False


def _current(uow: UnitOfWork, asked: _Booking) -> Stored:
    """What is to be changed, at the version that the caller knows if it says which."""
    stored, _ = chosen.own(uow, asked.id)
    if stored is None or chosen.is_lapsed(uow, stored):
        raise GoneError
    if asked.version is not None:
        check_version(stored, asked.version)
    return stored


#: Status of the resource -> what is done.
_STEPS: Mapping[str, Callable[[UnitOfWork, _Booking], tuple[Stored, bool]]] = {
    "proposed": _book,
    "pending": _book,
    "booked": _change,
    "cancelled": _cancel,
}
