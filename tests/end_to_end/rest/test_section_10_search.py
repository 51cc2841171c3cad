"""The core of search: behaviours 74 to 84 of docs/fhir.md."""

from typing import Any

import pytest

from tests.builders import patient, slot
from tests.end_to_end.rest.conftest import Api, issue, matches, warnings

FORM = "application/x-www-form-urlencoded"


def organization(api: Api, tag: str, **elements: Any) -> str:
    return str(api.create("Organization", name=tag, **elements)["id"])


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


def walk(api: Api, bundle: dict[str, Any]) -> list[list[str]]:
    """Ids of the matches of each page."""
    pages = [matches(bundle)]
    while "next" in links(bundle) and len(pages) < 50:
        bundle = api.get(links(bundle)["next"].removeprefix(f"{api.base}/")).json()
        pages.append(matches(bundle))
    return pages


def test_074_and_or(api: Api, tag: str) -> None:
    one = organization(api, tag, active=True, type=[{"coding": [{"code": "a"}, {"code": "b"}]}])
    two = organization(api, tag, active=False, type=[{"coding": [{"code": "b"}]}])

    assert [one] == api.found(f"Organization?name={tag}&active=true")
    assert {one, two} == set(api.found(f"Organization?name={tag}&type=a,b"))
    assert [one] == api.found(f"Organization?name={tag}&type=a&type=b")
    assert [] == api.found(f"Organization?name={tag}&active=true&active=false")


@pytest.mark.parametrize(
    ("parameter", "elements"),
    [
        ("birthdate", {"birthDate": "1979"}),
        ("gender", {"gender": "female"}),
        ("family", {"name": [{"family": "ESSAI"}]}),
        ("general-practitioner", {"generalPractitioner": [{"reference": "Practitioner/x"}]}),
        ("identifier", {"identifier": [{"system": "urn:a", "value": "b"}]}),
    ],
)
def test_075_missing(api: Api, tag: str, parameter: str, elements: dict[str, Any]) -> None:
    base = {"meta": {"tag": [{"code": tag}]}}
    bare = api.create("Patient", **base)["id"]
    full = api.create("Patient", **base, **elements)["id"]

    assert [bare] == api.found(f"Patient?_tag={tag}&{parameter}:missing=true")
    assert [full] == api.found(f"Patient?_tag={tag}&{parameter}:missing=false")
    assert 400 == api.get(f"Patient?{parameter}:missing=maybe").status_code


def test_076_search_by_form(api: Api, tag: str) -> None:
    one = organization(api, tag, active=True)
    organization(api, tag, active=False)
    answer = api.post("Organization/_search?active=true", f"name={tag}&_format=json".encode(), Content_Type=FORM)
    too_long = api.post("Organization/_search", b"name=" + b"x" * 20_000, Content_Type=FORM)
    too_many = api.post("Organization/_search", b"name=x&" * 300, Content_Type=FORM)

    assert (200, [one]) == (answer.status_code, matches(answer.json()))
    assert api.get(f"Organization?name={tag}&active=true").json()["entry"] == answer.json()["entry"]
    assert [True, True] == [400 <= it.status_code < 500 for it in (too_long, too_many)]


def test_077_several_types(api: Api, tag: str) -> None:
    meta = {"tag": [{"code": tag}]}
    one, two = api.create("Patient", meta=meta)["id"], api.create("Location", meta=meta, name="x")["id"]
    api.create("Organization", meta=meta, name="x")

    assert {one, two} == set(api.found(f"?_type=Patient,Location&_tag={tag}"))
    assert 3 == len(api.found(f"?_tag={tag}"))
    by_form = api.post("_search", f"_type=Patient&_tag={tag}".encode(), Content_Type=FORM)
    assert [one] == matches(by_form.json())
    unknown = api.get(f"?_type=Patient,Nonsense&_tag={tag}")
    assert (200, [one]) == (unknown.status_code, matches(unknown.json()))
    assert 1 == len(warnings(unknown.json()))
    others = api.get(f"?_type:not=Patient,Location&_tag={tag}").json()
    assert {"Organization"} == {entry["resource"]["resourceType"] for entry in others["entry"]}
    assert [one] == api.found(f"?_type=Patient,Location&_type:not=Location&_tag={tag}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("_type=Patient,RelatedPerson&birthdate=1980", ("patient", "relative")),
        ("_type=Patient,RelatedPerson&birthdate=1980&gender=female", ("patient",)),
        ("_type=Patient,RelatedPerson&birthdate=1980&_sort=-_lastUpdated", ("relative", "patient")),
        ("_type=Patient&birthdate=1980", ("patient",)),
        ("_type=Patient,Practitioner&_has:Appointment:actor:status=proposed", ("patient",)),
        ("_has:Appointment:actor:status=proposed&_type=Patient,RelatedPerson", ("patient", "relative")),
        ("_type=Appointment,RelatedPerson&patient.birthdate=1980", ("appointment", "relative")),
    ],
)
def test_077_what_the_types_share(api: Api, tag: str, query: str, found: tuple[str, ...]) -> None:
    meta = {"tag": [{"code": tag}]}
    ids = {"patient": api.create("Patient", meta=meta, birthDate="1980-02-03", gender="female")["id"]}
    patient_at = {"reference": f"Patient/{ids['patient']}"}
    ids["relative"] = api.create("RelatedPerson", meta=meta, birthDate="1980-05-06", patient=patient_at)["id"]
    actors = [patient_at, {"reference": f"RelatedPerson/{ids['relative']}"}]
    participants = [{"actor": actor, "status": "accepted"} for actor in actors]
    ids["appointment"] = api.create("Appointment", meta=meta, status="proposed", participant=participants)["id"]
    bundle = api.get(f"?_tag={tag}&{query}").json()

    assert [ids[name] for name in found] == matches(bundle) or "_sort" not in query
    assert {ids[name] for name in found} == set(matches(bundle))
    assert all(part in links(bundle)["self"] for part in query.split("&"))


@pytest.mark.parametrize(
    "query",
    [
        "_type=",
        "_type=Patient,Location&birthdate=2020",
        "birthdate=2020",
        "_type=Patient,Slot&_has:Task:patient:status=requested",
        "_type=Patient&birthdate=05",
        "_type:missing=true",
        "_type:not=",
    ],
)
def test_077_refused(api: Api, query: str) -> None:
    assert [400, 400] == [api.get(f"?{query}", Prefer=f"handling={it}").status_code for it in ("strict", "lenient")]


def test_078_only_current_versions(api: Api, tag: str) -> None:
    made = api.create("Organization", name=f"{tag}-old")
    api.put(f"Organization/{made['id']}", made | {"name": f"{tag}-new"})
    bundle = api.get(f"Organization?_id={made['id']}").json()

    assert ([], [made["id"]]) == (api.found(f"Organization?name={tag}-old"), api.found(f"Organization?name={tag}-new"))
    assert ["2"] == [entry["resource"]["meta"]["versionId"] for entry in bundle["entry"]]


@pytest.mark.parametrize("sort", ["", "&_sort=name", "&_sort=-_lastUpdated", "&_sort=-name,_id"])
@pytest.mark.parametrize("has_form", [False, True])
def test_079_pages(api: Api, tag: str, sort: str, has_form: bool) -> None:
    made = {organization(api, f"{tag}{number % 3}") for number in range(7)}
    query = f"name={tag}&_count=2{sort}"
    first = (
        api.post("Organization/_search", query.encode(), Content_Type=FORM)
        if has_form
        else api.get(f"Organization?{query}")
    )
    pages = walk(api, first.json())

    assert [2, 2, 2, 1] == [len(page) for page in pages]
    assert made == {id_ for page in pages for id_ in page}


def test_079_count_is_capped(api: Api, tag: str) -> None:
    organization(api, tag)
    bundle = api.get(f"Organization?name={tag}&_count=1000000").json()

    assert ("_count=1000" in links(bundle)["self"], 1) == (True, len(warnings(bundle)))


def test_080_summaries(api: Api, tag: str) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'
    organization(api, tag, text={"status": "generated", "div": div}, contact=[{"name": {"text": "x"}}], active=True)
    found = {
        kind: api.get(f"Organization?name={tag}&_summary={kind}").json()
        for kind in ("true", "text", "data", "false", "count")
    }
    members = {kind: set(bundle["entry"][0]["resource"]) for kind, bundle in found.items() if "entry" in bundle}
    tags = {
        kind: bundle["entry"][0]["resource"]["meta"].get("tag", [{}])[0].get("code")
        for kind, bundle in found.items()
        if "entry" in bundle
    }

    assert (1, False) == (found["count"]["total"], "entry" in found["count"])
    assert {"true": "SUBSETTED", "text": "SUBSETTED", "data": "SUBSETTED", "false": None} == tags
    assert {"name", "active"} <= members["true"]
    assert not {"text", "contact"} & members["true"]
    assert "text" in members["text"]
    assert "name" not in members["text"]
    assert "contact" in members["data"]
    assert "text" not in members["data"]
    assert {"text", "contact", "name"} <= members["false"]


def test_080_elements(api: Api, tag: str) -> None:
    organization(api, tag, active=True, alias=["x"])
    bundle = api.get(f"Organization?name={tag}&_elements=name,unknown").json()
    [found] = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"]

    # `active` is a modifier: without it the rest could be misread.
    assert {"resourceType", "id", "meta", "name", "active"} == set(found)
    assert "SUBSETTED" in {it["code"] for it in found["meta"]["tag"]}
    assert 400 == api.get(f"Organization?name={tag}&_elements=name&_summary=true").status_code
    made = slot(schedule={"reference": f"Schedule/{tag}"})
    api.post("Slot", made)
    [part] = api.get(f"Slot?schedule={tag}&_elements=comment").json()["entry"]
    assert {"schedule", "status", "start", "end"} <= set(part["resource"])


def test_080_part_of_a_read(api: Api, tag: str) -> None:
    path = f"Organization/{organization(api, tag, alias=['x'])}"
    part, whole = api.get(f"{path}?_elements=name").json(), api.get(f"{path}?_summary=false").json()

    assert ({"resourceType", "id", "meta", "name"}, ["x"]) == (set(part), whole["alias"])
    assert [400, 400] == [api.get(f"{path}?{it}").status_code for it in ("_summary=x", "_summary=true&_elements=name")]


def test_081_totals(api: Api, tag: str) -> None:
    for _ in range(3):
        organization(api, tag)
    found = {
        kind: api.get(f"Organization?name={tag}&_count=1&_total={kind}").json()
        for kind in ("accurate", "none", "estimate")
    }

    assert (3, False) == (found["accurate"]["total"], "total" in found["none"])
    assert 400 == api.get("Organization?_total=nonsense").status_code


@pytest.mark.parametrize(
    "query",
    [
        "Organization?_count=abc",
        "Organization?_count=-1",
        "Organization?_summary=x",
        "Patient?birthdate=05",
        "Patient?birthdate=2026-02-30",
        "Patient?birthdate=gt",
        "Patient?birthdate=xx2026",
        "Patient?identifier=a|b|c",
        "Patient?gender:nonsense=x",
        "Patient?gender:exact=x",
        "Organization?_has:x=y",
        "Organization?_include=nonsense",
        "Organization?_cursor=forged",
        "Organization?_filter=name eq x",
        "Encounter?length=abc",
    ],
)
def test_082_bad_values(api: Api, query: str) -> None:
    answer = api.get(query)

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


def test_083_unknown_parameters(api: Api, tag: str) -> None:
    one = organization(api, tag)
    lenient = api.get(f"Organization?name={tag}&nonsense=1").json()
    strict = api.get(f"Organization?name={tag}&nonsense=1", Prefer="handling=strict")
    other = api.get(f"Organization?name={tag}", Prefer="handling=foo")

    assert [one] == matches(lenient)
    assert (True, False) == (
        any("nonsense" in text for text in warnings(lenient)),
        "nonsense" in links(lenient)["self"],
    )
    assert (400, 400, "invalid") == (strict.status_code, other.status_code, issue(strict))


@pytest.mark.parametrize(
    "query", ["_count=1&_count=2", "_total=none&_total=accurate", "_summary=true&_summary=count", "_contained=both"]
)
def test_083_what_could_mean_two_things_is_refused(api: Api, query: str) -> None:
    assert 400 == api.get(f"Organization?{query}").status_code


def test_083_what_is_honoured_already(api: Api, tag: str) -> None:
    one = organization(api, tag)
    bundle = api.get(f"Organization?name={tag}&_contained=false&_count=5&_count=5").json()

    assert ([one], [], True) == (matches(bundle), warnings(bundle), "_contained=false" in links(bundle)["self"])


def test_083_strict_handling_inside_a_batch(api: Api) -> None:
    entries = [{"request": {"method": "GET", "url": f"Organization{it}?nonsense=1"}} for it in ("", "/_history")]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    lenient, strict = (api.post("", bundle, Prefer=f"handling={it}").json()["entry"] for it in ("lenient", "strict"))

    assert ["200", "200"] == [entry["response"]["status"][:3] for entry in lenient]
    assert ["400", "400"] == [entry["response"]["status"][:3] for entry in strict]


def test_084_ids(api: Api, tag: str) -> None:
    one, two, three = (organization(api, tag) for _ in range(3))

    assert {one, two} == set(api.found(f"Organization?_id={one},{two},{one}"))
    assert 1 == len(api.found(f"Organization?_id={one}&_id={one},{two}"))
    assert {two, three} == set(api.found(f"Organization?name={tag}&_id:not={one}"))


def test_084_a_person_is_not_told_to_a_stranger(api: Api, tag: str) -> None:
    identifier = [{"system": "urn:test", "value": tag}]
    api.as_client("demo-vendor").post("Patient", patient(identifier=identifier))

    assert [] == api.as_client("demo-vendor-2").found(f"Patient?identifier=urn:test|{tag}")
