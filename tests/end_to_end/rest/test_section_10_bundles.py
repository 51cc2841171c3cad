"""Batch and transaction: behaviours 57 to 73 of docs/fhir.md."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.builders import patient, service_request
from tests.end_to_end.rest.conftest import Api, issue, matches


def organization(name: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "name": name} | elements


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    found: dict[str, Any] = {"request": {"method": method, "url": url} | request}
    return found | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})


def send(api: Api, *entries: dict[str, Any], kind: str = "transaction", **headers: str) -> requests.Response:
    return api.post("", {"resourceType": "Bundle", "type": kind, "entry": list(entries)}, **headers)


def statuses(answer: requests.Response) -> list[str]:
    assert 200 == answer.status_code, answer.text
    return [one["response"]["status"][:3] for one in answer.json()["entry"]]


def test_057_a_batch_answers_entry_by_entry(api: Api, tag: str) -> None:
    vendor = api.as_client("demo-vendor")
    answer = send(
        vendor,
        entry("POST", "Patient", patient()),
        entry("GET", "Patient/never-there"),
        entry(
            "PUT", f"Schedule/{tag}", {"resourceType": "Schedule", "id": tag, "actor": [{"reference": "Location/x"}]}
        ),
        entry("POST", "Patient", {"resourceType": "Patient", "gender": "x"}),
        entry("GET", "Patient?_count=1"),
        kind="batch",
    )
    found = answer.json()

    assert ["201", "404", "403", "400", "200"] == statuses(answer)
    assert "batch-response" == found["type"]
    assert all("outcome" in one["response"] for one in found["entry"][1:4])
    assert "searchset" == found["entry"][4]["resource"]["type"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_057_every_search_may_be_an_entry(api: Api, tag: str, kind: str) -> None:
    person = api.create("Patient", meta={"tag": [{"code": tag}]})["id"]
    asked = api.create("ServiceRequest", **service_request(subject={"reference": f"Patient/{person}"}))["id"]
    urls = (
        f"?_type=Patient,Organization&_tag={tag}",
        f"Patient/{person}/ServiceRequest?status=active",
        f"Patient/{person}/*?_type=ServiceRequest",
        f"Patient?_tag={tag}",
    )
    answer = send(api, *(entry("GET", url) for url in urls), kind=kind)

    assert ["200"] * 4 == statuses(answer)
    found = [it["resource"] for it in answer.json()["entry"]]
    assert [[person], [asked], [asked], [person]] == [matches(it) for it in found]
    assert [f"{api.base}{'' if url[0] == '?' else '/'}{url}" for url in urls] == [
        it["link"][0]["url"].replace("%2C", ",") for it in found
    ]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("?_type=", 400),
        ("?_type=Patient,Slot&birthdate=2000", 400),
        ("Patient/x/Slot", 404),
        ("Slot/x/Patient", 404),
        ("Patient/x/Task/_history", 400),
        ("Patient/x/Appointment/y", 400),
    ],
)
def test_057_searches_that_there_are_not(api: Api, url: str, status: int) -> None:
    assert [str(status)] == statuses(send(api, entry("GET", url), kind="batch"))
    assert status == send(api, entry("GET", url)).status_code


def test_057_a_search_inside_keeps_to_the_scopes(api: Api) -> None:
    vendor = api.as_client("demo-vendor")
    for url in ("?_type=Subscription", "Patient/x/AuditEvent", "?_type=Patient&_count=0"):
        alone, inside = vendor.get(url), send(vendor, entry("GET", url), kind="batch")

        assert [str(alone.status_code)] == statuses(inside)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_057_nothing_is_written_by_such_an_address(api: Api, method: str) -> None:
    for url in ("?_type=Patient", "Patient/x/Task"):
        resource = None if method == "DELETE" else {"resourceType": "Task", "status": "draft", "intent": "order"}

        assert ["400"] == statuses(send(api, entry(method, url, resource), kind="batch"))


@pytest.mark.parametrize(
    "body",
    [
        organization("x"),
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": "nonsense"},
        {"resourceType": "Bundle", "type": "batch", "entry": [{}]},
        {"resourceType": "Bundle", "type": "batch", "entry": "x"},
        [],
    ],
)
def test_058_what_is_no_batch(api: Api, body: Any) -> None:
    answer = api.post("", body)

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


def test_059_again_without_change(api: Api, tag: str) -> None:
    entries = [entry("PUT", f"Organization/{tag}", organization("x", id=tag))]
    for kind in ("batch", "transaction", "batch"):
        send(api, *entries, kind=kind)

    assert "1" == api.get(f"Organization/{tag}").json()["meta"]["versionId"]


def test_060_statuses_in_the_order_sent(api: Api, tag: str) -> None:
    gone = api.create("Organization", name=tag)["id"]
    made = api.create("Organization", name=tag)
    answer = send(
        api,
        entry("GET", f"Organization/{made['id']}"),
        entry("PUT", f"Organization/{made['id']}", made | {"name": "two"}),
        entry("POST", "Organization", organization(tag)),
        entry("DELETE", f"Organization/{gone}"),
    )
    found = answer.json()["entry"]

    assert ["200", "200", "201", "204"] == statuses(answer)
    assert "two" == found[0]["resource"]["name"]
    assert ('W/"2"', 'W/"1"') == (found[1]["response"]["etag"], found[2]["response"]["etag"])
    assert {"location", "lastModified"} <= found[2]["response"].keys()


def test_061_all_or_nothing(api: Api, tag: str) -> None:
    kept = api.create("Organization", name=tag)["id"]
    answer = send(
        api,
        entry("DELETE", f"Organization/{kept}"),
        entry("POST", "Organization", organization(tag)),
        entry("POST", "Organization", {"resourceType": "Organization", "active": "no"}),
    )
    [first, *_] = answer.json()["issue"]

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])
    assert "Bundle.entry[2]" in first["expression"][0]
    assert [kept] == api.found(f"Organization?name={tag}")


def test_062_the_same_resource_twice(api: Api, tag: str) -> None:
    put = entry("PUT", f"Organization/{tag}", organization("x", id=tag))
    answer = send(api, put, entry("DELETE", f"Organization/{tag}"))

    assert (400, 404) == (answer.status_code, api.get(f"Organization/{tag}").status_code)


@pytest.mark.parametrize(
    "url", ["", "nonsense/1", "Organization/1/2/3", "Organization/a_b", "http://elsewhere/x", "../x"]
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_063_bad_urls(api: Api, method: str, url: str) -> None:
    answer = send(api, entry(method, url, organization("x")))

    assert answer.status_code in (400, 404), answer.text


def test_064_placeholders_become_references_everywhere(api: Api) -> None:
    person, place = "urn:uuid:0b8b1a3e-6c1c-4c8e-9a39-2f6a4a4f0c01", "urn:uuid:0b8b1a3e-6c1c-4c8e-9a39-2f6a4a4f0c02"
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{person}">x</a></div>'
    request = service_request(
        subject={"reference": person},
        performer=[{"reference": place}],
        text={"status": "additional", "div": div},
        contained=[
            {"resourceType": "Task", "id": "t", "status": "draft", "intent": "order", "for": {"reference": person}}
        ],
        supportingInfo=[{"reference": "#t"}],
        extension=[{"url": "urn:x", "valueUri": place}],
    )
    answer = send(
        api,
        entry("POST", "ServiceRequest", request),
        entry("POST", "Organization", organization("x"), place),
        entry("POST", "Patient", patient(), person),
    )
    found, made, one = (item["resource"] for item in answer.json()["entry"])
    patient_at, organization_at = f"Patient/{one['id']}", f"Organization/{made['id']}"

    assert [patient_at, patient_at] == [found["subject"]["reference"], found["contained"][0]["for"]["reference"]]
    assert [organization_at] == [it["reference"] for it in found["performer"]]
    assert (True, True) == (
        organization_at in found["extension"][0]["valueUri"],
        f'href="{patient_at}"' in found["text"]["div"],
    )
    assert "urn:uuid" not in api.get(f"ServiceRequest/{found['id']}").text


def test_065_one_id_in_two_types(api: Api, tag: str) -> None:
    answer = send(
        api,
        entry("PUT", f"Organization/{tag}", organization("x", id=tag)),
        entry("PUT", f"Location/{tag}", {"resourceType": "Location", "id": tag, "name": "x"}),
    )

    assert ["201", "201"] == statuses(answer)


def test_066_conditions_in_a_transaction(api: Api, tag: str) -> None:
    person, key = "urn:uuid:0b8b1a3e-6c1c-4c8e-9a39-2f6a4a4f0c03", f"identifier=urn:test|{tag}"
    identified = {"identifier": [{"system": "urn:test", "value": tag}]}
    entries = [
        entry("POST", "Patient", patient(**identified), person, ifNoneExist=key),
        entry("PUT", f"ServiceRequest?{key}", service_request(subject={"reference": person}, **identified)),
    ]
    first, second = send(api, *entries), send(api, *entries)
    subjects = {answer.json()["entry"][1]["resource"]["subject"]["reference"] for answer in (first, second)}

    assert (["201", "201"], ["200", "200"]) == (statuses(first), statuses(second))
    assert {f"Patient/{first.json()['entry'][0]['resource']['id']}"} == subjects
    assert 'W/"1"' == second.json()["entry"][1]["response"]["etag"]


def test_067_foreign_references_stay(api: Api) -> None:
    foreign = {"reference": "https://elsewhere.example/fhir/Patient/1"}
    [made] = send(api, entry("POST", "ServiceRequest", service_request(subject=foreign))).json()["entry"]

    assert foreign == made["resource"]["subject"]


@pytest.mark.parametrize("reference", ["nonsense", "file:///etc/passwd", "urn:uuid:not-one", "#nowhere", "Slot/1"])
def test_068_bad_references(api: Api, reference: str) -> None:
    answer = send(api, entry("POST", "ServiceRequest", service_request(subject={"reference": reference})))

    assert answer.status_code in (400, 422), answer.text


def test_069_a_stale_version_undoes_all(api: Api, tag: str) -> None:
    made = api.create("Organization", name=tag)
    answer = send(
        api,
        entry("POST", "Organization", organization(tag)),
        entry("PUT", f"Organization/{made['id']}", made | {"active": True}, ifMatch='W/"7"'),
    )

    assert (412, [made["id"]]) == (answer.status_code, api.found(f"Organization?name={tag}"))


def test_070_transactions_in_each_others_way_are_tried_again(api: Api, tag: str) -> None:
    ids = [f"{tag}-{number}" for number in range(4)]

    def change(number: int) -> int:
        ordered = ids if number % 2 else ids[::-1]
        entries = [entry("PUT", f"Organization/{id_}", organization(f"n{number}", id=id_)) for id_ in ordered]
        return send(api, *entries).status_code

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(change, range(12)))
    names = {api.get(f"Organization/{id_}").json()["name"] for id_ in ids}

    assert ([200] * 12, 1) == (found, len(names))


def test_071_who_may_not(api: Api, tag: str) -> None:
    url = api.base
    anonymous = requests.post(url, json={"resourceType": "Bundle", "type": "transaction"}, timeout=60)
    refused = send(
        api.as_client("demo-vendor"),
        entry("POST", "Patient", patient(identifier=[{"system": "urn:test", "value": tag}])),
        entry("POST", "Schedule", {"resourceType": "Schedule", "actor": [{"reference": "Location/x"}]}),
    )

    assert [(401, "login"), (403, "forbidden")] == [(it.status_code, issue(it)) for it in (anonymous, refused)]
    assert [] == api.found(f"Patient?identifier=urn:test|{tag}")


def test_072_too_many_or_nested(api: Api) -> None:
    many = send(api, *[entry("GET", "Patient/x")] * 10_001, kind="batch")
    inner = {"resourceType": "Bundle", "type": "batch", "entry": [entry("GET", "Patient/x")]}
    nested = [send(api, entry("POST", "", inner), kind=kind) for kind in ("batch", "transaction")]

    assert 400 <= many.status_code < 500
    assert all(400 <= answer.status_code < 500 or statuses(answer)[0][0] == "4" for answer in nested)


def test_073_parallel_bundles_keep_versions_in_order(api: Api, tag: str) -> None:
    def change(number: int) -> str:
        one = entry("PUT", f"Organization/{tag}", organization(f"n{number}", id=tag))
        return statuses(send(api, one, kind="batch"))[0]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(change, range(12)))
    history = api.get(f"Organization/{tag}/_history?_count=100").json()["entry"]

    assert sorted(found) == ["200"] * 11 + ["201"]
    assert [f'W/"{number}"' for number in range(12, 0, -1)] == [one["response"]["etag"] for one in history]
