"""All the ways to a resource that a partner has, from the registries: what the tests of isolation ask by.

A new type, interaction, search parameter or operation is asked without a word here; a new route, or an operation that
names resources in its body, has to be given a row (`test_no_trace.py` says so).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.json import encode
from fhir_server.registry import ins
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries
from tests.contract.bundles import bundle, entry
from tests.samples.questions import samples

FHIR, FORM, PATCH = "application/fhir+json", "application/x-www-form-urlencoded", "application/json-patch+json"
EVERYTHING = f"system/*.cruds {ins.SCOPE}"

OWN = [name for name, row in RESOURCES.items() if row.audience == "own" and not row.is_ledger]
SHARED = [name for name, row in RESOURCES.items() if row.audience == "catalogue" and "update" in row.interactions]
_PROPOSAL = re.compile(r"[A-Za-z0-9_.-]{30,64}")
#: An id that nothing has.
GHOST = "01m80r6vk5rbynfmvzdbhv5wzz"


@dataclass(frozen=True)
class Thing:
    """A resource of a partner's."""

    type: str
    id: str
    content: dict[str, Any]

    @property
    def ghost(self) -> "Thing":
        """The same, of an id that nothing has."""
        return replace(self, id=GHOST, content=self.content | {"id": GHOST})


@dataclass
class Asker:
    """A partner with a token for these scopes."""

    client: FlaskClient
    services: Services
    client_id: str
    scopes: str = EVERYTHING

    def __call__(self, method: str, path: str, body: Any = None, media: str = FHIR, **headers: str) -> TestResponse:
        settings = self.services.settings
        token = tokens.issue(
            self.services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id=self.client_id,
            scopes=Scopes.parse(self.scopes),
            seconds=300,
        )
        sent = {"Authorization": f"Bearer {token}", "Content-Type": media}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, str) else encode(body)
        address = path if path.startswith("/") else f"/fhir/{path}"
        return self.client.open(address, method=method, data=data, headers=sent)


Ask = Callable[[Asker, Thing], TestResponse]


@dataclass(frozen=True)
class Way:
    """One way to a resource."""

    ask: Ask
    #: The endpoint of the application that it goes by.
    endpoint: str
    #: The interaction that shows the resource to who may see it; empty where its id need not stand in the answer.
    shows: str = ""


def _get(path: str, **headers: str) -> Ask:
    return lambda ask, it: ask("GET", path.format(type=it.type, id=it.id), **headers)


def _form(path: str, form: str) -> Ask:
    return lambda ask, it: ask("POST", path.format(type=it.type, id=it.id), form.format(type=it.type, id=it.id), FORM)


def _bundled(kind: str, path: str) -> Ask:
    return lambda ask, it: ask("POST", "", bundle(kind, entry("GET", path.format(type=it.type, id=it.id))))


#: What reads: of each, an answer about another's resource is that about none.
LOOKS: Mapping[str, Way] = {
    "read": Way(_get("{type}/{id}"), "fhir.read", "read"),
    "read as XML": Way(_get("{type}/{id}?_format=xml"), "fhir.read", "read"),
    "head": Way(lambda ask, it: ask("HEAD", f"{it.type}/{it.id}"), "fhir.read"),
    "read if changed": Way(_get("{type}/{id}", If_None_Match='W/"1"'), "fhir.read"),
    "read if modified": Way(_get("{type}/{id}", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT"), "fhir.read"),
    "vread": Way(_get("{type}/{id}/_history/1"), "fhir.vread", "vread"),
    "vread of the next": Way(_get("{type}/{id}/_history/2"), "fhir.vread"),
    "history": Way(_get("{type}/{id}/_history"), "fhir.history", "history-instance"),
    "history since": Way(_get("{type}/{id}/_history?_since=2020-01-01"), "fhir.history", "history-instance"),
    "history of the type": Way(_get("{type}/_history?_count=1000"), "fhir.history_of_type", "history-type"),
    "count of versions": Way(_get("{type}/_history?_summary=count"), "fhir.history_of_type"),
    "versions since": Way(_get("{type}/_history?_since=2020-01-01"), "fhir.history_of_type", "history-type"),
    "versions at": Way(_get("{type}/_history?_at=ge2020-01-01&_count=9"), "fhir.history_of_type"),
    "history of all": Way(_get("_history?_count=1000"), "fhir.history_of_everything", "history-type"),
    "search": Way(_get("{type}?_count=1000"), "fhir.search", "search-type"),
    "search by id": Way(_get("{type}?_id={id}"), "fhir.search", "search-type"),
    "search by absence": Way(_get("{type}?_tag:missing=true&_count=1000"), "fhir.search"),
    "search, sorted": Way(_get("{type}?_sort=-_lastUpdated&_count=1000"), "fhir.search", "search-type"),
    "search, part": Way(_get("{type}?_elements=id&_count=1000"), "fhir.search", "search-type"),
    "count": Way(_get("{type}?_id={id}&_summary=count"), "fhir.search"),
    "total": Way(_get("{type}?_total=accurate&_count=1"), "fhir.search"),
    "search by form": Way(_form("{type}/_search", "_id={id}"), "fhir.search_by_form", "search-type"),
    "search of all": Way(_get("?_type={type}&_id={id}"), "fhir.search_everything", "search-type"),
    "search of all by form": Way(
        _form("_search", "_type={type}&_id={id}"), "fhir.search_everything_by_form", "search-type"
    ),
    "compartment": Way(_get("Patient/{id}/*?_count=1000"), "fhir.search_compartment"),
    "compartment of its type": Way(_get("{type}/{id}/Appointment"), "fhir.search_compartment"),
    "compartment by form": Way(_form("{type}/{id}/_search", ""), "fhir.search_compartment_by_form"),
    "batch": Way(_bundled("batch", "{type}/{id}"), "fhir.bundle", "read"),
    "batch of searches": Way(_bundled("batch", "{type}?_id={id}"), "fhir.bundle", "search-type"),
    "batch of histories": Way(_bundled("batch", "{type}/{id}/_history"), "fhir.bundle", "history-instance"),
    "transaction": Way(_bundled("transaction", "{type}?_id={id}"), "fhir.bundle", "search-type"),
    "transaction of reads": Way(_bundled("transaction", "{type}/{id}"), "fhir.bundle", "read"),
    "SAS slot": Way(_get("/sas/Slot/{id}"), "sas.read Slot"),
    "SAS slots": Way(_get("/sas/Slot?_id={id}"), "sas.search /Slot"),
    "SAS slots/": Way(_get("/sas/Slot/?_id={id}"), "sas.search /Slot/"),
    "SAS schedule": Way(_get("/sas/Schedule/{id}"), "sas.read Schedule"),
    "SAS schedules": Way(_get("/sas/Schedule?_id={id}"), "sas.search /Schedule"),
    "SAS schedules/": Way(_get("/sas/Schedule/?_id={id}"), "sas.search /Schedule/"),
    "SAS person": Way(_get("/sas/Practitioner/{id}"), "sas.read Practitioner"),
    "SAS persons": Way(_get("/sas/Practitioner?_id={id}"), "sas.search /Practitioner"),
    "SAS persons/": Way(_get("/sas/Practitioner/?_id={id}"), "sas.search /Practitioner/"),
    "SAS account": Way(
        lambda ask, it: ask("DELETE", f"/sas/Practitioner/{it.id}"),
        "sas_regulators.delete",
    ),
}

_ADD = [{"op": "add", "path": "/language", "value": "fr"}]


def _changed(it: Thing) -> dict[str, Any]:
    return it.content | {"language": "fr"}


#: What changes a resource, if it is there for who asks; else the answer is that about none.
CHANGES: Mapping[str, Way] = {
    "patch": Way(lambda ask, it: ask("PATCH", f"{it.type}/{it.id}", _ADD, PATCH, If_Match='W/"1"'), "fhir.patch"),
    "patch where": Way(
        lambda ask, it: ask("PATCH", f"{it.type}?_id={it.id}", _ADD, PATCH, If_Match='W/"1"'), "fhir.patch_where"
    ),
    "update where, if there": Way(
        lambda ask, it: ask("PUT", f"{it.type}?_id={it.id}", nameless(it), If_Match='W/"1"'), "fhir.update_where"
    ),
    "delete where": Way(lambda ask, it: ask("DELETE", f"{it.type}?_id={it.id}"), "fhir.delete_where"),
    "delete in a transaction": Way(
        lambda ask, it: ask("POST", "", bundle("transaction", entry("DELETE", f"{it.type}?_id={it.id}"))),
        "fhir.bundle",
    ),
}

#: What writes under the id that it names: all ids of a type are one space, so that who chooses one may learn that it
#: is taken. Nothing more: see docs/decisions/0026-isolation.md.
BY_ID: Mapping[str, Way] = {
    "update": Way(lambda ask, it: ask("PUT", f"{it.type}/{it.id}", _changed(it)), "fhir.update"),
    "update of a version": Way(
        lambda ask, it: ask("PUT", f"{it.type}/{it.id}", _changed(it), If_Match='W/"1"'), "fhir.update"
    ),
    "update of another version": Way(
        lambda ask, it: ask("PUT", f"{it.type}/{it.id}", _changed(it), If_Match='W/"7"'), "fhir.update"
    ),
    "update if none": Way(
        lambda ask, it: ask("PUT", f"{it.type}/{it.id}", _changed(it), If_None_Match="*"), "fhir.update"
    ),
    "delete": Way(lambda ask, it: ask("DELETE", f"{it.type}/{it.id}"), "fhir.delete"),
    "delete of another version": Way(
        lambda ask, it: ask("DELETE", f"{it.type}/{it.id}", If_Match='W/"7"'), "fhir.delete"
    ),
    "update where": Way(lambda ask, it: ask("PUT", f"{it.type}?_tag=urn:none|none", _changed(it)), "fhir.update_where"),
}

#: What creates beside what is another's, as though that was not there.
CREATES: Mapping[str, Way] = {
    "create": Way(lambda ask, it: ask("POST", it.type, nameless(it)), "fhir.create"),
    "create if none": Way(
        lambda ask, it: ask("POST", it.type, nameless(it), If_None_Exist=f"_id={it.id}"), "fhir.create"
    ),
    "create once": Way(
        lambda ask, it: ask("POST", it.type, nameless(it), Idempotency_Key=f"one-{it.type}"), "fhir.create"
    ),
}


def nameless(it: Thing) -> dict[str, Any]:
    """What it says, without an id and without a slot."""
    return {name: value for name, value in it.content.items() if name not in ("id", "slot")}


#: Operation -> the bodies by which it may be asked about a resource: path and Parameters, or a resource.
BODIES: Mapping[str, Callable[[Thing], Iterator[tuple[str, Any]]]] = {
    "validate": lambda it: iter(
        [
            (f"{it.type}/{it.id}/$validate?mode=update", it.content),
            (f"{it.type}/{it.id}/$validate?mode=delete", None),
            (f"{it.type}/$validate?mode=create", nameless(it)),
        ]
    ),
    "translate": lambda it: iter([(f"ConceptMap/{it.id}/$translate", _asked(("code", "valueCode", "x")))]),
    "match": lambda it: iter([(f"{it.type}/{it.id}/$match", None), ("ServiceRequest/$match", _need(it))]),
    "find": lambda it: iter(
        [
            ("Appointment/$find", window(("patient-reference", "valueReference", _reference(it)))),
            ("Appointment/$find", window(("practitioner", "valueReference", _reference(it)))),
            ("Appointment/$find", window(("organization", "valueReference", _reference(it)))),
            ("Appointment/$find", window(("location-reference", "valueReference", _reference(it)))),
            *(
                ("Appointment/$find", window(("referral-identifier", "valueIdentifier", number)))
                for number in it.content.get("identifier", ())[:1]
            ),
        ]
    ),
    "hold": lambda it: iter(
        [("Appointment/$hold", _asked(("appointment-reference", "valueReference", _reference(it))))]
    ),
    "book": lambda it: iter(
        [
            ("Appointment/$book", _asked(("appointment-reference", "valueReference", _reference(it)))),
            ("Appointment/$book", _asked(("appointment-resource", "resource", _cancelled(it)))),
        ]
    ),
}


def _asked(*parts: tuple[str, str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": name, kind: value} for name, kind, value in parts]}


def window(*parts: tuple[str, str, Any]) -> dict[str, Any]:
    """The Parameters of a search for an appointment on one of two days."""
    days = (("start", "valueDateTime", "2026-03-03"), ("end", "valueDateTime", "2026-03-04"))
    return _asked(*days, *parts)


def _reference(it: Thing) -> dict[str, Any]:
    return {"reference": f"{it.type}/{it.id}"}


def _need(it: Thing) -> dict[str, Any]:
    subject = {"reference": f"Patient/{it.id}"}
    return {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": subject}


def _cancelled(it: Thing) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": it.id,
        "status": "cancelled",
        "cancelationReason": {"text": "x"},
        "participant": [{"status": "accepted", "actor": {"display": "x"}}],
    }


def operations(it: Thing) -> Iterator[tuple[str, Ask]]:
    """Each operation at each level by each method, and those that name resources in their bodies."""
    for name in OPERATIONS:
        for path in (f"${name}", f"{it.type}/${name}", f"{it.type}/{it.id}/${name}"):
            yield f"GET {path}", lambda ask, _, path=path: ask("GET", path)  # type: ignore[misc]
            yield f"POST {path}", lambda ask, _, path=path: ask("POST", path)  # type: ignore[misc]
    for rows in BODIES.values():
        for path, body in rows(it):
            yield path, lambda ask, _, path=path, body=body: ask("POST", path, body)  # type: ignore[misc]


def made(services: Services, type_name: str, owner: Actor, number: int = 0, **others: Any) -> Thing:
    """A resource of the owner's, the sample of that number, and the shared ones that it refers to."""
    sample = samples(type_name)[number] | others
    for name, id_ in referred(type_name, sample):
        content = samples(name)[0] | {"id": id_}
        update(services.store, SYSTEM, name, id_, content, None)
    stored = create(services.store, owner, type_name, sample)
    return Thing(type_name, stored.id, stored.content())


def referred(type_name: str, sample: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Shared resources that a sample refers to."""
    found = (
        target
        for parameter in parameters(type_name).values()
        if parameter.kind == "reference"
        for target in entries(parameter, sample)
    )
    yield from sorted({it for it in found if it[0] in SHARED and RESOURCES[it[0]].is_created_by_update})


def told(answer: TestResponse, thing: Thing) -> bool:
    """Whether an answer says anything of it: its id stands in it, other than in the address that was asked for."""
    return answer.status_code < 300 and f'"{thing.id}"' in answer.get_data(as_text=True)


def signature(answer: TestResponse, it: Thing) -> tuple[int, str, dict[str, str]]:
    """All that an answer says, whichever id was asked for."""
    kept = {name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "Date")}
    # The id of a proposal is sealed anew each time.
    text = _PROPOSAL.sub("PROPOSAL", answer.get_data(as_text=True))
    return answer.status_code, text.replace(it.id, "ID"), {k: v.replace(it.id, "ID") for k, v in kept.items()}


def shown(answer: TestResponse) -> set[str]:
    """Ids of the resources in a Bundle."""
    return {one["resource"].get("id", "") for one in json.loads(answer.data).get("entry", ()) if "resource" in one}
