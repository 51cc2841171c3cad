"""`ServiceRequest/$match`: the open slots that meet a need best, each with its reasons. It proposes, a person decides.

Nothing is written. A slot that is proposed is one that the actor may take at that moment: docs/match.md.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fhir_server.interactions import match_answer, match_facts, match_need
from fhir_server.interactions.match_asked import Asked, asked
from fhir_server.interactions.match_need import Subject
from fhir_server.interactions.read import read as read_stored
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.kernel.paths import first
from fhir_server.orientation.communes import Communes
from fhir_server.orientation.model import Need, Tier
from fhir_server.orientation.ranking import rank
from fhir_server.storage.unit_of_work import Store

Json = dict[str, Any]


def match_slots(
    store: Store,
    actor: Actor,
    id_: str | None,
    body: Json | None,
    query: Iterable[tuple[str, str]],
    *,
    communes: Communes,
    may_read: Callable[[str], bool],
    base_url: str,
) -> Json:
    """A searchset Bundle of Slots, the best first, and an outcome that says what was looked for.

    `may_read` says whether the patient and the place that the request names may be read for it. Raises FhirError:
    REQUIRED without a request, NOT_FOUND for one that is not there, VALUE and BUSINESS_RULE for what cannot be looked
    for, and what `gates.validate` finds.
    """
    query = tuple(query)
    wanted = asked(query, body)
    request = _request(store, actor, id_, wanted)
    subject = Subject(
        _referred(store, actor, request, "Patient", first(request, "subject.reference"), may_read),
        _referred(store, actor, request, "Location", first(request, "locationReference.reference"), may_read),
    )
    need = match_need.need(request, subject, wanted, communes, store.database.clock())
    path = f"ServiceRequest/{id_}/$match" if id_ else "ServiceRequest/$match"
    return _answer(store, actor, need, communes, wanted, f"{base_url}/{path}", query)


def _request(store: Store, actor: Actor, id_: str | None, wanted: Asked) -> Json:
    if id_ is None:
        if wanted.resource is None:
            raise fault(Category.REQUIRED, "A ServiceRequest is needed: the parameter resource.", "resource")
        return wanted.resource
    if wanted.resource is not None:
        raise fault(Category.VALUE, "The request is named by the address: no resource is taken beside it.", "resource")
    return read_stored(store, actor, "ServiceRequest", id_).content()


def _referred(
    store: Store, actor: Actor, request: Json, type_name: str, reference: str | None, may_read: Callable[[str], bool]
) -> Json:
    """The resource that the request refers to, or contains; empty when it is not here for the actor."""
    text = reference or ""
    if text.startswith("#"):
        held = [one for one in request.get("contained", ()) if one.get("id") == text[1:]]
        return next((one for one in held if one.get("resourceType") == type_name), {})
    if not text.startswith(f"{type_name}/") or not may_read(type_name):
        return {}
    try:
        return read_stored(store, actor, type_name, text.removeprefix(f"{type_name}/")).content()
    except FhirError:
        return {}


def _answer(
    store: Store,
    actor: Actor,
    need: Need,
    communes: Communes,
    wanted: Asked,
    address: str,
    query: Iterable[tuple[str, str]],
) -> Json:
    connection = store.read()
    found = match_facts.gather(connection, actor, need, communes, is_remote=False)
    ranking = rank(need, found.candidates, wanted.count)
    near = [one for one in ranking.proposals if one.tier is Tier.NEAR]
    if need.accepts_remote and len(near) < wanted.count:
        found = found.joined(match_facts.gather(connection, actor, need, communes, is_remote=True))
        ranking = rank(need, found.candidates, wanted.count)
    notes = match_answer.notes(need, ranking, too_far=found.too_far, is_cut=found.is_cut)
    return match_answer.bundle(need, ranking, found.slots, notes, address, query)
