"""Item 51 of the checklist, the other half: what is another's is as though it never was.

An answer about it is compared with the answer about an id that nothing has: status, headers and every byte. So nothing
is told by a way that nobody thought of. `isolation.py` makes the ways from the registries.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from fhir_server.app import create_app
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.succession import pointed
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import REGULATORS, RESOURCES, SYSTEM_INTERACTIONS
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries
from fhir_server.settings import Settings
from fhir_server.storage.audit_seal import seal_all
from tests import builders
from tests.contract import isolation
from tests.contract.isolation import (
    BODIES,
    BY_ID,
    CHANGES,
    CREATES,
    LOOKS,
    OWN,
    Asker,
    Thing,
    made,
    shown,
    signature,
    told,
)
from tests.samples.questions import questions, samples

VENDOR, RIVAL, SAMU, SAS = "demo-vendor", "demo-vendor-2", "demo-samu", "demo-sas"
AGENDA, COORDINATOR, AUDITOR = "demo-agenda", "demo-coordinator", "demo-auditor"
#: Owner and asker. The first is asked by every way; what may differ between partners, by those that read.
PAIRS = ((VENDOR, RIVAL), (VENDOR, SAMU), (SAMU, VENDOR), (SAMU, SAS), (SAS, SAMU))
KEPT = {
    "extension": [
        {
            "url": "urn:creneau:StructureDefinition:slot-direct-access",
            "extension": [{"url": "holder", "valueCode": "samu"}],
        }
    ]
}
#: Routes that tell of no resource, and why none needs a way.
OTHERWISE = {
    "about": "what the server is",
    "sas.metadata": "and at the base of SAS",
    "well_known": "its metadata and public keys",
    "oauth": "the caller's own tokens: test_token_life.py",
}
#: Writes of the accounts of SAS: test_sas_regulators.py.
ACCOUNTS = {"sas_regulators.create", "sas_regulators.update_where"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """All that is asked is asked at once."""
    return replace(settings, requests_per_second=0)


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def asker(services: Services, app: Flask) -> Any:
    client = app.test_client()
    return lambda who, scopes=isolation.EVERYTHING: Asker(client, services, who, scopes)


def each_of(services: Services, owner: str) -> list[Thing]:
    """One of the owner's of each type that is nobody else's."""
    return [made(services, name, Actor(owner)) for name in OWN]


def kept_slot(services: Services, *, is_gone: bool = False) -> Thing:
    """A slot that an agenda keeps for the regulation centre, or did until it was deleted."""
    agenda = Actor(AGENDA)
    update(services.store, agenda, "Schedule", "csnp", builders.schedule(id="csnp"), None)
    start, end = (f"2026-03-03T09:{minute}:00+01:00" for minute in (("30", "45") if is_gone else ("00", "15")))
    stored = create(services.store, agenda, "Slot", builders.slot(start=start, end=end, **KEPT))
    if is_gone:
        delete(services.store, agenda, "Slot", stored.id, None)
    return Thing("Slot", stored.id, stored.content())


def account(services: Services) -> Thing:
    """A regulator's account, which only the platform of SAS may know, at its own base."""
    number = {"system": "urn:oid:1.2.250.1.213.3.6", "value": "a-1"}
    regulators = Actor(REGULATORS)
    stored = create(
        services.store, regulators, "Practitioner", {"resourceType": "Practitioner", "identifier": [number]}
    )
    return Thing("Practitioner", stored.id, stored.content())


def ways(it: Thing) -> Iterator[tuple[str, isolation.Ask]]:
    """Every way that leaves things as they are when there is nothing."""
    yield from ((name, way.ask) for name, way in (LOOKS | CHANGES).items())
    yield from isolation.operations(it)


def traces(ask: Asker, it: Thing) -> list[str]:
    """The ways by which an answer about it differs from one about nothing."""
    pairs = zip(ways(it), ways(it.ghost), strict=True)
    return [
        f"{it.type}: {name}"
        for (name, way), (_, same) in pairs
        if signature(way(ask, it), it) != signature(same(ask, it.ghost), it.ghost)
    ]


def test_every_route_and_interaction_has_a_way(app: Flask) -> None:
    served = {rule.endpoint for rule in app.url_map.iter_rules()}
    asked = {way.endpoint for way in (*LOOKS.values(), *CHANGES.values(), *BY_ID.values(), *CREATES.values())}
    asked |= {"fhir.operate", *ACCOUNTS}
    others = {one for one in served if one in OTHERWISE or one.partition(".")[0] in OTHERWISE}

    assert served == asked | others

    interactions = set().union(*(row.interactions for row in RESOURCES.values())) | SYSTEM_INTERACTIONS
    known = {way.shows for way in LOOKS.values() if way.shows} | SYSTEM_INTERACTIONS
    assert interactions - known == {"create", "update", "patch", "delete"}


def test_every_operation_that_names_resources_is_asked_to() -> None:
    naming = {
        name
        for name, row in OPERATIONS.items()
        for one in row.parameters
        if one.use == "in" and one.type in {"Reference", "Identifier", "Resource", *RESOURCES}
    }

    assert naming <= BODIES.keys()


def test_what_is_anothers_leaves_no_trace(services: Services, asker: Any, caplog: pytest.LogCaptureFixture) -> None:
    owner, other = PAIRS[0]
    things = [*each_of(services, owner), kept_slot(services), kept_slot(services, is_gone=True)]
    hidden = {it.id for it in things}
    with caplog.at_level(logging.DEBUG):
        assert [] == [trace for it in things for trace in traces(asker(other), it)]

    assert not any(id_ in caplog.text for id_ in hidden)


@pytest.mark.parametrize(("owner", "other"), PAIRS[1:])
def test_nor_for_any_other_partner(services: Services, asker: Any, owner: str, other: str) -> None:
    found = []
    for it in each_of(services, owner):
        for name, way in LOOKS.items():
            if signature(way.ask(asker(other), it), it) != signature(way.ask(asker(other), it.ghost), it.ghost):
                found.append(f"{it.type}: {name}")

    assert [] == found


def test_those_who_may_see_it_do_by_every_way(services: Services, asker: Any) -> None:
    things = each_of(services, VENDOR)
    missing = [
        f"{who} {it.type}: {name}"
        for who in (VENDOR, COORDINATOR)
        for it in things
        for name, way in LOOKS.items()
        if way.shows in RESOURCES[it.type].interactions and not told(way.ask(asker(who), it), it)
    ]

    assert [] == missing


def test_a_kept_slot_is_there_for_its_holder_its_maker_and_the_territory(services: Services, asker: Any) -> None:
    it = kept_slot(services)
    seen = {
        who: {told(LOOKS[name].ask(asker(who), it), it) for name in ("read", "vread", "history", "search", "batch")}
        for who in (VENDOR, SAS, SAMU, AGENDA, COORDINATOR)
    }

    assert seen == {VENDOR: {False}, SAS: {False}, SAMU: {True}, AGENDA: {True}, COORDINATOR: {True}}


def test_a_deleted_one_was_there_for_the_same(services: Services, asker: Any) -> None:
    it = kept_slot(services, is_gone=True)
    reads = {who: LOOKS["read"].ask(asker(who), it).status_code for who in (VENDOR, SAS, SAMU, AGENDA, COORDINATOR)}
    known = {
        who: it.id in LOOKS["history of the type"].ask(asker(who), it).get_data(as_text=True)
        for who in (VENDOR, SAS, SAMU, AGENDA, COORDINATOR)
    }

    assert reads == {VENDOR: 404, SAS: 404, SAMU: 410, AGENDA: 410, COORDINATOR: 410}
    assert known == {VENDOR: False, SAS: False, SAMU: True, AGENDA: True, COORDINATOR: True}


def test_a_regulators_account_is_there_for_nobody(services: Services, asker: Any) -> None:
    it = account(services)

    assert [] == [trace for who in (VENDOR, COORDINATOR, SAMU) for trace in traces(asker(who), it)]


def test_the_audit_trail_is_the_auditors_and_nothing_else_is(services: Services, asker: Any) -> None:
    things = [*each_of(services, VENDOR), made(services, "Schedule", Actor(AGENDA))]
    asker(VENDOR)("GET", f"Patient/{things[0].id}")
    auditor = asker(AUDITOR, "system/AuditEvent.rs")
    seal_all(services.store, services.settings.journal_folder, b"")
    event = json.loads(auditor("GET", "AuditEvent?_count=1").data)["entry"][0]["resource"]

    for who in (VENDOR, COORDINATOR, SAS):
        for name in ("read", "vread", "search by id", "count", "search of all", "batch", "transaction"):
            answer = LOOKS[name].ask(asker(who), Thing("AuditEvent", event["id"], event))
            assert not told(answer, Thing("AuditEvent", event["id"], event)), (who, name)
    seen = [f"{it.type}: {name}" for it in things for name, way in LOOKS.items() if told(way.ask(auditor, it), it)]
    assert [] == seen


def test_an_id_may_be_found_taken_and_nothing_else(services: Services, asker: Any) -> None:
    things = [*each_of(services, VENDOR), kept_slot(services), kept_slot(services, is_gone=True), account(services)]
    for it in things:
        for name, way in BY_ID.items():
            answer = way.ask(asker(RIVAL), it)
            text = answer.get_data(as_text=True)

            is_deleted_again = name.startswith("delete") and answer.status_code == 204
            assert answer.status_code in (404, 405) or is_deleted_again, (it.type, name, text)
            assert "ETag" not in answer.headers, (it.type, name)
            if answer.status_code == 404:
                assert json.loads(text)["issue"][0]["diagnostics"] == f"{it.type}/{it.id} does not exist."


def test_what_is_created_beside_it_is_new(services: Services, asker: Any) -> None:
    """By identifier, by condition, and by a key that another used: nobody is told what another has."""
    for it in each_of(services, VENDOR):
        asker(VENDOR)("POST", it.type, isolation.nameless(it), Idempotency_Key=f"one-{it.type}")
        for name, way in CREATES.items():
            for rival in (RIVAL, SAMU):
                answer = way.ask(asker(rival), it)
                # The same booking asked for again is the partner's own: told so by 200.
                assert answer.status_code in (200, 201), (it.type, name, answer.get_data(as_text=True))
                found = shown(asker(rival)("GET", f"{it.type}?_count=1000"))
                assert json.loads(answer.data)["id"] in found, (it.type, name)
                assert it.id not in found


@pytest.mark.parametrize("type_name", OWN)
def test_no_parameter_finds_it(services: Services, asker: Any, type_name: str) -> None:
    """Every search parameter of every type, by the values that the resources have."""
    things = [made(services, type_name, Actor(VENDOR), number) for number in range(len(samples(type_name)))]
    for code, parameter in parameters(type_name).items():
        for it in things:
            for question in list(questions(parameter, it.content))[:1]:
                query = "&".join(f"{name}={quote(value)}" for name, value in question.asked)
                answers = [asker(who)("GET", f"{type_name}?{query}&_count=1000") for who in (VENDOR, RIVAL)]

                assert it.id in shown(answers[0]), (code, query)
                assert json.loads(answers[1].data)["total"] == 0, (code, query)
                assert not shown(answers[1]) & {one.id for one in things}, (code, query)


def test_a_reference_of_ones_own_leads_nowhere(services: Services, asker: Any) -> None:
    """A partner may name what it does not see: by include, chain and `_has` it learns nothing of it."""
    theirs = {it.type: it for it in each_of(services, VENDOR)}
    for type_name in OWN:
        named, mine = _naming(services, theirs, type_name)
        for code, target in named:
            it = theirs[target]
            for query in (f"_include={type_name}:{code}", f"_include:iterate={type_name}:{code}", "_include=*"):
                found = asker(RIVAL)("GET", f"{type_name}?_id={mine}&{query}")
                assert not shown(found) & {one.id for one in theirs.values()}, (type_name, code, query)
            for query in _chains(code, it):
                found = json.loads(asker(RIVAL)("GET", f"{type_name}?_id={mine}&{query}").data)
                assert found["total"] == 0, (type_name, query)
            for query in (f"_has:{type_name}:{code}:_id={mine}", f"_id={it.id}&_revinclude={type_name}:{code}"):
                answer = asker(RIVAL)("GET", f"{target}?{query}")
                assert json.loads(answer.data)["total"] == 0, (target, query)
                assert it.id not in shown(answer)


def _naming(services: Services, theirs: dict[str, Thing], type_name: str) -> tuple[list[tuple[str, str]], str]:
    """A rival's resource that refers to the vendor's by each parameter that it can; the parameters, and its id."""
    sample = {name: value for name, value in samples(type_name)[0].items() if name not in ("slot", "identifier")}
    found: dict[str, str] = {}
    for parameter in parameters(type_name).values():
        if parameter.kind == "reference":
            found |= {f"{t}/{id_}": f"{t}/{theirs[t].id}" for t, id_ in entries(parameter, sample) if t in theirs}
    stored = create(services.store, Actor(RIVAL), type_name, pointed(sample, found))
    named = [
        (code, target)
        for code, parameter in parameters(type_name).items()
        if parameter.kind == "reference"
        for target, id_ in entries(parameter, stored.content())
        if target in theirs and theirs[target].id == id_
    ]
    return named, stored.id


def _chains(code: str, it: Thing) -> Iterator[str]:
    yield f"{code}:{it.type}._id={it.id}"
    for name, parameter in parameters(it.type).items():
        for question in list(questions(parameter, it.content))[:1]:
            yield f"{code}:{it.type}.{name}={quote(question.asked[0][1])}"


def test_the_next_page_of_another_is_not_ones_own(services: Services, asker: Any) -> None:
    for _ in range(3):
        create(services.store, Actor(VENDOR), "Patient", builders.patient())
    for address in ("Patient?_count=1", "Patient/_history?_count=1", "_history?_count=1", "?_type=Patient&_count=1"):
        links = json.loads(asker(VENDOR)("GET", address).data)["link"]
        following = next(one["url"] for one in links if one["relation"] == "next")
        stolen = asker(RIVAL)("GET", "/fhir" + following.partition("/fhir")[2])

        assert stolen.status_code == 400, address


def test_a_patient_of_anothers_may_be_named_and_is_not_told(services: Services, asker: Any) -> None:
    """Whether it exists makes no difference to a booking that names it, nor whether it is booked elsewhere."""
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(id="csnp"), None)
    slots = [create(services.store, SYSTEM, "Slot", builders.slot()).id for _ in range(3)]
    patient = create(services.store, Actor(VENDOR), "Patient", builders.patient()).id
    booked = [
        asker(who)("POST", "Appointment", builders.appointment(slot, participant=_taking_part(named))).status_code
        for who, slot, named in zip((VENDOR, RIVAL, RIVAL), slots, (patient, patient, isolation.GHOST), strict=True)
    ]

    assert booked == [201, 201, 201]


def _taking_part(patient: str) -> list[dict[str, Any]]:
    return [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}]


def test_a_slot_in_the_way_that_is_kept_is_not_named(services: Services, asker: Any) -> None:
    it = kept_slot(services)
    across = builders.slot(start="2026-03-03T09:05:00+01:00", end="2026-03-03T09:20:00+01:00")
    answers = {who: asker(who)("POST", "Slot", across) for who in (VENDOR, SAMU, AGENDA)}

    assert {answer.status_code for answer in answers.values()} == {422}
    named = {who: it.id in answer.get_data(as_text=True) for who, answer in answers.items()}
    assert named == {VENDOR: False, SAMU: True, AGENDA: True}


def test_a_regulators_account_is_not_brought_along(services: Services, asker: Any) -> None:
    """Nor does a chain pass through it, for those who see the whole territory either."""
    it = account(services)
    parties = [{"actor": {"reference": f"Practitioner/{it.id}"}, "status": "accepted"}]
    booking = builders.appointment(participant=parties, status="proposed")
    mine = create(services.store, Actor(VENDOR), "Appointment", booking).id
    for who in (VENDOR, COORDINATOR):
        for query in ("_include=Appointment:actor", "_include=Appointment:practitioner", "_include:iterate=*"):
            assert shown(asker(who)("GET", f"Appointment?_id={mine}&{query}")) == {mine}, (who, query)
        chained = asker(who)("GET", f"Appointment?_id={mine}&actor:Practitioner._id={it.id}")
        reverse = asker(who)("GET", f"Practitioner?_has:Appointment:actor:_id={mine}")
        assert [json.loads(one.data)["total"] for one in (chained, reverse)] == [0, 0], who


def test_a_kept_slot_is_proposed_to_its_holder_alone(services: Services, asker: Any) -> None:
    """By `$find`; of `$match`, test_match.py says it."""
    it = kept_slot(services)
    found = {
        who: it.id in asker(who)("POST", "Appointment/$find", isolation.window()).get_data(as_text=True)
        for who in (VENDOR, RIVAL, SAS, SAMU)
    }

    assert found == {VENDOR: False, RIVAL: False, SAS: False, SAMU: True}
