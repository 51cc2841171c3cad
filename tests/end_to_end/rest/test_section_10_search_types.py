"""Search by each type of parameter: behaviours 85 to 90 of docs/fhir.md. The whole range table of dates is in the
property tests, which hold SQL and memory together; here each prefix is asked over HTTP.
"""

from typing import Any

import pytest

from tests.builders import service_request, slot
from tests.end_to_end.rest.conftest import Api

TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"


@pytest.fixture
def person(api: Api, tag: str) -> str:
    """The id of a patient with something of everything."""
    identifier = {
        "system": "urn:test",
        "value": tag,
        "type": {"coding": [{"system": TYPE, "code": "NI"}], "text": "National"},
    }
    made = api.create(
        "Patient",
        identifier=[identifier],
        meta={"tag": [{"system": "urn:tags", "code": tag}]},
        gender="female",
        name=[{"family": "Éssai-D'Arc", "given": ["Zoë", "Anne Marie"], "text": "a,b$c|d"}],
        address=[{"city": "Saint-Étienne", "line": ["1 rue Basse"]}],
        telecom=[{"system": "phone", "value": "+33 6 12"}],
        birthDate="1979-03-28",
    )
    return str(made["id"])


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("identifier={tag}", True),
        ("identifier=urn:test|{tag}", True),
        ("identifier=|{tag}", False),
        ("identifier=urn:test|", True),
        ("identifier=urn:other|{tag}", False),
        ("identifier:of-type=" + TYPE + "|NI|{tag}", True),
        ("identifier:of-type=" + TYPE + "|XX|{tag}", False),
        ("identifier:text=nation", True),
        ("identifier:text=other", False),
        ("gender=FEMALE", True),
        ("gender=female", True),
        ("gender=male", False),
        ("gender:not=male", True),
        ("gender:not=female", False),
        ("language:not=fr", True),
        ("telecom=%2B33 6 12", True),
        ("identifier=" + "x" * 2000, False),
    ],
)
def test_085_tokens(api: Api, tag: str, person: str, query: str, is_found: bool) -> None:
    assert is_found == ([person] == api.found(f"Patient?_tag=urn:tags|{tag}&{query.format(tag=tag)}"))


@pytest.mark.parametrize("value", ["NI", f"{TYPE}|NI", f"{TYPE}||x", "|NI|x"])
def test_085_of_type_needs_all_three(api: Api, value: str) -> None:
    assert 400 == api.get(f"Patient?identifier:of-type={value}").status_code


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("family=essai", True),
        ("family=ÉSS", True),
        ("family=arc", False),
        ("family:contains=arc", True),
        ("family:exact=Éssai-D'Arc", True),
        ("family:exact=Essai-D'Arc", False),
        ("given=zoe", True),
        ("given=zoe&given=anne", True),
        ("given=zoe&given=paul", False),
        ("given=paul,anne", True),
        ("name:exact=a\\,b\\$c\\|d", True),
        ("name:exact=a,b", False),
        ("address=saint-et", True),
        ("address-city:exact=Saint-Étienne", True),
        ("family=" + "x" * 3000, False),
    ],
)
def test_086_strings(api: Api, tag: str, person: str, query: str, is_found: bool) -> None:
    assert is_found == ([person] == api.found(f"Patient?_tag={tag}&{query}"))


@pytest.mark.parametrize(
    ("value", "is_found"),
    [
        ("2026", True),
        ("2026-03", True),
        ("2026-03-03", True),
        ("2026-03-03T09:00:00+01:00", True),
        ("2026-03-03T08:00:00Z", True),
        ("2026-03-03T08:00Z", True),
        ("2026-03-03T08:00:01Z", False),
        ("2025", False),
        ("ne2026", False),
        ("ne2025", True),
        ("gt2026-03-02", True),
        ("gt2026-03-03", False),
        ("ge2026-03-03", True),
        ("lt2026-03-03", False),
        ("lt2026-03-04", True),
        ("le2026-03-03", True),
        ("sa2026-03-02", True),
        ("sa2026-03-03", False),
        ("eb2026-03-04", True),
        ("eb2026-03-03", False),
        ("ap2026-03-03", True),
    ],
)
def test_087_dates(api: Api, tag: str, value: str, is_found: bool) -> None:
    id_ = api.create("Slot", **slot(schedule={"reference": f"Schedule/{tag}"}))["id"]

    assert ([id_] if is_found else []) == api.found(f"Slot?schedule=Schedule/{tag}&start={value.replace('+', '%2B')}")


@pytest.mark.parametrize(
    ("value", "is_found"),
    [
        ("5.4", True),
        ("5.40", True),
        ("5", True),
        ("5.41", False),
        ("gt5.4", False),
        ("ge5.4", True),
        ("lt5.5", True),
        ("ne6", True),
        ("sa5", True),
        ("eb6", True),
        ("ap5.5", True),
        ("5.4|http://unitsofmeasure.org|h", True),
        ("5.4||h", True),
        ("5.4|http://unitsofmeasure.org|d", False),
        ("5.4|urn:other|h", False),
    ],
)
def test_088_quantities(api: Api, tag: str, value: str, is_found: bool) -> None:
    length = {"value": 5.4, "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"}
    encounter: dict[str, Any] = {"status": "planned", "class": {"code": "AMB"}, "length": length}
    id_ = api.create("Encounter", **encounter, meta={"tag": [{"code": tag}]})["id"]

    assert ([id_] if is_found else []) == api.found(f"Encounter?_tag={tag}&length={value}")


def test_089_references(api: Api, tag: str) -> None:
    person = api.create("Patient", name=[{"family": tag}])["id"]
    local = api.create("ServiceRequest", **service_request(subject={"reference": f"Patient/{person}"}))["id"]
    foreign_url = f"https://elsewhere.example/fhir/Patient/{tag}"
    foreign = api.create("ServiceRequest", **service_request(subject={"reference": foreign_url}))["id"]
    identified = {"identifier": {"system": "urn:test", "value": tag}, "display": "x"}
    logical = api.create("ServiceRequest", **service_request(subject=identified))["id"]
    contained = {"resourceType": "Patient", "id": tag}
    api.create("ServiceRequest", **service_request(subject={"reference": f"#{tag}"}, contained=[contained]))

    for value in (person, f"Patient/{person}", f"{api.base}/Patient/{person}"):
        assert [local] == api.found(f"ServiceRequest?subject={value}")
    assert [local] == api.found(f"ServiceRequest?subject:Patient={person}")
    assert [] == api.found(f"ServiceRequest?subject:Group={person}")
    assert [foreign] == api.found(f"ServiceRequest?subject={foreign_url}")
    assert [logical] == api.found(f"ServiceRequest?subject:identifier=urn:test|{tag}")
    assert [] == api.found(f"ServiceRequest?subject=Patient/{tag}")


@pytest.fixture
def tree(api: Api, tag: str) -> list[str]:
    """Ids of places, each part of the one before, and one that stands by itself."""
    ids = [f"{tag}-{number}" for number in range(5)]
    for number, id_ in enumerate(ids):
        part_of = {"partOf": {"reference": f"Location/{ids[number - 1]}"}} if 0 < number < 4 else {}
        api.put(f"Location/{id_}", {"resourceType": "Location", "id": id_, "name": tag} | part_of)
    return ids


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("partof={0}", (1,)),
        ("partof:below=Location/{0}", (1, 2, 3)),
        ("partof:below={1}", (2, 3)),
        ("partof:below={3}", ()),
        ("partof:below={2},{0}", (1, 2, 3)),
        ("partof:below={4}", ()),
        ("partof:above={2}", (1, 2, 3)),
        ("partof:above=Location/{1}", (1, 2)),
        ("partof:above={0}", (1,)),
        ("partof:below={0}&_id={2},{4}", (2,)),
    ],
)
def test_089_references_into_a_tree(api: Api, tag: str, tree: list[str], query: str, found: tuple[int, ...]) -> None:
    ids = api.found(f"Location?name={tag}&{query.format(*tree)}")

    assert {tree[number] for number in found} == set(ids)


def test_089_references_from_outside_into_a_tree(api: Api, tag: str, tree: list[str]) -> None:
    encounter: dict[str, Any] = {"status": "planned", "class": {"code": "AMB"}, "meta": {"tag": [{"code": tag}]}}
    top, bottom, aside = (
        api.create("Encounter", **encounter, location=[{"location": {"reference": f"Location/{tree[number]}"}}])["id"]
        for number in (0, 3, 4)
    )

    assert {top, bottom} == set(api.found(f"Encounter?_tag={tag}&location:below={tree[0]}"))
    assert {top, bottom} == set(api.found(f"Encounter?_tag={tag}&location:above={tree[3]}"))
    assert [aside] == api.found(f"Encounter?_tag={tag}&location:below={tree[4]}")
    assert [bottom] == api.found(f"Encounter?_tag={tag}&location.partof:below={tree[0]}")
    assert 400 == api.get("Encounter?patient:below=Patient/1").status_code


def test_089_a_tree_that_is_a_circle_ends(api: Api, tag: str) -> None:
    one, two = f"{tag}-1", f"{tag}-2"
    for id_, other in ((one, two), (two, one)):
        part_of = {"reference": f"Organization/{other}"}
        api.put(f"Organization/{id_}", {"resourceType": "Organization", "id": id_, "name": tag, "partOf": part_of})

    assert {one, two} == set(api.found(f"Organization?partof:below={one}"))
    assert {one, two} == set(api.found(f"Organization?partof:above={one}"))


def test_090_uris(api: Api, tag: str) -> None:
    source = f"http://x.example/{tag}/Acme"
    id_ = api.create("Patient", meta={"source": f"{source}/part"})["id"]

    assert [id_] == api.found(f"Patient?_source={source}/part")
    assert [] == api.found(f"Patient?_source={source.lower()}/part")
    assert [] == api.found(f"Patient?_source={source}")
    assert [id_] == api.found(f"Patient?_source:below={source}")
    assert [id_] == api.found(f"Patient?_source:above={source}/part/deeper")
