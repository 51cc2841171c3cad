"""History: behaviours 51 to 56 of docs/fhir.md."""

from itertools import pairwise
from typing import Any

import pytest

from tests.end_to_end.rest.conftest import Api

#: Versions made for the walks: more than ten pages of two.
VERSIONS = 24


@pytest.fixture
def path(api: Api) -> str:
    """An organization of three versions, the last its deletion."""
    made = api.create("Organization", name="one")
    api.put(f"Organization/{made['id']}", made | {"name": "two"})
    api.delete(f"Organization/{made['id']}")
    return f"Organization/{made['id']}"


def entries(api: Api, path: str) -> list[dict[str, Any]]:
    answer = api.get(path)
    assert 200 == answer.status_code, answer.text
    found: list[dict[str, Any]] = answer.json().get("entry", [])
    return found


def walk(api: Api, path: str) -> list[list[dict[str, Any]]]:
    """The pages of a history, by its next links."""
    pages: list[list[dict[str, Any]]] = []
    url: str | None = path
    while url is not None and len(pages) < 100:
        bundle = api.get(url.removeprefix(f"{api.base}/")).json()
        pages.append(bundle.get("entry", []))
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return pages


@pytest.mark.parametrize("level", ["instance", "type", "system"])
def test_051_newest_first_with_requests_and_responses(api: Api, path: str, level: str) -> None:
    address = {"instance": f"{path}/_history", "type": "Organization/_history", "system": "_history"}[level]
    bundle = api.get(f"{address}?_count=50").json()
    ours = [entry for entry in bundle["entry"] if entry["fullUrl"] == f"{api.base}/{path}"]

    assert "history" == bundle["type"]
    assert all({"request", "response"} <= entry.keys() for entry in bundle["entry"])
    assert ["DELETE", "PUT", "POST"] == [entry["request"]["method"] for entry in ours]
    assert ["two", "one"] == [entry["resource"]["name"] for entry in ours if "resource" in entry]
    assert "resource" not in ours[0]
    times = [entry["response"]["lastModified"] for entry in bundle["entry"]]
    assert sorted(times, reverse=True) == times


@pytest.mark.parametrize("level", ["instance", "type", "system"])
def test_052_pages_repeat_nothing(api: Api, level: str) -> None:
    made = api.create("Endpoint", **ENDPOINT)
    for number in range(VERSIONS - 1):
        api.put(f"Endpoint/{made['id']}", made | {"name": f"n{number}"})
    address = {"instance": f"Endpoint/{made['id']}/_history", "type": "Endpoint/_history", "system": "_history"}[level]
    pages = walk(api, f"{address}?_count=2&_since={made['meta']['lastUpdated']}")
    tags = [(entry["fullUrl"], entry["response"]["etag"]) for page in pages for entry in page]

    assert len(pages) > 10
    assert len(tags) == len(set(tags))
    assert VERSIONS == sum(url.endswith(made["id"]) for url, _ in tags)


ENDPOINT = {
    "status": "active",
    "connectionType": {"code": "hl7-fhir-rest"},
    "payloadType": [{"text": "any"}],
    "address": "https://example.org",
}


def test_053_since_is_inclusive(api: Api, path: str) -> None:
    times = [entry["response"]["lastModified"] for entry in entries(api, f"{path}/_history")]
    since = {time: len(entries(api, f"{path}/_history?_since={time}")) for time in times}

    assert [sum(other >= time for other in times) for time in times] == list(since.values())
    assert [] == entries(api, f"{path}/_history?_since=2100-01-01T00:00:00Z")
    assert [] == entries(api, "_history?_since=2100-01-01T00:00:00Z")
    assert any(entry["fullUrl"].endswith(path) for entry in entries(api, f"_history?_since={times[-1]}&_count=1000"))


@pytest.mark.parametrize(
    "query",
    [
        "_count=abc",
        "_count=-1",
        "_since=yesterday",
        "_since=2026-02-30T00:00:00Z",
        "_at=0000",
        "_cursor=x",
        "_since=2025&_since=2026",
        "_list=x",
        "_elements=name&_summary=true",
    ],
)
def test_054_bad_parameters(api: Api, path: str, query: str) -> None:
    addresses = [f"{path}/_history", "Organization/_history", "_history"]

    assert [400, 400, 400] == [api.get(f"{address}?{query}").status_code for address in addresses]


def test_054_unknown_parameters(api: Api, path: str) -> None:
    for address in (f"{path}/_history", "Organization/_history", "_history"):
        lenient, strict = (api.get(f"{address}?_sort=name", Prefer=f"handling={it}") for it in ("lenient", "strict"))

        assert (200, 400, False) == (
            lenient.status_code,
            strict.status_code,
            "_sort" in lenient.json()["link"][0]["url"],
        )


def test_055_history_of_an_unknown_id(api: Api) -> None:
    assert 404 == api.get("Organization/never-there/_history").status_code


def test_056_at(api: Api, path: str) -> None:
    # `_at` is served: the versions that were current at some time of the period.
    now = api.get(f"{path}/_history?_at=2026").json()
    later = api.get(f"{path}/_history?_at=2001-01-01").json()
    [self_link] = [link["url"] for link in now["link"] if link["relation"] == "self"]

    assert (3, 0, True) == (len(now["entry"]), len(later.get("entry", [])), "_at=2026" in self_link)


def test_056_versions_have_ever_later_times(api: Api, path: str) -> None:
    found = entries(api, f"{path}/_history")

    assert all(
        newer["response"]["lastModified"] >= older["response"]["lastModified"] for newer, older in pairwise(found)
    )
