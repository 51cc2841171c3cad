"""Bad input of every kind, over HTTP: each is refused with an outcome that says so, and nothing breaks."""

from typing import Any

import pytest

from tests.builders import patient, service_request, slot
from tests.end_to_end.rest.conftest import Api, issue

ORGANIZATION = {"resourceType": "Organization", "name": "x"}
SELF = "urn:uuid:0b8b1a3e-6c1c-4c8e-9a39-2f6a4a4f0c09"


QUERIES = {
    "unknown type": ("Nonsense?x=y", 404),
    "unknown type, by id": ("Nonsense/1", 404),
    "mis-cased type": ("slot?status=free", 404),
    "id of 65 characters": ("Slot/" + "x" * 65, 404),
    "version that is no number": ("Slot/x/_history/0x1", 404),
    "unknown modifier": ("Slot?status:fuzzy=free", 400),
    "modifier of a chain's end": ("Slot?schedule.active:fuzzy=true", 400),
    "modifier of another kind": ("Slot?start:exact=2026", 400),
    "no modifier after its colon": ("Slot?status:=free", 400),
    "value set without terminology": ("Slot?status:in=http://vs", 400),
    "negative count": ("Slot?_count=-1", 400),
    "count that is no number": ("Slot?_count=abc", 400),
    "count of 10^12": ("Slot?_count=1000000000000", 400),
    "two counts": ("Slot?_count=1&_count=2", 400),
    "10,000 values": ("Slot?status=" + "a," * 7_500, 400),
    "10,000 values, longer than a URL may be": ("Slot?status=" + "a," * 10_000, 400),
    "200 chained steps": ("ServiceRequest?" + "subject:Patient." * 200 + "name=x", 400),
    "200 steps back": ("Patient?" + "_has:Task:subject:" * 200 + "status=x", 400),
    "long forged cursor": ("Slot?_cursor=" + "A" * 5000, 400),
    "forged cursor": ("Slot?_cursor=eyJhIjoxfQ", 400),
    "forged cursor of a history": ("Slot/_history?_cursor=eyJhIjoxfQ", 400),
    "two pipes": ("Patient?identifier=a|b|c", 400),
    "pipe and nothing": ("Patient?identifier=|", 400),
    "30 February": ("Slot?start=2026-02-30", 400),
    "24 hours": ("Slot?start=2026-01-01T24:00:00Z", 400),
    "25 hours": ("Slot?start=ge2026-01-01T25:00", 400),
    "hour without minute": ("Slot?start=2026-01-01T09", 400),
    "year 0": ("Slot?start=0000", 400),
    "year 0, by its day": ("Patient?birthdate=0000-01-01", 400),
    "prefix and nothing": ("Slot?start=ge", 400),
    "offset of 99 hours": ("Slot?start=2026-01-01T09:00:00%2B99:00", 400),
    "number beyond all numbers": ("Encounter?length=1e400", 400),
    "no number": ("Encounter?length=NaN", 400),
    "reference to another type": ("Slot?schedule:Patient=1", 400),
    "reference to nowhere": ("Slot?schedule=a/b/c", 400),
    "bytes that are no text": ("Patient?name=%ff", 400),
    "lone surrogate": ("Patient?name=%ed%a0%80", 400),
    "U+0000": ("Patient?name=a%00b", 400),
    "100 includes": ("Slot?" + "&".join("_include=Slot:schedule" for _ in range(100)), 422),
    "300 parameters": ("Slot?" + "status=free&" * 300, 422),
    "40 sort keys": ("Slot?_sort=" + ",".join(["start"] * 40), 422),
    "_filter": ('Patient?_filter=name eq "x"', 400),
    "_query": ("Patient?_query=x", 400),
    "_contained": ("Patient?_contained=true", 400),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries(api: Api, name: str) -> None:
    path, status = QUERIES[name]
    answer = api.get(path)

    assert (status, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"]), answer.text[:300]
    assert 200 == api.get("Slot?_count=0").status_code


@pytest.mark.parametrize("path", ["Slot", "Slot/_history", "_history", "", "Patient/x/Appointment"])
def test_unknown_parameters_when_handling_is_strict(api: Api, path: str) -> None:
    lenient, strict = api.get(f"{path}?nonsense=1"), api.get(f"{path}?nonsense=1", Prefer="handling=strict")
    selves = [link["url"] for link in lenient.json()["link"] if link["relation"] == "self"]

    assert (200, [f"{api.base}/{path}".rstrip("/")]) == (lenient.status_code, selves)
    assert (400, "invalid") == (strict.status_code, issue(strict))


@pytest.mark.parametrize("condition", ["name=%ff", "name=%00", "name=%ed%a0%80", "name:fuzzy=x", "_id=" + "a," * 3000])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_conditions(api: Api, method: str, condition: str) -> None:
    if method == "POST":
        answer = api.post("Organization", ORGANIZATION, If_None_Exist=condition)
    elif method == "PATCH":
        answer = api.patch(f"Organization?{condition}", [])
    else:
        answer = api.send(method, f"Organization?{condition}", ORGANIZATION if method == "PUT" else None)

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


def test_a_cursor_belongs_to_its_query(api: Api, tag: str) -> None:
    for _ in range(3):
        api.create("Organization", name=tag)
    links = api.get(f"Organization?name={tag}&_count=1").json()["link"]
    following = next(link["url"] for link in links if link["relation"] == "next")
    cursor = following.split("_cursor=")[1]

    assert 200 == api.get(f"Organization?name={tag}&_count=1&_cursor={cursor}").status_code
    assert 400 == api.get(f"Organization?name=other&_count=1&_cursor={cursor}").status_code
    assert 400 == api.get(f"Organization?name={tag}&_count=1&_cursor={cursor[:-2]}xx").status_code
    assert 400 == api.get(f"Location?name={tag}&_count=1&_cursor={cursor}").status_code
    assert 400 == api.get(f"Organization/_history?_count=1&_cursor={cursor}").status_code
    assert 400 == api.as_client("demo-vendor").get(f"Organization?name={tag}&_count=1&_cursor={cursor}").status_code


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"resourceType":"Patient"}',
        b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
        b'{"resourceType":"Patient","multipleBirthInteger":Infinity}',
        b'{"resourceType":"Patient","multipleBirthInteger":1e400}',
        b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 5000 + b"}",
        b'{"resourceType":"Patient","extension":[{"url":"urn:x","valueDecimal":1e400}]}',
        b'{"resourceType":"Patient","extension":[{"url":"urn:x","valueDecimal":-1e-400}]}',
        b'{"resourceType":"Patient","extension":[{"url":"urn:x","valueDecimal":NaN}]}',
        b'{"resourceType":"Patient","extension":[{"url":"urn:x","valueDecimal":"1"}]}',
        b'{"resourceType":"Patient","name":[{"family":"\\udc00\\ud800"}]}',
        b'{"resourceType":"Patient","name":[{"family":"\xed\xa0\x80"}]}',
        b'{"resourceType":"Patient","name":[{"family":"\\u0000"}]}',
        '{"resourceType":"Patient"}'.encode("utf-16"),
        b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
        b'{"resourceType":"Patient","active":true,"active":false}',
        b'{"resourceType":"Patient","name":null}',
        b'{"resourceType":["Patient"]}',
        b'{"resourceType":"Patient"} {}',
        b"\x00",
        b'{"resourceType":"Patient","extension":' + b"[" * 100_000,
    ],
)
def test_json(api: Api, body: bytes) -> None:
    answer = api.post("Patient", body)

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e "x">]><Patient xmlns="http://hl7.org/fhir"><language value="&e;"/></Patient>',
        b'<!DOCTYPE l [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]><Patient xmlns="http://hl7.org/fhir">&b;</Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><language value="&undeclared;"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><language value="&#0;"/></Patient>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Patient xmlns="http://hl7.org/fhir"/>',
        b'<?xml version="1.0" encoding="UTF-16"?><Patient xmlns="http://hl7.org/fhir"/>',
        b'<Patient xmlns="http://hl7.org/fhir">' + b"<contained>" * 20_000,
        b'<Patient xmlns="http://hl7.org/fhir"><gender value="nonsense"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="1.5"/></Patient>',
        b"<Patient/>",
    ],
)
def test_xml(api: Api, body: bytes) -> None:
    answer = api.post("Patient", body, Content_Type="application/fhir+xml")

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


@pytest.mark.parametrize(
    "reference",
    [
        "Slot/1",
        "Nonsense/1",
        "patient/1",
        "Patient/" + "x" * 65,
        "file:///etc/passwd",
        "javascript:x",
        "data:text/html,x",
        "../Patient/1",
        "Patient/a b",
        "Patient?identifier=x",
        "urn:uuid:none",
        "#none",
        "",
    ],
)
def test_references(api: Api, reference: str) -> None:
    answer = api.post("ServiceRequest", service_request(subject={"reference": reference}))
    expressions = [where for one in answer.json()["issue"] for where in one.get("expression", [])]

    assert answer.status_code in (400, 422), answer.text
    assert all(where.startswith("ServiceRequest") for where in expressions), expressions


def test_an_entry_that_refers_to_itself(api: Api) -> None:
    organization: dict[str, Any] = ORGANIZATION | {"partOf": {"reference": SELF}}
    entry = {"fullUrl": SELF, "resource": organization, "request": {"method": "POST", "url": "Organization"}}
    answer = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    made = answer.json()["entry"][0]["resource"]

    assert (200, f"Organization/{made['id']}") == (answer.status_code, made["partOf"]["reference"])


@pytest.mark.parametrize("start", ["2026-03-03T24:00:00Z", "2026-03-03T09:00:00", "0000-01-01T00:00:00Z", "2026-03-03"])
def test_instants(api: Api, start: str) -> None:
    assert 400 == api.post("Slot", slot(start=start)).status_code


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("count", [1001, 10_001])
def test_too_many_entries(api: Api, kind: str, count: int) -> None:
    entry = {"request": {"method": "GET", "url": "Patient/x"}}
    answer = api.post("", {"resourceType": "Bundle", "type": kind, "entry": [entry] * count})

    assert (413, "too-long") == (answer.status_code, issue(answer))


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("url", ["", "Bundle", "Patient"])
def test_a_bundle_in_a_bundle(api: Api, kind: str, url: str) -> None:
    inner = {"resourceType": "Bundle", "type": "batch"}
    entry = {"resource": inner, "request": {"method": "POST", "url": url}}
    answer = api.post("", {"resourceType": "Bundle", "type": kind, "entry": [entry]})

    assert (400, ["Bundle.entry[0].resource"]) == (answer.status_code, answer.json()["issue"][0]["expression"])


@pytest.mark.parametrize("other", ["DELETE", "PUT", "PATCH"])
def test_the_same_resource_twice(api: Api, tag: str, other: str) -> None:
    made = api.create("Organization", identifier=[{"system": "urn:test", "value": tag}])
    address = f"Organization/{made['id']}"
    resources = {"PUT": {"resource": made}, "PATCH": {"resource": {"resourceType": "Parameters"}}}
    first = {"resource": made | {"name": "changed"}, "request": {"method": "PUT", "url": address}}
    for url in (address, f"Organization?identifier=urn:test|{tag}"):
        second = {"request": {"method": other, "url": url}} | resources.get(other, {})
        answer = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [first, second]})

        assert (400, ["Bundle.entry[1]"]) == (answer.status_code, answer.json()["issue"][0]["expression"])
    assert "1" == api.get(address).json()["meta"]["versionId"]


PATCHES: dict[str, tuple[list[tuple[str, str, Any]], int]] = {
    "of the id": ([("replace", "/id", "other")], 400),
    "that takes the id": ([("remove", "/id", None)], 400),
    "of the type": ([("replace", "/resourceType", "Slot")], 400),
    "of the version": ([("replace", "/meta/versionId", "9")], 400),
    "of the time": ([("replace", "/meta/lastUpdated", "2001-01-01T00:00:00Z")], 400),
    "of all of meta": ([("remove", "/meta", None)], 400),
    "of the whole": ([("replace", "", {"resourceType": "Organization", "name": "x"})], 400),
    "that leaves nothing": ([("replace", "", [])], 400),
    "that leaves neither name nor identifier": ([("remove", "/name", None)], 422),
    "that leaves a wrong kind": ([("replace", "/active", "yes")], 400),
    "that leaves a second error after a good step": ([("add", "/alias", ["a"]), ("add", "/unknown", 1)], 400),
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch(api: Api, name: str) -> None:
    steps, status = PATCHES[name]
    path = f"Organization/{api.create('Organization', name='x', active=True)['id']}"
    body = [{"op": op, "path": where} | ({} if op == "remove" else {"value": value}) for op, where, value in steps]
    answer = api.patch(path, body)

    assert (status, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])
    assert "1" == api.get(path).json()["meta"]["versionId"]


@pytest.mark.parametrize(("path", "status"), [("Organization.id", 400), ("Organization.name", 422)])
def test_a_fhirpath_patch(api: Api, path: str, status: int) -> None:
    address = f"Organization/{api.create('Organization', name='x')['id']}"
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    entry = {"resource": body, "request": {"method": "PATCH", "url": address}}
    alone = api.patch(address, body, Content_Type="application/fhir+json")
    inside = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})

    assert [status, status] == [alone.status_code, inside.status_code]
    assert "1" == api.get(address).json()["meta"]["versionId"]


def test_a_form_that_is_none(api: Api) -> None:
    answer = api.post("Patient/_search", b"\xff\xfe=%zz&name=%FF", Content_Type="application/x-www-form-urlencoded")

    assert (400, "invalid") == (answer.status_code, issue(answer))


def test_a_name_of_every_character(api: Api) -> None:
    family = "é漢字😀\u202e\"'<>&\\ \t"
    made = api.post("Patient", patient(name=[{"family": family}])).json()
    as_xml = api.get(f"Patient/{made['id']}", Accept="application/fhir+xml").content
    again = api.put(f"Patient/{made['id']}", as_xml, Content_Type="application/fhir+xml")

    assert (200, 'W/"1"', family) == (again.status_code, again.headers["ETag"], again.json()["name"][0]["family"])
