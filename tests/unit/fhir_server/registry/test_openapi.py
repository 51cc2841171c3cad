"""The OpenAPI document tells every address of every type, and refers to nothing it does not hold."""

import json
import re
from typing import Any

from fhir_server.registry.openapi import document
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.validation.elements import definitions

DOCUMENT: dict[str, Any] = document(
    "https://s.example/fhir",
    {"$defs": definitions()},
    token_url="https://s.example/oauth/token",
    software_version="1.0",
)
CALLS = [(path, method, call) for path, methods in DOCUMENT["paths"].items() for method, call in methods.items()]


def test_every_reference_leads_somewhere() -> None:
    for section, name in set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(DOCUMENT))):
        assert name in DOCUMENT["components"][section]


def test_calls_have_names_of_their_own() -> None:
    names = [call["operationId"] for _, _, call in CALLS]

    assert len(set(names)) == len(names)


def test_a_type_has_the_methods_that_its_row_allows() -> None:
    assert {"get", "post", "put", "patch", "delete"} == set(DOCUMENT["paths"]["/Patient"])
    assert {"get"} == set(DOCUMENT["paths"]["/AuditEvent/{id}"])
    assert "/AuditEvent/_history" not in DOCUMENT["paths"]


def test_a_search_tells_every_parameter() -> None:
    for name in RESOURCES:
        told = {one.get("name") for one in DOCUMENT["paths"][f"/{name}"]["get"]["parameters"]}

        assert set(parameters(name)) | {"_count", "_sort"} <= told


def test_every_call_tells_how_it_fails() -> None:
    for path, method, call in CALLS:
        assert {"400", "401", "404", "500"} <= set(call["responses"]), (path, method)
        assert {"200", "204"} & set(call["responses"]), (path, method)


def test_path_parameters_are_told() -> None:
    for path, _, call in CALLS:
        told = {one["$ref"].rpartition("/")[2] for one in call["parameters"] if "$ref" in one}

        assert set(re.findall(r"{(\w+)}", path)) <= told, path
