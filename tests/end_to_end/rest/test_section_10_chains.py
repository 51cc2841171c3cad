"""Chains, includes, order and compartments: behaviours 92 to 95 of docs/fhir.md."""

from typing import Any

import pytest

from tests.builders import patient, schedule, service_request, slot
from tests.end_to_end.rest.conftest import Api, matches, warnings


@pytest.fixture
def world(api: Api, tag: str) -> dict[str, str]:
    """Two patients of two organizations, a request for each, and a slot of an agenda of a role."""

    def make(type_name: str, **elements: Any) -> str:
        return f"{type_name}/{api.create(type_name, **elements)['id']}"

    parent = make("Organization", name=f"{tag} parent")
    child = make("Organization", name=f"{tag} child", partOf={"reference": parent})
    one = make("Patient", **patient(name=[{"family": f"{tag}a"}], managingOrganization={"reference": child}))
    two = make("Patient", **patient(name=[{"family": f"{tag}b"}], birthDate="2001-05-06"))
    asked_one = make("ServiceRequest", **service_request(subject={"reference": one}))
    asked_two = make("ServiceRequest", **service_request(subject={"reference": two}))
    task = make("Task", status="requested", intent="order", focus={"reference": asked_one}, code={"text": tag})
    agenda = make("Schedule", **schedule(actor=[{"reference": "Location/" + tag}]))
    place = make("Slot", **slot(schedule={"reference": agenda}))
    return {
        "parent": parent, "child": child, "one": one, "two": two, "asked_one": asked_one, "asked_two": asked_two,
        "task": task, "agenda": agenda, "slot": place,
    }  # fmt: skip


def ids(world: dict[str, str], *names: str) -> set[str]:
    return {world[name].partition("/")[2] for name in names}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ServiceRequest?subject:Patient.family={tag}a", ("asked_one",)),
        ("ServiceRequest?patient.family={tag}a,{tag}b", ("asked_one", "asked_two")),
        ("ServiceRequest?patient.family={tag}&patient.birthdate=2001-05", ("asked_two",)),
        ("ServiceRequest?patient.organization.name={tag} child", ("asked_one",)),
        ("ServiceRequest?patient.organization.partof.name={tag} parent", ("asked_one",)),
        ("ServiceRequest?patient.organization.name={tag} parent", ()),
        ("ServiceRequest?patient.family={tag}none", ()),
        ("Patient?family={tag}&_has:ServiceRequest:patient:status=active", ("one", "two")),
        ("Patient?_has:ServiceRequest:patient:_has:Task:focus:status=requested&family={tag}", ("one",)),
        ("Organization?_has:Patient:organization:family={tag}a", ("child",)),
        ("Organization?name={tag}&_has:Patient:organization:gender=male", ()),
        ("Slot?schedule.actor=Location/{tag}", ("slot",)),
        ("Task?focus:ServiceRequest.patient.family={tag}a", ("task",)),
    ],
)
def test_092_chains(api: Api, tag: str, world: dict[str, str], query: str, found: tuple[str, ...]) -> None:
    assert ids(world, *found) == set(api.found(query.format(tag=tag)))


def test_092_chains_have_pages(api: Api, tag: str, world: dict[str, str]) -> None:
    first = api.get(f"ServiceRequest?patient.family={tag}&_count=1").json()
    [following] = [link["url"] for link in first["link"] if link["relation"] == "next"]
    second = api.get(following.removeprefix(f"{api.base}/")).json()

    assert ids(world, "asked_one", "asked_two") == {*matches(first), *matches(second)}


@pytest.mark.parametrize(
    "query", ["a.b.c.d.e.f.g.h=x", "patient.nonsense=x", "patient.=x", "_has:Task:nonsense:status=x"]
)
def test_092_bad_chains(api: Api, query: str) -> None:
    assert 400 == api.get(f"ServiceRequest?{query}", Prefer="handling=strict").status_code


@pytest.mark.parametrize(
    ("query", "included"),
    [
        ("ServiceRequest?patient.family={tag}a&_include=ServiceRequest:subject", ("one",)),
        ("ServiceRequest?_include=ServiceRequest:subject&patient.family={tag}a", ("one",)),
        ("ServiceRequest?patient.family={tag}a&_include=ServiceRequest:subject:Patient", ("one",)),
        ("ServiceRequest?patient.family={tag}a&_include=*", ("one",)),
        ("ServiceRequest?patient.family={tag}a&_revinclude=Task:focus", ("task",)),
        (
            "ServiceRequest?patient.family={tag}a&_revinclude=Task:focus&_include=ServiceRequest:subject",
            ("one", "task"),
        ),
        (
            "Patient?family={tag}a&_include=Patient:organization&_include:iterate=Organization:partof",
            ("child", "parent"),
        ),
        (
            "Patient?family={tag}a&_revinclude=ServiceRequest:patient&_revinclude:iterate=Task:focus",
            ("asked_one", "task"),
        ),
        ("Organization?name={tag} child&_include=Organization:partof", ("parent",)),
    ],
)
def test_093_includes(api: Api, tag: str, world: dict[str, str], query: str, included: tuple[str, ...]) -> None:
    bundle = api.get(query.format(tag=tag)).json()

    assert ids(world, *included) == set(matches(bundle, "include"))
    assert 1 == len(matches(bundle))


def test_093_circles_end(api: Api, tag: str) -> None:
    one, two = f"{tag}-1", f"{tag}-2"
    for id_, other in ((one, two), (two, one)):
        part_of = {"reference": f"Organization/{other}"}
        api.put(f"Organization/{id_}", {"resourceType": "Organization", "id": id_, "name": id_, "partOf": part_of})
    bundle = api.get(f"Organization?_id={one}&_include:iterate=Organization:partof").json()
    itself = {"resourceType": "Organization", "id": one, "name": one, "partOf": {"reference": f"Organization/{one}"}}
    api.put(f"Organization/{one}", itself)

    assert ([one], [two]) == (matches(bundle), matches(bundle, "include"))
    [told] = [entry["resource"]["issue"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    assert [("information", "informational")] == [(it["severity"], it["code"]) for it in told]
    assert [] == matches(api.get(f"Organization?_id={one}&_include=Organization:partof").json(), "include")


def test_093_included_are_not_counted(api: Api, tag: str, world: dict[str, str]) -> None:
    bundle = api.get(
        f"ServiceRequest?patient.family={tag}&_include=ServiceRequest:subject&_total=accurate&_count=1"
    ).json()

    assert (2, 1, 1) == (bundle["total"], len(matches(bundle)), len(matches(bundle, "include")))


@pytest.mark.parametrize(
    "include",
    ["Nonsense:x", "Patient:nonsense", "Patient", "Patient:gender", "Patient:link:Nonsense", "Patient:link:Slot"],
)
def test_093_bad_includes(api: Api, include: str) -> None:
    assert 400 == api.get(f"Patient?_include={include}").status_code


def test_094_order(api: Api, tag: str) -> None:
    def make(name: str | None, *given: str) -> str:
        elements: dict[str, Any] = {"name": [{"family": name, "given": list(given)}]} if name else {}
        return str(api.create("Patient", meta={"tag": [{"code": tag}]}, **elements)["id"])

    b, a, nothing, c = make("b", "x", "m"), make("a", "n"), make(None), make("c", "a", "z")
    up, down = (api.found(f"Patient?_tag={tag}&_sort={key}") for key in ("family", "-family"))

    assert ([a, b, c], [c, b, a]) == ([it for it in up if it != nothing], [it for it in down if it != nothing])
    assert {0, 3} >= {up.index(nothing), down.index(nothing)}
    assert [c, b, a] == [it for it in api.found(f"Patient?_tag={tag}&_sort=given") if it != nothing]
    assert [c, b, a] == [it for it in api.found(f"Patient?_tag={tag}&_sort=-given") if it != nothing]
    assert [a, b, c, nothing] == sorted(up, key=[a, b, c, nothing].index)
    assert [a, b] == api.found(f"Patient?_tag={tag}&family=a,b&_sort=family&_include=Patient:organization")


def test_094_sorting_by_what_has_no_order(api: Api, tag: str) -> None:
    api.create("Patient", meta={"tag": [{"code": tag}]})
    lenient = api.get(f"Patient?_tag={tag}&_sort=nonsense").json()

    assert (1, True) == (len(matches(lenient)), any("nonsense" in text for text in warnings(lenient)))
    assert 400 == api.get(f"Patient?_tag={tag}&_sort=nonsense", Prefer="handling=strict").status_code


def test_095_compartments(api: Api, tag: str, world: dict[str, str]) -> None:
    plain = api.found(f"ServiceRequest?subject={world['one']}")

    assert plain == api.found(f"{world['one']}/ServiceRequest")
    assert plain == api.found(f"{world['one']}/ServiceRequest?status=active")
    assert [] == api.found(f"{world['one']}/ServiceRequest?status=draft")
    assert set(plain) <= set(api.found(f"{world['one']}/*"))
    assert [404, 404, 404] == [
        api.get(path).status_code
        for path in (f"{world['one']}/Slot", f"{world['one']}/Nonsense", f"{world['slot']}/Task")
    ]


def test_095_compartments_by_form_and_page(api: Api, world: dict[str, str]) -> None:
    for _ in range(2):
        api.create("ServiceRequest", **service_request(subject={"reference": world["one"]}))
    form = "application/x-www-form-urlencoded"
    first = api.post(f"{world['one']}/ServiceRequest/_search", b"_count=2", Content_Type=form).json()
    [following] = [link["url"] for link in first["link"] if link["relation"] == "next"]
    second = api.get(following.removeprefix(f"{api.base}/")).json()

    assert (2, 1) == (len(matches(first)), len(matches(second)))
