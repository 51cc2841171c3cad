"""Item 51 of the checklist: for every type, every interaction and two partners, one never sees nor changes the other's.

Each cell of the matrix is made from the registry. That the owner does see it by the same request is asked too: what is
hidden must have been there. `test_no_trace.py` asks the same byte by byte.
"""

import json
from dataclasses import replace

import pytest

from fhir_server.app import create_app
from fhir_server.bootstrap import Services
from fhir_server.kernel.actor import Actor
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries
from fhir_server.settings import Settings
from tests.contract.isolation import BY_ID, CHANGES, OWN, SHARED, Asker, made, told

OWNER, OTHER, TERRITORY = "demo-vendor", "demo-vendor-2", "demo-coordinator"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """All that is asked is asked at once."""
    return replace(settings, requests_per_second=0)


@pytest.fixture
def askers(services: Services) -> dict[str, Asker]:
    client = create_app(services).test_client()
    return {name: Asker(client, services, name) for name in (OWNER, OTHER, TERRITORY)}


@pytest.mark.parametrize("type_name", OWN)
def test_nobody_changes_anothers(services: Services, askers: dict[str, Asker], type_name: str) -> None:
    thing = made(services, type_name, Actor(OWNER))
    for way in (CHANGES | BY_ID).values():
        way.ask(askers[OTHER], thing)

    answer = askers[OWNER]("GET", f"{type_name}/{thing.id}")
    assert ('W/"1"', thing.content) == (answer.headers["ETag"], json.loads(answer.data))


@pytest.mark.parametrize("type_name", OWN)
def test_the_territory_changes_all(services: Services, askers: dict[str, Asker], type_name: str) -> None:
    thing = made(services, type_name, Actor(OWNER))

    assert CHANGES["patch"].ask(askers[TERRITORY], thing).status_code == 200


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
    for name, way in (CHANGES | BY_ID).items():
        if not name.startswith("update where"):
            assert way.ask(askers[OTHER], thing).status_code in (403, 412), name

    assert 'W/"1"' == askers[OTHER]("GET", f"{type_name}/{thing.id}").headers["ETag"]
