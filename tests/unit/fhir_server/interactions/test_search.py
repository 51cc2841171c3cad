"""The searchset Bundle: links, modes, totals, and what was ignored."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.search import search
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import FhirError
from fhir_server.search.query import parse
from fhir_server.storage.unit_of_work import Store
from tests import builders

BASE = "https://s.example/fhir"


@pytest.fixture
def store(services: Services) -> Store:
    for number in range(3):
        text = f"Rendez-vous n° {number}"
        create(services.store, SYSTEM, "Schedule", builders.schedule(comment=text))
    return services.store


def bundle(store: Store, parameters: str) -> dict[str, Any]:
    return find(store, "Schedule", parameters)


def find(store: Store, type_name: str, parameters: str) -> dict[str, Any]:
    query = parse(type_name, parse_qsl(parameters), base_url=BASE)
    found: dict[str, Any] = json.decode(search(store, SYSTEM, query, BASE))
    Bundle.model_validate(found)
    return found


def links(found: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in found["link"]}


def test_a_match_has_its_address_and_its_stored_text(store: Store) -> None:
    found = bundle(store, "_count=1&_total=accurate")

    (entry,) = found["entry"]
    assert ("searchset", 3) == (found["type"], found["total"])
    assert f"{BASE}/Schedule/{entry['resource']['id']}" == entry["fullUrl"]
    assert ("match", "Rendez-vous n° 0") == (entry["search"]["mode"], entry["resource"]["comment"])


def test_the_next_link_leads_to_the_end(store: Store) -> None:
    seen, parameters = [], "_count=1"
    for _ in range(3):
        found = bundle(store, parameters)
        seen += [entry["resource"]["comment"] for entry in found["entry"]]
        parameters = urlsplit(links(found).get("next", "")).query

    assert ["Rendez-vous n° 0", "Rendez-vous n° 1", "Rendez-vous n° 2"] == seen
    assert "" == parameters


def test_the_self_link_shows_what_was_honoured(store: Store) -> None:
    found = bundle(store, "actor=HealthcareService/csnp&nonsense=1&_format=json&active:missing=true")

    assert f"{BASE}/Schedule?actor=HealthcareService/csnp&active:missing=true" == links(found)["self"]


def test_what_was_ignored_is_an_outcome_entry(store: Store) -> None:
    *matches, outcome = bundle(store, "nonsense=1")["entry"]

    assert 3 == len(matches)
    assert "outcome" == outcome["search"]["mode"]
    assert ["warning"] == [issue["severity"] for issue in outcome["resource"]["issue"]]


def test_nothing_found_is_an_empty_bundle(store: Store) -> None:
    found = bundle(store, "actor=HealthcareService/none")

    assert (0, False) == (found["total"], "entry" in found)


def test_a_summary_is_shown_of_every_resource(store: Store) -> None:
    (entry, *_) = bundle(store, "_summary=true")["entry"]

    assert "comment" not in entry["resource"]
    assert ["SUBSETTED"] == [tag["code"] for tag in entry["resource"]["meta"]["tag"]]


def test_elements_are_those_of_the_matches(store: Store) -> None:
    create(store, SYSTEM, "Location", {"resourceType": "Location", "name": "Centre", "description": "Rez"})
    (centre,) = find(store, "Location", "")["entry"]
    place = {"reference": f"Location/{centre['resource']['id']}"}
    create(store, SYSTEM, "Schedule", builders.schedule(actor=[place], comment="x", active=True))

    found = bundle(store, f"actor={place['reference']}&_elements=comment&_include=Schedule:actor")
    match, include = (entry["resource"] for entry in found["entry"])

    assert {"resourceType", "id", "meta", "actor", "comment", "active"} >= set(match)
    assert {"SUBSETTED"} == {tag["code"] for tag in match["meta"]["tag"]}
    assert ("Rez", False) == (include["description"], "tag" in include["meta"])


def test_a_circle_of_includes_stops_and_is_told(store: Store) -> None:
    task = {"resourceType": "Task", "status": "ready", "intent": "order"}
    update(store, SYSTEM, "Task", "t1", {**task, "id": "t1", "partOf": [{"reference": "Task/t2"}]}, None)
    update(store, SYSTEM, "Task", "t2", {**task, "id": "t2", "partOf": [{"reference": "Task/t1"}]}, None)

    *_, outcome = find(store, "Task", "_id=t1&_include:iterate=Task:part-of")["entry"]
    once = find(store, "Task", "_id=t1&_include=Task:part-of")["entry"]

    assert [("information", "informational")] == [(i["severity"], i["code"]) for i in outcome["resource"]["issue"]]
    assert ["match", "include"] == [entry["search"]["mode"] for entry in once]


def test_a_cursor_opens_for_who_got_it_only(store: Store) -> None:
    first = search(store, Actor("a"), parse("Schedule", [("_count", "1")]), BASE)
    cursor = dict(parse_qsl(urlsplit(links(json.decode(first))["next"]).query))["_cursor"]
    query = parse("Schedule", [("_count", "1"), ("_cursor", cursor)])

    search(store, Actor("a"), query, BASE)
    with pytest.raises(FhirError):
        search(store, Actor("b"), query, BASE)
