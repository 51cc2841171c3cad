"""What a change means to those outside, and whom it must be told.

An event is named after what happened to a resource; a route asks for events by name. Which change is which event is a
table: the state it came from, the state it went to, and what must differ besides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import json
from fhir_server.kernel.paths import first, read
from fhir_server.registry.model import Route
from fhir_server.scheduling import agendas, regulation, settling
from fhir_server.scheduling.booking import slot_ids
from fhir_server.scheduling.change import Change
from fhir_server.storage import outbox, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]
Differs = Callable[[Json, Json], bool]

#: The state of a resource that is not there: new, or deleted.
_NONE = ""
#: Appointments that others were told of and that still stand.
_KEPT = frozenset({"booked", "arrived", "checked-in", "fulfilled"})
_OPEN = frozenset({_NONE, "proposed", "pending", "waitlist"})
_CANCELLED, _MISSED, _WRONG = frozenset({"cancelled"}), frozenset({"noshow"}), frozenset({"entered-in-error"})
#: A slot that its publisher, or a feed, withdrew.
_BLOCKED = frozenset({agendas.WITHDRAWN})
_UNBLOCKED = frozenset({_NONE, "free", "busy", "busy-tentative", "entered-in-error"})
#: What an appointment's partners see of it beside its state, its times and its slots.
_TOLD = (
    *("participant", "serviceType", "appointmentType", "reasonCode", "priority", "minutesDuration"),
    *("comment", "basedOn"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which a change becomes an event."""

    event: str
    #: States before and after; None for any other than the one on the other side.
    was: frozenset[str] | None
    becomes: frozenset[str]
    #: What else must differ between before and after.
    differs: Differs | None = None
    #: It is told as it was before the change.
    is_of_before: bool = False


def _is_moved(before: Json, after: Json) -> bool:
    return _when_and_where(before) != _when_and_where(after)


def _when_and_where(content: Json) -> tuple[object, ...]:
    return agendas.span(content), content.get("schedule"), slot_ids(content)


def _is_changed(before: Json, after: Json) -> bool:
    return before["status"] != after["status"] or any(before.get(name) != after.get(name) for name in _TOLD)


def _is_of_referral(before: Json, after: Json) -> bool:
    return any(text.startswith("ServiceRequest/") for text in read(after, "basedOn.reference"))


#: Type -> series of rules; of each series the first rule that is met counts.
RULES: Mapping[str, tuple[tuple[Rule, ...], ...]] = {
    "Appointment": (
        (
            Rule("appointment-booked", _OPEN | _CANCELLED | _WRONG, _KEPT),
            Rule("appointment-moved", _KEPT | _MISSED, _KEPT, _is_moved),
            Rule("appointment-changed", _KEPT | _MISSED, _KEPT, _is_changed),
            Rule("appointment-cancelled", _KEPT | _MISSED, _CANCELLED),
            Rule("appointment-missed", _KEPT | _CANCELLED, _MISSED),
            Rule("appointment-deleted", _KEPT | _CANCELLED | _MISSED, _WRONG),
        ),
        (Rule("referral-booked", _OPEN | _CANCELLED | _WRONG, _KEPT, _is_of_referral),),
    ),
    "Slot": (
        (
            Rule("slot-unblocked", _BLOCKED, _UNBLOCKED, is_of_before=True),
            Rule("slot-unblocked", _BLOCKED, _BLOCKED, _is_moved, is_of_before=True),
            # A feed opens a part of a time that another message of its blocked.
            Rule("slot-unblocked", frozenset({_NONE}), _WRONG),
        ),
        (
            Rule("slot-blocked", _UNBLOCKED, _BLOCKED),
            Rule("slot-blocked", _BLOCKED, _BLOCKED, _is_moved),
        ),
    ),
    "Task": (
        (
            Rule("referral-waiting", None, frozenset({"received", "on-hold"})),
            Rule("referral-accepted", None, frozenset({"accepted"})),
            Rule("referral-rejected", None, frozenset({"rejected"})),
            Rule("referral-cancelled", None, frozenset({"cancelled", "failed", "entered-in-error"})),
            Rule("referral-completed", None, frozenset({"completed"})),
        ),
    ),
    "ServiceRequest": (
        (
            Rule("request-on-hold", None, frozenset({"on-hold"})),
            Rule("request-revoked", None, frozenset({"revoked", "entered-in-error"})),
            Rule("request-completed", None, frozenset({"completed"})),
        ),
    ),
}

#: Every event a route may ask for.
EVENTS = frozenset(rule.event for every in RULES.values() for series in every for rule in series)

#: Type -> the elements by which a resource names the referral it is about; the rest is told in a stream of its own.
_REFERRAL = {"Task": "focus.reference", "Appointment": "basedOn.reference"}
_REFERRAL_EVENTS = ("referral-", "request-")


def events_of(change: Change) -> list[Rule]:
    """The rules that a change meets, in the order in which they are told."""
    was, becomes = _state(change.type, change.before), _state(change.type, change.after)
    met = (
        next((rule for rule in series if _is_met(rule, change, was, becomes)), None)
        for series in RULES.get(change.type, ())
    )
    return [rule for rule in met if rule is not None]


def tell(uow: UnitOfWork, change: Change, stored: Stored, before: Stored | None = None) -> None:
    """Write an outbox row for each route the change meets, but never back to where the change came from (promise 4).

    `before` is the version that the change replaces or deletes.
    """
    routes = [route for route in uow.routes if route.destination != uow.actor.origin]
    if not routes:
        return
    for rule in events_of(change):
        told = before if rule.is_of_before and before is not None else stored
        referral = _referral(change, told) if rule.event.startswith(_REFERRAL_EVENTS) else None
        for route in routes:
            if route.is_of_sas and not regulation.is_told(uow, route.destination, rule.event, change):
                continue
            if rule.event in route.events and (referral is None or _concerns(uow, route, referral)):
                outbox.add(uow, route.destination, rule.event, told, stream=referral or told.reference)


def _is_met(rule: Rule, change: Change, was: str, becomes: str) -> bool:
    is_from = was != becomes if rule.was is None else was in rule.was
    if not is_from or becomes not in rule.becomes:
        return False
    return rule.differs is None or rule.differs(change.before or {}, change.after or {})


def _state(type_name: str, content: Json | None) -> str:
    """The status; a slot withdrawn because of a block that a feed told is not blocked itself: the block is."""
    if content is None:
        return _NONE
    if type_name == "Slot" and settling.is_blocked(content):
        return agendas.FREE
    return str(content.get("status", _NONE))


def _referral(change: Change, told: Stored) -> str:
    """`ServiceRequest/1`: the referral that a change is about, all of whose news keep one order."""
    path = _REFERRAL.get(change.type)
    named = read(change.after or change.before or {}, path) if path else []
    return next((text for text in named if text.startswith("ServiceRequest/")), told.reference)


def _concerns(uow: UnitOfWork, route: Route, referral: str) -> bool:
    """Whether a route is told of a referral: it came from there, or the route asks for everybody's."""
    if route.has_all_referrals:
        return True
    type_name, _, id_ = referral.partition("/")
    made = resources.load_version(uow.connection, type_name, id_, 1)
    source = first(json.load(made.body.encode()), "meta.source") if made else None
    return str(source).partition("#")[0] == f"urn:creneau:{route.destination}"
