"""Update and delete: behaviours 17 to 30 of docs/fhir.md."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.builders import patient
from tests.end_to_end.rest.conftest import Api, issue

TAG = {"system": "urn:test", "code": "kept"}


def organization(id_: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": id_, "name": "CPTS"} | elements


def test_017_update(api: Api) -> None:
    id_ = api.create("Organization", name="one")["id"]
    answer = api.put(f"Organization/{id_}", organization(id_, name="two"))

    assert (200, 'W/"2"', "2") == (answer.status_code, answer.headers["ETag"], answer.json()["meta"]["versionId"])


def test_018_update_of_a_new_id(api: Api, tag: str) -> None:
    answer = api.put(f"Organization/{tag}", organization(tag))

    assert (201, f"{api.base}/Organization/{tag}/_history/1") == (answer.status_code, answer.headers["Location"])


@pytest.mark.parametrize("body", [organization("other"), {"resourceType": "Organization", "name": "no id"}])
def test_019_the_id_of_the_body(api: Api, tag: str, body: dict[str, Any]) -> None:
    answer = api.put(f"Organization/{tag}", body)

    assert (400, 404) == (answer.status_code, api.get(f"Organization/{tag}").status_code)


@pytest.mark.parametrize(
    ("if_match", "status"), [('W/"1"', 200), ('W/"7"', 412), ("1", 400), ('W/"x"', 400), ("*", 400)]
)
def test_020_if_match(api: Api, if_match: str, status: int) -> None:
    id_ = api.create("Organization", name="one")["id"]
    answer = api.put(f"Organization/{id_}", organization(id_, name="two"), If_Match=if_match)

    assert status == answer.status_code
    assert status != 412 or answer.headers["ETag"] == 'W/"1"'


def test_020_an_appointment_is_not_overwritten_unseen(api: Api) -> None:
    body = {"resourceType": "Appointment", "status": "proposed", "participant": [{"type": [{}], "status": "accepted"}]}
    body["participant"] = [{"type": [{"text": "x"}], "status": "accepted"}]
    made = api.post("Appointment", body).json()
    answer = api.put(f"Appointment/{made['id']}", made | {"comment": "x"})

    assert (400, "required") == (answer.status_code, issue(answer))


def test_021_an_update_that_changes_nothing(api: Api) -> None:
    made = api.create("Organization", name="one")
    answer = api.put(f"Organization/{made['id']}", made)

    assert (200, 'W/"1"') == (answer.status_code, answer.headers["ETag"])


def test_022_meta_of_the_client(api: Api, tag: str) -> None:
    meta = {
        "versionId": "9",
        "lastUpdated": "2001-01-01T00:00:00Z",
        "tag": [TAG],
        "profile": ["urn:p"],
        "security": [TAG],
    }
    found = api.put(f"Organization/{tag}", organization(tag, meta=meta)).json()["meta"]

    assert ("1", [TAG], ["urn:p"], [TAG]) == (found["versionId"], found["tag"], found["profile"], found["security"])
    assert not found["lastUpdated"].startswith("2001")


def test_023_only_if_it_does_not_exist(api: Api, tag: str) -> None:
    path, body = f"Organization/{tag}", organization(tag)
    first, second = (api.put(path, body | {"name": name}, If_None_Match="*") for name in ("one", "two"))

    assert (201, 412, "conflict") == (first.status_code, second.status_code, issue(second))
    assert "one" == api.get(path).json()["name"]


def test_024_one_of_parallel_updates_wins(api: Api) -> None:
    id_ = api.create("Organization", name="x")["id"]

    def change(number: int) -> int:
        body = organization(id_, name=f"n{number}")
        return api.put(f"Organization/{id_}", body, If_Match='W/"1"').status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(change, range(6)))

    assert [200, 412, 412, 412, 412, 412] == statuses


def test_025_an_update_brings_back_what_was_deleted(api: Api) -> None:
    id_ = api.create("Organization", name="x")["id"]
    api.delete(f"Organization/{id_}")
    answer = api.put(f"Organization/{id_}", organization(id_))

    assert (201, 'W/"3"', 200) == (
        answer.status_code,
        answer.headers["ETag"],
        api.get(f"Organization/{id_}").status_code,
    )


def test_026_delete(api: Api) -> None:
    id_ = api.create("Organization", name="x")["id"]
    statuses = [api.delete(f"Organization/{id_}").status_code for _ in range(2)]
    gone = api.get(f"Organization/{id_}")
    [newest, _] = api.get(f"Organization/{id_}/_history").json()["entry"]

    assert ([204, 204], 410, "deleted") == (statuses, gone.status_code, issue(gone))
    assert ("DELETE", True, False) == (
        newest["request"]["method"],
        newest["response"]["status"].startswith("204"),
        "resource" in newest,
    )
    assert 204 == api.delete("Organization/never-there").status_code


def test_027_what_is_referred_to_may_be_deleted(api: Api) -> None:
    # Referential integrity is not kept: messages arrive in any order. The reference stays and leads nowhere.
    id_ = api.create("Organization", name="x")["id"]
    part = api.create("Organization", name="y", partOf={"reference": f"Organization/{id_}"})

    assert (204, 200) == (
        api.delete(f"Organization/{id_}").status_code,
        api.get(f"Organization/{part['id']}").status_code,
    )


def test_028_what_is_deleted_is_not_found(api: Api, tag: str) -> None:
    parent = api.create("Organization", name=tag)["id"]
    child = api.create("Organization", name=tag, partOf={"reference": f"Organization/{parent}"})["id"]
    api.delete(f"Organization/{parent}")
    bundle = api.get(f"Organization?name={tag}&_include=Organization:partof&_total=accurate").json()

    assert (1, [child]) == (bundle["total"], [entry["resource"]["id"] for entry in bundle["entry"]])
    assert [child] == api.found(f"Organization?name={tag}&active:not=true")


def test_029_conditional_delete(api: Api, tag: str) -> None:
    ids = [api.create("Organization", name=tag)["id"] for _ in range(2)]
    several = api.delete(f"Organization?name={tag}")
    api.delete(f"Organization/{ids[0]}")
    one, none = (api.delete(f"Organization?name={tag}") for _ in range(2))
    open_ended = [api.delete(path).status_code for path in ("Organization", "Organization?_format=json")]

    assert (412, "multiple-matches", 204, 204) == (
        several.status_code,
        issue(several),
        one.status_code,
        none.status_code,
    )
    assert 410 == api.get(f"Organization/{ids[1]}").status_code
    assert [412, 412] == open_ended


def test_030_several_are_never_deleted_at_once(api: Api, tag: str) -> None:
    # CapabilityStatement: conditionalDelete is single, and _count does not change that.
    ids = [api.create("Organization", name=tag)["id"] for _ in range(2)]
    answer = api.delete(f"Organization?name={tag}&_count=2")

    assert answer.status_code in (400, 412)
    assert [200, 200] == [api.get(f"Organization/{id_}").status_code for id_ in ids]


def test_030_delete_of_anothers(api: Api) -> None:
    id_ = api.as_client("demo-vendor").post("Patient", patient()).json()["id"]

    assert 404 == api.as_client("demo-vendor-2").delete(f"Patient/{id_}").status_code
    assert 200 == api.get(f"Patient/{id_}").status_code
