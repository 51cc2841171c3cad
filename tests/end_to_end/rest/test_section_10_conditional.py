"""Conditional interactions: behaviours 31 to 38 of docs/fhir.md."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.builders import service_request
from tests.end_to_end.rest.conftest import Api, issue


def organization(tag: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "identifier": [{"system": "urn:test", "value": tag}]} | elements


def key(tag: str) -> str:
    return f"identifier=urn:test|{tag}"


def test_031_if_none_exist(api: Api, tag: str) -> None:
    first, second = (api.post("Organization", organization(tag), If_None_Exist=key(tag)) for _ in range(2))
    api.post("Organization", organization(tag))
    third = api.post("Organization", organization(tag), If_None_Exist=key(tag))

    assert [201, 200, 412] == [answer.status_code for answer in (first, second, third)]
    assert (first.json()["id"], 'W/"1"', "multiple-matches") == (
        second.json()["id"],
        second.headers["ETag"],
        issue(third),
    )


@pytest.mark.parametrize("condition", ["", "unknown=x", "identifier:below=x", "_count=1", "identifier="])
def test_032_if_none_exist_of_no_use(api: Api, tag: str, condition: str) -> None:
    answer = api.post("Organization", organization(tag), If_None_Exist=condition)

    assert (400, []) == (answer.status_code, api.found(f"Organization?{key(tag)}"))


def test_033_prefer_on_a_match(api: Api, tag: str) -> None:
    api.post("Organization", organization(tag))
    wanted = ("minimal", "representation", "OperationOutcome")
    answers = [
        api.post("Organization", organization(tag), If_None_Exist=key(tag), Prefer=f"return={name}") for name in wanted
    ]

    assert [200, 200, 200] == [answer.status_code for answer in answers]
    assert ["", "Organization", "OperationOutcome"] == [
        answer.json()["resourceType"] if answer.content else "" for answer in answers
    ]


def test_034_parallel_conditional_creates_make_one(api: Api, tag: str) -> None:
    def create(_: int) -> int:
        return api.post("Organization", organization(tag), If_None_Exist=key(tag)).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(create, range(6)))

    assert ([200] * 5 + [201], 1) == (statuses, len(api.found(f"Organization?{key(tag)}")))


def test_035_conditional_update(api: Api, tag: str) -> None:
    path = f"Organization?{key(tag)}"
    created = api.put(path, organization(tag))
    id_ = created.json()["id"]
    without_id = api.put(path, organization(tag, name="two"))
    same_id = api.put(path, organization(tag, name="three", id=id_))
    other_id = api.put(path, organization(tag, id="other"))
    stale = api.put(path, organization(tag, name="four"), If_Match='W/"1"')
    api.post("Organization", organization(tag))
    several = api.put(path, organization(tag))
    empty = api.put("Organization", organization(tag))

    assert [201, 200, 200, 400, 412, 412, 400] == [
        answer.status_code for answer in (created, without_id, same_id, other_id, stale, several, empty)
    ]
    assert {id_} == {answer.json()["id"] for answer in (without_id, same_id)}


def test_035_conditional_update_may_name_a_new_id(api: Api, tag: str) -> None:
    answer = api.put(f"Organization?{key(tag)}", organization(tag, id=tag))

    assert (201, tag) == (answer.status_code, answer.json()["id"])


def test_035_conditional_update_of_what_must_not_exist(api: Api, tag: str) -> None:
    path = f"Organization?{key(tag)}"
    answers = [api.put(path, organization(tag, name=name), If_None_Match="*") for name in ("one", "two")]
    odd = api.put(path, organization(tag, name="three"), If_None_Match='W/"1"')

    assert [201, 412, 400] == [answer.status_code for answer in (*answers, odd)]
    assert "one" == api.get(path).json()["entry"][0]["resource"]["name"]


def test_036_conditional_patch(api: Api, tag: str) -> None:
    path, change = f"Organization?{key(tag)}", [{"op": "add", "path": "/name", "value": "x"}]
    none = api.patch(path, change)
    api.post("Organization", organization(tag))
    stale, one = api.patch(path, change, If_Match='W/"9"'), api.patch(path, change, If_Match='W/"1"')
    api.post("Organization", organization(tag))
    several, empty = api.patch(path, change), api.patch("Organization", change)

    assert [404, 412, 200, 412, 412] == [answer.status_code for answer in (none, stale, one, several, empty)]
    assert "x" == one.json()["name"]


def test_037_if_modified_since(api: Api) -> None:
    id_ = api.create("Organization", name="x")["id"]
    updated = api.get(f"Organization/{id_}").headers["Last-Modified"]
    since = [updated, "Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 01 Jan 2015 00:00:00 GMT", "nonsense"]

    assert [304, 304, 200, 200] == [api.get(f"Organization/{id_}", If_Modified_Since=it).status_code for it in since]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_038_conditional_references(api: Api, tag: str, count: int) -> None:
    for _ in range(count):
        api.post("Organization", organization(tag))
    entry = {
        "resource": service_request(requester={"reference": f"Organization?{key(tag)}"}),
        "request": {"method": "POST", "url": "ServiceRequest"},
    }
    answer = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})

    assert (answer.status_code == 200) == (count == 1), answer.text
    if count == 1:
        found = api.get(answer.json()["entry"][0]["response"]["location"].split("/fhir/")[-1]).json()
        assert found["requester"]["reference"].startswith("Organization/")
