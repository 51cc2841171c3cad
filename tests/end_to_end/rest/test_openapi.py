"""The OpenAPI document, and what schemathesis makes of it: no failure of the server, no answer that is not told of."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import content_type_conformance, not_a_server_error, status_code_conformance

from fhir_server.registry.resources import RESOURCES
from tests.end_to_end.rest.conftest import Api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
#: A few random calls of each type: the suite must stay quick.
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: Types whose calls are made: one of each way of being served, since all share one set of routes.
TYPES = ("Appointment", "AuditEvent", "Patient", "SearchParameter", "Slot")


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    answer = api.get("openapi.json")
    assert (200, "application/json") == (answer.status_code, answer.headers["Content-Type"])
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_every_type_is_there(document: dict[str, Any]) -> None:
    assert "3.1.0" == document["openapi"]
    for name, row in RESOURCES.items():
        assert ("post" in document["paths"][f"/{name}"]) == ("create" in row.interactions)
        assert "get" in document["paths"][f"/{name}/{{id}}"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("type_name", ["", "metadata", *TYPES])
def test_schemathesis(api: Api, document: dict[str, Any], type_name: str) -> None:
    paths = {path: calls for path, calls in document["paths"].items() if path.split("/")[1].strip("_") == type_name}
    schema = schemathesis.openapi.from_dict(document | {"paths": paths})

    @BOUNDED
    @given(case=st.one_of([found.ok().as_strategy() for found in schema.get_all_operations()]))
    def call(case: Any) -> None:
        answer = case.call(base_url=api.base, headers={"Authorization": f"Bearer {api.token}"})
        case.validate_response(answer, checks=CHECKS)

    call()
