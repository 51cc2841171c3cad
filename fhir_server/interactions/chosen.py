"""What an `appointment-reference` names: an option that `$find` proposed, or an Appointment of the caller's own.

An option serves until its slot is gone, moved, over or not the caller's to take any more, and until it is used: what
was held or booked of it is what it names from then on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions import parties
from fhir_server.interactions.answer import Answer, searchset
from fhir_server.interactions.idempotent import Key, once
from fhir_server.interactions.visibility import is_visible, require_own
from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.scheduling import agendas, allocation, holds, options, proposals, slots
from fhir_server.scheduling.agendas import HOLDING
from fhir_server.scheduling.options import OPTION, Option
from fhir_server.storage import identified, resources, row_names, seals
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

Json = dict[str, Any]
Check = Callable[[str, str], None]

_GONE = "The appointment cannot be had any more; find another."


class GoneError(Exception):
    """What is referred to is not there for the caller, or not any more."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation that takes an `appointment-reference`."""

    body: Json | None
    access_check: Check
    base_url: str
    key: Key | None = None


def answered(store: Store, actor: Actor, call: Call, work: Callable[[UnitOfWork], Answer]) -> Answer:
    """Do the work once for its key, and answer as IHE asks when it cannot be done.

    What is gone is a Bundle with an issue `fatal`, `not-found`; what another has now is a CONFLICT with that issue
    beside.
    """

    def told(uow: UnitOfWork) -> list[Any]:
        answer = work(uow)
        return [answer.content, answer.status, dict(answer.headers)]

    try:
        found, is_repeated = once(store, actor, call.key, told)
    except GoneError:
        return Answer(searchset((), 0, [Issue(Category.NOT_FOUND, _GONE, severity="fatal")]))
    except FhirError as refusal:
        if refusal.category is not Category.CONFLICT:
            raise
        also = Issue(Category.NOT_FOUND, "The appointment is not available.", severity="fatal")
        raise FhirError((*refusal.issues, also), refusal.headers) from None
    content, status, headers = found
    return Answer(content, status, headers, is_repeated)


def id_of(reference: Json, where: str, base_url: str) -> str:
    """The id that the reference names. Raises FhirError (VALUE) when it names no Appointment of this server."""
    named = parties.local_reference(reference, base_url)
    if named is None or named[0] != "Appointment":
        raise fault(Category.VALUE, "A reference to an Appointment of this server.", where)
    return named[1]


def lock(uow: UnitOfWork, id_: str, *names: str) -> None:
    """Let one at a time use what an id names; all that the work will lock by name, in one call."""
    uow.lock(f"Appointment|{OPTION}|{id_}", *names)


def own(uow: UnitOfWork, id_: str) -> tuple[Stored | None, Json | None]:
    """What an id names, of which one is None: an Appointment, locked; or a new one, proposed, made of an option.

    Raises GoneError when it is neither, FhirError (FORBIDDEN) for an Appointment that is another's to change.
    """
    option = options.read(seals.every(uow.connection), uow.actor.owner, id_)
    if option is None:
        return _locked(uow, id_), None
    used = [one for one in identified.find_all(uow.connection, [("Appointment", OPTION, id_)]) if _is_own(uow, one)]
    return (_locked(uow, used[0].id), None) if used else (None, _made(uow, id_, option))


def is_lapsed(uow: UnitOfWork, appointment: Stored) -> bool:
    """Whether it was held, and is so no longer, ended or not."""
    return agendas.is_pending(appointment.content()) and not holds.is_standing(uow, appointment.id)


def is_holding(appointment: Stored) -> bool:
    """Whether it has its slots."""
    return appointment.content()["status"] in HOLDING


def entry(stored: Stored, base_url: str) -> Json:
    """The Bundle of the one Appointment."""
    return searchset([(f"{base_url}/{stored.reference}", stored.content())], 1)


def _is_own(uow: UnitOfWork, stored: Stored) -> bool:
    return stored.owner == uow.actor.owner


def _locked(uow: UnitOfWork, id_: str) -> Stored:
    stored = resources.lock(uow, "Appointment", id_)
    if stored is None or stored.deleted or not is_visible(uow.actor, stored, uow.now_ms):
        raise GoneError
    require_own(uow.actor, stored)
    return stored


def _made(uow: UnitOfWork, id_: str, option: Option) -> Json:
    keys = [option.slot, *([option.referral] if option.referral else []), *option.patients]
    names = row_names.names(uow.connection, keys)
    slot = resources.load(uow.connection, *names[option.slot]) if option.slot in names else None
    if slot is None or slot.deleted or not _is_as_proposed(uow, slot, option):
        raise GoneError
    content = slot.content()
    reference = content["schedule"].get("reference", "")
    schedule = resources.load(uow.connection, "Schedule", reference.removeprefix("Schedule/"))
    agenda = schedule.content() if schedule is not None and not schedule.deleted else {}
    patients = [{"reference": "/".join(names[key])} for key in option.patients if key in names]
    made = proposals.proposal(content, agenda, option.asked, patients)
    made |= {"identifier": [{"system": OPTION, "value": id_}], "created": dates.to_instant(uow.now_ms)}
    return made | ({"basedOn": [{"reference": "/".join(names[option.referral])}]} if option.referral in names else {})


def _is_as_proposed(uow: UnitOfWork, slot: Stored, option: Option) -> bool:
    content = slot.content()
    start_ms = dates.interval(content["start"]).low
    is_there = option.is_at(start_ms) and start_ms >= uow.now_ms and content["status"] in slots.COUNTED
    return is_there and allocation.is_allowed(uow.actor, slot, uow.now_ms)
