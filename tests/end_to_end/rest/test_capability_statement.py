"""What the CapabilityStatement tells besides interactions, which `test_capabilities` exercises: who, where, by whom."""

from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.end_to_end.rest.conftest import Api

#: What would claim more than is true: no guide and no profile is checked when something is written.
CLAIMS = ("imports", "instantiates", "implementationGuide", "messaging", "document")


@pytest.fixture
def statement(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{api.base}/metadata", timeout=60).json()
    return found


def test_it_tells_who_and_where(api: Api, statement: dict[str, Any]) -> None:
    assert ("instance", "4.0.1", "active") == tuple(statement[name] for name in ("kind", "fhirVersion", "status"))
    assert (api.base, f"{api.base}/metadata") == (statement["implementation"]["url"], statement["url"])
    assert {"name", "version"} <= statement["software"].keys()
    assert statement["date"]


def test_it_claims_nothing_that_is_not_so(statement: dict[str, Any]) -> None:
    assert not [name for name in CLAIMS if name in statement]
    assert not [row["type"] for row in statement["rest"][0]["resource"] if "supportedProfile" in row]


def test_its_security_is_that_of_the_server(api: Api, statement: dict[str, Any]) -> None:
    security = statement["rest"][0]["security"]
    [uris] = security["extension"]
    [token] = [one["valueUri"] for one in uris["extension"] if one["url"] == "token"]
    smart = requests.get(f"{api.base}/.well-known/smart-configuration", timeout=60).json()

    assert (True, smart["token_endpoint"]) == (security["cors"], token)
    assert ["SMART-on-FHIR"] == [one["coding"][0]["code"] for one in security["service"]]
    assert 401 == requests.get(f"{api.base}/Slot", timeout=60).status_code


def test_its_includes_are_references_that_it_tells(statement: dict[str, Any]) -> None:
    rows = {row["type"]: row for row in statement["rest"][0]["resource"]}
    references = {
        f"{name}:{one['name']}"
        for name, row in rows.items()
        for one in row["searchParam"]
        if one["type"] == "reference"
    }

    for name, row in rows.items():
        # The audit trail brings nothing along.
        own = {reference for reference in references if reference.startswith(f"{name}:") and name != "AuditEvent"}
        assert {"*", *own} == set(row["searchInclude"])
        assert set(row.get("searchRevInclude", ())) <= references
        assert "conditionalDelete" not in row or row["conditionalDelete"] in ("single", "not-supported")


def test_what_is_not_of_hl7_can_be_read(api: Api, statement: dict[str, Any]) -> None:
    rows = statement["rest"][0]["resource"]
    parameters = {one["definition"] for row in rows for one in row["searchParam"]}
    operations = {one["definition"] for row in rows for one in row.get("operation", ())}
    own = {url for url in parameters if not url.startswith("http://hl7.org/fhir/")}

    assert own
    assert all(1 == len(api.found(f"SearchParameter?url={quote(url, safe='')}")) for url in own)
    assert operations == {
        entry["resource"]["base"] for entry in api.get("OperationDefinition?kind=operation").json()["entry"]
    }


def test_it_is_kept_by_whoever_has_it(api: Api) -> None:
    first = api.get("metadata")
    again = api.get("metadata", If_None_Match=first.headers["ETag"])

    assert (304, b"") == (again.status_code, again.content)
    assert [200, 400] == [api.get(f"metadata?mode={mode}").status_code for mode in ("normative", "terminology")]


@pytest.mark.parametrize("path", ["metadata", "openapi.json"])
@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "POST", "PUT"])
def test_it_is_only_read(api: Api, path: str, method: str) -> None:
    answer = api.send(method, path)

    assert (405, "GET, HEAD") == (answer.status_code, answer.headers["Allow"])
