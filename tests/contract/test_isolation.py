"""Item 51 of the checklist: for every type, every interaction and two partners, one never sees nor changes the other's.

Each cell of the matrix is made from the registry. That the owner does see it by the same request is asked too: what is
hidden must have been there.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir_server.app import create_app
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.json import encode
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries
from tests.contract.bundles import bundle, entry
from tests.samples.questions import samples

OWNER, OTHER, TERRITORY = "demo-vendor", "demo-vendor-2", "demo-coordinator"
FHIR, FORM = "application/fhir+json", "application/x-www-form-urlencoded"

OWN = [name for name, row in RESOURCES.items() if row.audience == "own" and not row.is_ledger]
SHARED = [name for name, row in RESOURCES.items() if row.audience == "catalogue" and "update" in row.interactions]
#: Nothing of the kind, or nothing of the kind for anybody.
ABSENT = (404, 405)


@dataclass(frozen=True)
class Thing:
    """A resource of the owner's."""

    type: str
    id: str
    content: dict[str, Any]


@dataclass
class Asker:
    """A partner with every scope."""

    client: FlaskClient
    services: Services
    client_id: str

    def __call__(self, method: str, path: str, body: Any = None, media: str = FHIR, **headers: str) -> TestResponse:
        settings = self.services.settings
        token = tokens.issue(
            self.services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id=self.client_id,
            scopes=Scopes.parse("system/*.cruds"),
            seconds=300,
        )
        sent = {"Authorization": f"Bearer {token}", "Content-Type": media}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, str) else encode(body)
        return self.client.open(f"/fhir/{path}", method=method, data=data, headers=sent)


Look = Callable[[Asker, Thing], TestResponse]

#: What shows a resource, if it is there for who asks.
LOOKS: dict[str, Look] = {
    "read": lambda ask, it: ask("GET", f"{it.type}/{it.id}"),
    "vread": lambda ask, it: ask("GET", f"{it.type}/{it.id}/_history/1"),
    "history-instance": lambda ask, it: ask("GET", f"{it.type}/{it.id}/_history"),
    "history-type": lambda ask, it: ask("GET", f"{it.type}/_history?_count=1000"),
    "history-system": lambda ask, it: ask("GET", "_history?_count=1000"),
    "search-type": lambda ask, it: ask("GET", f"{it.type}?_count=1000"),
    "search by id": lambda ask, it: ask("GET", f"{it.type}?_id={it.id}"),
    "search by form": lambda ask, it: ask("POST", f"{it.type}/_search", f"_id={it.id}", FORM),
    "search-system": lambda ask, it: ask("GET", f"?_type={it.type}&_id={it.id}"),
    "search, sorted": lambda ask, it: ask("GET", f"{it.type}?_sort=-_lastUpdated&_count=1000"),
    "batch": lambda ask, it: ask("POST", "", bundle("batch", entry("GET", f"{it.type}/{it.id}"))),
    "batch of a search": lambda ask, it: ask("POST", "", bundle("batch", entry("GET", f"{it.type}?_id={it.id}"))),
    "transaction": lambda ask, it: ask("POST", "", bundle("transaction", entry("GET", f"{it.type}?_id={it.id}"))),
}

#: What changes a resource, if it is there for who asks.
CHANGES: dict[str, Look] = {
    "update": lambda ask, it: ask("PUT", f"{it.type}/{it.id}", it.content | {"language": "fr"}, If_Match='W/"1"'),
    "patch": lambda ask, it: ask(
        "PATCH",
        f"{it.type}/{it.id}",
        [{"op": "add", "path": "/language", "value": "fr"}],
        "application/json-patch+json",
        If_Match='W/"1"',
    ),
    "delete": lambda ask, it: ask("DELETE", f"{it.type}/{it.id}"),
    "patch where": lambda ask, it: ask(
        "PATCH",
        f"{it.type}?_id={it.id}",
        [{"op": "add", "path": "/language", "value": "fr"}],
        "application/json-patch+json",
        If_Match='W/"1"',
    ),
    "validate a change": lambda ask, it: ask("POST", f"{it.type}/{it.id}/$validate?mode=update", it.content),
}


@pytest.fixture
def askers(services: Services) -> dict[str, Asker]:
    client = create_app(services).test_client()
    return {name: Asker(client, services, name) for name in (OWNER, OTHER, TERRITORY)}


def made(services: Services, type_name: str, owner: Actor) -> Thing:
    """A resource of the owner's, and the shared ones that it refers to."""
    sample = samples(type_name)[0]
    for name, id_ in referred(type_name, sample):
        content = samples(name)[0] | {"id": id_}
        update(services.store, SYSTEM, name, id_, content, None)
    stored = create(services.store, owner, type_name, sample)
    return Thing(type_name, stored.id, stored.content())


def referred(type_name: str, sample: dict[str, Any]) -> Iterator[tuple[str, str]]:
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


@pytest.mark.parametrize("type_name", OWN)
def test_nobody_sees_anothers(services: Services, askers: dict[str, Asker], type_name: str) -> None:
    thing = made(services, type_name, Actor(OWNER))
    reads = {"read", "vread", "history-instance"}
    for name, look in LOOKS.items():
        if name.startswith("history") and name != "history-system" and name not in RESOURCES[type_name].interactions:
            continue
        shown = {who: look(ask, thing) for who, ask in askers.items()}

        assert [True, False, True] == [told(shown[who], thing) for who in (OWNER, OTHER, TERRITORY)], name
        if name in reads:
            assert 404 == shown[OTHER].status_code, name


@pytest.mark.parametrize("type_name", OWN)
def test_nobody_counts_anothers(services: Services, askers: dict[str, Asker], type_name: str) -> None:
    thing = made(services, type_name, Actor(OWNER))
    counts = [
        json.loads(ask("GET", f"{thing.type}?_id={thing.id}&_summary=count").data)["total"] for ask in askers.values()
    ]

    assert [1, 0, 1] == counts


@pytest.mark.parametrize("type_name", OWN)
def test_nobody_changes_anothers(services: Services, askers: dict[str, Asker], type_name: str) -> None:
    thing = made(services, type_name, Actor(OWNER))
    for name, change in CHANGES.items():
        answer = change(askers[OTHER], thing)

        assert answer.status_code in ABSENT, (name, answer.get_data(as_text=True))
    askers[OTHER]("DELETE", f"{type_name}?_id={thing.id}")
    askers[OTHER]("PUT", f"{type_name}?_id={thing.id}", {k: v for k, v in thing.content.items() if k != "id"})

    assert 'W/"1"' == askers[OWNER]("GET", f"{type_name}/{thing.id}").headers["ETag"]


@pytest.mark.parametrize("type_name", OWN)
def test_nobody_reaches_anothers_by_what_it_refers_to(
    services: Services, askers: dict[str, Asker], type_name: str
) -> None:
    """By `_revinclude` and `_has`, from each shared resource that it refers to by each parameter."""
    thing = made(services, type_name, Actor(OWNER))
    for code, parameter in parameters(type_name).items():
        if parameter.kind != "reference":
            continue
        for target, id_ in entries(parameter, thing.content):
            if target not in SHARED or not RESOURCES[target].is_created_by_update:
                continue
            brought = f"{target}?_id={id_}&_revinclude={type_name}:{code}"
            meant = f"{target}?_id={id_}&_has:{type_name}:{code}:_id={thing.id}&_summary=count"

            assert [True, False] == [told(askers[who]("GET", brought), thing) for who in (OWNER, OTHER)], code
            assert [1, 0] == [json.loads(askers[who]("GET", meant).data)["total"] for who in (OWNER, OTHER)], code


@pytest.mark.parametrize("type_name", SHARED)
def test_what_is_shared_is_changed_by_its_maker_alone(
    services: Services, askers: dict[str, Asker], type_name: str
) -> None:
    thing = made(services, type_name, Actor(OWNER))
    for name in ("update", "patch", "delete", "patch where"):
        assert 403 == CHANGES[name](askers[OTHER], thing).status_code, name

    assert 'W/"1"' == askers[OTHER]("GET", f"{type_name}/{thing.id}").headers["ETag"]
